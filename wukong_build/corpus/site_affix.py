"""Captions without what a site puts before or behind all of its own: …_太平洋摄影博客, learnt from the corpus, host by host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.hashing import mixed, text_hashes
from wukong_build.hosts import hosts_of
from wukong_build.links import Columns, CorpusRewrite

_SPACE = r"\s\x{a0}\x{3000}"
_MARK = r"_|｜丨‖»›«‹–—―\-－·•【】\[\]()（）"
_SEPARATOR = rf"[{_SPACE}]*[{_MARK}][{_MARK}{_SPACE}]*"
"""What parts an affix from the caption: dashes, bars, brackets and the like, and never a space alone."""
_SIDES = {
    "prefix": rf"(?s)^(?P<affix>[{_MARK}{_SPACE}]*[^{_MARK}]+?{_SEPARATOR})(?P<rest>[^{_MARK}{_SPACE}].*)$",
    "suffix": rf"(?s)^(?P<rest>.*[^{_MARK}{_SPACE}])(?P<affix>{_SEPARATOR}[^{_MARK}]+[{_MARK}{_SPACE}]*)$",
}
_SEGMENTS = 3  # of an affix: …_摄影作品_太平洋电脑网摄影部落 has two
_LONGEST = 40  # characters of an affix

_LETTER = r"\pL"
_WORDS = ["host", "side", "affix"]

_SURVEY = pa.schema(
    {
        "host_hash": pa.uint64(),
        "affix_hash": pa.uint64(),
        "caption_hash": pa.uint64(),
        "host": pa.string(),
        "side": pa.string(),
        "affix": pa.string(),
    }
)


class SiteAffix(CorpusRewrite, frozen=True, kw_only=True):
    """The caption less the prefixes and suffixes that its host puts to many of its captions.

    An affix is up to three segments at the beginning or the end, parted by a dash, a bar, a bracket or the like (_ - | — · 【】).
    It is the site's own if at least `at_least_share` of the host's distinct captions have it, and at least `at_least_count` of
    them. The longest goes first, and so on until none is left; what would leave no letter stays. The host is that of the page,
    or of the image where no page is known.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption", "page_url", "url")
    writes: ClassVar[dict[str, pa.DataType]] = {"site_affix_prefix": pa.string(), "site_affix_suffix": pa.string()}
    meaning: ClassVar[str] = "the caption without what its site puts before or behind all of its own"

    at_least_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.3
    """Of the distinct captions of a host, how many have what is the site's own."""
    at_least_count: Annotated[int, msgspec.Meta(ge=2)] = 20
    """And at least so many: what a few captions share may be what they are about."""

    def survey(self, batch: Batch) -> pa.Table:
        """Each distinct caption of each host, alone and once for every affix that it may have.

        All are hashes of 64 bits; an affix is written out where it stands first.
        """
        both = pa.table({"host": _hosts(batch), "caption": batch["caption"]}).drop_null()
        both = both.group_by(["host", "caption"], use_threads=False).aggregate([]).combine_chunks()
        host, caption = (both[name].combine_chunks() for name in both.column_names)
        whole = {"host_hash": text_hashes(host), "caption_hash": text_hashes(caption), "host": host}
        nothing = pa.nulls(len(both), pa.string())
        tables = [_table(whole, "", nothing)]
        tables += [_table(whole, side, _plain(each.affix)) for side in _SIDES for each in _affixes(caption, side)]
        return pa.concat_tables(tables)

    def merge(self, surveys: pa.Table) -> pa.Table:
        """The affixes that are sites' own, how many captions of the host have each, and how many captions it has."""
        alone = pc.is_null(surveys["affix_hash"])
        captions = _counts(surveys.filter(alone), ["host_hash"])
        found = _counts(surveys.filter(pc.invert(alone)), ["host_hash", "affix_hash"])
        found = found.filter(pc.greater_equal(found["count"], self.at_least_count))
        totals = captions["count"].take(pc.index_in(found["host_hash"], value_set=captions["host_hash"]))
        found = found.append_column("captions", totals)
        found = found.filter(pc.greater_equal(found["count"], pc.multiply(totals.cast(pa.float64()), self.at_least_share)))
        words = surveys.filter(
            pc.and_(pc.is_valid(surveys["affix"]), pc.is_in(surveys["affix_hash"], value_set=found["affix_hash"]))
        )
        words = words.group_by("affix_hash", use_threads=False).aggregate([(name, "first") for name in _WORDS])
        rows = pc.index_in(found["affix_hash"], value_set=words["affix_hash"])
        columns = {name: words[f"{name}_first"].take(rows) for name in _WORDS}
        merged = pa.table({**columns, **{name: found[name] for name in ("count", "captions", "affix_hash")}})
        return merged.sort_by([(name, "ascending") for name in _WORDS])

    def rewrite(self, batch: Batch, merged: pa.Table) -> pa.Array:
        """The captions shortened; null where there is none."""
        return self.measure(batch, merged)[self.name()]

    def measure(self, batch: Batch, merged: pa.Table) -> Columns:
        """The captions, and what was taken away; null where nothing was."""
        hosts, captions = _hosts(batch), batch["caption"]
        texts, taken = np.array(captions.to_pylist(), object), {side: np.full(len(batch), "", object) for side in _SIDES}
        rows = np.flatnonzero(pc.and_(pc.is_in(hosts, value_set=merged["host"]), captions.is_valid()))
        while len(rows):
            changed = np.zeros(len(rows), bool)
            for side, found in taken.items():
                cut = _cut(hosts.take(pa.array(rows)), pa.array(texts[rows], pa.string()), side, merged["affix_hash"])
                texts[rows], affixes = cut.rest, cut.affix
                found[rows] = found[rows] + affixes if side == "prefix" else affixes + found[rows]
                changed |= affixes != ""
            rows = rows[changed]
        evidence = {
            f"{self.name()}_{side}": pa.array([each or None for each in found], pa.string()) for side, found in taken.items()
        }
        return {self.name(): pa.array(texts, pa.string()), **evidence}


class _Cut(NamedTuple):
    """Captions less an affix each."""

    rest: Any
    affix: Any
    """Null or empty where there is none."""


def _hosts(batch: Batch) -> pa.Array:
    """The host whose caption it is; null where no URL names one."""
    return hosts_of(pc.coalesce(batch["page_url"], batch["url"]))


def _affixes(captions: pa.Array, side: str) -> Iterator[_Cut]:
    """Each caption less an affix of one segment, of two, of three; the affix is null where there is none that could be meant."""
    rest, affix = captions, pa.array([""] * len(captions), pa.string())
    for _ in range(_SEGMENTS):
        parts = pc.extract_regex(rest, _SIDES[side])
        rest, segment = pc.struct_field(parts, "rest"), pc.struct_field(parts, "affix")
        affix = pc.binary_join_element_wise(*((affix, segment) if side == "prefix" else (segment, affix)), "")
        meant = pc.and_(pc.match_substring_regex(affix, _LETTER), pc.match_substring_regex(rest, _LETTER))
        yield _Cut(rest, pc.if_else(pc.and_(meant, pc.less_equal(pc.utf8_length(affix), _LONGEST)), affix, None))


def _cut(hosts: pa.Array, captions: pa.Array, side: str, known: pa.ChunkedArray) -> _Cut:
    """The captions less the longest affix that is known of their host."""
    rest, taken = captions, pa.array([""] * len(captions), pa.string())
    for each in _affixes(captions, side):
        is_known = pc.is_in(_affix_hashes(text_hashes(hosts), side, _plain(each.affix)), value_set=known, skip_nulls=True)
        rest, taken = pc.if_else(is_known, each.rest, rest), pc.if_else(is_known, each.affix, taken)
    return _Cut(np.array(rest.to_pylist(), object), np.array(taken.to_pylist(), object))


def _plain(affixes: pa.Array) -> pa.Array:
    """The segments with a space between, whatever parts them."""
    return pc.utf8_trim(pc.replace_substring_regex(affixes, rf"[{_MARK}{_SPACE}]+", " "), " ")


def _affix_hashes(hosts: pa.Array, side: str, affixes: pa.Array) -> pa.Array:
    """64 bits of an affix, as it is told plainly, at a side of a host's captions; null where there is none."""
    sides, plain = text_hashes(pa.array([side])).to_numpy(), text_hashes(affixes)
    hashes = mixed(hosts.fill_null(0).to_numpy(), plain.fill_null(0).to_numpy(), sides[0])
    return pc.if_else(plain.is_valid(), pa.array(hashes), None)


def _table(whole: dict[str, pa.Array], side: str, affixes: pa.Array) -> pa.Table:
    """Rows of a survey: of the captions alone where no side is named, else of those that have an affix."""
    hashes = _affix_hashes(whole["host_hash"], side, affixes)
    table = pa.table({**whole, "side": pa.repeat(side, len(hashes)), "affix": affixes, "affix_hash": hashes})
    if side:
        table = table.filter(pc.is_valid(table["affix_hash"]))
    first = np.zeros(len(table), bool)
    first[np.unique(table["affix_hash"].fill_null(0).to_numpy(), return_index=True)[1]] = True
    words = {name: pc.if_else(pa.array(first), table[name], None) for name in _WORDS}
    return pa.table({**{name: table[name] for name in ("host_hash", "affix_hash", "caption_hash")}, **words}, schema=_SURVEY)


def _counts(surveys: pa.Table, of: list[str]) -> pa.Table:
    """How many distinct captions there are of each."""
    distinct = surveys.group_by([*of, "caption_hash"]).aggregate([])
    return distinct.group_by(of).aggregate([([], "count_all")]).rename_columns([*of, "count"])
