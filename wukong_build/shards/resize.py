"""A picture as a trainer wants it: faces blurred, resized in img2dataset's modes and with its sizes, encoded anew.

What comes out has no metadata, and its bytes depend on the settings and on the versions of the libraries alone. Knows nothing of
samples.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import simplejpeg
from cykooz_resizer import FilterType, ResizeAlg, ResizeOptions, Resizer
from PIL import Image

from wukong_build.picture import AT_MOST_PIXELS, FORMATS, Picture
from wukong_build.shards import Resize
from wukong_build.shards.blur import Box, blur

_SPARE = 2
"""How much larger than wanted a JPEG is decoded. Against all its pixels: 49 dB, and 38 dB if it is decoded as small as can be."""

_OWN = {"jpg": "jpeg", "png": "png", "webp": "webp", "avif": "avif"}
"""Format of a picture that keeps it → what `Resize` calls it."""

_RESIZER = Resizer()  # the same bytes with and without AVX2 and the like
_LANCZOS = ResizeOptions(resize_alg=ResizeAlg.convolution(FilterType.lanczos3))


class ImageFile(NamedTuple):
    """An image file, and what it is."""

    content: bytes
    format: str
    """Its extension."""
    width: int
    height: int


def resized(content: bytes, settings: Resize, faces: Iterable[Box] = ()) -> ImageFile | None:
    """The picture by the settings, with the faces blurred; None where it cannot be decoded, or would be too large to handle.

    By the mode `no` it keeps its size, and its format if that is one of those of the settings.
    """
    picture = Picture(content)
    header = picture.header
    if header is None:
        return None
    size = header.upright_size
    scaled = scaled_size(size, settings)
    if scaled[0] * scaled[1] > AT_MOST_PIXELS:
        return None
    image = picture.colour((_SPARE * scaled[0], _SPARE * scaled[1]), settings.background)
    if image is None:
        return None
    blur(image, faces)  # before anything is cut off: the boxes are those of the whole picture
    if image.size != scaled:
        target = Image.new("RGB", scaled)
        _RESIZER.resize_pil(image, target, _LANCZOS)
        image = target
    image = _framed(image, size, settings)
    kind = _OWN.get(header.format, settings.format) if settings.mode == "no" else settings.format
    try:
        return ImageFile(_encoded(image, kind, settings.quality), FORMATS[kind.upper()], image.width, image.height)
    except (OSError, ValueError):  # a strip may be longer than its format allows
        return None


def scaled_size(size: tuple[int, int], settings: Resize) -> tuple[int, int]:
    """Width and height once it is scaled, before anything is cut off or added, rounded as img2dataset does: a half to even."""
    if not _is_scaled(size, settings):
        return size
    scale = settings.side / _edge(size, settings)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _is_scaled(size: tuple[int, int], settings: Resize) -> bool:
    return settings.mode != "no" and (not settings.only_if_larger or _edge(size, settings) > settings.side)


def _edge(size: tuple[int, int], settings: Resize) -> int:
    """The side that the mode brings to its length."""
    return max(size) if settings.mode in ("keep_ratio_largest", "border") else min(size)


def _framed(image: Image.Image, original: tuple[int, int], settings: Resize) -> Image.Image:
    """The middle of the image, or the image in the middle, where the mode asks for a square."""
    if settings.mode not in ("center_crop", "border") or not _is_scaled(original, settings):
        return image
    side = settings.side
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if settings.mode == "center_crop":
        return image.crop((left, top, left + side, top + side))
    page = Image.new("RGB", (side, side), settings.background)
    page.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return page


def _encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    if kind == "jpeg":
        content: bytes = simplejpeg.encode_jpeg(np.asarray(image), quality, colorsubsampling="420", fastdct=False)
        return content
    file = io.BytesIO()
    options = {} if kind == "png" else {"quality": quality}
    threads = {"max_threads": 1} if kind == "avif" else {}  # processes work beside each other already
    image.save(file, kind, **options, **threads)
    return file.getvalue()
