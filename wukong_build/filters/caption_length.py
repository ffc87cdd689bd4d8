"""How long a caption is."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter


class CaptionLength(Filter, frozen=True, kw_only=True):
    """The number of characters (Unicode code points), white space and punctuation among them."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    meaning: ClassVar[str] = "number of characters (code points) in the caption; 0 = empty"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where there is no caption."""
        return pc.utf8_length(batch["caption"])
