"""How much the brightness of an image varies."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import png, values
from PIL import Image

from wukong_build.filters.grey_deviation import GreyDeviation
from wukong_build.picture import Picture


@pytest.mark.parametrize(
    ("name", "levels", "expected"),
    [
        ("white", np.full((50, 50), 255), 0),
        ("one pixel", np.zeros((1, 1)), 0),
        ("black and white", np.repeat([0, 255], 1000).reshape(50, 40), 127.5),
        ("a ramp", np.tile(np.arange(100), (50, 1)), np.arange(100).std()),
        ("a quarter of it brighter", np.repeat([10, 20, 10, 10], 500).reshape(50, 40), np.std([10, 20, 10, 10])),
    ],
)
def test_grey_deviation(name: str, levels: np.ndarray, expected: float) -> None:
    """The standard deviation of all grey levels, 0 where there is but one."""
    assert values(GreyDeviation(), [png(levels)]) == [pytest.approx(expected)]


def test_it_is_that_of_the_grey_picture(photographs: list[Image.Image]) -> None:
    """As numpy says it is, for photographs, which lie far above what is blank."""
    files = [png(np.asarray(image)) for image in photographs]
    expected = [np.asarray(Picture(content).grey).std() for content in files]
    assert values(GreyDeviation(), files) == pytest.approx(expected)
    assert min(expected) > 20


def test_what_does_not_decode_has_none(broken: list[bytes | None]) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert values(GreyDeviation(), broken) == [None] * len(broken)
