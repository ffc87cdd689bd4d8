"""Whether a text in characters that Chinese and Japanese share is Japanese: a second opinion, where nothing else decides.

Every character and every pair of neighbours leans to one of the languages, by so many tenths of a natural logarithm; the
sum is a text's log-odds. The list is made from dictionaries and translations, see `scripts/make_japanese_or_chinese.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wukong_build import resources
from wukong_build.chinese.letters import Kind, Letters, Marks

RESOURCE = "japanese_or_chinese.txt"

_TENTHS = 10
_SURE = 200
_PLANE = 0x10000


class Leanings(NamedTuple):
    """In tenths of a natural logarithm, towards Japanese."""

    prior: int
    """Of a text before it is read; below zero, as a crawl of Chinese pages finds Chinese."""
    mixed: int
    """Of a text with characters both of Japanese and simplified, and of Japanese and traditional Chinese: 学習."""
    character: NDArray[np.int32]
    """One for each code point of the first plane."""
    pairs: NDArray[np.uint32]
    """Both code points in one number, ascending."""
    pair: NDArray[np.int32]
    """One for each of the pairs."""


def probability(letters: Letters, texts: Marks) -> NDArray[np.float64]:
    """How likely each of these texts is Japanese, by its Han characters alone; 0 for the other texts."""
    leanings = _leanings(resources.lines(RESOURCE))
    at = np.flatnonzero(letters.of(Kind.HAN) & texts[letters.text_of] & (letters.codes < _PLANE))
    sums = np.bincount(letters.text_of[at], _of_letters(letters, at, leanings), minlength=len(texts))
    odds = leanings.prior + leanings.mixed * _is_mixed(letters) + sums
    likely = 1 / (1 + np.exp(-np.clip(odds, -_SURE, _SURE) / _TENTHS))
    return np.where(texts, np.round(likely, 4), 0.0)  # the last digits are the processor's


def _of_letters(letters: Letters, at: NDArray[np.int64], leanings: Leanings) -> NDArray[np.int32]:
    """What each of the letters adds: its own leaning, and that of the pair it makes with the one after it."""
    codes = letters.codes[at]
    keys = codes[:-1] * np.uint32(_PLANE) + codes[1:]
    place = np.minimum(np.searchsorted(leanings.pairs, keys), len(leanings.pairs) - 1)
    side_by_side = (np.diff(at) == 1) & (np.diff(letters.text_of[at]) == 0)
    added = leanings.character[codes]
    added[:-1] += np.where(side_by_side & (leanings.pairs[place] == keys), leanings.pair[place], 0)
    return added


def _is_mixed(letters: Letters) -> Marks:
    as_simplified, as_traditional = letters.of(Kind.AS_SIMPLIFIED), letters.of(Kind.AS_TRADITIONAL)
    return (letters.count(as_simplified) > 0) & (letters.count(as_traditional) > 0)


@lru_cache(maxsize=2)
def _leanings(lines: tuple[str, ...]) -> Leanings:
    """Each line is a leaning and all that leans so: characters, pairs, and the words `prior` and `mixed`."""
    entries = {text: int(leaning) for leaning, *texts in map(str.split, lines) for text in texts}
    prior, mixed = entries.pop("prior"), entries.pop("mixed")
    character = np.zeros(_PLANE, np.int32)
    character[[ord(text) for text in entries if len(text) == 1]] = [entries[text] for text in entries if len(text) == 1]
    pairs = sorted((ord(text[0]) * _PLANE + ord(text[1]), leaning) for text, leaning in entries.items() if len(text) == 2)  # noqa: PLR2004
    keys, values = zip(*pairs, strict=True)
    return Leanings(prior, mixed, character, np.array(keys, np.uint32), np.array(values, np.int32))
