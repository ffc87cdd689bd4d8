"""Which of an image's attributes says where its picture is: the address a reader's browser ends up showing.

Pages load images late, and every platform has its own attribute for it; a new one is a word in a table here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

Attributes = Mapping[str, str | None]

Sides = tuple[int | None, int | None]
"""Width and height, in pixels."""

LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
"""Attributes that hold a `srcset` until a script moves it there."""

LAZY = (
    *("data-original", "data-actualsrc"),  # Zhihu: the full picture before the one shown; many others
    *("data-src", "data-lazy-src", "data-lazysrc", "data-lazy", "data-lazyload", "data-lazyload-src"),  # WeChat, WordPress …
    *("data-original-src", "data-origin", "data-echo", "data-real-src", "data-rt-src"),  # Jianshu, echo.js, Mafengwo
    *("data-lazy-img", "data-ks-lazyload", "data-ks-lazyload-custom"),  # JD, Taobao
    *("zoomfile", "file"),  # Discuz: the full picture before the one shown
    *("real_src", "_src", "src2", "original", "data-url", "data-imgurl"),  # Sina blogs, Ctrip, PConline, NetEase, Baidu
)
"""Attributes that hold the address until a script moves it to `src`, in the order in which they are believed."""

_LATE = frozenset(LAZY_SETS + LAZY)
_PLACEHOLDER = re.compile(
    r"(sg_|lazy-?|img[_-]?|image[_-]?)?(blank|clear|gr[ae]y|lazy|lazy-?load|load|loading|none|pixel|placeholder|spacer?|"
    r"trans(parent)?|1x1|1px)([_-]?(\d+(x\d+)?|bg|img|image|pixel|white))?\.(gif|png|svg)([#!]|$)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[/.]")
_DOCUMENT = re.compile(r"\.html?([?#]|$)", re.IGNORECASE)
_CANDIDATE = re.compile(r"([^\s,]\S*)(?:\s+([\d.]+)([wx])(?:\s+\d+h)?)?")
_LENGTH = re.compile(r"\s*(\d+)(\.\d*)?\s*(px)?\s*$")

AT_MOST_SIDE = 16
"""An image declared no larger than this on both sides is an icon, a bullet or a tracking pixel."""


def addresses(image: Attributes, sources: Iterable[Attributes]) -> Iterator[str]:
    """Where the picture may be, best first: lazily loaded, then the largest of srcset and `source`, then `src`."""
    if not _LATE.isdisjoint(image):
        yield from filter(None, (largest([image.get(name)]) for name in LAZY_SETS))
        yield from (
            value for name in LAZY if (value := image.get(name)) and _ADDRESS.search(value) and not _DOCUMENT.search(value)
        )
    sets = [source.get("data-srcset") or source.get("srcset") for source in sources]
    if "srcset" in image or sets:
        yield from filter(None, (largest([*sets, image.get("srcset")]),))
    if source := image.get("src"):
        yield source


def largest(sets: Iterable[str | None]) -> str | None:
    """The address with the most pixels that any `srcset` names: by width, then by density, then the first."""
    best, best_size = None, (-1.0, -1.0)
    for url, number, unit in (match.groups() for text in sets for match in _CANDIDATE.finditer(text or "")):
        if is_placeholder(url):
            continue
        value = _number(number)
        size = (value, 1.0) if unit == "w" else (0.0, value)
        if size > best_size:
            best, best_size = url.rstrip(","), size
    return best


def is_placeholder(address: str) -> bool:
    """Whether an address is inline data, or by its name what stands in for a picture that loads later."""
    path = address.partition("?")[0]
    if path.endswith(("jpg", "jpeg", "webp")):  # as most pictures, and no placeholder
        return False
    return _PLACEHOLDER.match(path, path.rfind("/") + 1) is not None or address.lstrip()[:5].lower() == "data:"


def is_as_it_loads(image: Attributes) -> bool:
    """Whether an image names no picture but that of its `src`: beside a `noscript` this stands in for the one in there."""
    return "srcset" not in image and _LATE.isdisjoint(image)


def is_tiny(sides: Sides) -> bool:
    """Whether both declared sides are at most `AT_MOST_SIDE`."""
    return all(side is not None and side <= AT_MOST_SIDE for side in sides)


def declared_sides(image: Attributes) -> Sides:
    """Width and height that the page declares, in pixels; None for what it does not."""
    return _pixels(image.get("width")), _pixels(image.get("height"))


def _pixels(length: str | None) -> int | None:
    declared = _LENGTH.match(length) if length else None
    return None if declared is None else int(declared[1])


def _number(text: str | None) -> float:
    try:
        return float(text or "1")
    except ValueError:
        return 1.0
