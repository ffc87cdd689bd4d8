"""How much fine detail an image shows."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageFilter

from wukong_build.batch import Batch
from wukong_build.filters.sharpness import LONGER_SIDE, SIDE, Sharpness


def score(*images: bytes | None) -> list[float]:
    """What the link says of these files."""
    return Sharpness().score(Batch(pa.table({"key": [*map(str, range(len(images)))]}), lambda: images)).to_pylist()  # type: ignore[no-any-return]


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    """The file."""
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def test_it_is_the_variance_of_the_laplacian() -> None:
    """At 256 pixels nothing is resized, and it is what the formula says."""
    levels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE + 60), np.uint8)
    x = levels.astype(int)
    laplacian = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] - 4 * x[1:-1, 1:-1]
    assert score(saved(Image.fromarray(levels))) == [pytest.approx(laplacian.var())]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_blur_lowers_it(kind: str, seed: int, leaves: list[Image.Image]) -> None:
    """The more a picture is blurred, the lower: a blur of 2 pixels in 1,200 loses much, one of 8 nearly all."""
    image = leaves[seed]
    blurred = [image.filter(ImageFilter.GaussianBlur(radius)) for radius in (2, 4, 8)]
    sharp, *others = score(*(saved(each, kind) for each in (image, *blurred)))
    assert [other / sharp for other in others] == sorted((other / sharp for other in others), reverse=True)
    assert others[0] < 0.75 * sharp
    assert others[2] < 0.1 * sharp


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_how_large_a_picture_is_stored_counts_little(kind: str, seed: int, leaves: list[Image.Image]) -> None:
    """From 256 pixels on a picture has nearly the same sharpness at every size and in every format."""
    image = leaves[seed]
    sizes = [image.resize((side, side), Image.Resampling.LANCZOS) for side in (280, 400, 700, 1000)]
    (expected,) = score(saved(image))
    assert score(*(saved(each, kind) for each in sizes)) == pytest.approx([expected] * 4, rel=0.4)


def test_a_picture_blown_up_is_not_sharp(leaves: list[Image.Image]) -> None:
    """What was stored too small, and enlarged, has lost its detail."""
    image = leaves[0]
    small = image.resize((100, 100), Image.Resampling.LANCZOS)
    sharp, blown_up, tiny = score(saved(image), saved(small.resize((1000, 1000), Image.Resampling.BICUBIC)), saved(small))
    assert blown_up < 0.3 * sharp
    assert tiny < 0.3 * sharp


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 5000), (5000, 1), (100, 40_000)])
def test_strips_and_specks(size: tuple[int, int]) -> None:
    """One level has no detail, however thin or small; a strip is looked at with no more than 1,024 pixels of length."""
    assert score(saved(Image.new("L", size, 200))) == [0]
    assert LONGER_SIDE >= SIDE


def test_what_does_not_decode_has_none(jpeg: bytes) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert score(None, b"", jpeg[:2000]) == [None] * 3
