"""Captions normalised."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.normalise_caption import NormaliseCaption, normalised


def _rewritten(captions: list[str | None]) -> list[str | None]:
    result: list[str | None] = (
        NormaliseCaption().rewrite(Batch(pa.table({"caption": pa.array(captions, pa.string())}))).to_pylist()
    )
    return result


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
        ("❤\ufe0f😀👨\u200d👩", "❤😀👨👩"),
        ("中 文", "中 文"),
        (" \n ", ""),
        ("", ""),
        (None, None),
    ],
)
def test_normalise_caption(caption: str | None, expected: str | None) -> None:
    """Entities and mojibake are repaired, what nobody sees is gone, Chinese punctuation and emoji stay."""
    assert _rewritten([caption]) == [expected]


def test_lone_surrogates() -> None:
    """A pair of surrogates is the character it stands for; a lone one is removed."""
    assert normalised("\ud83d\ude00中\ud800") == "😀中"


@given(st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="&#;aAmp38ltx\u200bÃ©¤\u3000\u0301ｶﾞ中，")), max_size=5))
def test_idempotent(captions: list[str | None]) -> None:
    """Whatever the captions, normalising twice is normalising once, and nothing invisible is left."""
    once = _rewritten(captions)
    assert _rewritten(once) == once
    assert not [c for text in once if text for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")]


@pytest.mark.parametrize("hostile", ["&amp;" + "amp;" * 25_000, "&#38;" * 20_000, "Ã" * 100_000, "a\u200b" * 50_000])
def test_long(hostile: str) -> None:
    """A hundred kilobytes of nested entities, mojibake or invisible characters are work for a moment, not for minutes."""
    once = normalised(hostile)
    assert normalised(once) == once
