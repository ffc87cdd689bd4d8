"""Which elements of a page show a picture, and what they say of it as `img` would. Knows no URLs, nor where a text stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from turbohtml import Axis, Document, Element

from wukong_build.web.address import Attributes
from wukong_build.web.html import Lines

AT_MOST_SOURCES = 64
"""How many `source` elements of a `picture` are looked at."""

_ACCELERATED = ("amp", "⚡", "mip")
"""Attributes of the `html` of pages that have elements of their own for images (AMP, and Baidu's MIP)."""

_OWN_IMAGES = ("amp-img", "mip-img")
_IMAGES = ("img", *_OWN_IMAGES)
_SAID_OF_VIDEOS = ("title", "aria-label")
_BOXES = tuple(f'{tag}[style*="url("]' for tag in ("div", "a", "li", "section"))
"""One tag at a time, which the parser has an index of: together they take twenty times as long."""
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*[\"']?([^\"')]+)", re.IGNORECASE)
_PART_OF_SPRITE = re.compile(r"background(?:-position)?\s*:[^;]*\s-\d+px", re.IGNORECASE)
_SIDE = re.compile(r"(?<![a-z-])(width|height)\s*:\s*(\d+)px", re.IGNORECASE)


def pictures(document: Document) -> Iterator[Element]:
    """Every element that shows a picture, in page order: images, posters of videos, and empty boxes with a background."""
    found = document.find_all("img")
    others = [video for video in document.find_all("video") if video.attr("poster")]
    others += [box for boxes in _BOXES for box in document.select(boxes) if _shows_background(box)]
    root = document.root
    if root is not None and any(root.attr(name) is not None for name in _ACCELERATED):
        others += [image for tag in _OWN_IMAGES for image in document.find_all(tag)]
    yield from sorted([*found, *others], key=lambda element: element.position or (0, 0)) if others else found


def attributes_of(picture: Element) -> Attributes:
    """What the start tag says, with `src` where the picture is named otherwise; nobody looks at lists, as of classes."""
    attributes = cast("dict[str, str | None]", picture.attrs.copy())
    if picture.tag == "video":
        return {name: attributes[name] for name in _SAID_OF_VIDEOS if name in attributes} | {"src": attributes["poster"]}
    if picture.tag in _IMAGES or not (style := attributes.get("style")):
        return attributes
    background = _BACKGROUND.search(style)
    return dict(_SIDE.findall(style)) | attributes | ({"src": background[1].strip()} if background else {})


def sources(picture: Element) -> list[Attributes]:
    """The `source` elements beside an `img` in a `picture`."""
    holder = picture.parent
    if not isinstance(holder, Element) or holder.tag != "picture":
        return []
    return [attributes_of(source) for source in holder.find_all("source", axis=Axis.CHILDREN, limit=AT_MOST_SOURCES)]


def _shows_background(box: Element) -> bool:
    """Whether a box shows its background as a picture: neither words nor another picture upon it, and not a piece of it alone."""
    style = box.attr("style") or ""
    if not _BACKGROUND.search(style) or _PART_OF_SPRITE.search(style):
        return False
    lines = Lines(1)
    lines.take(box, 1)
    lines.end_line()
    return not lines.found and not box.find_all("img", limit=1)
