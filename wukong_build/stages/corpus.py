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

ROWS_TOGETHER = 1 << 22
"""Rows of surveys that are shuffled or merged together, where they need not all be."""

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
    pieces = 1
    if link.meets_by is not None:
        rows = sum(_row_counts(link, store).values())
        while rows > pieces * ROWS_TOGETHER:
            pieces *= 2
    if pieces > 1:
        run_stage(ShuffleStage(link, pieces), store, executor)
    else:
        store.delete_stage(_folder(link, "shuffled"))
    run_stage(MergeStage(link, pieces), store, executor)


def look_up_digests(link: CorpusLink, store: Store) -> list[str]:
    """What the look-up of a link holds, in short."""
    return [digest for _, digest in store.digests(_folder(link, "merged"))]


def look_up(link: CorpusLink, store: Store) -> pa.Table:
    """The look-up of a link. The last one is remembered: one process looks up many parts."""
    return _look_up(store.url, _folder(link, "merged"), tuple(look_up_digests(link, store)))


@functools.lru_cache(maxsize=1)
def _look_up(url: str, folder: str, _digests: tuple[str, ...]) -> pa.Table:
    store = Store(url)
    return pa.concat_tables([store.read(folder, piece) for piece in store.parts(folder)]).combine_chunks()


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
                room = ROWS_TOGETHER
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
        piece = table[self.link.meets_by].to_numpy() >> np.uint64(64 - (self.pieces - 1).bit_length())
        table = table.take(np.argsort(piece, kind="stable")).combine_chunks()
        there, counts = np.unique(piece, return_counts=True)
        with store.writing(self.name, part.name, table.schema, part.fingerprint) as writer:
            for stop, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
                writer.write_table(table.slice(stop - count, count))
            writer.digest = part.fingerprint  # the same surveys give the same rows
            writer.notes = {_PIECES: msgspec.json.encode(there.tolist()).decode()}
        return f"{len(table)} rows shuffled"


class MergeStage(msgspec.Struct, frozen=True):
    """The look-up of a link, piece by piece."""

    link: CorpusLink
    pieces: int = 1
    appends: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Folder of the look-up."""
        return _folder(self.link, "merged")

    def parts(self, store: Store) -> list[Part]:
        """One part a piece, made from every survey, in whatever parts these stand."""
        digests = sorted(digest for _, digest in store.digests(survey_folder(self.link)))
        depends_on = fingerprint_of(made_from(self.link), digests)
        return [Part(f"{piece:05d}-of-{self.pieces:05d}", depends_on) for piece in range(self.pieces)]

    def work(self, store: Store, part: Part) -> str:
        """Merge the rows of one piece."""
        surveys = self._surveys(store) if self.pieces == 1 else self._shuffled(store, int(part.name.partition("-")[0]))
        merged = self.link.merge(pa.concat_tables(surveys)) if surveys else pa.table({"key": pa.array([], pa.string())})
        store.write(self.name, part.name, merged, part.fingerprint)
        return f"{sum(map(len, surveys))} surveyed"

    def _surveys(self, store: Store) -> list[pa.Table]:
        folder = survey_folder(self.link)
        return [store.read(folder, name) for name in store.parts(folder)]

    def _shuffled(self, store: Store, piece: int) -> list[pa.Table]:
        """The rows of one piece."""
        folder = _folder(self.link, "shuffled")
        tables = []
        for name in store.parts(folder):
            pieces = msgspec.json.decode(store.note(folder, name, _PIECES))
            with store.open_part(folder, name) as file:
                there = file.read_row_group(pieces.index(piece)) if piece in pieces else file.schema_arrow.empty_table()
                tables.append(there.replace_schema_metadata(None))
        return tables


def _row_counts(link: CorpusLink, store: Store) -> dict[str, int]:
    """Name of each survey → its rows."""
    folder = survey_folder(link)
    return {name: store.row_count(folder, name) for name in store.parts(folder)}


def _folder(link: CorpusLink, folder: str) -> str:
    return f"filter/corpus/{link.name()}/{folder}"
