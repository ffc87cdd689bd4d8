"""Pictures that the tests of several filters look at."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw


def _photograph(seed: int) -> Image.Image:
    """Soft blobs of light, unlike those of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)


def _leaves(seed: int, side: int = 1200) -> Image.Image:
    """Discs before discs, of all sizes and levels."""
    rng = np.random.default_rng(seed)
    picture = Image.new("L", (side, side))
    for _ in range(500):
        radius = side / 4 * rng.random() ** 3 + 4
        x, y = rng.integers(0, side, 2)
        ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), int(rng.integers(256)))
    return picture


@pytest.fixture(scope="session")
def leaves() -> list[Image.Image]:
    """Six large pictures with edges and detail at every scale, as photographs have them."""
    return [_leaves(seed) for seed in range(6)]


@pytest.fixture
def photographs() -> list[Image.Image]:
    """Twenty pictures that look nothing alike."""
    return [_photograph(seed) for seed in range(20)]


@pytest.fixture
def jpeg() -> bytes:
    """A file that decodes."""
    file = io.BytesIO()
    _photograph(0).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def flat() -> list[Image.Image]:
    """Pictures of one colour, specks, and the plainest patterns."""
    sizes = [Image.new("RGB", (50, 40), "white"), Image.new("L", (32, 32)), Image.new("L", (1, 1)), Image.new("L", (3, 900), 7)]
    return [*sizes, Image.linear_gradient("L"), Image.radial_gradient("L")]


@pytest.fixture
def broken(jpeg: bytes) -> list[bytes | None]:
    """No bytes, no image, and a file without its end."""
    return [None, b"", b"<html>", jpeg[: len(jpeg) * 99 // 100]]
