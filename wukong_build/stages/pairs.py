"""Pairs become samples: what pages and lists said of an image is put together, and one text is chosen as its caption.

Made from facts alone, and made again whenever they change; asks nobody.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.executors import Part
from wukong_build.schema import FETCH_FACTS, SAMPLES
from wukong_build.sql import FIRST_OCCURRENCE, connect
from wukong_build.stages.facts import archived_site_files, loaded
from wukong_build.stages.plan import ROWS_AT_ONCE, cut, first_rows, in_lanes, plan
from wukong_build.store import Store, digest_of, fingerprint_of
from wukong_build.web.caption import Captions, choose
from wukong_build.web.extract import Text
from wukong_build.web.images import MOVED
from wukong_build.web.optout import OptOut, Withheld
from wukong_build.web.robots import Robots

TEXTS_KEPT = 64
"""Candidate texts of one sample, and occurrences that are looked at for them: a picture may be on every page of a site."""

CAPTION_VERSION = 2
"""Raised when `choose` would choose otherwise than before."""

_GATHERED = "crawl/gathered"
_PLACES = ("url", "final_url", "page_url")
"""Columns with an address at which a domain may be withheld."""
_PLANNED = (
    *("key", "url", "page_url", "location", "hops", "host", "page_opt_out", "etag", "last_modified"),
    *("held_part", "held_row", "only_archived"),
)

Indices = np.ndarray[Any, np.dtype[np.int64]]


_WANTED = f"""
SELECT key, occurrences.url, page_url, chrome, depth, position, source, occurrences.opt_out AS page_opt_out,
       location, hops, etag, last_modified, coalesce(location, occurrences.url) AS asked,
       held_part, held_row, only_archived.key IS NOT NULL AS only_archived,
       CASE WHEN held_part IS NULL AND only_archived.key IS NULL THEN origin(asked) END AS origin
FROM occurrences
LEFT JOIN (
    SELECT key, location, CASE WHEN location IS NOT NULL THEN hops END AS hops,
           coalesce(error = '{MOVED}', false) AS moved, coalesce({{again}}, false) AS again FROM latest
) AS known USING (key)
LEFT JOIN (SELECT key, etag, last_modified FROM answers WHERE error IS NULL AND final_url = url) AS held
ON again AND location IS NULL AND held.key = occurrences.key
LEFT JOIN (
    SELECT key AS at_location, part AS held_part, part_row AS held_row FROM answers
    WHERE error IS NULL OR archive IS NOT NULL
) ON location IS NOT NULL AND at_location = key_of(location)
LEFT JOIN ({{only_archived}}) AS only_archived ON only_archived.key = occurrences.key
WHERE known.key IS NULL OR moved OR (again AND only_archived.key IS NULL)
"""  # noqa: S608  a class of ours
"""Every occurrence of an image that has no answer yet, with the answer of the image that it has moved to, where there is one."""

_NO_KEY = "SELECT NULL::VARCHAR AS key WHERE false"
_ONLY_ARCHIVED = "SELECT key FROM occurrences GROUP BY key HAVING bool_and(only_archived)"


def plan_images(store: Store, again: str, rows_per_part: int, lanes: int, only_archived: bool = False) -> Counter[str | None]:
    """Plan the images that a source names and that have no answer; how many there are, by the origin that is asked.

    Asked for once more is what has moved, and where the condition `again` is true of its latest answer. What is no URL counts
    under the empty origin; what is concluded without asking, from the answer for another image or (where sources may be
    `only_archived`) because no archive has it, under none, in parts of its own. Memory is bounded by the distinct origins: the
    rest passes by, sorted by DuckDB.
    """
    origins: Counter[str | None] = Counter()

    def counted(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for rows in tables:
            for found in pc.value_counts(rows["origin"]).to_pylist():
                origins[found["values"]] += found["counts"]
            yield rows.select([*_PLANNED, "lane"])

    wanted = _WANTED.format(again=again, only_archived=_ONLY_ARCHIVED if only_archived else _NO_KEY)
    with connect(store) as connection:
        tables = in_lanes(connection, wanted, lanes, FIRST_OCCURRENCE.replace("ORDER BY", ", key,"), apart="origin IS NULL")
        plan(store, "images", counted(_one_a_key(tables)), rows_per_part)
    return origins


def _one_a_key(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The first row of every key, where all rows of a key follow each other, with the opt-outs of them all."""
    held: pa.Table | None = None
    for table in tables:
        rows = _first_of_each(table if held is None else pa.concat_tables([held, table]))
        yield rows.slice(0, len(rows) - 1)
        held = rows.slice(len(rows) - 1)
    if held is not None:
        yield held


def _first_of_each(rows: pa.Table) -> pa.Table:
    first = first_rows(rows["key"])
    signals = _signals(rows["page_opt_out"], _numbered(first, len(rows)))
    index = rows.column_names.index("page_opt_out")
    return rows.take(first).set_column(index, "page_opt_out", _lists(signals, len(first)))


def _numbered(first: Indices, count: int) -> Indices:
    """For each of `count` rows the number of the group it is in, given the first rows of the groups."""
    begins = np.zeros(count, np.int64)
    begins[first] = 1
    return np.cumsum(begins) - 1


def _signals(lists: pa.ChunkedArray, groups: Indices) -> pa.Table:
    """The distinct opt-outs of every group of rows, in no order: `group, signal`."""
    told = lists.combine_chunks()
    table = pa.table({"group": groups[pc.list_parent_indices(told).to_numpy()], "signal": pc.list_flatten(told)})
    return _distinct(table)


def _distinct(table: pa.Table) -> pa.Table:
    return table.group_by(table.column_names).aggregate([])


def _lists(signals: pa.Table, count: int) -> pa.Array:
    """The opt-outs of `count` groups, each a sorted list."""
    ordered = signals.sort_by([("group", "ascending"), ("signal", "ascending")])
    ends = np.searchsorted(ordered["group"].to_numpy(), np.arange(count + 1))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), ordered["signal"].combine_chunks())


def gather(store: Store) -> None:
    """Put all occurrences of every image together, in the order in which its bytes lie: a part for every part of images."""
    store.delete_stage(_GATHERED)
    with connect(store) as connection:
        reader = connection.sql(
            "SELECT part, part_row AS image_row, occurrences.* FROM occurrences JOIN answers USING (key) "  # noqa: S608  ours
            f"ORDER BY part, part_row, {FIRST_OCCURRENCE.removeprefix('ORDER BY')}"
        ).to_arrow_reader(ROWS_AT_ONCE)
        tables = (pa.Table.from_batches([batch]) for batch in reader)
        for part, pieces in itertools.groupby(cut(tables, "part", ROWS_AT_ONCE), key=operator.itemgetter(0)):
            with store.writing(_GATHERED, part, reader.schema.remove(0)) as writer:
                for _, rows in pieces:
                    writer.write_table(rows)
                    writer.digest = fingerprint_of(writer.digest, digest_of(rows))


class SampleStage(msgspec.Struct, frozen=True):
    """One row for every sample, beside the bytes of its image: a part of samples for every part of images."""

    opt_out: OptOut
    lists_digest: str
    captions: Captions = Captions()
    product: str = ""
    """The crawler's name, which files of sites may address."""
    name: ClassVar[str] = "crawl/samples"
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of images that has a sample."""
        settings = map(msgspec.to_builtins, (self.opt_out, self.captions))
        wishes = [*settings, self.lists_digest, self.product, store.digests("crawl/site_files")]
        return [
            Part(name, fingerprint_of(digest, store.digest("crawl/images", name), CAPTION_VERSION, wishes))
            for name, digest in store.digests(_GATHERED)
        ]

    def work(self, store: Store, part: Part) -> str:
        """Choose the captions of some samples, and withhold those whose owners wish it."""
        answers = store.read("crawl/images", part.name, ["opt_out", *FETCH_FACTS])
        withheld = loaded(self.opt_out.lists, self.lists_digest)
        told = functools.partial(_told, withheld=withheld, sites=self._sites(store, part, answers))
        with store.open_part(_GATHERED, part.name) as file:
            groups = map(file.read_row_group, range(file.num_row_groups))
            samples = _samples(answers, groups, told, self.captions)
        samples = _obeying(samples, self.opt_out)
        store.write(self.name, part.name, samples, part.fingerprint)
        return f"{len(samples) - samples['caption_found'].null_count} of {len(samples)} samples have a caption"

    def _sites(self, store: Store, part: Part, answers: pa.Table) -> Robots | None:
        """What archives hold of the files of the sites where images and pages of a part lie; None where they hold none."""
        if not store.parts("crawl/site_files"):
            return None
        urls = set(answers["final_url"].unique().to_pylist())
        with store.open_part(_GATHERED, part.name) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=["url", "page_url"])
                urls |= {url for column in rows.columns for url in column.unique().to_pylist()}
        return archived_site_files(store, self.product, urls - {None})


def _told(rows: pa.Table, withheld: Withheld, sites: Robots | None) -> pa.ChunkedArray:
    """The opt-outs of each row, with what is known late of the URLs it has and of the file: by the user's lists, by archives."""
    if not withheld.entries and sites is None:
        return rows["opt_out"]
    names = [name for name in ("opt_out", *_PLACES, "sha256") if name in rows.column_names]
    told = [
        [
            *(row["opt_out"] or ()),
            *(signal for name in _PLACES if sites and row.get(name) for signal in sites.opt_out(row[name])),
            *withheld.signals(map(row.get, _PLACES), row.get("sha256")),
        ]
        for row in rows.select(names).to_pylist()
    ]
    return pa.chunked_array([pa.array(told, rows["opt_out"].type)])


def _obeying(samples: pa.Table, opt_out: OptOut) -> pa.Table:
    """The samples, with the class `opted_out` for images that came, or were sought, before they were known to be withheld."""
    withheld = [bool(signals) and bool(opt_out.obeyed(signals)) for signals in samples["opt_out"].to_pylist()]
    was_free = pc.equal(pc.fill_null(samples["error"], "not_archived"), "not_archived")
    error = pc.if_else(pc.and_(pa.array(withheld, pa.bool_()), was_free), "opted_out", samples["error"])
    return samples.set_column(samples.column_names.index("error"), "error", error)


def _samples(
    answers: pa.Table, gathered: Iterable[pa.Table], told: Callable[[pa.Table], pa.ChunkedArray], captions: Captions
) -> pa.Table:
    """Rows of `SAMPLES`. All occurrences are counted and may withhold the image, as is `told`; the first of each speak for it."""
    counts = np.zeros(len(answers), np.int64)
    signals = _signals(told(answers), np.arange(len(answers)))
    first: list[pa.Table] = []
    for rows in gathered:
        images = rows["image_row"].to_numpy()
        starts = first_rows(rows["image_row"])
        rank = counts[images] + np.arange(len(rows)) - starts[_numbered(starts, len(rows))]
        first.append(rows.filter(rank < TEXTS_KEPT))
        counts += np.bincount(images, minlength=len(counts))
        signals = _distinct(pa.concat_tables([signals, _signals(told(rows), images)]))
    named = np.flatnonzero(counts)
    facts = answers.drop_columns(["opt_out"]).take(named)
    columns = {
        **_spoken_for(pa.concat_tables(first), captions),
        "occurrence_count": counts[named],
        "opt_out": _lists(signals, len(answers)).take(pa.array(named)),
        **dict(zip(facts.column_names, facts.columns, strict=True)),
        "image_row": named,
    }
    return pa.table(columns).select(SAMPLES.arrow.names).cast(SAMPLES.arrow)


def _spoken_for(occurrences: pa.Table, captions: Captions) -> dict[str, pa.Array]:
    """What the first occurrences of some samples say of them: texts, the one chosen, where it all comes from."""
    starts = first_rows(occurrences["image_row"])
    groups = _numbered(starts, len(occurrences))
    texts, told = _distinct_texts(occurrences["texts"], groups, len(starts))
    chosen = [choose(texts, captions) for texts in told]
    licences = pc.fill_null(pc.greater(pc.list_value_length(occurrences["licences"]), 0), fill_value=False)
    first = occurrences.take(starts)
    return {
        **{name: first[name] for name in ("key", "url", "page_url", "depth", "position", "source", "chrome")},
        "texts": texts,
        "caption_found": pa.array([choice and choice.text for choice in chosen], pa.string()),
        "caption_origin": pa.array([choice and choice.origin for choice in chosen], pa.string()),
        "caption_reason": pa.array([choice and choice.reason for choice in chosen], pa.string()),
        "licences": _first_with(licences, occurrences["licences"], groups, len(starts)),
        "query": _first_with(occurrences["query"].is_valid(), occurrences["query"], groups, len(starts)),
        "extra": _first_with(occurrences["extra"].is_valid(), occurrences["extra"], groups, len(starts)),
    }


def _first_with(has: pa.ChunkedArray, column: pa.ChunkedArray, groups: Indices, count: int) -> pa.ChunkedArray:
    """For each group of rows the value of the first that has one; null where none has."""
    rows = np.flatnonzero(has.to_numpy())
    found, first = np.unique(groups[rows], return_index=True)
    chosen = np.full(count, -1)
    chosen[found] = rows[first]
    return column.take(pa.array(chosen, mask=chosen < 0))


def _distinct_texts(lists: pa.ChunkedArray, groups: Indices, count: int) -> tuple[pa.Array, list[list[Text]]]:
    """The distinct candidate texts of each group of rows, in their order; for Arrow and for Python."""
    told = lists.combine_chunks()
    owners = groups[pc.list_parent_indices(told).to_numpy()].tolist()
    flat = pc.list_flatten(told)
    texts: list[list[Text]] = [[] for _ in range(count)]
    seen: set[tuple[int, str, str]] = set()
    kept: list[int] = []
    columns = (flat.field(name).to_pylist() for name in ("text", "origin", "distance"))
    for index, (owner, text, origin, distance) in enumerate(zip(owners, *columns, strict=True)):
        if (owner, text, origin) not in seen and len(texts[owner]) < TEXTS_KEPT:
            seen.add((owner, text, origin))
            texts[owner].append(Text(text, origin, distance))
            kept.append(index)
    ends = np.cumsum([0, *map(len, texts)])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat.take(pa.array(kept, pa.int64()))), texts
