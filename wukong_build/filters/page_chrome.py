"""Whether an image is furniture of the pages it stands on."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter


class PageChrome(Filter, frozen=True, kw_only=True):
    """1 where every page that shows the image has it as a logo, an icon, an avatar or the like, 0 elsewhere."""

    reads: ClassVar[tuple[str, ...]] = ("chrome",)
    meaning: ClassVar[str] = "1 = navigation or decoration wherever it stands: logo, icon, avatar, QR code …; 0 = content"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """0 or 1; what a list names is content."""
        return batch["chrome"].is_valid().cast(pa.int32())
