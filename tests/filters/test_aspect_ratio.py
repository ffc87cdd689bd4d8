"""The aspect ratio, from the header alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.aspect_ratio import AspectRatio


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (600, 200, 3.0),
        (200, 600, 3.0),
        (7, 7, 1.0),
        (3, 2, 1.5),
        (2**31 - 1, 1, 2147483647.0),
        (None, 480, None),
        (640, None, None),
        (0, 480, None),
        (640, 0, None),
        (0, 0, None),
    ],
)
def test_aspect_ratio(width: int | None, height: int | None, expected: float | None) -> None:
    """The longer side over the shorter one, whichever way it lies; null where a side is unknown or zero."""
    batch = Batch(pa.table({"width": pa.array([width], pa.int32()), "height": pa.array([height], pa.int32())}))
    assert AspectRatio().score(batch).equals(pa.array([expected], pa.float64()))
