"""How much of an image is see-through."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter


class Transparency(Filter, frozen=True, kw_only=True):
    """The share of pixels that are not opaque, however slightly; of an animation, of its first frame.

    Photographs have none: what has much is a logo, an icon or a cut-out.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "share of pixels that are not opaque: 0 = none, as in every JPEG, 1 = all"
    score_type: ClassVar[pa.DataType] = pa.float64()

    def score(self, batch: Batch) -> pa.Array:
        """0 to 1; null where the image cannot be decoded, which a file without transparency is not asked for."""
        return pa.array([picture and picture.transparency for picture in batch.pictures()], self.score_type)
