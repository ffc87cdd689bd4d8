"""How much Chinese a caption holds, in characters."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.chinese import scripts
from wukong_build.links import Filter


class HanCount(Filter, frozen=True, kw_only=True):
    """The number of Han characters."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    meaning: ClassVar[str] = "number of Han characters in the caption; 0 = no Chinese at all"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where there is no caption."""
        return pc.count_substring_regex(batch["caption"], scripts.HAN).cast(pa.int32())
