"""A small picture to look at: upright, on white, as JPEG. Knows nothing of samples; its input is hostile."""

from __future__ import annotations

import contextlib
import io
import warnings

from PIL import Image, ImageOps

from wukong_build.picture import AT_MOST_PIXELS, FORMATS, Picture

SIDE = 192
"""Its longer side in pixels, or less where the picture is smaller."""

_QUALITY = 80


def thumbnail(content: bytes) -> bytes | None:
    """The JPEG; None where the content cannot be decoded in full, or is not decoded on purpose as it is a bomb."""
    picture = Picture(content)
    header = picture.header
    if header is None or header.width * header.height > AT_MOST_PIXELS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small = _small(content) or picture.grey
            return None if small is None else _jpeg(small)
    except Exception:  # noqa: BLE001  hostile bytes raise anything; each means that there is nothing to show
        return None


def _small(content: bytes) -> Image.Image | None:
    """The colours on white; None for the depths and colour spaces that only `Picture.grey` knows how to show."""
    with Image.open(io.BytesIO(content), formats=[name for name in FORMATS if name != "MPO"]) as image:
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        image.load()
        if image.mode.startswith(("I", "F", "LAB")):
            return None
        has_alpha = image.has_transparency_data
        upright: Image.Image = image
        with contextlib.suppress(Exception):  # broken EXIF spoils no picture
            upright = ImageOps.exif_transpose(image)
        upright = upright.convert("RGBA" if has_alpha else "RGB")
        upright.thumbnail((SIDE, SIDE), reducing_gap=2)
        if not has_alpha:
            return upright
        page = Image.new("RGB", upright.size, "white")
        page.paste(upright, mask=upright.getchannel("A"))
        return page


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()
