"""Captions as a reader sees them: entities and mojibake repaired, invisible characters gone, one space where there was white.

Chinese punctuation keeps its full width, and ①, ㎡ and ™ their meaning: only forms that are the same character in another
dress change (ＡＢＣ → ABC, ｶﾞ → ガ, ⼈ → 人, 𝐀 → A).
"""

from __future__ import annotations

import re
import unicodedata
from typing import ClassVar

import ftfy
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Rewrite

_PLAIN_TEXT = r"[\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}A-Za-z0-9，。、！？：；（）《》“”!#-%'-~]+"
_CLEAN = rf"^{_PLAIN_TEXT}(?: {_PLAIN_TEXT})*$"
"""Captions that normalising cannot change, nine of ten: nothing rare in them, no `&`, no white space but single spaces."""

_FORMS = (
    range(0x2E80, 0x2FE0),  # radicals that stand for characters
    range(0xFB00, 0xFB07),  # Latin ligatures
    range(0xFF10, 0xFF1A),  # full-width digits
    range(0xFF21, 0xFF3B),  # full-width capital letters
    range(0xFF41, 0xFF5B),  # full-width small letters
    range(0xFF61, 0xFFE0),  # half-width katakana and hangul, with their punctuation
    range(0x1D400, 0x1D800),  # mathematical letters
)
_PLAIN_FORM = {code: unicodedata.normalize("NFKC", chr(code)) for block in _FORMS for code in block}

_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
"""Controls, format characters (zero-width, bidi, BOM, tags), lone surrogates, and private use: glyphs of a page's own font."""
_NEVER_SEEN = re.compile("[\ufffd\ufe00-\ufe0f\u180b-\u180d\U000e0100-\U000e01ef]")
"""What stands for a character that was lost, and variation selectors."""

_REPAIRS = ftfy.TextFixerConfig(
    unescape_html=False,  # done here, with a bound
    fix_character_width=False,  # it would make ，and ！ASCII
    uncurl_quotes=False,  # “” are Chinese punctuation
    normalization="NFC",
    explain=False,
)
_LAYERS = 8
"""Entities within entities are unwrapped this many times; who nests them deeper loses the ampersands."""


class NormaliseCaption(Rewrite, frozen=True, kw_only=True):
    """The caption normalised; normalising twice changes nothing more. May leave it empty."""

    meaning: ClassVar[str] = "the caption, normalised; may be empty"

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions normalised; null where there is none."""
        captions = batch["caption"]
        clean = pc.fill_null(pc.match_substring_regex(captions, _CLEAN), fill_value=True)
        changed = [normalised(caption) for caption in captions.filter(pc.invert(clean)).to_pylist()]
        return pc.replace_with_mask(captions, pc.invert(clean), pa.array(changed, captions.type))


def normalised(text: str) -> str:
    """The text as a reader sees it."""
    for _ in range(_LAYERS):
        before, text = text, _once(text)
        if text == before:
            return text
    return normalised(text.replace("&", " "))


def _once(text: str) -> str:
    """One layer of wrapping taken off."""
    text = ftfy.fix_text(ftfy.fixes.unescape_html(text.replace("\0", " ")), _REPAIRS)
    text = " ".join(_NEVER_SEEN.sub("", text.translate(_PLAIN_FORM)).split())
    return unicodedata.normalize("NFC", "".join(filter(_visible, text))).strip()


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE
