"""What the bytes of an image say of its use."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from itertools import product
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wukong_build.web.embedded import image_signals

VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
FORMATS = ("JPEG", "PNG", "WEBP")
NOT_ALLOWED = {"c2pa.ai_training": {"use": "notAllowed"}}


def picture(kind: str, **options: Any) -> bytes:
    """A small picture as Pillow writes it."""
    if kind == "PNG" and "xmp" in options:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
    written = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(written, kind, **options)
    return written.getvalue()


def xmp(value: str, form: str = "<plus:DataMining>{}</plus:DataMining>") -> str:
    """An XMP packet with a data mining property."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/">'
        + form.format(value)
        + "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [*product(FORMATS, ["utf-8"]), *product(("JPEG", "WEBP"), ["utf-16-le", "utf-16-be"])],
)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DMI-PROHIBITED", ["DMI-PROHIBITED"]),
        ("DMI-PROHIBITED-AIMLTRAINING", ["DMI-PROHIBITED-AIMLTRAINING"]),
        ("DMI-PROHIBITED-GENAIMLTRAINING", ["DMI-PROHIBITED-GENAIMLTRAINING"]),
        ("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", ["DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING"]),
        ("DMI-PROHIBITED-SEECONSTRAINT", ["DMI-PROHIBITED-SEECONSTRAINT"]),
        ("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", ["DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR"]),
        ("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", ["DMI-PROHIBITED-SEELINKEDRIGHTSEXPR"]),
        ("DMI-PROHIBITED-AIMLTRAININGS", ["DMI-PROHIBITED"]),
        ("DMI-PROHIBITED-OFCOURSE", ["DMI-PROHIBITED"]),
        ("DMI-ALLOWED", []),
        ("DMI-UNSPECIFIED", []),
    ],
)
def test_data_mining_in_xmp(kind: str, encoding: str, value: str, expected: list[str]) -> None:
    """Every value that prohibits something withholds, whatever the format of the image and the encoding of its XMP.

    One that the vocabulary does not know counts as a plain prohibition.
    """
    content = picture(kind, xmp=xmp(VOCABULARY + value).encode(encoding))
    assert image_signals(content) == [f"xmp:{found}" for found in expected]


@pytest.mark.parametrize("form", ['<plus:DataMining rdf:resource="{}"/>', "<plus:DataMining>{}--></plus:DataMining>"])
def test_forms_of_the_property(form: str) -> None:
    """What surrounds the value does not matter."""
    content = picture("JPEG", xmp=xmp(VOCABULARY + "DMI-PROHIBITED", form).encode())
    assert image_signals(content) == ["xmp:DMI-PROHIBITED"]


def box(kind: bytes, content: bytes) -> bytes:
    """A box: length, kind, content."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


def superbox(label: str, kind: bytes, *boxes: bytes, private: bytes = b"") -> bytes:
    """A JUMBF superbox: a description with type and label, then its boxes."""
    type_id = kind + bytes.fromhex("00110010800000aa00389b71")
    toggles = b"\x13" if private else b"\x03"
    return box(b"jumb", box(b"jumd", type_id + toggles + label.encode() + b"\0" + private) + b"".join(boxes))


def manifest(*assertions: bytes) -> bytes:
    """A store with one manifest, as C2PA nests them."""
    return superbox("c2pa", b"c2pa", superbox("urn:c2pa:1", b"c2ma", superbox("c2pa.assertions", b"c2as", *assertions)))


def assertion(uses: dict[str, Any], label: str = "c2pa.training-mining", **options: Any) -> bytes:
    """A training and data mining assertion."""
    return superbox(label, b"cbor", box(b"cbor", cbor2.dumps({"entries": uses})), **options)


def in_jpeg(boxes: bytes, size: int = 60_000, instance: int = 1) -> bytes:
    """A JPEG with the boxes in as many APP11 segments as it takes; each repeats the header of the outermost."""
    jpeg = picture("JPEG")
    pieces = [boxes[at : at + size] for at in range(8, len(boxes), size)]
    payloads = [b"JP" + struct.pack(">HI", instance, number) + boxes[:8] + piece for number, piece in enumerate(pieces, 1)]
    segments = [b"\xff\xeb" + struct.pack(">H", len(payload) + 2) + payload for payload in payloads]
    return jpeg[:2] + b"".join(reversed(segments)) + jpeg[2:]


def in_png(boxes: bytes) -> bytes:
    """A PNG with a `caBX` chunk."""
    png = picture("PNG")
    chunk = struct.pack(">I", len(boxes)) + b"caBX" + boxes + struct.pack(">I", zlib.crc32(b"caBX" + boxes))
    return png[:33] + chunk + png[33:]


def in_webp(boxes: bytes) -> bytes:
    """A WebP with a `C2PA` chunk."""
    webp = picture("WEBP") + b"C2PA" + struct.pack("<I", len(boxes)) + boxes
    return webp[:4] + struct.pack("<I", len(webp) - 8) + webp[8:]


def in_avif(boxes: bytes) -> bytes:
    """An AVIF with a `uuid` box of C2PA's, as it stands after `ftyp`."""
    content = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"\0\0\0\0manifest\0" + bytes(8) + boxes
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"uuid", content) + box(b"mdat", bytes(100))


def in_gif(boxes: bytes) -> bytes:
    """A GIF with an application extension of C2PA's, in blocks of 255 bytes."""
    blocks = [boxes[at : at + 255] for at in range(0, len(boxes), 255)]
    extension = b"!\xff\x0bC2PA_GIF\1\0\0" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return picture("GIF")[:-1] + extension + b";"


def in_tiff(boxes: bytes) -> bytes:
    """A TIFF with a tag of C2PA's."""
    return picture("TIFF", tiffinfo={0xCD41: boxes})


@pytest.mark.parametrize("put", [in_jpeg, in_png, in_webp, in_avif, in_gif, in_tiff])
def test_a_manifest_is_found_in_every_format(put: Callable[[bytes], bytes]) -> None:
    """Wherever the format keeps its manifest."""
    content = put(manifest(superbox("c2pa.actions", b"cbor", box(b"cbor", b"\xa0")), assertion(NOT_ALLOWED)))
    assert image_signals(content) == ["c2pa:c2pa.ai_training=notAllowed"]


@pytest.mark.parametrize("size", [7, 40, 150])
def test_a_manifest_in_many_segments(size: int) -> None:
    """Segments of a JPEG are put together by their numbers, in whatever order they stand."""
    assert image_signals(in_jpeg(manifest(assertion(NOT_ALLOWED)), size)) == ["c2pa:c2pa.ai_training=notAllowed"]


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ({"cawg.ai_training": {"use": "notAllowed"}}, ["cawg.ai_training=notAllowed"]),
        (
            {"cawg.ai_generative_training": {"use": "constrained", "constraints_info": "ask"}},
            ["cawg.ai_generative_training=constrained"],
        ),
        ({"c2pa.data_mining": {"use": "notAllowed"}, "c2pa.ai_training": {"use": "allowed"}}, ["c2pa.data_mining=notAllowed"]),
        (
            {"c2pa.ai_training": {"use": "notAllowed"}, "c2pa.ai_generative_training": {"use": "notAllowed"}},
            ["c2pa.ai_generative_training=notAllowed", "c2pa.ai_training=notAllowed"],
        ),
        ({"c2pa.ai_inference": {"use": "notAllowed"}, "cawg.ai_training": {"use": "allowed"}}, []),
        ({"com.example.use": {"use": "notAllowed"}}, []),
        (
            {
                "cawg.ai_training": "notAllowed",
                "cawg.data_mining": {"use": 7},
                "c2pa.data_mining": {"use": ["notAllowed"]},
                7: {},
            },
            [],
        ),
        ({}, []),
    ],
)
def test_uses(uses: dict[Any, Any], expected: list[str]) -> None:
    """Training and mining that is not allowed, or constrained, withholds; inference alone does not."""
    content = in_png(manifest(assertion(uses, "cawg.training-mining")))
    assert image_signals(content) == [f"c2pa:{found}" for found in expected]


LONG = struct.pack(">I4sQ", 1, b"cbor", 16 + len(cbor2.dumps(NOT_ALLOWED))) + cbor2.dumps(NOT_ALLOWED)


@pytest.mark.parametrize(
    "found",
    [
        assertion(NOT_ALLOWED, "c2pa.training-mining__2"),
        assertion(NOT_ALLOWED, private=box(b"c2sh", bytes(16))),
        superbox("cawg.training-mining", b"cbor", box(b"cbor", cbor2.dumps(NOT_ALLOWED))),
        superbox("c2pa.training-mining", b"json", box(b"json", json.dumps({"entries": NOT_ALLOWED}).encode())),
        superbox("c2pa.training-mining", b"cbor", LONG),
        assertion({}) + assertion(NOT_ALLOWED),
    ],
    ids=["second", "salted", "no entries", "json", "long box", "two"],
)
def test_forms_of_the_assertion(found: bytes) -> None:
    """A numbered label, a salted description, JSON, and the early form without `entries` are read alike."""
    assert image_signals(in_png(manifest(found))) == ["c2pa:c2pa.ai_training=notAllowed"]


@pytest.mark.parametrize("kind", [*FORMATS, "GIF", "BMP", "TIFF", "AVIF"])
def test_an_image_that_says_nothing(kind: str) -> None:
    """It has no signals, whatever its pixels."""
    assert image_signals(picture(kind)) == []


def test_pixels_are_no_metadata() -> None:
    """What stands among the pixels of a JPEG is chance."""
    assert image_signals(picture("JPEG") + b"DMI-PROHIBITED") == []


@pytest.mark.hostile
@pytest.mark.parametrize(
    "content",
    [
        in_png(superbox("c2pa.training-mining", b"cbor", box(b"cbor", b"\x81" * 60_000))),
        in_png(superbox("c2pa.training-mining", b"cbor", box(b"cbor", b"\x9b\0\0\0\x7f\xff\xff\xff\xff"))),
        in_png(superbox("c2pa.training-mining", b"cbor", box(b"cbor", b"\xc2\x5a\0\0\xea\x60" + b"\xff" * 60_000))),
        in_png(superbox("c2pa.training-mining", b"json", box(b"json", b"[" * 60_000))),
        in_png(superbox("c2pa.training-mining", b"json", box(b"json", b"9" * 60_000))),
        in_png(b"\xff\xff\xff\xffjumd" + b"\0" * 17 + b"c2pa.training-mining\0"),
        b"jumd" + b"\0" * 17 + b"c2pa.training-mining\0",
        (b"\0\0\0\x2ejumd" + b"\0" * 17 + b"c2pa.training-mining\0\xff\xff\xff\xffcbor\x9f") * 100_000,
        b"\xff\xd8" + b"\xff" * 5_000_000,
        b"\xff\xd8" + b"\xff\xe1\0\2" * 1_000_000,
        b"\xff\xd8" + b"\xff\xeb\0\x0cJP\0\1\0\0\0\1" * 500_000,
        b"\xff\xd8\xff\xe1\0\0DMI",
        b"\xff\xd8",
        b"GIF89a!\xff\x0bC2PA_GIF\1\0\0" + b"\1." * 2_000_000,
        b"GIF89a!\xff\x0bC2PA_GIF",
        b"",
        b"DMI-PROHIBITED-" * 10,
        b"jumd" * 1_000_000 + b".training-mining",
    ],
)
def test_hostile_bytes_cost_little(content: bytes) -> None:
    """Bytes made to be deep, endless or slow are work for a moment, and raise nothing."""
    assert {signal.partition(":")[0] for signal in image_signals(content)} <= {"xmp"}


def test_the_signals_of_an_image_are_few() -> None:
    """However many values and assertions it holds."""
    words = ("".join(letters) for letters in product("ABCDEFGHIJ", repeat=5))
    values = b" ".join(f"DMI-PROHIBITED-{word}".encode() for word in words)
    answers = [assertion({f"{by}.use{number}": {"use": "notAllowed"} for number in range(500)}) for by in ("c2pa", "cawg")]
    assert image_signals(in_png(manifest(*answers, assertion(NOT_ALLOWED), assertion(NOT_ALLOWED))) + values) == [
        "c2pa:c2pa.ai_training=notAllowed",
        "xmp:DMI-PROHIBITED",
    ]


@given(st.binary(max_size=40), st.sampled_from([in_jpeg, in_png]))
def test_any_assertion_is_survived(content: bytes, put: Callable[[bytes], bytes]) -> None:
    """No bytes of an assertion raise."""
    image_signals(put(superbox("c2pa.training-mining", b"cbor", box(b"cbor", content))))


@given(st.integers(0, 60_000), st.binary(max_size=12))
def test_any_tag_is_survived(tag: int, content: bytes) -> None:
    """No tag of CBOR (dates, fractions, patterns, mail …) raises, whatever it holds."""
    for value in (content, content.decode("latin-1"), [content], [1, 0], [10**9, 1], {"a": content}, -1.5, None):
        tagged = cbor2.dumps(cbor2.CBORTag(tag % 300 if tag < 50_000 else tag, value))
        image_signals(in_png(superbox("c2pa.training-mining", b"cbor", box(b"cbor", b"\xa1\x67entries" + tagged))))


@given(st.lists(st.sampled_from([b"\xff\xd8", b"\xff\xeb", b"\0\x10", b"JP\0\1", b"\xff\xda", b"\xff", b"\0"]), max_size=30))
def test_any_segments_are_survived(pieces: list[bytes]) -> None:
    """No arrangement of markers raises."""
    image_signals(b"\xff\xd8" + b"".join(pieces))
