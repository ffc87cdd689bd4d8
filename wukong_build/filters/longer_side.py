"""How large an image is along its longer side, from its header alone."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter


class LongerSide(Filter, frozen=True, kw_only=True):
    """The longer of width and height, in pixels, whichever way the image is turned."""

    reads: ClassVar[tuple[str, ...]] = ("width", "height")
    meaning: ClassVar[str] = "longer of width and height, in pixels"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """Pixels; null where the header told no size."""
        shorter = pc.min_element_wise(batch["width"], batch["height"], skip_nulls=False)
        longer = pc.max_element_wise(batch["width"], batch["height"], skip_nulls=False)
        return pc.if_else(pc.greater(shorter, 0), longer, None)
