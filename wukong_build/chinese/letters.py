"""Texts as one array of code points, and what kind of letter each is: to count a kind costs one look into a table a letter.

Knows nothing of languages beyond which of them writes which character.
"""

from __future__ import annotations

from enum import IntFlag
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wukong_build.chinese import scripts

Marks = NDArray[np.bool_]
"""One for each letter of all the texts."""

Counts = NDArray[np.int64]
"""One for each text."""

_SURROGATES = range(0xD800, 0xE000)
_IDEOGRAPHS = 0x20000
_BEYOND = 0x40000
"""From the one to the other code points are Han characters alone; beyond there are no letters."""
_LETTERS_A_WORD = 8
"""A longer run of letters is as many words as it begins of such."""


class Kind(IntFlag):
    """What a letter is, and who writes it; a letter may be of several kinds."""

    HAN = 1
    KANA = 2
    HANGUL = 4
    OTHER = 8
    """A letter of no East Asian script."""
    LATIN = 16
    """One of the 26, of either width."""
    CHINESE = 32
    """Written in Chinese only: 们, 嗎, ㄅ."""
    JAPANESE = 64
    """Written in Japanese only: 込, 気, 〆."""
    AS_SIMPLIFIED = 128
    """Written in Japanese and in simplified Chinese: 国, 学."""
    AS_TRADITIONAL = 256
    """Written in Japanese and in traditional Chinese: 電, 語."""


class Letters:
    """Many texts, letter by letter. Where there is no text there are no letters."""

    def __init__(self, texts: pa.Array) -> None:
        """Take the texts; each is known by its place among them."""
        filled = pc.fill_null(texts, "")
        all_in_one = pa.ListArray.from_arrays(pa.array([0, len(filled)], pa.int32()), filled)
        joined = pc.binary_join(all_in_one, "")[0].as_py()
        self.codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
        self.text_of = np.repeat(np.arange(len(filled)), pc.utf8_length(filled).to_numpy())
        self._size = len(filled)
        self._kinds = _kinds()[np.minimum(self.codes, _BEYOND)]

    def of(self, kind: Kind) -> Marks:
        """True for the letters of this kind."""
        marks: Marks = (self._kinds & kind.value) != 0
        return marks

    def count(self, marks: Marks) -> Counts:
        """How many letters are marked in each text."""
        return np.bincount(self.text_of[marks], minlength=self._size)

    def words(self) -> tuple[Counts, Counts]:
        """How many words outside the East Asian scripts each text has: those of Latin letters alone, and all others."""
        at = np.flatnonzero(self.of(Kind.OTHER))
        text_of = self.text_of[at]
        begins = (np.diff(at, prepend=-2) != 1) | (np.diff(text_of, prepend=-1) != 0)
        run = np.cumsum(begins) - 1
        in_run = np.arange(len(at)) - np.flatnonzero(begins)[run]
        first_of_word = in_run % _LETTERS_A_WORD == 0
        latin = np.bincount(run, ~self.of(Kind.LATIN)[at])[run] == 0
        return (
            np.bincount(text_of[first_of_word & latin], minlength=self._size),
            np.bincount(text_of[first_of_word & ~latin], minlength=self._size),
        )


@cache
def _kinds() -> NDArray[np.uint16]:
    """The kinds of every code point (0.15 s, once a process)."""
    codes = np.arange(_IDEOGRAPHS, dtype=np.uint32)
    codes[_SURROGATES.start : _SURROGATES.stop] = ord(" ")
    characters = pa.array(list(codes.tobytes().decode("utf-32-le")))
    kinds = np.zeros(_BEYOND + 1, np.uint16)
    kinds[_IDEOGRAPHS:_BEYOND] = Kind.HAN
    for kind, pattern in _PATTERNS.items():
        kinds[:_IDEOGRAPHS][pc.match_substring_regex(characters, pattern).to_numpy(zero_copy_only=False)] |= kind.value
    for kind, kanji in zip(_KINDS_OF_KANJI, scripts.kanji(), strict=True):
        kinds[[ord(character) for character in kanji]] |= kind.value
    return kinds


_PATTERNS = {
    Kind.HAN: r"\p{Han}|\p{Bopomofo}|〆",
    Kind.KANA: r"[\p{Hiragana}\p{Katakana}]",
    Kind.HANGUL: r"\p{Hangul}",
    Kind.OTHER: r"[^\P{L}\p{Han}\p{Bopomofo}\p{Hiragana}\p{Katakana}\p{Hangul}ーｰ〆]",
    Kind.LATIN: r"[A-Za-zＡ-Ｚａ-ｚ]",
    Kind.CHINESE: r"\p{Bopomofo}",
    Kind.JAPANESE: "〆",
}
"""As regular expressions of Arrow. The long mark ー is of no kind: Chinese captions write it for a dash."""

_KINDS_OF_KANJI = (Kind.JAPANESE, Kind.AS_SIMPLIFIED, Kind.AS_TRADITIONAL, Kind.CHINESE)
