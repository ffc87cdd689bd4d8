"""How much of a caption says what it has said already: 哈哈哈哈哈, 图片图片图片, 苹果手机壳 华为手机壳 小米手机壳."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter

_UNIT = re.compile(r"([^\d\s])\1{3,}|[^\W\d_\u0250-\U0010ffff]+|\d+|\S")
"""A word of Latin letters, a number, or one character; of a run of four or more, each."""
_LENGTH = 3
"""Units in a row: 看看, 高高兴兴 and 研究研究 repeat none, nor does 一个男人和一个女人."""
_LONG = 256
"""Characters of a caption that is looked at without a look before: memory is bounded by the others."""
_BITS = 21
"""Of a code point."""


class Repetition(Filter, frozen=True, kw_only=True):
    """The share of the caption, white space aside, that lies in three or more units in a row which stand further ahead too.

    A unit is a Chinese character, a sign, a number, or a word of Latin letters. `n` times the same phrase is 1 - 1/n.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    meaning: ClassVar[str] = (
        "share of the caption that repeats what stands further ahead in it: 0 = nothing, near 1 = one thing over and over"
    )

    def score(self, batch: Batch) -> pa.Array:
        """0 to 1; null where there is no caption."""
        captions = batch["caption"]
        rows = _suspects(captions)
        score = np.zeros(len(captions))
        score[rows] = [_repeated_share(caption) for caption in captions.take(pa.array(rows)).to_pylist()]
        return pa.array(score, mask=np.asarray(captions.is_null()))


def _suspects(captions: pa.Array) -> np.ndarray:
    """Rows in which some three characters in a row occur twice, white space aside, and long ones; others repeat nothing."""
    written = pc.replace_substring_regex(pc.fill_null(captions, ""), r"[\s\x{0B}\x{1C}-\x{1F}\x{85}\pZ]+", "")
    long = pc.greater(pc.utf8_length(written), _LONG)
    written = pc.if_else(long, "", written)
    lengths = np.asarray(pc.utf8_length(written))
    characters = np.frombuffer("".join(written.to_pylist()).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(characters) < _LENGTH:
        return np.flatnonzero(long)
    threes = characters[:-2] << np.uint64(2 * _BITS) | characters[1:-1] << np.uint64(_BITS) | characters[2:]
    row = np.repeat(np.arange(len(captions)), lengths)
    within = row[:-2] == row[2:]
    order = np.lexsort((threes[within], row[:-2][within]))
    threes, row = threes[within][order], row[:-2][within][order]
    return np.union1d(row[1:][(threes[1:] == threes[:-1]) & (row[1:] == row[:-1])], np.flatnonzero(long))


def _repeated_share(caption: str) -> float:
    units = [unit for match in _UNIT.finditer(caption) for unit in (match[0] if match[1] else (match[0],))]
    seen: set[tuple[str, ...]] = set()
    repeated = [False] * len(units)
    for start, three in enumerate(zip(units, units[1:], units[2:], strict=False)):
        if three in seen:
            repeated[start : start + _LENGTH] = [True] * _LENGTH
        seen.add(three)
    total = sum(map(len, units))
    return sum(len(unit) for unit, again in zip(units, repeated, strict=True) if again) / total if total else 0.0
