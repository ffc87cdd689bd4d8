"""How much of an image is bars along its edges."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.filters.border_share import BorderShare


def score(*images: bytes | None) -> list[float | None]:
    """What the link says of these files."""
    return BorderShare().score(Batch(pa.table({"key": [*map(str, range(len(images)))]}), lambda: images)).to_pylist()  # type: ignore[no-any-return]


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """The file."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def framed(
    left: int,
    top: int,
    right: int,
    bottom: int,
    colours: tuple[str, str] = ("black", "black"),
    size: tuple[int, int] = (400, 300),
) -> Image.Image:
    """Noise with bars of these widths: those above and below of the first colour, those at the sides of the second."""
    image = Image.new("RGB", size, colours[0])
    image.paste(colours[1], (0, top, size[0], size[1] - bottom))
    width, height = size[0] - left - right, size[1] - top - bottom
    content = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    image.paste(Image.fromarray(content), (left, top))
    return image


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("none", framed(0, 0, 0, 0), 0),
        ("letterbox", framed(0, 30, 0, 30), 0.2),
        ("pillarbox", framed(50, 0, 50, 0), 0.25),
        ("below alone", framed(0, 0, 0, 60), 0.2),
        ("right alone", framed(0, 0, 100, 0), 0.25),
        ("a frame", framed(40, 30, 40, 30, ("white", "white")), 0.36),
        ("bars of two colours", framed(40, 30, 40, 30, ("black", "white")), 0.36),
        ("one colour", Image.new("RGB", (70, 50), "teal"), 1),
        ("one pixel", Image.new("RGB", (1, 1), "teal"), 1),
        ("two halves", framed(0, 150, 0, 150), 1),
        ("a ramp from above", Image.linear_gradient("L"), 18 / 256),
    ],
)
def test_border_share(name: str, image: Image.Image, expected: float) -> None:
    """The area of uniform rows and columns at the edges, by all; a slow change is no bar beyond the tolerance."""
    assert score(saved(image)) == [pytest.approx(expected)]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("colours", [("black", "black"), ("white", "white"), ("navy", "navy")])
def test_loss_hides_no_bar(kind: str, quality: int, colours: tuple[str, str]) -> None:
    """A bar of a JPEG or WebP is found through its noise, give or take the rows at its edge."""
    image = framed(0, 200, 0, 200, colours, (1280, 960))
    assert score(saved(image, kind, quality=quality)) == [pytest.approx(400 / 960, abs=0.04)]


def test_a_photograph_has_none(photographs: list[Image.Image]) -> None:
    """Where nothing is uniform nothing is a bar."""
    assert max(share or 0 for share in score(*map(saved, photographs))) < 0.05


def test_a_strip_is_looked_at_in_parts() -> None:
    """A very long picture is reduced along its length alone."""
    assert score(saved(framed(0, 0, 20_000, 0, size=(40_000, 10)))) == [pytest.approx(0.5, abs=0.01)]


def test_what_does_not_decode_has_none(jpeg: bytes) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert score(None, b"", jpeg[:2000]) == [None] * 3
