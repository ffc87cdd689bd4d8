"""Pictures that the tests of several filters look at."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image


def _photograph(seed: int) -> Image.Image:
    """Soft blobs of light, unlike those of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)


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
