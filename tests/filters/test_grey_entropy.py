"""How many different levels of brightness an image has."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import png, values
from PIL import Image

from wukong_build.filters.grey_entropy import GreyEntropy
from wukong_build.picture import Picture


@pytest.mark.parametrize(
    ("name", "levels", "expected"),
    [
        ("white", np.full((50, 50), 255), 0),
        ("one pixel", np.zeros((1, 1)), 0),
        ("half and half", np.repeat([0, 255], 1000).reshape(50, 40), 1),
        ("half and half, nearly alike", np.repeat([7, 8], 1000).reshape(50, 40), 1),
        ("four levels", np.repeat([0, 1, 2, 3], 500).reshape(50, 40), 2),
        ("every level as often", np.arange(256).reshape(16, 16), 8),
        ("a tenth black", np.repeat([0, *[255] * 9], 200).reshape(50, 40), -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)),
    ],
)
def test_grey_entropy(name: str, levels: np.ndarray, expected: float) -> None:
    """Shannon's entropy of the 256 levels: 0 where there is but one, 8 where each is as frequent."""
    assert values(GreyEntropy(), [png(levels)]) == [pytest.approx(expected)]


def test_it_is_that_of_the_grey_picture(photographs: list[Image.Image]) -> None:
    """As Pillow says it is, for photographs."""
    files = [png(np.asarray(image)) for image in photographs]
    greys = [Picture(content).grey for content in files]
    expected = [grey.entropy() for grey in greys if grey is not None]
    assert values(GreyEntropy(), files) == pytest.approx(expected)
    assert min(expected) > 6


def test_what_does_not_decode_has_none(broken: list[bytes | None]) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert values(GreyEntropy(), broken) == [None] * len(broken)
