"""Takes out of an image file what is said about the picture (EXIF with its GPS, XMP, IPTC, comments), and touches no pixel.

What is needed to show it as before stays: the colour profile, and which way is up. Knows JPEG, PNG, WebP and GIF; a BMP says
nothing; in TIFF and AVIF metadata cannot be told from the picture without decoding, and they are left as they are.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from wukong_build.frames import colour_bytes
from wukong_build.picture import Picture


def stripped(content: bytes, extension: str) -> bytes:
    """The file without metadata; as it is where its format is not known here, or its structure is broken."""
    strip = _STRIPPERS.get(extension)
    header = Picture(content).header
    if strip is None or header is None:
        return content
    try:
        return b"".join(strip(content, _exif(header.orientation)))
    except (struct.error, IndexError, ValueError):
        return content


def _exif(orientation: int) -> bytes:
    """A TIFF structure that says which way is up, and nothing else; empty for the usual way."""
    one_entry = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return one_entry if orientation > 1 else b""


_EXIF_HEADING = b"Exif\0\0"
_ENTROPY_ENDS = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""JPEG: the next marker behind pixels; stuffed zeros, fill bytes and restarts are none."""

_SCAN, _END = 0xDA, 0xD9
_ADOBE, _COMMENT = 0xEE, 0xFE
_APPLICATIONS = range(0xE0, 0xF0)


def _jpeg(content: bytes, exif: bytes) -> Iterator[bytes]:
    """The segments, pixels and tables of the first picture; what cameras append behind it is a copy with metadata of its own."""
    yield content[:2]
    if exif:
        body = _EXIF_HEADING + exif
        yield struct.pack(">BBH", 0xFF, 0xE1, 2 + len(body)) + body
    place = 2
    while True:
        while content[place + 1] == 0xFF:  # noqa: PLR2004  a marker may be filled up in front
            place += 1
        prefix, marker = content[place], content[place + 1]
        if prefix != 0xFF:  # noqa: PLR2004  begins every marker
            raise ValueError("no marker where one must be")
        if marker == _END:
            yield content[place : place + 2]
            return
        (length,) = struct.unpack_from(">H", content, place + 2)
        after = place + 2 + length
        if after > len(content):
            raise ValueError("a segment ends behind the file")
        if marker == _SCAN:
            found = _ENTROPY_ENDS.search(content, after)
            if found is None:
                raise ValueError("no end")
            after = found.start()
        if _tells_of_pixels(marker, content[place + 4 : after]):
            yield content[place:after]
        place = after


def _tells_of_pixels(marker: int, body: bytes) -> bool:
    """True for all that a decoder reads, and for the names of the file format, the colour profile and Adobe's colours."""
    if marker not in _APPLICATIONS:
        return marker != _COMMENT
    return marker == _ADOBE or body.startswith((b"JFIF\0", b"ICC_PROFILE\0"))


_PNG_METADATA = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}


def _png(content: bytes, exif: bytes) -> Iterator[bytes]:
    """The chunks up to the end, what is behind it left out."""
    yield content[:8]
    place = 8
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        after = place + 12 + length
        if after > len(content):
            raise ValueError("a chunk ends behind the file")
        if kind == b"IDAT" and exif:
            yield struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
            exif = b""
        if kind not in _PNG_METADATA:
            yield content[place:after]
        if kind == b"IEND":
            return
        place = after


_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
"""Flags of the chunk VP8X."""


def _webp(content: bytes, exif: bytes) -> Iterator[bytes]:
    """The chunks without EXIF and XMP; the first one, where there is an extended one, says which of these follow."""
    chunks = []
    place = 12
    while place < len(content):
        kind, length = struct.unpack_from("<4sI", content, place)
        after = place + 8 + length + length % 2
        chunk = content[place:after]
        if len(chunk) < 8 + length:
            raise ValueError("a chunk ends behind the file")
        if kind == b"VP8X":
            flags = chunk[8] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if kind not in (b"EXIF", b"XMP "):
            chunks.append(chunk)
        place = after
    if exif:  # only an extended file has an orientation to keep
        chunks.append(struct.pack("<4sI", b"EXIF", len(exif)) + exif + bytes(len(exif) % 2))
    yield struct.pack("<4sI4s", b"RIFF", 4 + sum(map(len, chunks)), b"WEBP")
    yield from chunks


_GIF_EXTENSION, _GIF_COMMENT, _GIF_APPLICATION, _GIF_IMAGE, _GIF_END = 0x21, 0xFE, 0xFF, 0x2C, 0x3B
_GIF_SHOWN = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")
"""Application extensions that say how often an animation is shown, and in which colours."""


def _gif(content: bytes, _upright: bytes) -> Iterator[bytes]:
    """The blocks up to the trailer, without comments and the blocks of applications that say nothing of the pixels."""
    place = 13 + colour_bytes(content[10])
    yield content[:place]
    while content[place] != _GIF_END:
        if content[place] == _GIF_EXTENSION:
            after = _behind_pieces(content, place + 2)
            label, name = content[place + 1], content[place + 3 : place + 14]
            if label != _GIF_COMMENT and (label != _GIF_APPLICATION or name in _GIF_SHOWN):
                yield content[place:after]
        elif content[place] == _GIF_IMAGE:
            after = _behind_pieces(content, place + 10 + colour_bytes(content[place + 9]) + 1)
            yield content[place:after]
        else:
            raise ValueError("no block where one must be")
        place = after
    yield content[place : place + 1]


def _behind_pieces(content: bytes, place: int) -> int:
    """Where a row of pieces, each with its length in front, has ended."""
    while content[place]:
        place += 1 + content[place]
    return place + 1


_STRIPPERS: dict[str, Callable[[bytes, bytes], Iterator[bytes]]] = {"jpg": _jpeg, "png": _png, "webp": _webp, "gif": _gif}
