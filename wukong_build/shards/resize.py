"""A picture as a trainer wants it: resized and encoded anew, in img2dataset's modes and with its sizes.

What comes out has no metadata, and its bytes depend on the settings and on the versions of the libraries alone. Knows nothing of
samples.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import simplejpeg
from cykooz_resizer import FilterType, ResizeAlg, ResizeOptions, Resizer
from PIL import Image

from wukong_build.picture import AT_MOST_PIXELS, FORMATS, Picture
from wukong_build.shards import Resize

_SPARE = 2
"""How much larger than wanted a JPEG is decoded. Against all its pixels: 49 dB, and 38 dB if it is decoded as small as can be."""

_RESIZER = Resizer()  # the same bytes with and without AVX2 and the like
_LANCZOS = ResizeOptions(resize_alg=ResizeAlg.convolution(FilterType.lanczos3))


class ImageFile(NamedTuple):
    """An image file, and what it is."""

    content: bytes
    format: str
    """Its extension."""
    width: int
    height: int


def resized(content: bytes, settings: Resize) -> ImageFile | None:
    """The picture by the settings, whose mode is not `no`; None where it cannot be decoded, or would be too large to handle."""
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
    if image.size != scaled:
        target = Image.new("RGB", scaled)
        _RESIZER.resize_pil(image, target, _LANCZOS)
        image = target
    image = _framed(image, size, settings)
    try:
        return ImageFile(_encoded(image, settings), FORMATS[settings.format.upper()], image.width, image.height)
    except (OSError, ValueError):  # a strip may be longer than its format allows
        return None


def scaled_size(size: tuple[int, int], settings: Resize) -> tuple[int, int]:
    """Width and height once it is scaled, before anything is cut off or added, rounded as img2dataset does: a half to even."""
    if not _is_scaled(size, settings):
        return size
    scale = settings.side / _edge(size, settings)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _is_scaled(size: tuple[int, int], settings: Resize) -> bool:
    return not settings.only_if_larger or _edge(size, settings) > settings.side


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


def _encoded(image: Image.Image, settings: Resize) -> bytes:
    if settings.format == "jpeg":
        content: bytes = simplejpeg.encode_jpeg(np.asarray(image), settings.quality, colorsubsampling="420", fastdct=False)
        return content
    file = io.BytesIO()
    options = {} if settings.format == "png" else {"quality": settings.quality}
    threads = {"max_threads": 1} if settings.format == "avif" else {}  # processes work beside each other already
    image.save(file, settings.format, **options, **threads)
    return file.getvalue()
