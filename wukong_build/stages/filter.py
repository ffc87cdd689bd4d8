"""The filter: every sample goes through the chain, and the ledger says why it stayed or went.

Scores are kept beside the samples, each link's columns under that link's fingerprint. A changed config measures only what
it changes, and a changed bound measures nothing anew; only samples that get further than before are measured there.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build.batch import Batch
from wukong_build.chain import MEASURED, STATE, Chain, Pass, Scored, initial_state
from wukong_build.config import Config
from wukong_build.errors import StoreError
from wukong_build.executors import Executor, Part
from wukong_build.links import Bounds, CorpusFilter, Link, code_of
from wukong_build.schema import LEDGER, SAMPLES
from wukong_build.stages import crawl as crawl_stage
from wukong_build.stages import run_stage
from wukong_build.store import Store, digest_of, fingerprint_of

log = logging.getLogger("wukong_build")

_SAMPLES = "crawl/samples"
_SAMPLE_COLUMNS = {column.name for column in SAMPLES.columns}


def filter_samples(config: Config, store: Store, executor: Executor) -> None:
    """Bring scores and ledger up to date with the config."""
    _require_crawl(config, store)
    store.unfinish("filter")
    chain = config.filter
    passes = chain.passes()
    for passage in passes:
        run_stage(PassStage(passage, chain, chain.fingerprints()), store, executor)
        if passage.survey is not None:
            run_stage(MergeStage(passage.survey), store, executor)
    run_stage(LedgerStage(len(passes) - 1), store, executor)
    _remove_leftovers(store, chain, len(passes))
    store.finish("filter", made_from(config, store))


def made_from(config: Config, store: Store) -> str:
    """What decides the ledger: the samples, the links, their bounds."""
    bounds = [[link.at_least, link.at_most] if isinstance(link, Bounds) else [] for link in config.filter.links.values()]
    return fingerprint_of(store.digests(_SAMPLES), list(config.filter.fingerprints().items()), bounds)


def _require_crawl(config: Config, store: Store) -> None:
    found = store.finished("crawl")
    if found is None:
        raise StoreError(f"{store.url}: the crawl is not finished; run `wukong-build crawl` with this config first")
    if found != crawl_stage.made_from(config):
        raise StoreError(
            f"{store.url}: crawl.sources have changed since the crawl; run `wukong-build crawl` with this config first"
        )


def _remove_leftovers(store: Store, chain: Chain, pass_count: int) -> None:
    """Scores and surveys of links that the chain no longer has."""
    for folder, kept in (("filter/scores", set(map(str, range(pass_count)))), ("filter/corpus", set(chain.links))):
        if store.fs.isdir(store.path(folder)):
            for path in store.fs.ls(store.path(folder), detail=False):
                if (name := path.rsplit("/", 1)[-1]) not in kept:
                    store.delete_stage(f"{folder}/{name}")


class PassStage(msgspec.Struct, frozen=True):
    """The links of one pass, over every part of samples."""

    passage: Pass
    chain: Chain
    fingerprints: dict[str, str]
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of its scores."""
        return _scores(self.passage.index)

    @property
    def links(self) -> list[Link]:
        """The links whose columns this pass writes, in order."""
        lookup = self.passage.lookup
        return [*([] if lookup is None else [lookup]), *self.passage.links]

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of samples."""
        index, lookup, survey = self.passage.index, self.passage.lookup, self.passage.survey
        bounds = [[link.at_least, link.at_most] if isinstance(link, Bounds) else [] for link in self.links]
        merged = "" if lookup is None else store.digest(_corpus(lookup, "merged"), "00000")
        ending = "" if survey is None else [code_of(survey), survey.settings()]
        made_from = [[self.fingerprints[link.name()] for link in self.links], bounds, merged, ending]
        return [
            Part(name, fingerprint_of(made_from, digest, store.digest(_scores(index - 1), name) if index else ""))
            for name, digest in store.digests(_SAMPLES)
        ]

    def work(self, store: Store, part: Part) -> str:
        """Score one part; the survey that ends the pass is written before the scores."""
        samples = store.read(_SAMPLES, part.name, self._columns_read())
        before = self._before(store, part)
        inputs = self._inputs(store, samples, before)
        known = self._known(store, part, inputs)
        merged = None if self.passage.lookup is None else store.read(_corpus(self.passage.lookup, "merged"), "00000")
        state = before.select(list(STATE)) if before is not None else initial_state(samples)
        columns = samples if before is None else _with(samples, before.drop_columns([*STATE, "key"]))
        scored: list[Scored] = []
        measured = 0
        for start, batch in _batches(store, part, columns):
            here = Scored(batch, state.slice(start, len(batch)))
            for link in self.links:
                remembered = None if link.name() not in known else known[link.name()].slice(start, len(batch))
                measured += here.run(link, remembered, merged)
            scored.append(here)
        self._write_survey(store, part, scored)
        table = pa.concat_tables([here.table() for here in scored]) if scored else self._empty()
        store.write(self.name, part.name, table, part.fingerprint, notes={"inputs": inputs, **self._made_from()})
        kept = pc.sum(table["kept"]).as_py() or 0
        return f"{kept} kept of {len(table)}, {measured} scores measured"

    def _made_from(self) -> dict[str, str]:
        return {f"link:{link.name()}": self.fingerprints[link.name()] for link in self.passage.links}

    def _columns_read(self) -> list[str]:
        """Columns of samples that the pass and its survey read."""
        links = [*self.links, *([] if self.passage.survey is None else [self.passage.survey])]
        read = {column for link in links for column in link.reads} & _SAMPLE_COLUMNS
        return ["key", "error", "caption_found", "image_row", *sorted(read - {"key", "error", "caption_found", "image_row"})]

    def _inputs(self, store: Store, samples: pa.Table, before: pa.Table | None) -> str:
        """Digest of all that the links of this pass read and that no fingerprint of theirs stands for."""
        lookup = self.passage.lookup
        read = {column for link in self.passage.links for column in link.reads}
        earlier = [] if before is None else [name for name in before.column_names if name in read]
        looked_up = lookup is not None and not read.isdisjoint(lookup.columns())
        return fingerprint_of(
            digest_of(samples.drop_columns(["image_row"])),
            digest_of(before.select(earlier)) if before is not None and earlier else "",
            store.digest(_corpus(lookup, "merged"), "00000") if looked_up and lookup is not None else "",
        )

    def _before(self, store: Store, part: Part) -> pa.Table | None:
        """The state after the pass before, and the columns of earlier passes that this one reads."""
        if self.passage.index == 0:
            return None
        table = store.read(_scores(self.passage.index - 1), part.name, ["key", *STATE])
        links = [*self.links, *([] if self.passage.survey is None else [self.passage.survey])]
        wanted = {column for link in links for column in link.reads}
        for index in range(self.passage.index):
            with store.open_part(_scores(index), part.name) as file:
                found = [name for name in file.schema_arrow.names if name in wanted and name not in table.column_names]
                table = _with(table, file.read(columns=found)) if found else table
        return table

    def _known(self, store: Store, part: Part, inputs: str) -> dict[str, pa.Table]:
        """Link name → its columns as scored before, where nothing they depend on has changed."""
        if store.note(self.name, part.name, "inputs") != inputs:
            return {}
        fresh = [
            link
            for link in self.passage.links
            if store.note(self.name, part.name, f"link:{link.name()}") == self.fingerprints[link.name()]
        ]
        return {link.name(): store.read(self.name, part.name, [*link.columns(), link.name() + MEASURED]) for link in fresh}

    def _write_survey(self, store: Store, part: Part, scored: Sequence[Scored]) -> None:
        survey = self.passage.survey
        if survey is None:
            return
        surveys = [survey.survey(here.survivors()) for here in scored]
        if surveys:
            store.write(_corpus(survey, "survey"), part.name, pa.concat_tables(surveys), part.fingerprint)
        else:
            store.delete_part(_corpus(survey, "survey"), part.name)

    def _empty(self) -> pa.Table:
        columns = {
            column: kind for link in self.links for column, kind in {**link.columns(), link.name() + MEASURED: pa.bool_()}.items()
        }
        return pa.schema({"key": pa.string(), **columns, **STATE}).empty_table()


class MergeStage(msgspec.Struct, frozen=True):
    """All surveys of one whole-corpus link become its look-up."""

    link: CorpusFilter
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of the look-up."""
        return _corpus(self.link, "merged")

    def parts(self, store: Store) -> list[Part]:
        """One part, made from every survey."""
        digests = sorted(store.digest(_corpus(self.link, "survey"), name) for name in store.parts(_SAMPLES))
        return [Part("00000", fingerprint_of(code_of(self.link), self.link.settings(), digests))]

    def work(self, store: Store, part: Part) -> str:
        """Merge the surveys."""
        folder = _corpus(self.link, "survey")
        planned = set(store.parts(_SAMPLES))
        surveys = [store.read(folder, name) for name in store.parts(folder) if name in planned]
        merged = self.link.merge(pa.concat_tables(surveys)) if surveys else pa.table({"key": pa.array([], pa.string())})
        store.write(self.name, part.name, merged, part.fingerprint)
        return f"{sum(map(len, surveys))} surveyed"


class LedgerStage(msgspec.Struct, frozen=True):
    """The state after the last pass, as the ledger has it."""

    last_pass: int
    name: ClassVar[str] = "filter/ledger"
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of samples."""
        return [
            Part(name, fingerprint_of(LEDGER.name, store.digest(_scores(self.last_pass), name))) for name in store.parts(_SAMPLES)
        ]

    def work(self, store: Store, part: Part) -> str:
        """One part of the ledger."""
        table = store.read(_scores(self.last_pass), part.name, ["key", *STATE]).select(LEDGER.arrow.names).cast(LEDGER.arrow)
        store.write(self.name, part.name, table, part.fingerprint)
        return f"{pc.sum(table['kept']).as_py() or 0} kept of {len(table)}"


def _scores(index: int) -> str:
    return f"filter/scores/{index}"


def _corpus(link: Link, folder: str) -> str:
    return f"filter/corpus/{link.name()}/{folder}"


def _with(table: pa.Table, others: pa.Table) -> pa.Table:
    """The table with the columns of another of the same rows."""
    for name in others.column_names:
        table = table.append_column(name, others[name])
    return table


def _batches(store: Store, part: Part, samples: pa.Table) -> Iterator[tuple[int, Batch]]:
    """The samples by the row groups in which their images lie, with the place of each batch's first row.

    Image bytes are read when a link looks at them, and one row group at a time.
    """
    with store.open_part("crawl/images", part.name) as file:
        rows = samples["image_row"].to_numpy()
        first = 0
        for group in range(file.num_row_groups):
            last = first + file.metadata.row_group(group).num_rows
            start, stop = rows.searchsorted(first), rows.searchsorted(last)
            if start < stop:
                images = functools.partial(_images, file, group, rows[start:stop] - first)
                yield int(start), Batch(samples.slice(start, stop - start), images)
            first = last


def _images(file: pq.ParquetFile, group: int, places: Sequence[int]) -> list[bytes | None]:
    """Image bytes at some places of one row group."""
    return file.read_row_group(group, columns=["image"])["image"].take(pa.array(places)).to_pylist()  # type: ignore[no-any-return]
