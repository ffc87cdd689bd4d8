"""How much of a caption is Chinese characters."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.chinese import scripts
from wukong_build.links import Filter

_WHITE = r"[\s\x{0B}\x{85}\pZ]"


class HanShare(Filter, frozen=True, kw_only=True):
    """Han characters' share of all characters but white space: letters, digits, punctuation and signs count against it."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    meaning: ClassVar[str] = (
        "Han characters' share of all characters but white space: 1 = Han alone, 0 = none, or nothing written"
    )

    def score(self, batch: Batch) -> pa.Array:
        """0 to 1; null where there is no caption."""
        captions = batch["caption"]
        written = pc.subtract(pc.utf8_length(captions).cast(pa.float64()), scripts.count(captions, _WHITE))
        return pc.divide(scripts.count(captions, scripts.HAN), pc.max_element_wise(written, 1.0, skip_nulls=False))
