"""Whether an image is in one of the formats wanted."""

from __future__ import annotations

from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter

Format = Literal["jpg", "png", "webp", "gif", "bmp", "tif", "avif"]


class ImageFormat(Filter, frozen=True, kw_only=True):
    """Whether the format that the file's bytes are in is one of those named; which one it is says the crawl's column `format`.

    A file's name and what its server calls it do not count. Every format that the project knows is wanted unless some are named.
    """

    reads: ClassVar[tuple[str, ...]] = ("format",)
    meaning: ClassVar[str] = "1 = the file is in one of the formats wanted, 0 = it is in another"
    score_type: ClassVar[pa.DataType] = pa.int32()

    only: tuple[Format, ...] = ("jpg", "png", "webp", "gif", "bmp", "tif", "avif")

    def score(self, batch: Batch) -> pa.Array:
        """1 or 0; null where the bytes are no image."""
        wanted = pc.is_in(batch["format"], pa.array(self.only, pa.string())).cast(pa.int32())
        return pc.if_else(pc.is_valid(batch["format"]), wanted, None)
