"""Pictures made to break, hang or fill whatever looks at them: every link that looks at pictures has a number for each, or null.

That a link is done in bearable time is what the time limit of all tests checks.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.chain import link_class, link_names
from wukong_build.links import Filter, Link, Measure
from wukong_build.picture import FORMATS, Picture

LINKS: list[Link] = [link for name in link_names() if "image" in (link := link_class(name, "tests")()).reads]

GIF_HEADER = b"GIF89a" + struct.pack("<HHBBB", 64, 48, 0x80, 0, 0) + bytes(6)
GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"


def measured(content: bytes) -> dict[str, object]:
    """What every link that looks at pictures says of this one."""
    batch = Batch(pa.table({"key": ["a"]}), lambda: [content])
    columns: dict[str, pa.Array] = {}
    for link in LINKS:
        assert isinstance(link, Filter | Measure)
        columns |= link.measure(batch)
    return {name: values[0].as_py() for name, values in columns.items()}


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *extra: bytes, colour: int = 0) -> bytes:
    """A black PNG of this size, with further chunks before its pixels."""
    row = bytes(1 + width * {0: 1, 2: 3, 6: 4}[colour])
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND")


def saved(kind: str, **how: object) -> bytes:
    """A red picture of 64 by 48 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, kind, **how)
    return file.getvalue()


def jpeg(block: bytes, times: int) -> bytes:
    """A JPEG with this so many times before everything else."""
    whole = saved("JPEG")
    return whole[:2] + block * times + whole[2:]


def bmp(width: int, height: int, pixels: bytes) -> bytes:
    """A run-length-encoded BMP of this size, with these runs."""
    start = 54 + 1024
    file = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return file + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0) + bytes(1024) + pixels


def claiming(kind: str, box: bytes, place: int, claim: bytes) -> bytes:
    """A file of this kind with a claim written over what stands so far behind the name of a box."""
    whole = bytearray(saved(kind, **({"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"} if kind == "WEBP" else {})))
    start = whole.index(box) + place
    whole[start : start + len(claim)] = claim
    return bytes(whole)


def mpo(entries: int) -> bytes:
    """A JPEG that claims so many further pictures, none of which is there."""
    fields = struct.pack(">HHII", 0xB000, 7, 4, 0x30313030) + struct.pack(">HHII", 0xB001, 4, 1, entries)
    fields += struct.pack(">HHII", 0xB002, 7, 16 * entries, 50)
    body = b"MPF\0MM\0*\0\0\0\x08\0\x03" + fields + bytes(4) + bytes(min(16 * entries, 60_000))
    return jpeg(b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body, 1)


def tiff(**tags: int) -> bytes:
    """A TIFF with numbers of its own behind these tags."""
    whole = bytearray(saved("TIFF"))
    (start,) = struct.unpack_from("<I", whole, 4)
    (count,) = struct.unpack_from("<H", whole, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", whole, place)
        if f"tag_{tag}" in tags:
            struct.pack_into("<HII", whole, place + 2, 4, 1, tags[f"tag_{tag}"])
    return bytes(whole)


bomb = zlib.compress(bytes(50_000_000), 9)

HOSTILE: dict[str, tuple[Callable[[], bytes], int]] = {
    "a strip of 20 million pixels": (partial(png, 20_000_000, 1), 1),
    "an upright strip": (partial(png, 5, 2_000_000), 1),
    "a plain of 25 million pixels": (partial(png, 5000, 5000, colour=6), 1),
    "more pixels than are ever decoded": (partial(png, 180_000_000, 1), 0),
    "a PNG with an unpacked text of 50 MB": (partial(png, 64, 48, chunk(b"zTXt", b"a\0\0" + bomb)), 0),
    "a PNG with an unpacked profile of 50 MB": (partial(png, 64, 48, chunk(b"iCCP", b"a\0\0" + bomb)), 0),
    "a PNG with a million chunks": (partial(png, 64, 48, chunk(b"prVt") * 1_000_000), 0),
    "an APNG that claims two billion frames": (partial(png, 64, 48, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))), 1),
    "an APNG with 100,000 frames": (
        lambda: png(64, 48, chunk(b"acTL", struct.pack(">II", 100_000, 0))) + chunk(b"fcTL", bytes(26)) * 100_000,
        1,
    ),
    "a JPEG with a million comments": (partial(jpeg, b"\xff\xfe\x00\x02", 1_000_000), 1),
    "a JPEG with a million EXIF segments": (partial(jpeg, b"\xff\xe1\x00\x09Exif\0\0x", 1_000_000), 0),
    "a JPEG with 20 MB of fill bytes": (partial(jpeg, b"\xff", 20_000_000), 0),
    "a JPEG with a profile of 20 MB": (partial(jpeg, b"\xff\xe2\xff\xffICC_PROFILE\0\x01\x01" + bytes(65519), 300), 1),
    "an MPO that claims 200 million pictures": (partial(mpo, 200_000_000), 1),
    "an MPO of 3,000 pictures that are not there": (partial(mpo, 3000), 1),
    "a GIF with 100,000 frames": (lambda: GIF_HEADER + GIF_FRAME * 100_000, 1),
    "a GIF with a comment of 10 MB": (lambda: GIF_HEADER + b"!\xfe" + (b"\xff" + b"," * 255) * 40_000 + b"\0" + GIF_FRAME, 0),
    "a GIF with 20 MB of nothing": (lambda: GIF_HEADER + bytes(20_000_000) + GIF_FRAME, 0),
    "a GIF with a screen of 65,535 pixels a side": (lambda: b"GIF89a" + b"\xff" * 4 + b"\x80\0\0" + bytes(6) + GIF_FRAME, 0),
    "a BMP of a million runs": (partial(bmp, 1_000_000, 1, b"\x01\0" * 1_000_000), 1),
    "a BMP that jumps": (partial(bmp, 5000, 5000, b"\0\x02\0\xff" * 20), 1),
    "a WebP that claims a screen of 16,384 pixels a side": (partial(claiming, "WEBP", b"VP8X", 12, b"\xff\x3f\0" * 2), 0),
    "an AVIF that claims 60,000 pixels a side": (partial(claiming, "AVIF", b"ispe", 8, struct.pack(">II", 60_000, 60_000)), 0),
    "a TIFF that claims 60,000 pixels a side": (partial(tiff, tag_256=60_000, tag_257=60_000), 0),
    "a TIFF with four billion rows a strip": (partial(tiff, tag_278=2**32 - 1), 1),
    "a TIFF with four billion samples a pixel": (partial(tiff, tag_277=2**32 - 1), 0),
    "a TIFF whose pixels lie behind its end": (partial(tiff, tag_273=2**31), 0),
}
"""What it is → what makes it, and whether it is `decodable`."""


@pytest.mark.parametrize(("make", "decodable"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_pictures(make: Callable[[], bytes], decodable: int) -> None:
    """Either the first picture is there and every link measures it, or no link that needs pixels does."""
    told = measured(make())
    assert told["decodable"] == decodable
    needs_pixels = set(told) - {"decodable", "frame_count", "transparency"}
    assert {told[name] is not None for name in needs_pixels} == {bool(decodable)}


def test_the_picture_that_fills_memory_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a strip is bounded along its length as well, whichever way it lies."""
    for width, height in ((3_000_000, 1), (2, 1_000_000), (100_000, 300)):
        grey = Picture(png(width, height)).grey
        assert grey is not None
        assert max(grey.size) <= 8192
        assert min(grey.size) == min(width, height)


def test_pictures_that_broke_pillow(shared: Path) -> None:
    """Of some 380 files that once broke Pillow, or were made to, those decode which Pillow can, and all have their numbers.

    Two JPEGs lack data that Pillow paints over without a word.
    """
    damaged = {"hopper_bad_exif.jpg", "truncated_app14.jpg"}
    folder = shared / "hostile" / "images"
    index = {entry["file"]: entry for entry in json.loads((folder / "pillow-index.json").read_text())}
    for name, entry in index.items():
        told = measured((folder / "pillow" / name).read_bytes())
        known = entry.get("format") in FORMATS
        assert told["decodable"] == (known and entry["pil"] == "ok" and name not in damaged), name
        if entry["pil"] == "ok":
            assert (told["frame_count"] is not None) == known, name
        if told["decodable"] and not any(lie in name for lie in ("syntax_num_frames", "repeat_fctl", "multi_actl")):
            assert told["frame_count"] == entry["frames"], name
            assert None not in told.values(), name
