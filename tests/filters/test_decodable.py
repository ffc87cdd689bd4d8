"""Whether an image decodes."""

from __future__ import annotations

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.filters.decodable import Decodable


def test_decodable(jpeg: bytes) -> None:
    """1 for a whole image; 0 for a truncated one, for bytes that are none, and for no bytes; null where nothing was fetched."""
    images = [jpeg, jpeg[: len(jpeg) * 99 // 100], b"<html>404</html>", b"", None]
    batch = Batch(pa.table({"key": list("abcde")}), lambda: images)
    assert Decodable().score(batch).equals(pa.array([1, 0, 0, 0, None], pa.int32()))
