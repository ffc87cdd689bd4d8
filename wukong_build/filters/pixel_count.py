"""How many pixels an image has, from its header alone: an upper bound refuses bombs before anything is decoded."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter


class PixelCount(Filter, frozen=True, kw_only=True):
    """Width times height; of an animation, of one frame."""

    reads: ClassVar[tuple[str, ...]] = ("width", "height")
    meaning: ClassVar[str] = "width times height, in pixels"
    score_type: ClassVar[pa.DataType] = pa.int64()

    def score(self, batch: Batch) -> pa.Array:
        """Pixels; null where the header told no size."""
        width, height = (batch[side].cast(pa.int64()) for side in self.reads)
        return pc.if_else(pc.greater(pc.min_element_wise(width, height), 0), pc.multiply(width, height), None)
