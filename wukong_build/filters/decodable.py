"""Whether the whole of an image decodes."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter


class Decodable(Filter, frozen=True, kw_only=True):
    """1 where all pixels of the image (of an animation, of its first frame) can be decoded, 0 where not."""

    reads: ClassVar[tuple[str, ...]] = ("image",)
    version: ClassVar[int] = 2
    meaning: ClassVar[str] = "1 if the whole image decodes, 0 if it is truncated, damaged, a bomb or no image"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """0 or 1; null where the crawl got no bytes."""
        return pa.array([None if picture is None else int(picture.grey is not None) for picture in batch.pictures()], pa.int32())
