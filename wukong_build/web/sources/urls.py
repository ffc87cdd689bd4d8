"""Lists of image URLs with captions, as the field exchanges them. Reads a file; asks no server but the one the file lies on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from wukong_build.errors import ConfigError, listed, nearest
from wukong_build.schema import PAIRS
from wukong_build.store import fingerprint_of
from wukong_build.web.sources.base import Source
from wukong_build.web.url import canonical, key_of

ROWS_PER_PART = 50_000
"""Rows of a list that become one part of pairs."""


class Urls(Source, frozen=True, kw_only=True):
    """A CSV, TSV or Parquet file with one image a row. A URL under several captions is one sample with several texts."""

    path: str
    url: str = "url"
    """Name of the column with the image URL."""
    caption: str = "caption"
    """Name of the column with the caption."""
    page_url: str | None = None
    """Name of the column with the page it stood on, if there is one."""

    @property
    def label(self) -> str:
        """`urls:` and the path."""
        return f"urls:{self.path}"

    def digest(self) -> str:
        """Changes when the list or how it is read changes. ConfigError where there is no such list."""
        try:
            fs, path = fsspec.core.url_to_fs(self.path)
            return fingerprint_of(msgspec.to_builtins(self), fs.ukey(path))
        except OSError as error:
            raise ConfigError(f"crawl.sources: {self.path}: cannot be read: {error}") from error

    def tables(self) -> Iterator[pa.Table]:
        """The list as rows of `PAIRS`, `ROWS_PER_PART` at a time. ConfigError where it cannot be read or lacks a column."""
        position = 0
        try:
            for rows in self._rows():
                yield self._pairs(rows, position)
                position += len(rows)
        except (OSError, pa.ArrowInvalid) as error:
            raise ConfigError(f"crawl.sources: {self.path}: cannot be read: {error}") from error

    def _rows(self) -> Iterator[pa.Table]:
        columns = [name for name in (self.url, self.caption, self.page_url) if name is not None]
        for table in _parquet(self.path) if self.path.endswith(".parquet") else _csv(self.path, columns):
            for name in columns:
                if name not in table.column_names:
                    near = nearest(name, table.column_names)
                    raise ConfigError(
                        f"crawl.sources: {self.path}: has no column {name!r}{near}; it has {listed(table.column_names)}"
                    )
            yield table.select(columns)

    def _pairs(self, rows: pa.Table, first_position: int) -> pa.Table:
        urls = _strings(rows[self.url])
        captions = _strings(rows[self.caption])
        pages: Sequence[str | None] = [None] * len(rows) if self.page_url is None else _strings(rows[self.page_url])
        found = [
            self._pair(*row) for row in zip(range(first_position, first_position + len(rows)), urls, captions, pages, strict=True)
        ]
        return pa.Table.from_pylist(found, schema=PAIRS.arrow)

    def _pair(self, position: int, url: str | None, caption: str | None, page_url: str | None) -> dict[str, Any]:
        written = url or ""
        address = canonical(written) or written  # what is no URL keeps its row, and fails as `bad_url` when it is fetched
        return {
            "key": key_of(address),
            "url": address,
            "page_url": page_url,
            "position": position,
            "source": self.label,
            "texts": [{"text": caption, "origin": "caption", "distance": 0}] if caption else [],
        }


def _parquet(path: str) -> Iterator[pa.Table]:
    with fsspec.open(path, "rb") as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=ROWS_PER_PART):
            yield pa.Table.from_batches([batch])


def _csv(path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """A CSV or TSV file; columns stay bytes, as lists of the web hold whatever bytes pages held."""
    delimiter = "\t" if ".tsv" in path.rsplit("/", 1)[-1] else ","
    with fsspec.open(path, "rb", compression="infer") as file:
        reader = pyarrow.csv.open_csv(
            file,
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.binary())),
        )
        waiting: list[pa.RecordBatch] = []
        for batch in reader:
            waiting.append(batch)
            if sum(len(rows) for rows in waiting) >= ROWS_PER_PART:
                yield pa.Table.from_batches(waiting)
                waiting = []
        if waiting:
            yield pa.Table.from_batches(waiting)


def _strings(column: pa.ChunkedArray) -> list[str | None]:
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)
        for value in column.to_pylist()
    ]
