"""Fewer of what there is most of: samples of a frequent concept stay by chance, those of a rare one all.

After Wukong (Gu et al. 2022, so many samples a query at most) and MetaCLIP (Xu et al. 2024, each sample of a concept with the
chance t ÷ the samples of that concept).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, NamedTuple

import daachorse
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.chinese import variants
from wukong_build.chinese.looks import Places, Text
from wukong_build.errors import ConfigError
from wukong_build.hashing import mixed, text_hashes
from wukong_build.links import CorpusFilter

_CHARACTERS_AT_ONCE = 1 << 20  # of captions: some sixty bytes of memory for each


class ConceptBalance(CorpusFilter, frozen=True, kw_only=True):
    """The smallest `at_most` under which the sample stays, so that a bound says how many samples of a concept are wanted.

    Without lists, a sample's concept is the query that found it, and its score its place among the samples of that query, from 1,
    in an order drawn by lot: no query keeps more than `at_most`. With lists, its concepts are those of their lines that stand in
    the caption, and each draws it with a chance of `at_most` ÷ samples that have the concept, whatever the others draw: its score
    is the least of (a number from 0 to 1, by lot) × (samples), so that `at_most: 20000` keeps what any concept draws, as MetaCLIP
    with t = 20,000. Lots depend on seed, key and concept alone.
    """

    reads: ClassVar[tuple[str, ...]] = ("key", "query", "caption")
    meaning: ClassVar[str] = "the smallest `at_most` under which it stays: low for a rare concept, by lot for a frequent one"

    concepts: tuple[str, ...] = ()
    """Lists of concepts, one a line; found in traditional characters, full width and capitals too, Latin ones as whole words."""
    without_concept: Literal["keep", "drop"] = "keep"
    """What becomes of a sample that has none: it is kept with the score 0, or has none, and misses every bound."""
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    """Of the lots."""

    def resources(self) -> tuple[str, ...]:
        """The lists."""
        return self.concepts

    def survey(self, batch: Batch) -> pa.Table:
        """The lot of every sample with its query; of lists, how many samples have each concept."""
        if not self.concepts:
            queries = text_hashes(batch["query"])
            return pa.table({"concept_hash": queries, "lot": self._lots(batch, queries)}).drop_null()
        known = _concepts(self.concepts)
        counts = np.bincount(known.matches(batch["caption"]).concepts, minlength=len(known.names))
        return pa.table({"concept": known.names, "count": counts}).filter(pa.array(counts > 0))

    def merge(self, surveys: pa.Table) -> pa.Table:
        """Of queries the places of all lots but the first of each; of lists how many samples have each concept."""
        if self.concepts:
            counts = surveys.group_by("concept").aggregate([("count", "sum")]).rename_columns(["concept", "count"])
            return counts.sort_by("concept")
        hashes, lots = surveys["concept_hash"].to_numpy(), surveys["lot"].to_numpy()
        order = np.lexsort((lots, hashes))
        hashes = hashes[order]
        places = np.arange(len(hashes)) - np.searchsorted(hashes, hashes) + 1
        later = np.flatnonzero(places > 1)
        return pa.table({"lot": lots[order][later], "place": places[later]}).sort_by("lot")

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """The score; of a sample without a concept 0 or null, as the settings say."""
        score = self._drawn(batch, merged) if self.concepts else self._placed(batch, merged)
        return {self.name(): score.fill_null(0.0) if self.without_concept == "keep" else score}

    def _placed(self, batch: Batch, merged: pa.Table) -> pa.Array:
        """Each sample's place among those of its query."""
        lots = self._lots(batch, text_hashes(batch["query"]))
        rows = pc.index_in(lots, value_set=merged["lot"])
        places = pc.fill_null(merged["place"].combine_chunks().take(rows), 1)
        return pc.if_else(lots.is_valid(), places, None).cast(self.score_type)

    def _drawn(self, batch: Batch, merged: pa.Table) -> pa.Array:
        """The least of each sample's lots, each times the samples that have the concept."""
        known = _concepts(self.concepts)
        matches = known.matches(batch["caption"])
        counts = (
            merged["count"].combine_chunks().take(pc.index_in(known.names, value_set=merged["concept"])).fill_null(0).to_numpy()
        )
        keys, names = text_hashes(batch["key"]).to_numpy(), text_hashes(known.names).to_numpy()
        lots = mixed(keys[matches.rows], names[matches.concepts], np.uint64(self.seed)) / 2.0**64
        least = np.full(len(batch), np.inf)
        np.minimum.at(least, matches.rows, lots * counts[matches.concepts])
        return pa.array(least, mask=np.isinf(least))

    def _lots(self, batch: Batch, concepts: pa.Array) -> pa.Array:
        """64 bits for each sample with its concept; null where it has none."""
        lots = mixed(text_hashes(batch["key"]).to_numpy(), concepts.fill_null(0).to_numpy(), np.uint64(self.seed))
        return pc.if_else(concepts.is_valid(), pa.array(lots), None)


class _Matches(NamedTuple):
    """Which sample has which concept, each once, in order."""

    rows: Places
    concepts: Places


class _Concepts:
    """The concepts of some lists, and where they stand in captions."""

    def __init__(self, lines: list[str]) -> None:
        by_look: dict[str, str] = {}
        for line in lines:
            by_look.setdefault(variants.text_of(variants.plain()[variants.codes_of(line)]), line)  # 貓 and 猫 are one concept
        self.names = pa.array(by_look.values(), pa.string())
        self._automaton = daachorse.CharwiseDoubleArrayAhoCorasick(list(by_look), daachorse.MATCH_KIND_STANDARD)

    def matches(self, captions: pa.Array) -> _Matches:
        """The concepts of each caption, those within another too."""
        pairs = np.unique(np.concatenate([np.empty(0, np.int64), *self._by_chunk(captions)]))
        return _Matches(pairs // len(self.names), pairs % len(self.names))

    def _by_chunk(self, captions: pa.Array) -> Iterator[Places]:
        """Row × number of concepts + concept, of each hit."""
        lengths = pc.fill_null(pc.utf8_length(captions), 0).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        cuts = [0, *(np.flatnonzero(np.diff(np.cumsum(lengths) // _CHARACTERS_AT_ONCE)) + 1), len(captions)]
        for start, end in pairwise(cuts):
            codes = variants.plain()[variants.codes_of("\n".join(["", *pc.fill_null(captions[start:end], "").to_pylist(), ""]))]
            text = Text(codes, variants.kinds()[codes], np.arange(len(codes)))
            starts, ends, found = np.array(self._automaton.find_overlapping(variants.text_of(codes)), np.int64).reshape(-1, 3).T
            whole = ~(text.runs_on(starts) | text.runs_on(ends))
            begins = np.cumsum(lengths[start:end]) - lengths[start:end] + 1
            rows = start + np.searchsorted(begins, starts[whole], "right") - 1
            yield rows * len(self.names) + found[whole]


def _concepts(names: tuple[str, ...]) -> _Concepts:
    """Those of these lists as they are now."""
    return _known(tuple((name, resources.digest(name)) for name in names))


@lru_cache(maxsize=4)
def _known(lists: tuple[tuple[str, str], ...]) -> _Concepts:
    """Kept by name and digest, so that a list that changed is read again."""
    lines = [line for name, _ in lists for line in resources.lines(name)]
    if not lines:
        raise ConfigError(f"lists of concepts {', '.join(name for name, _ in lists)}: no concept in them; one a line is meant")
    return _Concepts(lines)
