"""Which characters belong to which script, as regular expressions of Arrow (RE2), and captions folded for comparison."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

HAN = r"\p{Han}"
KANA = r"[\p{Hiragana}\p{Katakana}ー]"
HANGUL = r"\p{Hangul}"
EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー]"

_UNIFIED = range(0x4E00, 0xA000)


_ALSO_JAPANESE = frozenset("俱剝噓摑鷗")
"""In common Japanese use, though not in Shift_JIS."""


class Kanji(NamedTuple):
    """Han characters that tell Japanese from Chinese, as four classes of characters."""

    japanese: str
    """In the Japanese standard only: 気, 込, 畑."""
    as_simplified: str
    """In the Japanese and the simplified Chinese standard, not in the traditional one: 国, 学."""
    as_traditional: str
    """In the Japanese and the traditional Chinese standard, not in the simplified one: 電, 語."""
    chinese: str
    """In a Chinese standard and not in the Japanese one: 们, 嗎."""


@cache
def kanji() -> Kanji:
    """Told apart by the standards that Python's codecs know: Shift_JIS, GB2312 and Big5 (0.12 s, once a process)."""
    japanese = [character for character in map(chr, _UNIFIED) if _is_in(character, "shift_jis")]
    simplified = {character for character in japanese if _is_in(character, "gb2312")}
    traditional = {character for character in japanese if _is_in(character, "big5")}
    return Kanji(
        _class(character for character in japanese if character not in simplified | traditional),
        _class(character for character in japanese if character in simplified - traditional),
        _class(character for character in japanese if character in traditional - simplified),
        _class(character for character in map(chr, _UNIFIED) if _is_chinese_alone(character)),
    )


def count(texts: pa.Array, pattern: str) -> pa.Array:
    """How often the pattern occurs in each text, as a floating-point number; null where there is no text."""
    return pc.count_substring_regex(texts, pattern).cast(pa.float64())


def folded(texts: pa.Array) -> pa.Array:
    """Lower case, and compatibility forms (full-width letters, ligatures) as their plain ones: for comparing, not for reading."""
    return pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))


def _is_chinese_alone(character: str) -> bool:
    """In neither Shift_JIS nor what Windows adds to it (髙, 﨑), and in GB2312 or, Hong Kong's characters (喺) among it, Big5."""
    is_japanese = _is_in(character, "cp932") or character in _ALSO_JAPANESE
    return not is_japanese and (_is_in(character, "gb2312") or _is_in(character, "big5hkscs"))


def _is_in(character: str, standard: str) -> bool:
    try:
        character.encode(standard)
    except UnicodeEncodeError:
        return False
    return True


def _class(characters: Iterable[str]) -> str:
    return f"[{''.join(characters)}]"
