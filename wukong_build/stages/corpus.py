"""What the whole corpus says: the surveys of all parts become the look-up of one link, in as many pieces as memory asks for.

Surveys of a link that says by which column they meet are shuffled first: rows with equal values come into one piece, and each
piece is merged by itself, anywhere. Knows nothing of samples, nor of what a survey holds.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from wukong_build import resources
from wukong_build.executors import Executor, Part
from wukong_build.links import CorpusLink, code_of
from wukong_build.stages import run_stage
from wukong_build.store import Store, fingerprint_of

SHUFFLED_TOGETHER = 1 << 22
"""Rows of surveys that are sorted into pieces at once."""

_WHOLE = "00000"
_PIECES = "pieces"
"""The note that says to which pieces the row groups of shuffled rows belong."""


def made_from(link: CorpusLink) -> list[Any]:
    """What a survey and its look-up depend on besides the samples."""
    return [code_of(link), link.settings(), [resources.digest(resource) for resource in link.resources()]]


def survey_folder(link: CorpusLink) -> str:
    """Where the surveys of a link lie."""
    return _folder(link, "survey")


def merge(link: CorpusLink, store: Store, executor: Executor) -> None:
    """Bring the look-up of a link up to date with its surveys."""
    rows = sum(_row_counts(link, store).values())
    pieces = 1
    while link.rows_together is not None and rows > pieces * link.rows_together:
        pieces *= 2
    if pieces > 1:
        run_stage(ShuffleStage(link, pieces), store, executor)
        run_stage(PieceStage(link, pieces), store, executor)
    else:
        for folder in ("shuffled", "pieces"):
            store.delete_stage(_folder(link, folder))
    run_stage(MergeStage(link, in_pieces=pieces > 1), store, executor)


def look_up_digest(link: CorpusLink, store: Store) -> str:
    """What the look-up of a link holds, in short."""
    return store.digest(_folder(link, "merged"), _WHOLE)


def look_up(link: CorpusLink, store: Store) -> pa.Table:
    """The look-up of a link. The last one is remembered: one process looks up many parts."""
    return _look_up(store.url, _folder(link, "merged"), look_up_digest(link, store))


@functools.lru_cache(maxsize=1)
def _look_up(url: str, folder: str, _digest: str) -> pa.Table:
    return Store(url).read(folder, _WHOLE).combine_chunks()


class ShuffleStage(msgspec.Struct, frozen=True):
    """Surveys, some at a time, by the pieces in which their rows meet: one row group for each piece that has any."""

    link: CorpusLink
    pieces: int
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of the shuffled rows."""
        return _folder(self.link, "shuffled")

    def parts(self, store: Store) -> list[Part]:
        """One part for as many surveys as are shuffled together, named after the first and the last of them."""
        groups: list[list[str]] = []
        room = 0
        for name, rows in _row_counts(self.link, store).items():
            if room < rows:
                groups.append([])
                room = SHUFFLED_TOGETHER
            groups[-1].append(name)
            room -= rows
        digests = dict(store.digests(survey_folder(self.link)))
        depends_on = [made_from(self.link), self.pieces]
        return [
            Part(f"{names[0]}..{names[-1]}", fingerprint_of(depends_on, [digests[name] for name in names])) for names in groups
        ]

    def work(self, store: Store, part: Part) -> str:
        """Write one part."""
        folder = survey_folder(self.link)
        first, _, last = part.name.partition("..")
        table = pa.concat_tables([store.read(folder, name) for name in store.parts(folder) if first <= name <= last])
        numbers = self.link.pieces_of(table, self.pieces)
        rows = np.argsort(numbers, axis=None, kind="stable") % len(table)
        there, counts = np.unique(numbers, return_counts=True)
        with store.writing(self.name, part.name, table.schema, part.fingerprint) as writer:
            for stop, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
                writer.write_table(table.take(rows[stop - count : stop]))
            writer.digest = part.fingerprint  # the same surveys give the same rows
            writer.notes = {_PIECES: msgspec.json.encode(there.tolist()).decode()}
        return f"{len(table)} rows shuffled into {len(there)} pieces"


class PieceStage(msgspec.Struct, frozen=True):
    """What each piece contributes to the look-up."""

    link: CorpusLink
    pieces: int
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of the contributions."""
        return _folder(self.link, "pieces")

    def parts(self, store: Store) -> list[Part]:
        """One part a piece that has rows, made from all of them."""
        shuffled = _folder(self.link, "shuffled")
        notes = [store.notes(shuffled, name) for name in store.parts(shuffled)]
        depends_on = fingerprint_of(made_from(self.link), self.pieces, [note["digest"] for note in notes])
        numbers = sorted({number for note in notes for number in msgspec.json.decode(note[_PIECES])})
        return [Part(f"{number:05d}", depends_on) for number in numbers]

    def work(self, store: Store, part: Part) -> str:
        """Merge the rows of one piece."""
        shuffled, number = _folder(self.link, "shuffled"), int(part.name)
        tables = []
        for name in store.parts(shuffled):
            numbers = msgspec.json.decode(store.note(shuffled, name, _PIECES))
            if number in numbers:
                with store.open_part(shuffled, name) as file:
                    tables.append(file.read_row_group(numbers.index(number)).replace_schema_metadata(None))
        rows = pa.concat_tables(tables)
        store.write(self.name, part.name, self.link.merge_piece(rows, number, self.pieces), part.fingerprint)
        return f"{len(rows)} rows merged"


class MergeStage(msgspec.Struct, frozen=True):
    """The look-up of a link, made of all its surveys or of what the pieces contribute."""

    link: CorpusLink
    in_pieces: bool = False
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of the look-up."""
        return _folder(self.link, "merged")

    @property
    def _sources(self) -> str:
        return _folder(self.link, "pieces") if self.in_pieces else survey_folder(self.link)

    def parts(self, store: Store) -> list[Part]:
        """One part, made from every survey or piece, in whatever order these come."""
        digests = sorted(digest for _, digest in store.digests(self._sources))
        return [Part(_WHOLE, fingerprint_of(made_from(self.link), self.in_pieces, digests))]

    def work(self, store: Store, part: Part) -> str:
        """Merge them."""
        tables = [store.read(self._sources, name) for name in store.parts(self._sources)]
        merge = self.link.join_pieces if self.in_pieces else self.link.merge
        merged = merge(pa.concat_tables(tables)) if tables else pa.table({"key": pa.array([], pa.string())})
        store.write(self.name, part.name, merged, part.fingerprint)
        return f"{sum(map(len, tables))} rows merged"


def _row_counts(link: CorpusLink, store: Store) -> dict[str, int]:
    """Name of each survey → its rows."""
    folder = survey_folder(link)
    return {name: store.row_count(folder, name) for name in store.parts(folder)}


def _folder(link: CorpusLink, folder: str) -> str:
    return f"filter/corpus/{link.name()}/{folder}"
