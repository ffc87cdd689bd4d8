"""Which words are found in which captions, decided on purpose: a table of what hits and what must not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.chinese.words import WordList, entries

Cases = list[tuple[str, list[str]]]
"""Caption, and the hits in it as they stand there."""

PLAIN = """
赌博
赌场
网上赌场
毒品
冰毒
海洛因
色情
办证
一夜情
"""

PLAIN_CASES: dict[str, Cases] = {
    "as written": [
        ("赌博", ["赌博"]),
        ("他因赌博被捕", ["赌博"]),
        ("网上赌场开张", ["网上赌场"]),
        ("赌场与网上赌场", ["赌场", "网上赌场"]),
        ("赌场赌场", ["赌场", "赌场"]),
        ("色情赌博毒品", ["色情", "赌博", "毒品"]),
        ("冰毒品", ["冰毒"]),
        ("查获海洛因三公斤", ["海洛因"]),
        ("", []),
        ("西湖边的荷花开了", []),
        ("赌", []),
        ("博赌", []),
        ("海洛", []),
    ],
    "traditional characters": [
        ("賭博", ["賭博"]),
        ("網上賭場", ["網上賭場"]),
        ("網上赌場", ["網上赌場"]),
        ("辦證", ["辦證"]),
        ("代辦證件", ["辦證"]),
        ("賭徒博客", []),
        ("博物館裡的賭具", []),
        ("一条龍辦證", ["辦證"]),
    ],
    "something in between": [
        ("赌-博", ["赌-博"]),
        ("赌 博", ["赌 博"]),
        ("赌\u3000博", ["赌\u3000博"]),
        ("赌\t博", ["赌\t博"]),
        ("赌_博", ["赌_博"]),
        ("赌*博", ["赌*博"]),
        ("赌·博", ["赌·博"]),
        ("赌•博", ["赌•博"]),
        ("赌.博", ["赌.博"]),
        ("赌。博", []),
        ("赌/博", ["赌/博"]),
        ("赌|博", ["赌|博"]),
        ("赌~博", ["赌~博"]),
        ("赌+博", ["赌+博"]),
        ("赌#博", ["赌#博"]),
        ("赌@博", ["赌@博"]),
        ("赌&博", ["赌&博"]),
        ("赌=博", ["赌=博"]),
        ("赌^博", ["赌^博"]),
        ("赌…博", ["赌…博"]),
        ("赌—博", ["赌—博"]),
        ("赌（博）", ["赌（博"]),
        ("【赌】【博】", ["赌】【博"]),
        ("赌★博", ["赌★博"]),
        ("赌❤️博", ["赌❤️博"]),
        ("赌🎲博", ["赌🎲博"]),
        ("赌👨‍👩‍👧博", ["赌👨‍👩‍👧博"]),
        ("赌 - 博", ["赌 - 博"]),
        ("赌-----博", ["赌-----博"]),
        ("赌------博", []),
        ("賭 博", ["賭 博"]),
        ("賭＊博", ["賭＊博"]),
        ("海-洛-因", ["海-洛-因"]),
        ("海 洛 因", ["海 洛 因"]),
        ("海-洛因", ["海-洛因"]),
        ("网*上*赌*场", ["网*上*赌*场"]),
        ("网上赌 博平台", ["赌 博"]),
        ("这里有赌*博网站", ["赌*博"]),
        ("冰*毒交易", ["冰*毒"]),
        ("冰 - 毒 出 售", ["冰 - 毒"]),
        ("专业办☆证", ["办☆证"]),
        ("一=夜=情", ["一=夜=情"]),
    ],
    "a digit or a letter in between": [
        ("赌０博", ["赌０博"]),
        ("赌0博", ["赌0博"]),
        ("賭0博", ["賭0博"]),
        ("赌a博", ["赌a博"]),
        ("赌X博网站", ["赌X博"]),
        ("赌①博", ["赌①博"]),
        ("赌 0 博", ["赌 0 博"]),
        ("海1洛2因", ["海1洛2因"]),
        ("色5情", ["色5情"]),
        ("赌00博", []),
        ("赌ab博", []),
        ("赌0a博", []),
        ("赌 and 博", []),
        ("赌の博", []),
        ("赌我博", []),
    ],
    "what nobody sees": [
        ("赌\u200b博", ["赌\u200b博"]),
        ("赌\u200c\u200d\ufeff博", ["赌\u200c\u200d\ufeff博"]),
        ("赌\u00ad博", ["赌\u00ad博"]),
        ("赌\u202e博", ["赌\u202e博"]),
        ("赌\ufe0f博", ["赌\ufe0f博"]),
        ("赌" + "\u200b" * 20 + "博", ["赌" + "\u200b" * 20 + "博"]),
        ("赌\u0336博\u0336", ["赌\u0336博"]),
        ("赌\u0000博", ["赌\u0000博"]),
    ],
    "across sentences": [
        ("赌，博", []),
        ("赌,博", []),
        ("赌！博", []),
        ("赌？博", []),
        ("赌；博", []),
        ("赌：博", []),
        ("赌:博", []),
        ("赌、博", []),
        ("赌\n博", []),
        ("他爱赌。博物馆关门了", []),
        ("不赌,博士说", []),
        ("颜色，情侣", []),
    ],
    "words that meet": [
        ("黑色 情侣装", []),
        ("黑色情侣装", ["色情"]),
        ("黑色-情侣款", []),
        ("黑色/情侣", []),
        ("黑色|情人节", []),
        ("绿色 情景剧", []),
        ("颜色3情侣", []),
        ("黑 色 情 侣 装", []),
        ("特色 情歌", []),
        ("我赌 博物馆", []),
        ("赌 博士会来", []),
        ("豪赌 博彩", []),
        ("消毒 品质好", []),
        ("病毒-品种", []),
        ("消毒 品牌", []),
        ("碎冰 毒蘑菇", []),
        ("承办 证件", []),
        ("主办 证书", []),
        ("第一夜 情人", []),
    ],
}

LATIN = """
av
sm
3p
a片
K粉
porn
18禁
av女优
c++
new york
x-art
"""

LATIN_CASES: dict[str, Cases] = {
    "letters of a longer word": [
        ("java", []),
        ("JAVA教程", []),
        ("avenue", []),
        ("navy", []),
        ("have", []),
        ("smart", []),
        ("prism", []),
        ("iphone13pro", []),
        ("3ply", []),
        ("13p", []),
        ("pornic", []),
        ("2018禁止停车", []),
        ("4K粉丝节", []),
        ("AAA片区", []),
        ("NAV女优", []),
        ("popcorn", []),
        ("àv", []),
        ("авav", []),
    ],
    "letters by themselves": [
        ("av", ["av"]),
        ("AV", ["AV"]),
        ("ＡＶ", ["ＡＶ"]),
        ("Av接口", ["Av"]),
        ("看av片", ["av"]),
        ("av.", ["av"]),
        ("av_1", ["av"]),
        ("(av)", ["av"]),
        ("SM用品", ["SM"]),
        ("𝐒𝐌", ["𝐒𝐌"]),
        ("3P", ["3P"]),
        ("３Ｐ", ["３Ｐ"]),
        ("A片", ["A片"]),
        ("Ａ片", ["Ａ片"]),
        ("k粉", ["k粉"]),
        ("PORN", ["PORN"]),
        ("ⓟⓞⓡⓝ", ["ⓟⓞⓡⓝ"]),
        ("日本AV女优", ["AV女优"]),
        ("AVの世界", ["AV"]),
        ("18禁游戏", ["18禁"]),
    ],
    "letters spelled": [
        ("p.o.r.n", ["p.o.r.n"]),
        ("p o r n", ["p o r n"]),
        ("P-O-R-N", ["P-O-R-N"]),
        ("p*o*r*n网", ["p*o*r*n"]),
        ("p\u200born", ["p\u200born"]),
        ("p orn", []),
        ("po rn", []),
        ("xp o r n", []),
        ("p o r ny", []),
        ("p0o0r0n", []),
        ("S M L XL", []),
        ("S-M-L", []),
        ("S/M", []),
        ("a v", []),
        ("A/V", []),
        ("plan A vs B", []),
        ("3 P", []),
    ],
    "letters and Chinese": [
        ("A-片", ["A-片"]),
        ("K 粉", ["K 粉"]),
        ("K*粉", ["K*粉"]),
        ("av*女*优", ["av*女*优"]),
        ("a v女优", []),
        ("18-禁", ["18-禁"]),
        ("18 禁止", []),
        ("维生素A 片剂", []),
        ("K 粉色", []),
        ("A，片", []),
        ("K0粉", []),
    ],
    "words with marks of their own": [
        ("c++", ["c++"]),
        ("学C++", ["C++"]),
        ("C＋＋", ["C＋＋"]),
        ("c", []),
        ("c+", []),
        ("new york", ["new york"]),
        ("NEW YORK", ["NEW YORK"]),
        ("newyork", []),
        ("x-art", ["x-art"]),
        ("xart", []),
    ],
}

WHOLE = """
#: whole words
国产
性生活
代孕
援交
约炮
裸聊
K粉
#: anywhere
卖淫
!贩卖淫
#: whole words
大麻
"""

WHOLE_CASES: dict[str, Cases] = {
    "parts of other words": [
        ("我国产品质量", []),
        ("中国产业园", []),
        ("美国产地直供", []),
        ("一次性生活用品", []),
        ("周期性生活", []),
        ("时代孕育英才", []),
        ("支援交通建设", []),
        ("大约炮火停了", []),
        ("赤裸聊天", []),
        ("全国产量", []),
        ("该国产生了", []),
        ("外国产品展", []),
        ("韩国产经新闻", []),
        ("SK粉底液", []),
        ("MK粉色包", []),
        ("OK粉丝", []),
        ("我國產品", []),
        ("大麻哈鱼", []),
        ("大麻雀", []),
    ],
    "words of their own": [
        ("国产大片", ["国产"]),
        ("国产", ["国产"]),
        ("国产片", ["国产"]),
        ("国产化", ["国产"]),
        ("國產大片", ["國產"]),
        ("正宗国产手机", ["国产"]),
        ("国-产手机", ["国-产"]),
        ("夫妻性生活", ["性生活"]),
        ("性生活", ["性生活"]),
        ("代孕公司", ["代孕"]),
        ("找代孕妈妈", ["代孕"]),
        ("援交少女", ["援交"]),
        ("同城约炮", ["约炮"]),
        ("美女裸聊", ["裸聊"]),
        ("买K粉", ["K粉"]),
    ],
    "phrases in which no word counts": [
        ("贩卖淫秽光盘", []),
        ("販賣淫穢光碟", []),
        ("贩卖淫秽与卖淫", ["卖淫"]),
        ("卖淫贩卖淫", ["卖淫"]),
        ("组织卖淫", ["卖淫"]),
        ("卖*淫", ["卖*淫"]),
        ("贩卖*淫秽", []),
    ],
}

SOUNDS = "赌博\n冰毒\n海洛因\n网上赌场\nav\n"

SOUND_CASES: dict[str, Cases] = {
    "the same sound": [
        ("赌博", ["赌博"]),
        ("堵博", ["堵博"]),
        ("堵搏平台", ["堵搏"]),
        ("网上度博", ["度博"]),
        ("兵毒", ["兵毒"]),
        ("冰度交易", ["冰度"]),
        ("嗨洛因", ["嗨洛因"]),
        ("海咯因", []),
        ("海落音", ["海落音"]),
        ("网尚赌场", ["网尚赌场"]),
        ("網尚賭場", ["網尚賭場"]),
        ("赌 博", ["赌 博"]),
        ("堵 搏", []),
        ("哎威", []),
    ],
    "words that mean themselves": [
        ("病毒", []),
        ("电脑病毒", []),
        ("读博士", []),
        ("度假", []),
        ("独木舟", []),
        ("阅读博客", []),
    ],
}

NONE_IN_DISGUISE: Cases = [
    ("赌博", ["赌博"]),
    ("他爱赌博", ["赌博"]),
    ("賭博", []),
    ("赌-博", []),
    ("赌 博", []),
    ("赌0博", []),
    ("赌\u200b博", []),
    ("AV", []),
    ("av", ["av"]),
    ("ａｖ", []),
    ("java", []),
    ("我国产品", []),
    ("国产片", ["国产"]),
    ("禁止赌博", []),
]


def found(words: WordList, caption: str) -> list[str]:
    """What is hit, as it stands in the caption."""
    hits = words.hits(pa.array([caption], pa.string()))
    return [caption[start:end] for start, end in zip(hits.starts, hits.ends, strict=True)]


def _cases(groups: dict[str, Cases]) -> list[object]:
    return [
        pytest.param(caption, expected, id=f"{group}: {caption!r}")
        for group, cases in groups.items()
        for caption, expected in cases
    ]


def _made(text: str, *, in_disguise: bool = True, by_sound: bool = False) -> WordList:
    return WordList(entries("words.txt", text), in_disguise=in_disguise, by_sound=by_sound)


@pytest.mark.parametrize(("caption", "expected"), _cases(PLAIN_CASES))
def test_han(caption: str, expected: list[str]) -> None:
    """Chinese words, traditional too, with a little between their characters that divides no sentence and cuts no word."""
    assert found(_made(PLAIN), caption) == expected


@pytest.mark.parametrize(("caption", "expected"), _cases(LATIN_CASES))
def test_latin(caption: str, expected: list[str]) -> None:
    """Letters and digits are hit in any width and case, never as a part of a longer word, and spelled only throughout."""
    assert found(_made(LATIN), caption) == expected


@pytest.mark.parametrize(("caption", "expected"), _cases(WHOLE_CASES))
def test_whole_words(caption: str, expected: list[str]) -> None:
    """Where the list says so, a word cuts none of the caption's in two; within an innocent phrase none counts."""
    assert found(_made(WHOLE), caption) == expected


@pytest.mark.parametrize(("caption", "expected"), _cases(SOUND_CASES))
def test_sounds(caption: str, expected: list[str]) -> None:
    """By sound, where it is asked for: what is no word itself, and cuts none in two."""
    assert found(_made(SOUNDS, by_sound=True), caption) == expected


@pytest.mark.parametrize(("caption", "expected"), NONE_IN_DISGUISE)
def test_none_in_disguise(caption: str, expected: list[str]) -> None:
    """Without disguises a word is found as the list has it, to the letter."""
    text = "赌博\nav\n!禁止赌博\n#: whole words\n国产\n"
    assert found(_made(text, in_disguise=False), caption) == expected


def test_table() -> None:
    """The table has two hundred cases and more, and a third and more of either answer."""
    groups = (PLAIN_CASES, LATIN_CASES, WHOLE_CASES, SOUND_CASES)
    hit = [bool(expected) for table in groups for cases in table.values() for _, expected in cases]
    assert len(hit) >= 200
    assert len(hit) < 3 * sum(hit) < 2 * len(hit)
