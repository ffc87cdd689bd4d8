"""Texts as code points, and their kinds."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.chinese.letters import Kind, Letters


def _letters(*texts: str | None) -> Letters:
    return Letters(pa.array(texts, pa.string()))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("中", Kind.HAN),
        ("们", Kind.HAN | Kind.CHINESE),
        ("ㄅ", Kind.HAN | Kind.CHINESE),
        ("気", Kind.HAN | Kind.JAPANESE),
        ("〆", Kind.HAN | Kind.JAPANESE),
        ("国", Kind.HAN | Kind.AS_SIMPLIFIED),
        ("電", Kind.HAN | Kind.AS_TRADITIONAL),
        ("々", Kind.HAN),
        ("𠮷", Kind.HAN),
        ("の", Kind.KANA),
        ("ﾊ", Kind.KANA),
        ("ー", Kind(0)),
        ("한", Kind.HANGUL),
        ("a", Kind.OTHER | Kind.LATIN),
        ("Ａ", Kind.OTHER | Kind.LATIN),
        ("é", Kind.OTHER),
        ("я", Kind.OTHER),
        ("7", Kind(0)),
        ("。", Kind(0)),
        ("😀", Kind(0)),
        ("\U0010ffff", Kind(0)),
        ("\x00", Kind(0)),
    ],
)
def test_kinds(text: str, kinds: Kind) -> None:
    """Every letter is of the kinds of its script, and what is no letter is of none."""
    letters = _letters(text)
    assert Kind(sum(kind for kind in Kind if letters.of(kind)[0])) == kinds


def test_count() -> None:
    """Each text has its own letters; where there is none, none."""
    letters = _letters("中文", None, "", "a中", "")
    assert letters.count(letters.of(Kind.HAN)).tolist() == [2, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "latin", "others"),
    [
        ("", 0, 0),
        ("中文", 0, 0),
        ("a red apple", 3, 0),
        ("iPhone15Pro", 2, 0),
        ("abcdefgh", 1, 0),
        ("abcdefghi", 2, 0),
        ("中a文b", 2, 0),
        ("café au lait", 2, 1),
        ("Привет, мир", 0, 2),
        ("中文ab", 1, 0),
    ],
)
def test_words(text: str, latin: int, others: int) -> None:
    """A run of letters outside the East Asian scripts is a word for every eight of them, or what is left of eight."""
    assert [counts.tolist() for counts in _letters(text).words()] == [[latin], [others]]


def test_words_end_with_their_text() -> None:
    """The last word of a text and the first of the next are two."""
    assert _letters("ab", "cd", None, "é").words()[0].tolist() == [1, 1, 0, 0]


@given(st.lists(st.none() | st.text(), max_size=5))
def test_any_text(texts: list[str | None]) -> None:
    """No letter is lost or moved to another text, whatever the texts hold."""
    letters = _letters(*texts)
    assert letters.count(letters.codes >= 0).tolist() == [len(text or "") for text in texts]
    han = [sum(unicodedata.name(character, "").startswith("CJK UNIFIED") for character in text or "") for text in texts]
    assert all(counted >= expected for counted, expected in zip(letters.count(letters.of(Kind.HAN)).tolist(), han, strict=True))
