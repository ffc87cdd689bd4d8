"""How many pixels an image has, from the header alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.pixel_count import PixelCount


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (640, 480, 307_200),
        (480, 640, 307_200),
        (1, 1, 1),
        (2**31 - 1, 2**31 - 1, (2**31 - 1) ** 2),
        (None, 480, None),
        (640, None, None),
        (0, 480, None),
        (640, 0, None),
    ],
)
def test_pixel_count(width: int | None, height: int | None, expected: int | None) -> None:
    """Width times height, however large; null where either is unknown or zero."""
    batch = Batch(pa.table({"width": pa.array([width], pa.int32()), "height": pa.array([height], pa.int32())}))
    assert PixelCount().score(batch).equals(pa.array([expected], pa.int64()))
