"""The longer side, from the header alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.longer_side import LongerSide


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (640, 480, 640),
        (480, 640, 640),
        (1, 1, 1),
        (2**31 - 1, 1, 2**31 - 1),
        (None, 480, None),
        (640, None, None),
        (None, None, None),
        (0, 480, None),
        (640, 0, None),
    ],
)
def test_longer_side(width: int | None, height: int | None, expected: int | None) -> None:
    """The larger of width and height, so a turned image has the same; null where either is unknown or zero."""
    batch = Batch(pa.table({"width": pa.array([width], pa.int32()), "height": pa.array([height], pa.int32())}))
    assert LongerSide().score(batch).equals(pa.array([expected], pa.int32()))
