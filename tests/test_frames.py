"""How many pictures a file holds: whole files are counted beside `Picture`; here, those made to cost time."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from wukong_build import frames
from wukong_build.frames import AT_MOST_STEPS, gif, png, tiff, webp

GIF_HEADER = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
GIF_COMMENT = b"!\xfe\x05, , ,\x00"


def png_of(*kinds: bytes) -> bytes:
    """Chunks without content."""
    return bytes(8) + b"".join(bytes(4) + kind + bytes(4) for kind in kinds)


def webp_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """Chunks, of an even length each."""
    body = b"".join(kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff_of(following: list[int], order: str = "<") -> bytes:
    """Empty directories, 6 bytes each from byte 8 on, each of which points where it is told."""
    header = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return header + b"".join(struct.pack(order + "HI", 0, place) for place in following)


def chained(count: int) -> list[int]:
    """Where each of so many directories points."""
    return [8 + 6 * place for place in range(1, count)] + [0]


@pytest.mark.parametrize(
    ("name", "count", "content", "expected"),
    [
        ("two frames", gif, GIF_HEADER + GIF_FRAME * 2 + b";", 2),
        ("no trailer", gif, GIF_HEADER + GIF_FRAME * 2, 2),
        ("a cut descriptor", gif, GIF_HEADER + GIF_FRAME + GIF_FRAME[:9], 1),
        ("frames behind the trailer", gif, GIF_HEADER + GIF_FRAME + b";" + GIF_FRAME, 1),
        ("commas in a comment", gif, GIF_HEADER + GIF_COMMENT + GIF_FRAME, 1),
        ("zeros between", gif, GIF_HEADER + GIF_FRAME + bytes(3) + GIF_FRAME, 2),
        ("a colour table of its own", gif, GIF_HEADER + GIF_FRAME[:9] + b"\x80" + b",,,,,," + GIF_FRAME[10:] + GIF_FRAME, 2),
        ("100,000 frames", gif, GIF_HEADER + GIF_FRAME * 100_000, 100_000),
        ("a still", png, png_of(b"IHDR", b"IDAT", b"IEND"), 1),
        ("an animation", png, png_of(b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"), 2),
        ("a default image besides", png, png_of(b"IHDR", b"acTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"), 2),
        ("animated too late", png, png_of(b"IHDR", b"IDAT", b"acTL", b"fcTL", b"fcTL", b"IEND"), 1),
        ("animated without a frame", png, png_of(b"IHDR", b"acTL", b"IDAT", b"IEND"), 1),
        ("a still", webp, webp_of((b"VP8 ", b"abc")), 1),
        ("an animation", webp, webp_of((b"VP8X", bytes(10)), (b"ANIM", bytes(6)), (b"ANMF", b"ANMF "), (b"ANMF", b"")), 2),
        ("a page", tiff, tiff_of(chained(1)), 1),
        ("three pages", tiff, tiff_of(chained(3)), 3),
        ("three pages, other byte order", tiff, tiff_of(chained(3), ">"), 3),
        ("a circle of pages", tiff, tiff_of([14, 20, 8]), 3),
        ("a page beyond the end", tiff, tiff_of([14, 99_999]), 2),
        ("many pages", tiff, tiff_of(chained(100_000)), 100_000),
    ],
)
def test_frames(name: str, count: Callable[[bytes], int], content: bytes, expected: int) -> None:
    """What is there is counted once, wherever a file points and whatever it claims."""
    assert count(content) == expected


@pytest.mark.parametrize(
    ("count", "content"),
    [
        (gif, GIF_HEADER + GIF_FRAME * 1_000_000),
        (gif, GIF_HEADER + GIF_FRAME[:-3] + b"\x01\x00" * 10_000_000),
        (gif, GIF_HEADER + b"\x01" * 10_000_000),
        (png, png_of(b"acTL", *[b"fcTL"] * 1_000_000)),
        (webp, webp_of(*[(b"ANMF", b"")] * 1_000_000)),
        (tiff, tiff_of(chained(1_000_000))),
    ],
    ids=["frames", "blocks of one byte", "no blocks", "APNG", "WebP", "TIFF"],
)
def test_a_file_of_millions_is_not_counted_to_its_end(
    count: Callable[[bytes], int], content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many blocks a file has, so many are looked at and no more."""
    most = count(content)
    assert 1 <= most <= AT_MOST_STEPS
    monkeypatch.setattr(frames, "AT_MOST_STEPS", 10)
    assert count(content) <= min(10, most)
