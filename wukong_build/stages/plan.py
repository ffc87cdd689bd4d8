"""The plan of a crawl's next step: which rows are fetched by which part, in which lane, in which order.

Written before anything is asked for. Memory is bounded however many rows there are: they pass by, sorted by DuckDB. Knows
nothing of why a row is wanted, nor of what is asked for in it.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.stages.learnt import put_together
from wukong_build.store import Store

ROWS_AT_ONCE = 10_000
"""Rows that are held in memory where there may be any number of them."""


def host_name(host: str) -> str:
    """A host without its port: manners hold for the machine, whatever it serves on."""
    return urlsplit(f"//{host}").hostname or ""


def next_number(store: Store, kind: str) -> int:
    """The number of the next part of facts of a kind."""
    return 1 + max((int(name) for name in store.parts(f"crawl/{kind}") if name.isdigit()), default=-1)


def plan(store: Store, kind: str, wanted: Iterable[pa.Table], rows_per_part: int) -> int:
    """Cut what is to be fetched into new parts, and write down what each is to fetch; returns how many rows that is.

    `wanted` is sorted by its column `lane`.
    """
    store.delete_stage(plan_folder(kind))
    put_together(store)
    number, count = itertools.count(next_number(store, kind)), 0
    for lane, rows in cut(wanted, "lane", rows_per_part):
        with store.writing(plan_folder(kind), f"{next(number):05d}", rows.schema) as writer:
            writer.write_table(rows)
            writer.notes = {"lane": str(lane)}
        count += len(rows)
    return count


def in_lanes(
    connection: duckdb.DuckDBPyConnection, wanted: str, lanes: int, then: str = "", apart: str = "false"
) -> Iterator[pa.Table]:
    """The rows of a query, with `host` and `lane` of the URL `asked` in its place, in the order in which they are asked for.

    A host is in one lane only, so that no two workers ask it at once; rows of which `apart` is true are in one of their own.
    Within a lane rows come in the order of a hash of their URL (rows of one URL as `then` says): each part has the same mix of
    hosts, so that none waits for a single host alone, and nothing need be counted to say which row comes when. The sort is
    DuckDB's, which spills.
    """
    lane = f"CASE WHEN {apart} THEN {lanes} ELSE md5_number_lower(host) % {lanes} END AS lane"
    reader = connection.sql(
        f"SELECT * EXCLUDE (asked), host_name(asked) AS host, {lane} FROM ({wanted}) "  # noqa: S608  ours
        f"ORDER BY lane, md5_number_lower(asked), asked{then}"
    ).to_arrow_reader(ROWS_AT_ONCE)
    return (pa.Table.from_batches([batch]) for batch in reader if len(batch))


def cut(tables: Iterable[pa.Table], column: str, size: int) -> Iterator[tuple[Any, pa.Table]]:
    """Sorted rows, `size` at a time but never two values of `column` at once: with that value, and without that column."""
    pieces = itertools.chain.from_iterable(_pieces(table, column) for table in tables if len(table))
    for value, group in itertools.groupby(pieces, key=operator.itemgetter(0)):
        waiting: pa.Table | None = None
        for _, piece in group:
            waiting = piece if waiting is None else pa.concat_tables([waiting, piece])
            while len(waiting) > size:
                yield value, waiting.slice(0, size)
                waiting = waiting.slice(size)
        yield value, waiting


def _pieces(table: pa.Table, column: str) -> Iterator[tuple[Any, pa.Table]]:
    """The rows of every value, with that value, and without its column."""
    rest = table.drop_columns([column])
    for first, end in itertools.pairwise([*first_rows(table[column]).tolist(), len(table)]):
        yield table[column][first].as_py(), rest.slice(first, end - first)


def first_rows(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where in a sorted column, which is not empty, a new value begins."""
    changes = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy()
    return np.flatnonzero(np.concatenate([[True], changes]))


def plan_folder(kind: str) -> str:
    """Folder of the plan of a kind of facts."""
    return f"crawl/plan/{kind}"
