"""Of files that are byte for byte the same, which one is kept: the one with the longest caption."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.hashing import mixed, pieces_of, repeated, text_hashes
from wukong_build.links import CorpusFilter

_RANK = [("same", "ascending"), ("caption_length", "descending"), ("key", "ascending")]


class ExactDuplicate(CorpusFilter, frozen=True, kw_only=True):
    """0 for a sample kept as it is or as a representative, 1 for a copy of one.

    Of all samples with the same file the one with the longest caption represents the others, then the one with the smallest key.
    Files are known by 64 bits of their SHA-256: of a billion, 0.03 pairs are taken for copies and are none.
    """

    reads: ClassVar[tuple[str, ...]] = ("key", "sha256", "caption")
    writes: ClassVar[dict[str, pa.DataType]] = {"exact_duplicate_of": pa.string()}
    meaning: ClassVar[str] = (
        "0 if kept as it is or as a representative, 1 if it is a copy of the kept sample `exact_duplicate_of`"
    )
    score_type: ClassVar[pa.DataType] = pa.int32()
    rows_together: ClassVar[int | None] = 1 << 22

    of: Literal["image", "pair"] = "image"
    """What must be the same: the image's file, or that and the caption."""

    def survey(self, batch: Batch) -> pa.Table:
        """What each sample is a copy by, and what its rank depends on."""
        lengths = pc.fill_null(pc.utf8_length(batch["caption"]), 0).cast(pa.int32())
        return pa.table({"key": batch["key"], "same": self._same(batch), "caption_length": lengths}).drop_null()

    def merge(self, surveys: pa.Table) -> pa.Table:
        """The copies: their keys, and the sample that represents each."""
        ranked = surveys.filter(pa.array(repeated(surveys["same"].to_numpy()))).sort_by(_RANK)
        same = ranked["same"].to_numpy()
        first = np.searchsorted(same, same)
        copies = np.flatnonzero(first != np.arange(len(same)))
        return pa.table({"key": ranked["key"].take(copies), "exact_duplicate_of": ranked["key"].take(first[copies])})

    def pieces_of(self, surveys: pa.Table, pieces: int) -> npt.NDArray[np.int64]:
        """By hash."""
        return pieces_of(surveys["same"].to_numpy(), pieces)

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """Both columns; null where there is no file, or of pairs no caption."""
        rows = pc.index_in(batch["key"], value_set=merged["key"])
        score = pc.if_else(self._same(batch).is_valid(), rows.is_valid().cast(self.score_type), None)
        return {self.name(): score, "exact_duplicate_of": merged["exact_duplicate_of"].combine_chunks().take(rows)}

    def _same(self, batch: Batch) -> pa.Array:
        """64 bits that only copies share; null where there is nothing to be the same."""
        images = text_hashes(batch["sha256"])
        if self.of == "image":
            return images
        captions = text_hashes(batch["caption"])
        both = mixed(*(pc.fill_null(each, 0).to_numpy() for each in (images, captions)))
        return pc.if_else(pc.and_(images.is_valid(), captions.is_valid()), pa.array(both), None)
