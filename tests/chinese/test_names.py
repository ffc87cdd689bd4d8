"""Where captions name persons."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.chinese import names

NAMED = {
    "two characters": [
        "【李娜】法网夺冠捧杯",
        "【陈红】出席活动",
        "【王伟】老师给我们上课",
        "【朱婷】扣球",
        "歌手【韩雪】演唱会",
        "【李健】演唱会现场",
        "【何洁】离婚",
        "【邓超】做客节目",
        "【万茜】出席活动",
        "【黄渤】登台领奖",
    ],
    "three characters": [
        "昨天【刘德华】现身上海机场",
        "【廖建国】书法作品欣赏",
        "【张若昀】与妻子【唐艺昕】",
        "【毕可成】练习书法",
        "【周冬雨】金马奖影后",
        "大学生【刘婧涵】返乡创业",
    ],
    "rare surnames": [
        "【佘诗曼】重返荧屏",
        "【谌龙】在比赛中",
        "【逄锦聚】教授讲座",
        "【郗恩庭】指导训练",
        "【亓鹏飞】考上清华",
        "【仝卓】单曲",
        "【郦波】评说诗词",
        "【隗静】主持",
        "【佟丽娅】舞蹈表演",
        "【冉启军】参加会议",
        "【宓子谦】接受采访",
        "【阚立新】在上课",
    ],
    "compound surnames": [
        "【欧阳娜娜】街拍",
        "【司马春梅】先生与家人一起旅行",
        "歌手【令狐磊】演唱会",
        "【公孙志强】结婚照",
        "【皇甫明】在办公室",
        "【上官婉儿】剧照",
        "【诸葛亮】雕像",
        "设计师【欧阳雪】的新作",
        "【慕容雪】古装写真",
        "【东方卓越】先生",
        "【尉迟琳嘉】主持节目",
    ],
    "joined": [
        "【孙悦】和【刘德华】同台",
        "【胡歌】和【刘诗诗】主演的古装剧海报",
        "【郭德纲】与【于谦】",
        "【马化腾】、【李彦宏】出席会议",
        "【翟志刚】、【王亚平】、【叶光富】顺利返回",
        "【梁思成】与【林徽因】",
        "【陈梦】对阵【孙颖莎】",
    ],
    "after a role": [
        "导演【段子轩】新片今日上映",
        "新华社记者【谢环驰】摄",
        "演员【章子怡】亮相",
        "图为村民【王秀英】在采摘葡萄",
        "护士【温静怡】为病人换药",
        "市长【高文涛】调研企业",
        "民警【陈建国】走访群众",
        "新郎【周浩然】和新娘【沈佳宜】",
        "航天员【杨利伟】出舱",
        "交警【鲁兴旺】冒雨执勤",
        "唐代诗人【李白】画像",
    ],
    "credits": [
        "图片由【齐强】提供",
        "作者：【方晓蕾】",
        "摄影：【郭建设】",
        "图/【秦晓峰】",
        "由【宋建平】提供的老照片",
        "供图：【邱晨】",
        "（摄影 【段雪峰】）",
        "感谢【祝文斌】老板的支持",
    ],
    "in titles": [
        "《【周星驰】传》封面",
        "【金庸】武侠小说全集",
        "【余华】作品《活着》",
        "听【蒋勋】说红楼梦",
    ],
    "surnames before titles": [
        "【王】先生在西湖",
        "【李】女士展示自己的钻戒",
        "【欧阳】教授正在授课",
        "【陈】医生为病人做手术",
        "【孙】老师和孩子们",
        "【赵】大夫正在问诊",
    ],
    "traditional": [
        "【張學友】經典演唱會",
        "【劉德華】與【郭富城】合影",
        "【鄧麗君】老照片",
        "【蔡依林】演唱會現場圖片",
        "【陳奕迅】演唱會",
        "【林青霞】舊照曝光",
        "【趙麗穎】接受採訪",
    ],
    "foreign with dots": [
        "演员【汤姆·克鲁斯】出席",
        "图片由【莱昂纳多·迪卡普里奥】提供",
        "【科比·布莱恩特】经典瞬间",
        "【勒布朗·詹姆斯】扣篮",
        "【斯嘉丽·约翰逊】红毯照",
        "【奥黛丽·赫本】经典黑白照",
        "【史蒂夫·乔布斯】发布会",
        "【列夫·托尔斯泰】像",
    ],
    "foreign without dots": [
        "【汤姆克鲁斯】剧照",
        "美国总统【特朗普】发表演讲",
        "【默克尔】抵京",
        "【爱因斯坦】名言",
        "【比尔盖茨】演讲",
        "【费德勒】与【纳达尔】",
        "【梅西】捧起世界杯",
        "【贝多芬】交响曲",
        "【莎士比亚】戏剧集",
    ],
    "other peoples of China": [
        "【迪丽热巴·迪力木拉提】写真集",
        "来自新疆的学生【阿卜杜拉】",
        "【古力娜扎】清新写真",
        "【努尔哈赤】画像",
        "【腾格尔】演唱会",
        "【卓玛】老师在上课",
    ],
    "the long dead": [
        "【杜甫】草堂风景",
        "【曹操】画像",
        "【霍去病】墓石刻",
        "【武则天】画像",
        "【苏轼】书法真迹",
        "【狄仁杰】断案",
        "【林则徐】虎门销烟",
    ],
}
"""Captions by the kind of name they hold; each name stands in brackets."""

NAMELESS = {
    "everyday words": [
        "安静的小镇清晨薄雾",
        "白云蓝天下的草原风光",
        "张开双臂拥抱大海",
        "高兴得跳起来的小女孩",
        "关于召开年度会议的通知",
        "任何人都可以参加",
        "于是大家一起拍照",
        "许多人在广场上跳舞",
        "从山顶向下望去",
        "应该怎样选购空调",
        "明天会更好",
        "温暖的阳光洒在草地上",
        "一只熊正趴在石头上",
        "一群牛正在吃草",
        "马路上停着一辆车",
        "严肃的男子坐在办公桌前",
        "方圆百里没有人烟",
        "高高地跳起来的男孩",
        "滑雪者站在雪地上",
    ],
    "goods and brands": [
        "高清黄金首饰图片",
        "连衣裙夏季新款碎花",
        "金龙鱼调和油",
        "康师傅红烧牛肉面整箱",
        "周大福黄金手镯",
        "王老吉凉茶罐装",
        "张小泉剪刀厨房套装",
        "谭木匠梳子礼盒",
        "万宝龙钢笔礼盒",
        "路易威登老花包",
        "方太油烟机",
        "安踏运动鞋男鞋",
        "和田玉手镯冰种",
        "林肯领航员内饰",
        "施华洛世奇项链",
        "古驰女包新款",
        "马克杯定制陶瓷杯子",
        "单人沙发懒人椅",
        "特斯拉汽车展厅",
    ],
    "places": [
        "张家界天门山",
        "惠政路与王家村",
        "石家庄火车站",
        "黄山云海日出",
        "华山论剑石碑",
        "马尔代夫海边度假",
        "常熟沙家浜湿地",
        "成都宽窄巷子",
        "平遥古城墙",
        "周庄水乡",
        "杨柳青古镇",
        "莫斯科红场",
        "巴黎圣母院",
        "华盛顿纪念碑",
        "尼罗河日落",
        "康定木格措",
        "江西婺源油菜花",
        "连云港花果山",
        "阿尔卑斯山滑雪场",
    ],
    "food": [
        "红烧肉",
        "白菜炖豆腐",
        "黄瓜拌木耳",
        "宫保鸡丁",
        "胡萝卜炒牛肉",
        "金针菇肥牛卷",
        "马铃薯沙拉",
        "汤圆",
        "龙井虾仁",
        "费列罗巧克力",
        "祁门红茶",
        "武夷岩茶",
        "甘蓝沙拉",
    ],
    "plants and animals": [
        "石榴花开",
        "白玉兰盛开",
        "金银花",
        "梅花鹿",
        "白鹭飞过稻田",
        "燕子归巢",
        "熊猫宝宝",
        "金毛犬",
        "柯基幼犬",
        "何首乌",
        "党参黄芪",
        "康乃馨花束",
        "向日葵花田",
    ],
    "idioms": [
        "高山流水",
        "马到成功",
        "龙飞凤舞",
        "花好月圆",
        "国泰民安",
        "江郎才尽",
        "水落石出",
        "乐不思蜀",
        "张灯结彩",
        "方兴未艾",
        "程门立雪",
        "史无前例",
        "万事如意新年快乐",
    ],
    "nicknames": [
        "小王和小李在打羽毛球",
        "小明和妈妈去公园",
        "老李坐在门口",
        "犯罪嫌疑人王某被抓获",
    ],
    "no Chinese": [
        "",
        "中文 with 空格\tand\0nul",
        "Tom Cruise",
        "<人名>和<人名>同台",
        "１２３",
    ],
}
"""Captions that name nobody, by kind."""

PIECES = [
    "张",
    "王",
    "欧阳",
    "张伟",
    "劉德華",
    "汤姆",
    "·",
    "先生",
    "和",
    "记者",
    "小",
    "霍去病",
    " ",
    "说",
    "a",
    "𠮷",
    "高清",
    "、",
]
"""What names, and what is mistaken for them, are made of."""

texts = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join), st.text(st.characters(categories=["Lo"])))


@pytest.mark.parametrize(("kind", "marked"), [(kind, each) for kind, captions in NAMED.items() for each in captions])
def test_names(kind: str, marked: str) -> None:
    """A name is found whole and without its title, whatever its kind and wherever it stands."""
    caption = re.sub("[【】]", "", marked)
    assert [caption[start:end] for start, end in names.person_spans(caption)] == re.findall("【(.*?)】", marked), kind


@pytest.mark.parametrize(("kind", "caption"), [(kind, each) for kind, captions in NAMELESS.items() for each in captions])
def test_no_names(kind: str, caption: str) -> None:
    """Words built like names are none; nicknames name nobody to a stranger."""
    assert names.person_spans(caption) == [], kind


@given(texts)
def test_any_text(text: str) -> None:
    """Spans lie within the text, in order, and never overlap; no text holds a name in which none is possible."""
    spans = names.person_spans(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert not spans or pc.match_substring_regex(pa.array([text]), names.possible())[0].as_py()


def test_a_second_opinion_tips_the_balance() -> None:
    """Where another tagger sees a name it becomes one sooner, and where it sees none, later; the doubtless stay."""
    whole = {(0, 3)}
    assert names.person_spans("江疏影夏日清凉写真") == []
    assert names.person_spans("江疏影夏日清凉写真", lambda _: whole) == [(0, 3)]
    assert names.person_spans("王先生在西湖", lambda _: set()) == [(0, 1)]


def test_a_second_opinion_is_asked_where_a_name_may_be() -> None:
    """It costs more than all else, so what holds nothing like a name is spared it."""
    assert names.person_spans("红烧肉的做法", lambda _: pytest.fail("asked")) == []


def test_no_piece_of_evidence_is_weightless() -> None:
    """Whatever evidence is gathered has its points."""
    captions = [re.sub("[【】]", "", each) for captions in (NAMED | NAMELESS).values() for each in captions]
    gathered = {key for caption in captions for candidate in names.candidates(caption) for key in candidate.evidence}
    assert gathered <= names.POINTS.keys()


@pytest.mark.parametrize(("text", "expected"), [("劉德華與張學友", "刘德华与张学友"), ("𠮷a", "𠮷a"), ("", "")])
def test_simplified(text: str, expected: str) -> None:
    """Characters keep their places."""
    assert names.simplified(text) == expected
