"""Lists of image URLs with captions, as the field exchanges them. Reads a file; asks no server but the one the file lies on."""

from __future__ import annotations

import contextlib
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

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

ROWS_PER_ROW_GROUP = 50_000
"""Rows of a list that are in memory at once."""

log = logging.getLogger("wukong_build")

_BLOCK_BYTES = 1 << 22  # also the longest row that can be read
_LONE_RETURN = re.compile(rb"\r(?!\n|\Z)")  # at the very end it ends the last row
_RETURN = b"\xff"  # no UTF-8 text holds it


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
    def target(self) -> str:
        """The path."""
        return self.path

    def digest(self) -> str:
        """Changes when the list or how it is read changes. ConfigError where there is no such list."""
        with self._readable():
            fs, path = fsspec.core.url_to_fs(self.path)
            return fingerprint_of(msgspec.to_builtins(self), sorted(map(str, fs.info(path).items())))

    def check(self) -> None:
        """ConfigError where the list cannot be read or lacks a column."""
        with self._readable():
            if self.path.endswith(".parquet"):
                with fsspec.open(self.path, "rb") as opened:
                    self._columns(pq.ParquetFile(opened).schema_arrow.names)
            else:
                with self._opened([]) as reader:
                    self._columns(reader.schema.names)

    def tables(self, label: str) -> Iterator[pa.Table]:
        """The list as rows of `PAIRS`, `ROWS_PER_ROW_GROUP` at a time. ConfigError where it cannot be read or lacks a column."""
        position = 0
        with self._readable():
            for rows in self._parquet() if self.path.endswith(".parquet") else self._csv():
                yield self._pairs(rows, position, label)
                position += len(rows)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Whatever keeps the list from being read is said with its path."""
        try:
            yield
        except (OSError, EOFError, ValueError, ImportError, zlib.error) as error:  # fsspec, gzip, Arrow; a missing s3fs
            raise ConfigError(f"crawl.sources: {self.path}: cannot be read: {error}") from error

    def _columns(self, there: Sequence[str]) -> list[str]:
        """The columns to read. ConfigError where one of them is not there."""
        columns = [name for name in (self.url, self.caption, self.page_url) if name is not None]
        for name in columns:
            if name not in there:
                near = nearest(name, there)
                raise ConfigError(f"crawl.sources: {self.path}: has no column {name!r}{near}; it has {listed(there)}")
        return list(dict.fromkeys(columns))

    def _parquet(self) -> Iterator[pa.Table]:
        with fsspec.open(self.path, "rb") as opened:
            file = pq.ParquetFile(opened)
            for batch in file.iter_batches(batch_size=ROWS_PER_ROW_GROUP, columns=self._columns(file.schema_arrow.names)):
                yield pa.Table.from_batches([batch])

    def _csv(self) -> Iterator[pa.Table]:
        """A CSV or TSV file; columns stay bytes, as lists of the web hold whatever bytes pages held."""
        with self._opened([]) as reader:
            columns = self._columns(reader.schema.names)
        malformed: list[str] = []
        with self._opened(malformed, include_columns=columns, column_types=dict.fromkeys(columns, pa.binary())) as reader:
            yield from _gathered(reader)
        if malformed:
            log.warning(
                "%s: %d rows skipped that have more or fewer fields than the header; one of them: %.200s",
                *(self.path, len(malformed), malformed[0]),
            )

    @contextlib.contextmanager
    def _opened(self, malformed: list[str], **convert: Any) -> Iterator[pyarrow.csv.CSVStreamingReader]:
        """The CSV file being read; rows with too many or too few fields are skipped, and gather in `malformed`."""

        def skip(row: pyarrow.csv.InvalidRow) -> str:
            try:
                malformed.append(row.text)
            except UnicodeDecodeError:  # Arrow holds every row for UTF-8
                malformed.append("(not UTF-8)")
            return "skip"

        delimiter = "\t" if ".tsv" in self.path.rsplit("/", 1)[-1] else ","
        with fsspec.open(self.path, "rb", compression="infer") as file:
            yield pyarrow.csv.open_csv(
                _LineFeeds(file),
                pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES),
                pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
                pyarrow.csv.ConvertOptions(**convert),
            )

    def _pairs(self, rows: pa.Table, first_position: int, label: str) -> pa.Table:
        urls = _strings(rows[self.url])
        captions = _strings(rows[self.caption])
        pages: Sequence[str | None] = [None] * len(rows) if self.page_url is None else _strings(rows[self.page_url])
        positions = range(first_position, first_position + len(rows))
        found = [_pair(label, *row) for row in zip(positions, urls, captions, pages, strict=True)]
        return pa.Table.from_pylist(found, schema=PAIRS.arrow)


def _pair(label: str, position: int, url: str | None, caption: str | None, page_url: str | None) -> dict[str, Any]:
    written = url or ""
    address = canonical(written) or written  # what is no URL keeps its row, and fails as `bad_url` when it is fetched
    return {
        "key": key_of(address),
        "url": address,
        "page_url": page_url,
        "position": position,
        "source": label,
        "texts": [{"text": caption, "origin": "caption", "distance": 0}] if caption else [],
    }


class _LineFeeds:
    """A file in which only line feeds end rows: a return alone belongs to a caption, and is read as `_RETURN`."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._held = b""

    def read(self, size: int) -> bytes:
        """The next bytes, never more than `size`; a return at their end waits for what follows it."""
        more = self._file.read(size - len(self._held))
        block = self._held + more
        self._held = b"\r" if more and block.endswith(b"\r") else b""
        return _LONE_RETURN.sub(_RETURN, block).removesuffix(self._held)


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches, `ROWS_PER_ROW_GROUP` rows or somewhat more at a time."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(rows) for rows in waiting) >= ROWS_PER_ROW_GROUP:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _strings(column: pa.ChunkedArray) -> list[str | None]:
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())  # some writers of Parquet never look whether it is UTF-8
    return [_string(value) for value in column.to_pylist()]


def _string(value: Any) -> str | None:
    if isinstance(value, bytes):
        return _decoded(value.replace(_RETURN, b"\r"))
    return None if value is None else str(value)


def _decoded(text: bytes) -> str:
    """UTF-8, also where it was cut within its last character; what is not, in a Chinese list, is GB18030."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            with contextlib.suppress(UnicodeDecodeError):
                return text.decode("gb18030")
        return text.decode("utf-8", "replace")
