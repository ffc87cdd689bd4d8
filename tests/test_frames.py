"""How many pictures a file holds, and whether it is made to cost time; whole files are looked at beside `Picture`."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from wukong_build import frames
from wukong_build.frames import AT_MOST_BEFORE_PIXELS, AT_MOST_STEPS, gif, is_tedious, png, tiff, webp

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


@pytest.mark.parametrize(
    ("name", "before", "block", "behind"),
    [
        ("comments", b"\xff\xd8", b"\xff\xfe\x00\x02", b"\xff\xda\x00\x02"),
        ("EXIF", b"\xff\xd8", b"\xff\xe1\x00\x08Exif\0\0", b"\xff\xda\x00\x02"),
        ("fill bytes", b"\xff\xd8", b"\xff", b"\xff\xda\x00\x02"),
        ("bytes that begin no segment", b"\xff\xd8", b"\x00", b"\xff\xda\x00\x02"),
        ("standalone markers", b"\xff\xd8", b"\xff\xd0", b"\xff\xda\x00\x02"),
        ("chunks", b"\x89PNG\r\n\x1a\n", bytes(4) + b"tEXt" + bytes(4), bytes(4) + b"IDAT" + bytes(4)),
        ("extensions", GIF_HEADER, b"!\xf9\x00", GIF_FRAME),
        ("pieces of a comment", GIF_HEADER + b"!\xfe", b"\x01!", b"\x00" + GIF_FRAME),
        ("bytes that begin no block", GIF_HEADER, b"\x00", GIF_FRAME),
    ],
)
def test_what_is_made_to_cost_time(name: str, before: bytes, block: bytes, behind: bytes) -> None:
    """Blocks without number before the pixels are told from those that a program may write; behind them nothing counts."""
    few, many = block * (AT_MOST_BEFORE_PIXELS // 2), block * (AT_MOST_BEFORE_PIXELS + 10)
    assert not is_tedious(before + few + behind)
    assert not is_tedious(before + few + behind + many)
    assert is_tedious(before + many + behind)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\x89P", b"GIF89a", b"BM", bytes(1_000_000)])
def test_stumps_are_not(content: bytes) -> None:
    """Nor is what ends early, nor what has no such blocks."""
    assert not is_tedious(content)
