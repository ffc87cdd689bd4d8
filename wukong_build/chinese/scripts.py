"""Han characters, and which of them tell Japanese from Chinese; and captions folded for comparison."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

HAN = r"\p{Han}"

_UNIFIED = range(0x4E00, 0xA000)
_ALSO_JAPANESE = frozenset("俱剝噓摑鷗")
"""In common Japanese use, though not in Shift_JIS."""


class Kanji(NamedTuple):
    """Han characters that tell Japanese from Chinese, as four sets."""

    japanese: frozenset[str]
    """In the Japanese standard only: 気, 込, 畑."""
    as_simplified: frozenset[str]
    """In the Japanese and the simplified Chinese standard, not in the traditional one: 国, 学."""
    as_traditional: frozenset[str]
    """In the Japanese and the traditional Chinese standard, not in the simplified one: 電, 語."""
    chinese: frozenset[str]
    """In GB2312 or Big5, with Hong Kong's characters, and in neither Shift_JIS nor what Windows adds to it: 们, 嗎, 喺."""


@cache
def kanji() -> Kanji:
    """Told apart by the standards that Python's codecs know: Shift_JIS, GB2312 and Big5 (0.02 s, once a process)."""
    characters = "".join(map(chr, _UNIFIED))
    japanese, simplified, traditional = (_in(standard, characters) for standard in ("shift_jis", "gb2312", "big5"))
    also_japanese = _in("cp932", characters) | _ALSO_JAPANESE
    return Kanji(
        japanese - simplified - traditional,
        (japanese & simplified) - traditional,
        (japanese & traditional) - simplified,
        (simplified | _in("big5hkscs", characters)) - also_japanese,
    )


def count(texts: pa.Array, pattern: str) -> pa.Array:
    """How often the pattern occurs in each text, as a floating-point number; null where there is no text."""
    return pc.count_substring_regex(texts, pattern).cast(pa.float64())


def folded(texts: pa.Array) -> pa.Array:
    """Lower case, and compatibility forms (full-width letters, ligatures) as their plain ones: for comparing, not for reading."""
    return pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))


def _in(standard: str, characters: str) -> frozenset[str]:
    """Those that Python's codec of this name can write."""
    return frozenset(characters.encode(standard, "ignore").decode(standard))
