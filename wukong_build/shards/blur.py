"""Faces made unrecognisable: what lies in boxes that a link of the chain gave, blurred as ImageNet's and DataComp's faces are.

Knows nothing of what finds faces, and of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from PIL import Image, ImageFilter

_STRENGTH = 0.1
"""Standard deviation of the blur, in the longer side of the box: of a face five waves are left at most; one is known by eight."""

_MARGIN = 0.1
"""How far around its box, in the longer side, a face is blurred: less and less, so that a model has no edge to learn."""


class Box(NamedTuple):
    """Where a face is, in fractions of the width and the height of the upright picture, from its left upper corner."""

    left: float
    top: float
    right: float
    bottom: float


def boxes_of(found: Iterable[Mapping[str, float | None]]) -> tuple[Box, ...]:
    """The boxes of one row of the column `face_boxes`; an edge that is not said is that of the picture."""
    return tuple(Box(*(math.nan if (edge := each[name]) is None else edge for name in Box._fields)) for each in found)


def blur(image: Image.Image, boxes: Iterable[Box]) -> None:
    """Blur what lies in the boxes, and a little around them, within the image itself: 8-bit RGB, upright.

    In a box no pixel stays as it was. What of it lies outside the picture counts for nothing.
    """
    for box in boxes:
        left, right = _pixels(box.left, box.right, image.width)
        top, bottom = _pixels(box.top, box.bottom, image.height)
        if left < right and top < bottom:
            _blur_within(image, (left, top, right, bottom))


def _pixels(low: float, high: float, length: int) -> tuple[int, int]:
    """All pixels that the stretch touches, within the picture; NaN is its edge."""
    return math.floor(max(0, low) * length), math.ceil(min(1, high) * length)


def _blur_within(image: Image.Image, box: tuple[int, int, int, int]) -> None:
    side = max(box[2] - box[0], box[3] - box[1])
    half = math.ceil(_MARGIN * side / 2)
    whole, middle = _grown(box, 2 * half, image.size), _grown(box, half, image.size)
    blurred = image.crop(whole).filter(ImageFilter.GaussianBlur(_STRENGTH * side))
    mask = Image.new("L", blurred.size, 0)
    mask.paste(255, (middle[0] - whole[0], middle[1] - whole[1], middle[2] - whole[0], middle[3] - whole[1]))
    image.paste(blurred, whole, mask.filter(ImageFilter.BoxBlur(half)))  # 255 in all of the box, and 0 where it ends


def _grown(box: tuple[int, int, int, int], by: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box with so many pixels more on each side, as far as there are any."""
    return max(0, box[0] - by), max(0, box[1] - by), min(size[0], box[2] + by), min(size[1], box[3] + by)
