"""How small an image is, from its header alone."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter


class ShorterSide(Filter, frozen=True, kw_only=True):
    """The shorter of width and height, in pixels."""

    reads: ClassVar[tuple[str, ...]] = ("width", "height")
    meaning: ClassVar[str] = "shorter of width and height, in pixels; more is better"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """Pixels; null where the header told no size."""
        side = pc.min_element_wise(batch["width"], batch["height"], skip_nulls=False)
        return pc.if_else(pc.greater(side, 0), side, None)
