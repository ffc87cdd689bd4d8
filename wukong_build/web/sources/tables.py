"""Tables of the formats the field exchanges, whole files of any size a few thousand rows at a time.

Which columns are read is given; what is in them is not known here. What is no row is skipped and counted.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from typing import IO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.web.sources.delimited import csv_names, csv_rows
from wukong_build.web.sources.lines import json_names, json_rows, no_names, url_rows
from wukong_build.web.sources.rows import Batches, Columns, Skipped, arranged

ROWS_AT_ONCE = 50_000
"""Rows of a list that are in memory at once, or fewer: as many as `BYTES_AT_ONCE` hold."""
BYTES_AT_ONCE = 1 << 26

_NAME = re.compile(r"\.(?:(parquet)|(csv|tsv|jsonl|ndjson|json|txt)(?:\.(gz|zst|bz2|xz))?)(?:\?.*)?$", re.IGNORECASE)
_COMPRESSION = {"gz": "gzip", "bz2": "bz2", "xz": "xz"}
_PARQUET_ROWS = 512  # few, as rows may hold whole images
_BUFFER_BYTES = 1 << 20

_Names = Callable[[IO[bytes]], list[str] | None]
_Rows = Callable[[IO[bytes], list[str], Columns, Skipped], Batches]


def is_list(path: str) -> bool:
    """True where the name is that of a format."""
    return _NAME.search(path) is not None


def names_of(path: str) -> list[str] | None:
    """The columns of a file; None where there are none to choose from, as in a file of bare URLs."""
    names, _ = _FORMATS[_format(path)]
    with _opened(path) as file:
        return names(file)


def rows_of(path: str, columns: Columns, skipped: Skipped) -> Batches:
    """The rows of a file, as `ROWS` has them."""
    _, rows = _FORMATS[_format(path)]
    there = names_of(path) or []
    with _opened(path) as file:
        yield from _gathered(rows(file, there, columns, skipped))


def _format(path: str) -> str:
    """The format by the name. ValueError where it is none."""
    match = _NAME.search(path)
    if match is None:
        raise ValueError("its name ends like that of no list; .csv, .tsv, .jsonl, .txt (also .gz, .zst …) or .parquet is meant")
    return (match[1] or match[2]).lower()


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """The bytes of a file as they were before it was compressed."""
    match = _NAME.search(path)
    compression = match[3].lower() if match and match[3] else ""
    with fsspec.open(path, "rb", compression=_COMPRESSION.get(compression)) as file:
        yield pa.CompressedInputStream(pa.PythonFile(file), "zstd") if compression == "zst" else file


def _gathered(batches: Batches) -> Batches:
    """The batches, as many at a time as may be in memory at once."""
    waiting: list[pa.RecordBatch] = []
    for batch in _sliced(batches):
        waiting.append(batch)
        if sum(map(len, waiting)) >= ROWS_AT_ONCE or sum(rows.nbytes for rows in waiting) >= BYTES_AT_ONCE:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting = []
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def _sliced(batches: Batches) -> Batches:
    for batch in batches:
        yield from (batch.slice(first, ROWS_AT_ONCE) for first in range(0, len(batch), ROWS_AT_ONCE))


def _parquet_names(file: IO[bytes]) -> list[str]:
    return list(pq.ParquetFile(file).schema_arrow.names)


def _parquet_rows(file: IO[bytes], there: list[str], columns: Columns, _: Skipped) -> Batches:
    """The rows of a Parquet file, whose row groups may be of any size: they are read through a buffer."""
    parquet = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS, columns=columns.read(there), use_threads=False):
        yield arranged(batch, columns, columns.carried(there))


_JSON = (json_names, json_rows)

_FORMATS: dict[str, tuple[_Names, _Rows]] = {
    "parquet": (_parquet_names, _parquet_rows),
    "csv": (csv_names, csv_rows),
    "tsv": (functools.partial(csv_names, delimiter="\t"), functools.partial(csv_rows, delimiter="\t")),
    "jsonl": _JSON,
    "ndjson": _JSON,
    "json": _JSON,
    "txt": (no_names, url_rows),
}
"""How the columns of a format are known, and how its rows are read."""
