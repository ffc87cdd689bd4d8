"""Thumbnails: upright, on white, small, and never an exception."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from wukong_build.inspect.thumbnail import SIDE, thumbnail


def encoded(mode: str, size: tuple[int, int], colour: Any, kind: str, **options: Any) -> bytes:
    """An image file of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()


def drawn(content: bytes) -> Image.Image:
    """The thumbnail as an image."""
    small = thumbnail(content)
    assert small is not None
    return Image.open(io.BytesIO(small), formats=["JPEG"])


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "shown"),
    [
        ("RGB", (200, 30, 30), "JPEG", (200, 30, 30)),
        ("CMYK", (0, 0, 0, 0), "JPEG", (255, 255, 255)),
        ("RGBA", (200, 30, 30, 0), "PNG", (255, 255, 255)),
        ("LA", (0, 255), "PNG", (0, 0, 0)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("P", 0, "GIF", (0, 0, 0)),
        ("I;16", 0xFFFF, "PNG", (255, 255, 255)),
        ("F", 0.0, "TIFF", (0, 0, 0)),
    ],
)
def test_modes(mode: str, colour: Any, kind: str, shown: tuple[int, int, int]) -> None:
    """Whatever its colours are kept in, it is shown as a browser would, what is transparent in white."""
    pixel = drawn(encoded(mode, (400, 300), colour, kind)).convert("RGB").getpixel((20, 20))
    assert isinstance(pixel, tuple)
    assert all(abs(found - expected) <= 4 for found, expected in zip(pixel, shown, strict=True))


@pytest.mark.parametrize(("size", "shown"), [((400, 300), (SIDE, 144)), ((30, 1000), (6, SIDE)), ((40, 20), (40, 20))])
def test_size(size: tuple[int, int], shown: tuple[int, int]) -> None:
    """The longer side is at most `SIDE`; what is smaller stays as it is."""
    assert drawn(encoded("RGB", size, "red", "JPEG")).size == shown


def test_upright() -> None:
    """A picture that lies on its side by its EXIF is turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert drawn(encoded("RGB", (400, 200), "red", "JPEG", exif=exif)).size == (96, SIDE)


def _bomb() -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", encoded("RGB", (400, 300), "red", "JPEG")[:900], encoded("RGB", (90, 90), "red", "PNG")[:60], _bomb()],
    ids=["empty", "no-image", "truncated-jpeg", "truncated-png", "bomb"],
)
def test_nothing_to_show(content: bytes) -> None:
    """What cannot or must not be decoded has no thumbnail."""
    assert thumbnail(content) is None
