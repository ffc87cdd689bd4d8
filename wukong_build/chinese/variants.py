"""What one character may stand for in disguise: its plain form, what may be slipped in between others, how it sounds.

Tables over all of Unicode, one entry a code point, so that a whole column is folded by one look-up. Knows nothing of words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
"""Code points of a text."""
Kinds = npt.NDArray[np.uint8]
"""One of the five kinds for each code point."""

INVISIBLE, FILLER, LETTER, HAN, DIVIDER = b"-flz|"
"""Zero-width and control characters; spaces, symbols and most punctuation; letters and digits of scripts that divide words by
spaces; characters of scripts that do not (Han, kana, hangul); marks that divide sentences, and line breaks.
In ascending order: a text that keeps some kinds keeps all above them."""

DIVIDERS = frozenset("，。！？；：、｡､,!?;:\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")

_SIZE = 0x110000
_DRESSED = (range(0x3400), range(0xA000, 0xD800), range(0xF900, 0x10000), range(0x1D400, 0x1D800), range(0x1F100, 0x1F200))
"""Where characters lie that are others in another dress, compatibility ideographs of the second plane aside."""
_HAN = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0x20000, 0x323B0))
_SOUNDED = (range(0x4E00, 0xA000),)
_COMPATIBLE = range(0x2F800, 0x2FA20)
_UNSPACED = (
    *(range(0x2E80, 0x2FE0), range(0x3005, 0x3008), range(0x3021, 0x302A), range(0x3040, 0x3100)),
    *(range(0x3100, 0x31F0), range(0x31F0, 0x3200), range(0xAC00, 0xD7A4), range(0xF900, 0xFB00)),
    *_HAN,
)
_ASSIGNED = (range(0xD800), range(0xE000, 0x20000), range(0xE0000, 0xE0200))
"""Where code points lie that have a kind of their own; what is beside is a filler or Han."""


def codes_of(text: str) -> Codes:
    """The code points of a text; a lone surrogate is one too."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: Codes) -> str:
    """The text that has these code points."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


@cache
def plain() -> Codes:
    """Of each code point, the one that it is compared as: half width, lower case, simplified (0.06 s, once a process).

    One for one, so that places in a text stay what they are. Simplified character by character, whatever the word: 乾, 幹 and
    干 are the same.
    """
    table = np.arange(_SIZE, dtype=np.uint32)
    _write(table, (*_DRESSED, _COMPATIBLE), lambda character: unicodedata.normalize("NFKC", character).lower())
    return _simplified()[table]


@cache
def simplified_of() -> dict[int, str]:
    """Traditional character → its simplified form, as `str.translate` takes it; character by character, as in `plain`."""
    table = _simplified()
    return {int(code): chr(table[code]) for code in np.flatnonzero(table != np.arange(_SIZE))}


@cache
def _simplified() -> Codes:
    from opencc import OpenCC

    han = np.concatenate([np.arange(block.start, block.stop, dtype=np.uint32) for block in _HAN])
    lines = np.stack([han, np.full_like(han, ord("\n"))], axis=1)  # line by line, for OpenCC converts words where it sees them
    table = np.arange(_SIZE, dtype=np.uint32)
    table[han] = codes_of(OpenCC("t2s").convert(text_of(lines))).reshape(-1, 2)[:, 0]
    return table


@cache
def kinds() -> Kinds:
    """Of each code point, which of the five kinds it is (0.1 s, once a process)."""
    table = np.full(_SIZE, FILLER, np.uint8)
    for block in _ASSIGNED:
        table[block.start : block.stop] = [_kind(chr(code)) for code in block]
    for block in _UNSPACED:
        table[block.start : block.stop] = HAN
    table[[ord(mark) for mark in DIVIDERS]] = DIVIDER
    return table


@cache
def sounds() -> Codes:
    """Of each code point, the first character that sounds like it, tones aside: 睹 → 嘟; 0.5 s, once a process.

    A character of several readings has its commonest one alone.
    """
    from pypinyin import Style, lazy_pinyin

    table = np.arange(_SIZE, dtype=np.uint32)
    first: dict[str, str] = {}
    _write(table, _SOUNDED, lambda character: first.setdefault(lazy_pinyin(character, style=Style.NORMAL)[0], character))
    return table


def _write(table: Codes, blocks: Iterable[range], form: Callable[[str], str]) -> None:
    """Put into the table the form of each character of the blocks, where it is one character."""
    for block in blocks:
        for code in block:
            found = form(chr(code))
            if len(found) == 1:
                table[code] = ord(found)


def _kind(character: str) -> int:
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Mn", "Me"):
        return INVISIBLE if character != "\t" else FILLER
    return LETTER if category[0] in "LNM" else FILLER
