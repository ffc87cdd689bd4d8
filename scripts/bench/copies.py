"""What sites make of a photograph that they publish again: the copies whose likeness is measured."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

QUALITY = 90
"""Of the originals, and of all copies that are about something else."""

Copy = Callable[[Image.Image], bytes]


def jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    """The image as JPEG."""
    return _saved(image, "JPEG", quality=quality)


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))), Image.Resampling.LANCZOS)


def _squashed(image: Image.Image) -> Image.Image:
    return image.resize((300, 300), Image.Resampling.BICUBIC)


def _without_edges(image: Image.Image, share: float) -> Image.Image:
    """Without so much of width and height, half of it on either side."""
    x, y = round(image.width * share / 2), round(image.height * share / 2)
    return image.crop((x, y, image.width - x, image.height - y))


def _framed(image: Image.Image, level: str) -> Image.Image:
    """A frame of 5 % of the shorter side all round."""
    return ImageOps.expand(image, round(min(image.size) * 0.05), level)


def _letterboxed(image: Image.Image) -> Image.Image:
    """Black bars above and below, each a tenth of the height."""
    bar = round(image.height / 10)
    return ImageOps.expand(image, (0, bar, 0, bar), "black")


def _lettered(image: Image.Image, share: float, x: float, y: float) -> Image.Image:
    """White letters with a dark rim, so much of the height tall, whose middle is at that part of width and height."""
    copy = image.copy()
    size = max(8, round(image.height * share))
    place = (x * image.width, y * image.height)
    ImageDraw.Draw(copy).text(
        place, "example.com", "white", anchor="mm", font_size=size, stroke_width=size // 12, stroke_fill="black"
    )
    return copy


def _captioned(image: Image.Image) -> Image.Image:
    """A white bar with a line of text below the picture, a twelfth of its height."""
    bar = round(image.height / 12)
    page = ImageOps.expand(image, (0, 0, 0, bar), "white")
    ImageDraw.Draw(page).text((page.width / 2, page.height - bar / 2), "example.com", "black", anchor="mm", font_size=bar * 0.6)
    return page


def _rotated(image: Image.Image, degrees: float) -> Image.Image:
    """Turned a little, the corners in white."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")


PLAIN: dict[str, Copy] = {
    "JPEG, quality 75": lambda image: jpeg(image, 75),
    "JPEG, quality 50": lambda image: jpeg(image, 50),
    "JPEG, quality 30": lambda image: jpeg(image, 30),
    "WebP, quality 75": lambda image: _saved(image, "WEBP", quality=75),
    "PNG": lambda image: _saved(image, "PNG"),
    "scaled to 1/2": lambda image: jpeg(_scaled(image, 1 / 2)),
    "scaled to 1/4": lambda image: jpeg(_scaled(image, 1 / 4)),
    "scaled to 2": lambda image: jpeg(_scaled(image, 2)),
    "scaled to 0.7, quality 50": lambda image: jpeg(_scaled(image, 0.7), 50),
    "squashed to 300 × 300": lambda image: jpeg(_squashed(image)),
}
"""Coded or scaled anew: nothing of what is shown has changed."""

OTHERS: dict[str, Copy] = {
    "grey": lambda image: jpeg(image.convert("L")),
    "brightness × 0.7": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(0.7)),
    "brightness × 1.3": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.3)),
    "contrast × 0.7": lambda image: jpeg(ImageEnhance.Contrast(image).enhance(0.7)),
    "contrast × 1.3": lambda image: jpeg(ImageEnhance.Contrast(image).enhance(1.3)),
    "saturation × 1.5": lambda image: jpeg(ImageEnhance.Color(image).enhance(1.5)),
    "blurred, radius 2": lambda image: jpeg(image.filter(ImageFilter.GaussianBlur(2))),
    "sharpened": lambda image: jpeg(image.filter(ImageFilter.UnsharpMask(2, 150))),
    "name in a corner": lambda image: jpeg(_lettered(image, 0.05, 0.82, 0.94)),
    "name across the middle": lambda image: jpeg(_lettered(image, 0.1, 0.5, 0.5)),
    "caption below": lambda image: jpeg(_captioned(image)),
    "cropped by 2 %": lambda image: jpeg(_without_edges(image, 0.02)),
    "cropped by 4 %": lambda image: jpeg(_without_edges(image, 0.04)),
    "cropped by 10 %": lambda image: jpeg(_without_edges(image, 0.10)),
    "white frame": lambda image: jpeg(_framed(image, "white")),
    "black frame": lambda image: jpeg(_framed(image, "black")),
    "black bars": lambda image: jpeg(_letterboxed(image)),
    "rotated by 1°": lambda image: jpeg(_rotated(image, 1)),
    "rotated by 3°": lambda image: jpeg(_rotated(image, 3)),
    "mirrored": lambda image: jpeg(ImageOps.mirror(image)),
    "mirrored, scaled to 1/2, quality 50": lambda image: jpeg(_scaled(ImageOps.mirror(image), 1 / 2), 50),
}
"""Changed, a little or much."""
