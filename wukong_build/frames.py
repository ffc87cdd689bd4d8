"""How many pictures one file holds, read from its structure: no pixel is decoded, and no file takes long.

Knows the containers that hold several, and nothing of what is in them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

AT_MOST_STEPS = 200_000
"""Blocks of a file that are looked at, in some 0.1 s; no honest program makes more, and the rest counts not."""

_PNG_SIGNATURE, _RIFF_HEADER = 8, 12  # bytes before the first chunk
_GIF_HEADER, _GIF_DESCRIPTOR = 13, 10  # bytes, colour tables aside
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def gif(content: bytes) -> int:
    """Image descriptors: each is a frame."""
    place = _GIF_HEADER + _colours(content[10])
    return max(1, sum(1 for kind in _gif_blocks(content, place) if kind == _IMAGE))


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


def _colours(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(content: bytes, place: int) -> Iterator[int]:
    """The kind of each block, up to the trailer or the end; bytes that begin none are passed over, as decoders do."""
    steps = 0
    while place < len(content) and content[place] != _TRAILER and steps < AT_MOST_STEPS:
        kind = content[place]
        steps += 1
        if kind == _IMAGE and place + _GIF_DESCRIPTOR < len(content):
            place += _GIF_DESCRIPTOR + _colours(content[place + 9]) + 1  # one byte says how long its codes are
        elif kind == _EXTENSION:
            place += 2
        else:
            place += 1
            continue
        yield kind
        while place < len(content) and content[place] and steps < AT_MOST_STEPS:
            place += 1 + content[place]
            steps += 1
        place += 1


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
