"""The structure of files: how many pictures one holds, and whether it is made to cost time; no pixel is decoded.

Knows of blocks and their lengths, and nothing of what is in them.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator

AT_MOST_STEPS = 200_000
"""Blocks of a file that are looked at, in some 0.1 s; no honest program makes more, and the rest counts not."""

AT_MOST_BEFORE_PIXELS = 20_000
"""Blocks before the first pixel: a JPEG of 20 MB has 305 segments if they are full; a GIF with 1.6 MB of XMP comes up to this."""

_PNG_SIGNATURE, _RIFF_HEADER = 8, 12  # bytes before the first chunk
_GIF_HEADER, _GIF_DESCRIPTOR = 13, 10  # bytes, colour tables aside
_PIECE, _EXTENSION, _IMAGE, _TRAILER = 0, 0x21, 0x2C, 0x3B
_SCAN, _STANDALONE = 0xDA, {0x01, *range(0xD0, 0xDA)}  # JPEG: what begins pixels, and markers without a length


def is_tedious(content: bytes) -> bool:
    """True where more blocks lie before the pixels than any program writes: a decoder in Python would go through all of them."""
    if content[:2] not in _STEPS:
        return False
    steps, pixels = _STEPS[content[:2]]
    before = itertools.takewhile(lambda kind: kind != pixels, steps(content))
    return any(step >= AT_MOST_BEFORE_PIXELS for step, _ in enumerate(before))


def gif(content: bytes) -> int:
    """Image descriptors: each is a frame."""
    return max(1, sum(kind == _IMAGE for kind in itertools.islice(_gif_blocks(content), AT_MOST_STEPS)))


def png(content: bytes) -> int:
    """Frames of an APNG as far as they are there, the default image among them; 1 for every other PNG."""
    kinds = list(_png_chunks(content))
    before_pixels = kinds[: kinds.index(b"IDAT")] if b"IDAT" in kinds else kinds
    if b"acTL" not in before_pixels:
        return 1
    return max(1, kinds.count(b"fcTL") + (b"fcTL" not in before_pixels))


def webp(content: bytes) -> int:
    """Frames of an animation, 1 for a still."""
    return max(1, sum(1 for kind in _riff_chunks(content) if kind == b"ANMF"))


def tiff(content: bytes) -> int:
    """Pages: directories in the chain that begins in the header, each counted once."""
    order = "<" if content[:2] == b"II" else ">"
    count, entry, link = ("Q", 20, "Q") if content[2:4] in (b"+\0", b"\0+") else ("H", 12, "I")  # BigTIFF, or the classic one
    seen: set[int] = set()
    (place,) = _at(content, 8 if link == "Q" else 4, order + link)
    while place and place not in seen and len(seen) < AT_MOST_STEPS:
        try:
            (entries,) = _at(content, place, order + count)
            after = place + struct.calcsize(order + count) + entries * entry
            (following,) = _at(content, after, order + link)
        except struct.error:  # it points beyond the end
            break
        seen.add(place)
        place = following
    return max(1, len(seen))


COUNTERS: dict[str, Callable[[bytes], int]] = {"gif": gif, "png": png, "webp": webp, "tif": tiff}
"""Format → what counts its frames. A JPEG or an AVIF says itself how many it has; a BMP holds one."""


def _at(content: bytes, place: int, layout: str) -> tuple[int, ...]:
    return struct.unpack_from(layout, content, place)


def colour_bytes(flags: int) -> int:
    """Bytes of the colour table of a GIF that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(content: bytes) -> Iterator[int]:
    """What each step through the file meets, up to its trailer: the kind of a block, or a piece of one.

    Bytes that begin no block are steps of their own; decoders pass over them.
    """
    place = _GIF_HEADER + colour_bytes(content[10]) if len(content) > _GIF_HEADER else len(content)
    while place < len(content) and content[place] != _TRAILER:
        kind = content[place]
        if kind == _IMAGE and place + _GIF_DESCRIPTOR >= len(content):
            return
        yield kind
        if kind not in (_IMAGE, _EXTENSION):
            place += 1
            continue
        # behind the colours of an image one byte says how long its codes are
        place += _GIF_DESCRIPTOR + colour_bytes(content[place + 9]) + 1 if kind == _IMAGE else 2
        while place < len(content) and content[place]:
            yield _PIECE
            place += 1 + content[place]
        place += 1


def _jpeg_segments(content: bytes) -> Iterator[int]:
    """The marker of each segment up to the first scan; each byte that should begin one and does not counts as well."""
    place = 2
    while place + 4 <= len(content):
        prefix, marker, length = struct.unpack_from(">BBH", content, place)
        yield marker if prefix == 0xFF else 0  # noqa: PLR2004  begins every marker
        bare = prefix != 0xFF or marker in (0, 0xFF)  # noqa: PLR2004  begins every marker, and may be repeated
        place += 1 if bare else 2 if marker in _STANDALONE else 2 + length


def _png_chunks(content: bytes) -> Iterator[bytes]:
    """The kind of each chunk."""
    place = _PNG_SIGNATURE
    for _ in range(AT_MOST_STEPS):
        if place + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, place)
        yield kind
        place += 12 + length


def _riff_chunks(content: bytes) -> Iterator[bytes]:
    """The kind of each chunk; each begins at an even place."""
    place = _RIFF_HEADER
    for _ in range(AT_MOST_STEPS):
        if place + 8 > len(content):
            return
        kind, length = struct.unpack_from("<4sI", content, place)
        yield kind
        place += 8 + length + length % 2


_STEPS: dict[bytes, tuple[Callable[[bytes], Iterator[int | bytes]], int | bytes]] = {
    b"\xff\xd8": (_jpeg_segments, _SCAN),
    b"\x89P": (_png_chunks, b"IDAT"),
    b"GI": (_gif_blocks, _IMAGE),
}
"""How a file begins → its steps, and the one at which its pixels begin."""
