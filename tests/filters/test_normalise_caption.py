"""Captions normalised."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.normalise_caption import NormaliseCaption, normalised


def _rewritten(captions: list[str | None], link: NormaliseCaption | None = None) -> list[str | None]:
    batch = Batch(pa.table({"caption": pa.array(captions, pa.string())}))
    return (link or NormaliseCaption()).rewrite(batch).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("红烧肉", "红烧肉"),
        ("红烧肉&nbsp;家常&amp;简单", "红烧肉 家常&简单"),
        ("&amp;amp;lt;红烧肉", "<红烧肉"),
        ("&#32418;&#x70E7;&#32905;", "红烧肉"),
        ("ä¸\xadæ–‡", "中文"),
        ("，。！？：；（）“”《》——……", "，。！？：；（）“”《》——……"),
        ("ＡＢＣ１２３，！", "ABC123，！"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("⼈", "人"),
        ("豈", "豈"),
        ("①㎡™", "①㎡™"),
        ("ﬁre", "fire"),
        ("e\u0301", "é"),
        ("a\u3000 b\r\n\0\u2028c ", "a b c"),
        ("中\u200b文\ufeff\u202e\u00ad", "中文"),
        ("\ue612红烧肉\ufffd", "红烧肉"),
        ("❤\ufe0f😀👨\u200d👩", "❤😀👨\u200d👩"),
        ("1\ufe0f\u20e3👍\U0001f3fd🇨🇳", "1\u20e3👍\U0001f3fd🇨🇳"),
        ("👩\u200d\u200b⚕\ufe0f", "👩\u200d⚕"),
        ("中\u200d文👩\u200d", "中文👩"),
        ("🏴\U000e0067\U000e0062\U000e0077\U000e007f", "🏴"),
        ("Z" + "\u0335\u0322\u0353\u0301" * 20 + "algo", "Zalgo"),
        ("e\u0302\u0301", "ế"),
        ("\u202bעברית\u202c中文", "עברית中文"),
        ("&lt;img src=&quot;a.jpg&quot;&gt;", '<img src="a.jpg">'),
        ("中 文", "中 文"),
        (" \n ", ""),
        ("", ""),
        (None, None),
    ],
)
def test_normalise_caption(caption: str | None, expected: str | None) -> None:
    """Entities and mojibake are repaired, what nobody sees is gone, Chinese punctuation and emoji stay."""
    assert _rewritten([caption]) == [expected]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("我的猫🐱", "我的猫"),
        ("新品🔥包邮", "新品 包邮"),
        ("你好😀！", "你好！"),
        ("👨\u200d👩\u200d👧\u200d👦全家福", "全家福"),
        ("👩\u200d❤\ufe0f\u200d💋\u200d👨", ""),
        ("👩🏽\u200d⚕\ufe0f女医生🏃🏻\u200d♂\ufe0f", "女医生"),
        ("🇨🇳国旗🇨", "国旗"),
        ("🏴\U000e0067\U000e0062\U000e0077\U000e007f球衣", "球衣"),
        ("1\ufe0f\u20e3第一步 #\ufe0f\u20e3", "第一步"),
        ("11\u20e3😀\u20e3😀\u20e3", "1"),
        ("❤\ufe0f ☀ ✈", ""),
        ("&#128049;猫", "猫"),
        ("★☆→①㎡™©\ufe0f♀♂✓№", "★☆→①㎡™©♀♂✓№"),
        ("红烧肉", "红烧肉"),
        (None, None),
    ],
)
def test_emoji_removed(caption: str | None, expected: str | None) -> None:
    """Families, shades, flags and keycaps go as a whole; a space stays between words; signs of text are no emoji."""
    assert _rewritten([caption], NormaliseCaption(emoji="remove")) == [expected]


def test_lone_surrogates() -> None:
    """A pair of surrogates is the character it stands for; a lone one is removed."""
    assert normalised("\ud83d\ude00中\ud800") == "😀中"


ANY_TEXT = st.one_of(
    st.text(),
    st.text(alphabet="&#;aAmp38ltx\u200bÃ©¤\u3000\u0301ｶﾞ中，"),
    st.text(alphabet="👩⚕♂1#\ufe0f\u20e3\u200d\u200b\U0001f3fd🇨🏴\U000e0067\U000e007f中\u0301\u0323 "),
)


@pytest.mark.parametrize("emoji", ["keep", "remove"])
@given(captions=st.lists(st.one_of(st.none(), ANY_TEXT), max_size=5))
def test_idempotent(emoji: Literal["keep", "remove"], captions: list[str | None]) -> None:
    """Whatever the captions, normalising twice is normalising once, and nothing invisible is left but joiners within emoji."""
    link = NormaliseCaption(emoji=emoji)
    once = _rewritten(captions, link)
    assert _rewritten(once, link) == once
    left = {c for text in once if text for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")}
    assert left <= ({"\u200d"} if emoji == "keep" else set())


@pytest.mark.hostile
@pytest.mark.parametrize(
    "hostile",
    [
        "&amp;" + "amp;" * 25_000,
        "&#38;" * 20_000,
        "Ã" * 100_000,
        "a\u200b" * 50_000,
        "a" + "\u0301\u0323" * 50_000,
        "a" + "&#769;&#803;" * 10_000,
        "1" * 20_000 + "\u20e3😀" * 20_000,
        "👩\u200d" * 30_000,
        "\0\u202e" * 50_000,
    ],
)
@pytest.mark.parametrize("emoji", ["keep", "remove"])
def test_long(hostile: str, emoji: Literal["keep", "remove"]) -> None:
    """A hundred kilobytes of entities, mojibake, marks, emoji or invisible characters are work for a moment, not for minutes."""
    once = normalised(hostile, emoji)
    assert normalised(once, emoji) == once
