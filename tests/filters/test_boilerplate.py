"""Captions that belong to a page and not to a picture."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.filters.boilerplate import Boilerplate


def _measured(link: Boilerplate, caption: str | None) -> tuple[int | None, str | None]:
    columns = link.measure(Batch(pa.table({"caption": pa.array([caption], pa.string())})))
    return columns["boilerplate"][0].as_py(), columns["boilerplate_category"][0].as_py()


@pytest.mark.parametrize(
    ("caption", "category"),
    [
        ("图片", "empty word"),
        ("图1", "empty word"),
        ("第三张图片", "empty word"),
        ("暂无图片", "missing image"),
        ("Loading...", "missing image"),
        ("查看源网页", "invitation to act"),
        (" 【点击查看大图】 ", "invitation to act"),
        ("Click to  Enlarge", "invitation to act"),
        ("上一页", "navigation"),
        ("第3张", "navigation"),
        ("共12页", "navigation"),
        ("分享 到 微信", "sharing"),
        ("扫码关注公众号", "QR code"),
        ("打赏二维码", "QR code"),
        ("扫描下方二维码关注我们", "QR code"),
        ("LOGO", "site furniture"),
        ("版权所有 侵权必究", "legal notice"),
        ("京ICP备12345678号", "legal notice"),
        ("如下图所示：", "reference in a text"),
        ("在这里插入图片描述", "empty word"),
        ("图片加载中…", "missing image"),
        ("展开全文", "invitation to act"),
        ("阅读全文>>", "invitation to act"),
        ("点击图片查看高清大图", "invitation to act"),
        ("打开新闻APP，查看更多精彩图片", "invitation to act"),
        ("返回顶部", "navigation"),
        ("03:25", "navigation"),
        ("分享到QQ空间", "sharing"),
        ("长按识别二维码", "QR code"),
        ("广告", "advertisement"),
        ("图片来源：视觉中国", "credit"),
        ("来源：网络", "credit"),
        ("图/新华社", "credit"),
        ("图源网络，侵删", "credit"),
        ("新华社记者李明摄", "credit"),
        ("图片由作者本人提供", "credit"),
        ("摄影：老王", "credit"),
        ("视觉中国供图", "credit"),
        ("版权所有 © 2021 某某公司", "legal notice"),
        ("步骤如图", "reference in a text"),
        ("查看原圖", "invitation to act"),
    ],
)
def test_phrases_of_pages(caption: str, category: str) -> None:
    """The whole caption is a known phrase or pattern; case, white space and punctuation around it do not count."""
    assert _measured(Boilerplate(), caption) == (1, category)


CAPTIONS = """
红烧肉图片|一只猫坐在照片前|logo设计|小孩在读第三页书|！！！||皇冠|勋章|火|线条|标志|表情包|墙上挂着一张照片|男人在扫码付款|一张带二维码的海报|广告牌下的行人
一位老人在点击屏幕|孩子们分享蛋糕|图书馆|图腾柱|配图精美的绘本|返回舱着陆|收藏的古董|下载区|关闭的大门|她打开手机APP查看天气预报|照片中志愿者为老人提供帮助
摄影师正在拍摄日出|新华社大楼|来源于生活的艺术|记者采访现场|文艺青年|版权页的设计|点心|首页新闻的报纸|加载货物的卡车|登录月球的宇航员|播放器皮肤|视频会议
上一页翻开的书|图1展示的是长城|第3张桌子|16:9|漫画/海贼王|文房四宝|如意|如图纸般精确的模型|微信支付的收款台|默认的背景音乐|一页纸
"""


@pytest.mark.parametrize("caption", [caption for line in CAPTIONS.strip().splitlines() for caption in line.split("|")])
def test_captions(caption: str) -> None:
    """A caption that only holds such a phrase says more than the phrase."""
    assert _measured(Boilerplate(), caption) == (0, None)


def test_unmeasurable() -> None:
    """No caption: null."""
    assert _measured(Boilerplate(), None) == (None, None)


def test_own_list(tmp_path: Path) -> None:
    """A user's list adds phrases and patterns; the comment line above names the category, else the file does."""
    path = tmp_path / "own.txt"
    path.write_text("摄影部落\n# shop\n包邮\n/\\d+元/\n", encoding="utf-8")
    link = Boilerplate(lists=(str(path),))
    assert [_measured(link, caption) for caption in ("摄影部落", "包邮！", "25元", "图片")] == [
        (1, "own"),
        (1, "shop"),
        (1, "shop"),
        (1, "empty word"),
    ]
    assert list(link.resources()) == ["boilerplate.txt", str(path)]


def test_wrong_pattern(tmp_path: Path) -> None:
    """A pattern that does not compile is the config's fault, and the message names it."""
    path = tmp_path / "own.txt"
    path.write_text("/(/\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own\.txt.*\(/"):
        _measured(Boilerplate(lists=(str(path),)), "图片")


def test_every_shipped_phrase() -> None:
    """Every phrase that ships is found by itself."""
    phrases = [line for line in resources.lines("boilerplate.txt") if not line.startswith("/")]
    assert len(phrases) >= 1000
    score = Boilerplate().score(Batch(pa.table({"caption": phrases})))
    assert set(score.to_pylist()) == {1}


@given(st.lists(st.text(), max_size=5))
def test_any_text(captions: list[str]) -> None:
    """Whatever the captions, the score is 0 or 1, and each caption's own."""
    scores = Boilerplate().score(Batch(pa.table({"caption": pa.array(captions, pa.string())}))).to_pylist()
    assert scores == [_measured(Boilerplate(), caption)[0] for caption in captions]
    assert set(scores) <= {0, 1}
