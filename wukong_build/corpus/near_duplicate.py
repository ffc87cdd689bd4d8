"""Of pictures that look alike, which one is kept: the largest, and of those the one with the longest caption."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.hamming import AT_MOST_DISTANCE, Hashes, Indices, distances, hashes_of, pairs_within
from wukong_build.links import CorpusFilter

_RANK = [("pixels", "descending"), ("caption_length", "descending"), ("key", "ascending")]


class NearDuplicate(CorpusFilter, frozen=True, kw_only=True):
    """0 for a sample kept as it is or as a representative, 1 for one within `hamming_distance` of a kept one before it.

    Samples stand in one total order: more pixels, longer caption, smaller key. Each is kept unless one kept before it is
    within the distance, so no two kept ones are, and every other one names the first kept one that it is near to.
    """

    hamming_distance: Annotated[int, msgspec.Meta(ge=0, le=AT_MOST_DISTANCE)] = 4

    reads: ClassVar[tuple[str, ...]] = ("key", "phash", "width", "height", "caption")
    writes: ClassVar[dict[str, pa.DataType]] = {"near_duplicate_of": pa.string(), "near_duplicate_distance": pa.int32()}
    meaning: ClassVar[str] = "0 if kept as it is or as a representative, 1 if it looks like the kept sample `near_duplicate_of`"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def survey(self, batch: Batch) -> pa.Table:
        """The hash of every sample that has one, and what its rank depends on."""
        pixels = pc.multiply(batch["width"].cast(pa.int64()), batch["height"].cast(pa.int64()))
        lengths = pc.utf8_length(batch["caption"])
        table = pa.table(
            {
                "key": batch["key"],
                "phash": batch["phash"],
                "pixels": pc.fill_null(pixels, 0),
                "caption_length": pc.fill_null(lengths, 0),
            }
        ).filter(batch["phash"].is_valid())
        hashes = pa.array(hashes_of(table["phash"].to_pylist()), pa.uint64())
        return table.set_column(table.column_names.index("phash"), "phash", hashes)

    def merge(self, surveys: pa.Table) -> pa.Table:
        """The dropped samples: their keys, the kept one each is near to, and how near."""
        ranked = surveys.sort_by(_RANK)
        hashes = ranked["phash"].to_numpy()
        _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        places = np.sort(first)  # equal hashes share one fate: each hash stands where its first sample ranks
        kept = places[_kept_before(hashes[places], self.hamming_distance)]
        owner = kept[np.searchsorted(places, first)][which]
        dropped = np.flatnonzero(owner != np.arange(len(hashes)))
        return pa.table(
            {
                "key": ranked["key"].take(dropped),
                "near_duplicate_of": ranked["key"].take(owner[dropped]),
                "near_duplicate_distance": pa.array(distances(hashes[dropped], hashes[owner[dropped]]), pa.int32()),
            }
        )

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """All three columns; a sample without a hash is unmeasurable, and one that the look-up does not hold is kept."""
        rows = pc.index_in(batch["key"], value_set=merged["key"])
        score = pc.if_else(batch["phash"].is_valid(), rows.is_valid().cast(self.score_type), None)
        return {self.name(): score, **{name: merged[name].combine_chunks().take(rows) for name in self.writes}}


def _kept_before(hashes: Hashes, distance: int) -> Indices:
    """For each of the distinct hashes, in order of rank: the first kept one it is near to; itself where it is kept."""
    earlier, later = pairs_within(hashes, distance)
    owner = np.arange(len(hashes))
    with_pairs, starts = np.unique(earlier, return_index=True)
    for hash_index, near in zip(with_pairs, np.split(later, starts[1:]), strict=False):
        if owner[hash_index] == hash_index:
            owner[near[owner[near] == near]] = hash_index
    return owner
