"""How far an image is from a square, from its header alone."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter


class AspectRatio(Filter, frozen=True, kw_only=True):
    """The longer side over the shorter one: 1.0 is a square, whichever way the image lies."""

    reads: ClassVar[tuple[str, ...]] = ("width", "height")
    meaning: ClassVar[str] = "longer side over shorter side; 1.0 is a square, banners are far above 3"

    def score(self, batch: Batch) -> pa.Array:
        """1.0 or more; null where the header told no size."""
        shorter = pc.min_element_wise(batch["width"], batch["height"], skip_nulls=False)
        longer = pc.max_element_wise(batch["width"], batch["height"], skip_nulls=False)
        divisor = pc.if_else(pc.greater(shorter, 0), shorter, None)
        return pc.divide(longer.cast(pa.float64()), divisor.cast(pa.float64()))
