"""Scores: what the links of each pass say of every sample, what the whole corpus says, and the ledger that comes of both.

Scores are kept beside the samples, each link's columns under that link's fingerprint. A changed config measures only what
it changes, and a changed bound measures nothing anew; only samples that get further than before are measured there.
Knows nothing of the config around the chain, nor of the crawl, so that a worker process need not either.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build.batch import Batch
from wukong_build.chain import MEASURED, STATE, Chain, Cost, Pass, Scored, initial_state, verdict
from wukong_build.executors import Part
from wukong_build.links import AnyRewrite, Bounds, CorpusLink, Link
from wukong_build.schema import ALONE_NOTE, COST_NOTE, LEDGER, LEDGER_FACTS, SAMPLES
from wukong_build.stages.corpus import look_up, look_up_digest, made_from, survey_folder
from wukong_build.store import Store, digest_of, fingerprint_of

_SAMPLES = "crawl/samples"
_LEDGER = "filter/ledger"
_INPUTS = "inputs:"
"""Before a link's name: the note of a part of scores that says what they depend on."""

_COLUMN = "column:"
"""Before the name of a column of samples: the note of its digest when they were measured."""

_STANDS_FOR = {"image": "sha256", "caption": "caption_found"}
"""Columns of samples that change with what is no column of theirs."""

_SAMPLE_COLUMNS = {column.name for column in SAMPLES.columns}


def bounds_of(links: Iterable[Link]) -> list[list[float | None]]:
    """What the links decide by; no part of their own fingerprints, which say what they measure."""
    return [[link.at_least, link.at_most] if isinstance(link, Bounds) else [] for link in links]


class PassStage(msgspec.Struct, frozen=True):
    """The links of one pass, over every part of samples; the state after the last one is the ledger."""

    passage: Pass
    chain: Chain
    fingerprints: dict[str, str]
    """Those of the chain, which cost too much to be made for every part."""
    measure_all: bool = False
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of the states in which samples leave it."""
        return _LEDGER if self.is_last else _state(self.passage.index)

    @property
    def is_last(self) -> bool:
        """Whether no whole-corpus link comes after it."""
        return self.passage.survey is None

    @property
    def links(self) -> list[Link]:
        """The links whose columns this pass writes, in order."""
        lookup = self.passage.lookup
        return [*([] if lookup is None else [lookup]), *self.passage.links]

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of samples."""
        index, lookup = self.passage.index, self.passage.lookup
        merged = "" if lookup is None else look_up_digest(lookup, store)
        bounds = bounds_of(self.chain.links.values() if self.is_last else self.links)
        made_from = [self.name, [self.fingerprints[link.name()] for link in self.links], bounds, merged, self.measure_all]
        return [
            Part(name, fingerprint_of(made_from, digest, _digests(store, index, name)))
            for name, digest in store.digests(_SAMPLES)
        ]

    def work(self, store: Store, part: Part) -> str:
        """Decide one part, by the scores that are there if these suffice; else they are brought up to date first."""
        noted = store.notes(self._scores, part.name)
        read = self._read(store, part, noted)
        inputs = self._inputs(store, read)
        known = self._known(noted, read, inputs)
        decided, measured = self._decided(store, part, noted, known), 0
        if decided is None:
            earlier = {
                link.name(): store.read(self._scores, part.name, _written(link)) for link in self.links if link.name() in known
            }
            table, decided, costs = self._measured(store, part, earlier)
            measured = sum(cost.samples for cost in costs.values())
            before = {name: Cost.noted(noted.get(COST_NOTE + name, "") if name in known else "") for name in costs}
            took = {COST_NOTE + name: str(cost.and_also(before[name])) for name, cost in costs.items()}
            store.delete_part(self.name, part.name)  # were this killed in between, a state of other scores would pass for done
            store.write(self._scores, part.name, table, notes={**inputs, **took, **read})
        if self.is_last:
            self._write_ledger(store, part, decided)
        else:
            store.write(self.name, part.name, decided, part.fingerprint)
        return f"{pc.sum(decided['kept']).as_py() or 0} kept of {len(decided)}, {measured} scores measured"

    def _decided(self, store: Store, part: Part, noted: dict[str, str], known: set[str]) -> pa.Table | None:
        """The state that the scores there are lead to; None where a sample reaches a link that has not measured it.

        Reads what decides and nothing else: choosing among bounds costs little however much the links have written.
        """
        links = {_note(link) for link in self.links}
        there = {note for note in noted if note.startswith(_INPUTS)}
        if not links or len(known) < len(links) or there != links:  # scores of links that are gone go as well
            return None
        state = _state_before(store, part, self.passage.index)
        here = Scored(Batch(state.select(["key"])), state, everything=self.measure_all)
        scores = store.read(
            self._scores, part.name, list(filter(None, map(_decides, self.links))) + [n + MEASURED for n in known]
        )
        for link in self.links:
            own = scores.select([*filter(None, [_decides(link)]), link.name() + MEASURED])
            if not here.knows(link, own):
                return None
            here.run(link, own)
        return here.table().select(["key", *STATE])

    def _measured(self, store: Store, part: Part, known: dict[str, pa.Table]) -> tuple[pa.Table, pa.Table, dict[str, Cost]]:
        """Scores and state after measuring what is not known, one row group of images at a time; and what each link took."""
        columns = _columns_before(store, part, self.passage.index, self.links)
        state = _state_before(store, part, self.passage.index)
        merged = None if self.passage.lookup is None else look_up(self.passage.lookup, store)
        costs = {link.name(): Cost() for link in self.links}
        table = columns.select(["key"])
        for links in _by_what_they_read(self.links):
            scored: list[pa.Table] = []
            looks = len(columns) > 0 and any("image" in link.reads for link in links)
            for start, batch in _batches(store, part, columns) if looks else [(0, Batch(columns))]:
                here = Scored(batch, state.slice(start, len(batch)), everything=self.measure_all)
                for link in links:
                    remembered = known.get(link.name())
                    cost = here.run(link, None if remembered is None else remembered.slice(start, len(batch)), merged)
                    costs[link.name()] = costs[link.name()].and_also(cost)
                scored.append(here.table())
            joined = pa.concat_tables(scored)
            state = joined.select(list(STATE))
            columns, table = (_with_columns(each, joined.drop_columns(["key", *STATE])) for each in (columns, table))
        return table, _with_columns(table.select(["key"]), state), costs

    def _write_ledger(self, store: Store, part: Part, state: pa.Table) -> None:
        """The state as the ledger has it, beside it the evidence of every link; the notes tell how many each link drops alone."""
        facts = store.read(_SAMPLES, part.name, list(LEDGER_FACTS))  # row for row the same samples
        table = _with_columns(state, facts).select(LEDGER.arrow.names).cast(LEDGER.arrow)
        scores = read_scores(store, part.name, self.passage.index + 1, {*self.chain.scores(), *self.chain.evidence()})
        evidence = scores.select(self.chain.evidence())
        if evidence.num_columns:
            table = table.append_column("evidence", evidence.to_struct_array())
        store.write(self.name, part.name, table, part.fingerprint, self._alone(scores))

    def _alone(self, scores: pa.Table) -> dict[str, str]:
        """How many samples each link drops that no other one drops, as far as they have measured them."""
        out = {name: verdict(link, scores).out for name, link in self.chain.bounded().items()}
        by_one = np.sum(list(out.values()), axis=0, dtype=np.int64) == 1
        return {ALONE_NOTE + name: str(int((each & by_one).sum())) for name, each in out.items()}

    @property
    def _scores(self) -> str:
        return _scores(self.passage.index)

    def _read(self, store: Store, part: Part, noted: dict[str, str]) -> dict[str, str]:
        """A note with the digest of the samples, and one for each column of theirs that the chain depends on.

        Where the samples are those that the scores were measured of, both are noted there, and no column is read.
        """
        samples = store.digest(_SAMPLES, part.name)
        links = self.chain.links.values()
        columns = sorted(
            {"key"} | ({_STANDS_FOR.get(column, column) for link in links for column in link.reads} & _SAMPLE_COLUMNS)
        )
        if noted.get("samples") != samples or not noted.keys() >= {_COLUMN + column for column in columns}:
            table = store.read(_SAMPLES, part.name, columns)
            noted = {_COLUMN + column: digest_of(table.select([column])) for column in columns}
        return {"samples": samples, **{_COLUMN + column: noted[_COLUMN + column] for column in columns}}

    def _inputs(self, store: Store, read: dict[str, str]) -> dict[str, str]:
        """A note for each link of the pass: fingerprint of the link and of all it reads, directly or through links above it."""
        made_from: dict[str, str] = {}
        caption: list[str] = []
        inputs: dict[str, str] = {}
        for name, link in self.chain.links.items():
            digests = [made_from.get(column) or read[_COLUMN + _STANDS_FOR.get(column, column)] for column in link.reads]
            merged = look_up_digest(link, store) if isinstance(link, CorpusLink) else ""
            inputs[name] = fingerprint_of(self.fingerprints[name], digests, caption if "caption" in link.reads else [], merged)
            made_from |= dict.fromkeys(link.columns(), inputs[name])
            if isinstance(link, AnyRewrite):
                caption = [inputs[name]]
        return {_note(link): inputs[link.name()] for link in self.passage.links}

    def _known(self, noted: dict[str, str], read: dict[str, str], inputs: dict[str, str]) -> set[str]:
        """The links whose scores still hold: nothing that they depend on has changed."""
        if noted.get(_COLUMN + "key") != read[_COLUMN + "key"]:
            return set()
        return {link.name() for link in self.passage.links if noted.get(_note(link)) == inputs[_note(link)]}


class SurveyStage(msgspec.Struct, frozen=True):
    """What each part contributes to the whole-corpus link that ends a pass."""

    passage: Pass
    chain: Chain
    fingerprints: dict[str, str]
    """Those of the chain."""
    appends: ClassVar[bool] = False

    @property
    def link(self) -> CorpusLink:
        """The link that surveys."""
        assert self.passage.survey is not None  # noqa: S101  only such a pass is surveyed
        return self.passage.survey

    @property
    def name(self) -> str:
        """Folder of the surveys."""
        return survey_folder(self.link)

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of samples."""
        depends_on = [made_from(self.link), self.fingerprints[self.link.name()]]
        after = self.passage.index + 1
        return [
            Part(name, fingerprint_of(depends_on, digest, _digests(store, after, name)))
            for name, digest in store.digests(_SAMPLES)
        ]

    def work(self, store: Store, part: Part) -> str:
        """Survey the samples that are still in."""
        after = self.passage.index + 1
        columns, state = _columns_before(store, part, after, [self.link]), _state_before(store, part, after)
        batch = Scored(Batch(columns), state).survivors()
        store.write(self.name, part.name, self.link.survey(batch), part.fingerprint)
        return f"{len(batch)} surveyed"


def read_scores(store: Store, part: str, pass_count: int, names: Iterable[str]) -> pa.Table:
    """Some columns of the scores of one part, from whichever of the first passes they stand in."""
    wanted = set(names)
    columns: dict[str, pa.ChunkedArray] = {}
    for index in range(pass_count):
        with store.open_part(_scores(index), part) as file:
            there = [name for name in file.schema_arrow.names if name in wanted]
            columns |= dict(zip(there, file.read(columns=there).columns, strict=True)) if there else {}
    return pa.table(columns)


def _scores(index: int) -> str:
    return f"filter/scores/{index}"


def _state(index: int) -> str:
    return f"filter/state/{index}"


def _written(link: Link) -> list[str]:
    """What scores have of a link."""
    return [*link.columns(), link.name() + MEASURED]


def _decides(link: Link) -> str | None:
    """The column by which a link drops samples or changes captions; None where it does neither."""
    return link.name() if isinstance(link, AnyRewrite) or (isinstance(link, Bounds) and link.bounded) else None


def _note(link: Link) -> str:
    return _INPUTS + link.name()


def _digests(store: Store, index: int, part: str) -> list[str]:
    """Of all that the passes before `index` wrote of a part: columns may be read from any of them."""
    return [store.digest(folder, part) for earlier in range(index) for folder in (_scores(earlier), _state(earlier))]


def _columns_before(store: Store, part: Part, index: int, links: Sequence[Link]) -> pa.Table:
    """`key`, `image_row`, and what some links of pass `index` read: of the samples, and of what the passes before wrote."""
    wanted = {column for link in links for column in link.reads} - {*STATE, "image"}
    samples = store.read(_SAMPLES, part.name, sorted((wanted & _SAMPLE_COLUMNS) | {"key", "image_row"}))
    return _with_columns(samples, read_scores(store, part.name, index, wanted - _SAMPLE_COLUMNS))


def _state_before(store: Store, part: Part, index: int) -> pa.Table:
    """`key`, and the state in which samples reach pass `index`."""
    if index:
        return store.read(_state(index - 1), part.name)
    samples = store.read(_SAMPLES, part.name, ["key", "error", "caption_found"])
    return _with_columns(samples.select(["key"]), initial_state(samples))


def _by_what_they_read(links: Sequence[Link]) -> Iterator[Sequence[Link]]:
    """The links cut into those before the first that looks at images, those up to the last such, and those after it.

    Columns are looked at over a whole part, which spares most of their cost; images by row groups, and together, so that each
    is decoded once.
    """
    looking = [at for at, link in enumerate(links) if "image" in link.reads]
    first, after = (looking[0], looking[-1] + 1) if looking else (len(links), len(links))
    return (part for part in (links[:first], links[first:after], links[after:]) if part)


def _with_columns(table: pa.Table, more: pa.Table) -> pa.Table:
    """The table with the columns of another, row for row; one of a name that it has takes that place."""
    for name in more.column_names:
        at = table.schema.get_field_index(name)
        table = table.append_column(name, more[name]) if at < 0 else table.set_column(at, name, more[name])
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
