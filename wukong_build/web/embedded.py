"""What the bytes of an image say of its use: the data mining property of XMP, and assertions of a C2PA manifest.

Reads no pixels, and of containers only those of JPEG and GIF: elsewhere XMP and manifest lie in one piece, where a search
finds them (PNG, WebP, AVIF, TIFF).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import cbor2

AT_MOST_SEGMENTS = 1_024
"""How many segments of a JPEG are told apart; where there are more, all of it is searched."""

AT_MOST_BLOCKS = 65_536
"""How many blocks of a GIF's manifest are put together: 16 MB, where a writer fills them."""

AT_MOST_ASSERTIONS = 16
"""How many assertions of an image are read."""

AT_MOST_BYTES = 65_536
"""How much of one assertion is read; real ones have some hundred bytes."""

_CONSTRAINTS = (
    "AIMLTRAINING",
    "EXCEPTSEARCHENGINEINDEXING",
    "GENAIMLTRAINING",
    "SEECONSTRAINT",
    "SEEEMBEDDEDRIGHTSEXPR",
    "SEELINKEDRIGHTSEXPR",
)
"""What may follow DMI-PROHIBITED in the PLUS vocabulary; with any other word it counts as what it begins with."""


def _prohibited(encoding: str) -> re.Pattern[bytes]:
    """The values that prohibit, as an encoding has them."""
    start, dash = "DMI-PROHIBITED".encode(encoding), "-".encode(encoding)
    words = b"|".join(word.encode(encoding) for word in _CONSTRAINTS)
    return re.compile(start + b"(?:" + dash + b"(?:" + words + b")(?![A-Z]))?")


_PROHIBITED = _prohibited("utf-8")
_PROHIBITED_WIDE = _prohibited("utf-16-le")
_WIDE = b"\0D\0M\0I\0-\0P\0R\0O\0H"
"""How every value that prohibits begins in UTF-16 of either byte order, after the slash before it."""

_ASSERTION = re.compile(rb"jumd.{17}(?:c2pa|cawg)\.training-mining[^\0]{0,64}\0", re.DOTALL)
"""The description that opens an assertion (ISO 19566-5): type (16 bytes), toggles, label."""

_GIF_BLOCKS = b"\x21\xff\x0bC2PA_GIF"

_TRAINING = frozenset(
    f"{by}.{use}" for by in ("c2pa", "cawg") for use in ("data_mining", "ai_training", "ai_generative_training")
)
"""Uses that a dataset is for; `ai_inference` is another matter."""

_WITHHOLDING = frozenset({"notAllowed", "constrained"})
"""CAWG: "constrained shall be treated as equivalent to notAllowed" where nothing more is known."""


def image_signals(content: bytes) -> list[str]:
    """The signals in a file by which its makers withhold it, of whatever format it is."""
    segments = _segments(content)
    if segments is None:
        return _signals(content, _gif_manifest(content) if content[:3] == b"GIF" else content)
    # The pixels of a JPEG, nearly all of it, are not searched: 4 µs in place of 60.
    return _signals(b"\xff".join(segments), _manifest(segments)) if segments else []


def _signals(metadata: bytes, manifest: bytes) -> list[str]:
    """The signals of XMP found in some bytes, and of a manifest found in others."""
    return sorted({*_xmp_signals(metadata), *_c2pa_signals(manifest)})


def _segments(content: bytes) -> list[bytes] | None:
    """The application segments of a JPEG: marker, length, content; None where it is no JPEG, or none that can be followed."""
    if content[:2] != b"\xff\xd8":
        return None
    segments: list[bytes] = []
    at = 2
    for _ in range(AT_MOST_SEGMENTS):
        marker, length = content[at + 1 : at + 2], int.from_bytes(content[at + 2 : at + 4])
        if marker == b"\xda":  # the pixels
            return segments
        if content[at : at + 1] != b"\xff" or length < 2 or marker == b"\xff":  # noqa: PLR2004  its own length
            return None
        if b"\xe1" <= marker <= b"\xef":
            segments.append(content[at + 1 : at + 2 + length])
        at += 2 + length
    return None


def _manifest(segments: list[bytes]) -> bytes:
    """The boxes that APP11 segments carry, put together: by instance (2 bytes) and sequence (4) after the marker `JP`."""
    pieces = sorted((segment[5:7], segment[7:11], place) for place, segment in enumerate(segments) if _is_box(segment))
    boxes, before = [], b""
    for instance, _, place in pieces:
        box = segments[place][11:]
        boxes.append(box if instance != before else box[16 if box[:4] == b"\0\0\0\1" else 8 :])  # each repeats the header
        before = instance
    return b"".join(boxes)


def _gif_manifest(content: bytes) -> bytes:
    """The boxes that a GIF carries in blocks of at most 255 bytes, put together."""
    found = content.find(_GIF_BLOCKS)
    if found < 0:
        return b""
    at = found + len(_GIF_BLOCKS) + 3  # three more bytes belong to the name
    blocks: list[bytes] = []
    while content[at : at + 1] > b"\0" and len(blocks) < AT_MOST_BLOCKS:
        blocks.append(content[at + 1 : at + 1 + content[at]])
        at += 1 + content[at]
    return b"".join(blocks)


def _is_box(segment: bytes) -> bool:
    return segment[0] == 0xEB and segment[3:5] == b"JP"  # noqa: PLR2004  the marker of APP11


def _xmp_signals(metadata: bytes) -> Iterator[str]:
    """Every value of the PLUS vocabulary that prohibits something: what a constraint asks for cannot be read by a machine."""
    narrow = _PROHIBITED.finditer(metadata) if b"DMI-PROHIBITED" in metadata else ()
    wide = _PROHIBITED_WIDE.finditer(metadata) if _WIDE in metadata else ()
    values = {found[0] for found in chain(narrow, wide)}
    yield from ("xmp:" + value.replace(b"\0", b"").decode() for value in values)


def _c2pa_signals(manifest: bytes) -> Iterator[str]:
    """What the assertions of any manifest in the file withhold: an image made from a withheld one is withheld too."""
    if b".training-mining" not in manifest:
        return
    for description in islice(_ASSERTION.finditer(manifest), AT_MOST_ASSERTIONS):
        assertion = _assertion(manifest, description.start() - 4)
        entries = assertion.get("entries", assertion) if isinstance(assertion, dict) else None  # early ones had no `entries`
        for use, entry in entries.items() if isinstance(entries, dict) else ():
            answer = entry.get("use") if isinstance(entry, dict) else None
            if use in _TRAINING and isinstance(answer, str) and answer in _WITHHOLDING:
                yield f"c2pa:{use}={answer}"


def _assertion(manifest: bytes, description: int) -> Any:
    """The content of an assertion, from where its description begins; None where it cannot be read."""
    at = description + int.from_bytes(manifest[max(0, description) : description + 4])
    length, kind = int.from_bytes(manifest[at : at + 4]), manifest[at + 4 : at + 8]
    header = 16 if length == 1 else 8
    if length == 1:
        length = int.from_bytes(manifest[at + 8 : at + 16])
    content = manifest[at + header : at + min(length or AT_MOST_BYTES, AT_MOST_BYTES)]
    try:
        return cbor2.loads(content, max_depth=16) if kind == b"cbor" else json.loads(content) if kind == b"json" else None
    except (cbor2.CBORError, ValueError, RecursionError):
        return None
