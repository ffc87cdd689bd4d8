"""On how many different images a caption stands: what a hundred pictures share describes none of them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.hashing import pieces_of, places_in, text_hashes
from wukong_build.links import CorpusFilter

_PAIR = ["caption_hash", "image_hash"]


class CaptionFrequency(CorpusFilter, frozen=True, kw_only=True):
    """The number of distinct images (by the bytes of their files) that carry the same caption, anywhere in the corpus."""

    reads: ClassVar[tuple[str, ...]] = ("caption", "sha256")
    meaning: ClassVar[str] = "distinct images that carry this very caption; 1 is a caption of its own"
    score_type: ClassVar[pa.DataType] = pa.int64()
    rows_together: ClassVar[int | None] = 1 << 22

    def survey(self, batch: Batch) -> pa.Table:
        """The distinct pairs of caption and image, as hashes of 64 bits: a billion of either collide about 0.03 times."""
        pairs = pa.table({"caption_hash": text_hashes(batch["caption"]), "image_hash": text_hashes(batch["sha256"])})
        return pairs.drop_null().group_by(_PAIR, use_threads=False).aggregate([])

    def merge(self, surveys: pa.Table) -> pa.Table:
        """How many images each caption has, where more than one."""
        pairs = surveys.group_by(_PAIR).aggregate([])
        counts = pairs.group_by("caption_hash").aggregate([([], "count_all")]).rename_columns(["caption_hash", self.name()])
        return counts.filter(pc.greater(counts[self.name()], 1)).sort_by("caption_hash")

    def pieces_of(self, surveys: pa.Table, pieces: int) -> npt.NDArray[np.int64]:
        """By hash."""
        return pieces_of(surveys["caption_hash"].to_numpy(), pieces)

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """The count; 1 for a caption the look-up does not hold, null where there is no caption."""
        captions = text_hashes(batch["caption"])
        rows = places_in(merged["caption_hash"].to_numpy(), pc.fill_null(captions, 0).to_numpy())
        counts = pc.fill_null(merged[self.name()].combine_chunks().take(rows), 1)
        return {self.name(): pc.if_else(captions.is_valid(), counts, None)}
