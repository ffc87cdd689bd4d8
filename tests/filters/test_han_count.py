"""The number of Han characters."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.han_count import HanCount


@pytest.mark.parametrize(
    ("caption", "expected"),
    [("红烧肉", 3), ("iPhone 手机壳，新款！", 5), ("𠮷野家", 3), ("カメラ", 0), ("abc 123", 0), ("", 0), (None, None)],
)
def test_han_count(caption: str | None, expected: int | None) -> None:
    """Characters are counted, on all planes; letters, digits, kana and punctuation are not; null where there is no caption."""
    batch = Batch(pa.table({"caption": pa.array([caption], pa.string())}))
    assert HanCount().score(batch).equals(pa.array([expected], pa.int32()))
