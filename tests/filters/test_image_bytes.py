"""The size of an image's file, as the crawl has it."""

from __future__ import annotations

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.filters.image_bytes import ImageBytes


def test_image_bytes() -> None:
    """The crawl's own column as it stands: 5,000 bytes stay where 5,000 are asked for; null where no image came."""
    recorded = pa.array([0, 4_999, 5_000, 3_000_000_000, None], pa.int64())
    score = ImageBytes().score(Batch(pa.table({"image_bytes": recorded})))
    assert score.equals(recorded)
    assert ImageBytes(at_least=5_000).keep(score).to_pylist() == [False, False, True, True, False]
