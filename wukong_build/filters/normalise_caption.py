"""Captions as a reader sees them: entities and mojibake repaired, invisible characters gone, one space where there was white.

Chinese punctuation keeps its full width, and ①, ㎡ and ™ their meaning: only forms that are the same character in another
dress change (ＡＢＣ → ABC, ｶﾞ → ガ, ⼈ → 人, 𝐀 → A).

An emoji made of several stays one: the joiners within it stay, as they are what a reader sees of it. Variation selectors go, so
that ❤ is one text, however a page spells it; and so do tags, which can carry text that nobody sees (🏴 with a land becomes 🏴).
"""

from __future__ import annotations

import re
import unicodedata
from typing import ClassVar, Literal

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

_PICTURES = (
    "\u231a\u231b\u23e9-\u23f3\u23f8-\u23fa\u2600-\u2604\u260e\u2611\u2614\u2615\u2618\u261d\u2620\u2622\u2623\u2626\u262a"
    "\u262e\u262f\u2638-\u263a\u2648-\u2653\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u267f\u2692-\u2697\u2699\u269b"
    "\u269c\u26a0\u26a1\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8\u26ce\u26cf\u26d1\u26d3\u26d4\u26e9\u26ea"
    "\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2705\u2708-\u270d\u270f\u2712\u2714\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c"
    "\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55"
    "\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f202\U0001f21a"
    "\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7eb"
    "\U0001f7f0\U0001f900-\U0001f9ff\U0001fa70-\U0001faff"
)
"""Characters that are emoji wherever they stand; ★, → and ™ are none."""
_SIGNS = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2640\u2642\u2695"
    "\u2696\u2716\u27a1\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299"
)
"""Characters that are emoji only within a joined one."""
_SHADE = "\U0001f3fb-\U0001f3ff"
_PART = f"[{_PICTURES}{_SIGNS}][{_SHADE}]?"
_EMOJI = re.compile(
    "(?:"
    f"[{_PICTURES}][{_SHADE}]?(?:\u200d{_PART})*"  # 🐱, 👍🏽, 👩‍👩‍👧
    f"|[{_SIGNS}](?:\u200d{_PART})+"
    "|[\U0001f1e6-\U0001f1ff]{1,2}"  # 🇨🇳
    "|[0-9#*]?\u20e3"  # 1⃣
    ")+"
)
"""Emoji as normalising leaves them: whole, and without variation selectors."""
_LOOSE_JOINER = re.compile(f"(?<![{_PICTURES}{_SIGNS}])\u200d|\u200d(?![{_PICTURES}{_SIGNS}])")

_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
"""Controls, format characters (zero-width, bidi, BOM, tags), lone surrogates, and private use: glyphs of a page's own font."""
_JOINER = "\u200d"
_NEVER_SEEN = re.compile("[\ufffd\ufe00-\ufe0f\u180b-\u180d\U000e0100-\U000e01ef]")
"""What stands for a character that was lost, and variation selectors."""
_STACK = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4,}")
"""More marks upon one character than any language writes: ornament. Putting 100,000 of them in order would take minutes."""

_REPAIRS = ftfy.TextFixerConfig(
    unescape_html=False,  # done here, with a bound
    fix_character_width=False,  # it would make ，and ！ASCII
    uncurl_quotes=False,  # “” are Chinese punctuation
    normalization=None,  # done here, when stacks of marks are gone
    explain=False,
)
_LAYERS = 8
"""Entities within entities are unwrapped this many times; who nests them deeper loses the ampersands."""


class NormaliseCaption(Rewrite, frozen=True, kw_only=True):
    """The caption normalised; normalising twice changes nothing more. May leave it empty."""

    meaning: ClassVar[str] = "the caption, normalised; may be empty"
    version: ClassVar[int] = 2

    emoji: Literal["keep", "remove"] = "keep"
    """They say something of the picture, so they stay unless a trainer's vocabulary has none."""

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions normalised; null where there is none."""
        captions = batch["caption"]
        clean = pc.fill_null(pc.match_substring_regex(captions, _CLEAN), fill_value=True)
        changed = [normalised(caption, self.emoji) for caption in captions.filter(pc.invert(clean)).to_pylist()]
        return pc.replace_with_mask(captions, pc.invert(clean), pa.array(changed, captions.type))


def normalised(text: str, emoji: Literal["keep", "remove"] = "keep") -> str:
    """The text as a reader sees it."""
    for _ in range(_LAYERS):
        before, text = text, _once(text)
        if text == before and emoji == "remove":
            text = _without_emoji(text)
        if text == before:
            return text
    return normalised(text.replace("&", " "), emoji)


def _once(text: str) -> str:
    """One layer of wrapping taken off."""
    text = ftfy.fix_text(_STACK.sub("", ftfy.fixes.unescape_html(text.replace("\0", " "))), _REPAIRS)
    text = " ".join(_NEVER_SEEN.sub("", text.translate(_PLAIN_FORM)).split())
    text = _LOOSE_JOINER.sub("", "".join(filter(_visible, text)))
    return unicodedata.normalize("NFC", _STACK.sub("", text)).strip()


def _without_emoji(text: str) -> str:
    """The text without its emoji; a space stands for those between two words."""
    return _EMOJI.sub(_gap, text)


def _gap(emoji: re.Match[str]) -> str:
    start, end = emoji.span()
    around = emoji.string[max(start - 1, 0) : start], emoji.string[end : end + 1]
    return " " if all(map(str.isalnum, around)) else ""


def _visible(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character) not in _INVISIBLE
