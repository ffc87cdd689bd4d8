"""CSV and TSV files, as spreadsheets and data sets write them."""

from __future__ import annotations

import io
import re
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from wukong_build.web.sources.columns import as_text
from wukong_build.web.sources.rows import Batches, Columns, Skipped, arranged

LONGEST_ROW = 1 << 22
"""In bytes; a longer one ends the reading with a ValueError."""

_LONE_RETURN = re.compile(rb"\r(?!\n|\Z)")  # at the very end it ends the last row
_RETURN = b"\xff"  # no UTF-8 text holds it
_HEADER = re.compile(rb'[\r\n]*(?:[^"\n]++|"[^"]*+")*+')


def csv_names(file: IO[bytes], delimiter: str = ",") -> list[str]:
    """The columns of a file. ValueError where it has no header."""
    header = _HEADER.match(_LineFeeds(file).read(LONGEST_ROW))
    first = io.BytesIO(header[0] + b"\n" if header and header[0] else b"")
    return list(_reader(first, delimiter, Skipped()).schema.names)


def csv_rows(file: IO[bytes], there: list[str], columns: Columns, skipped: Skipped, delimiter: str = ",") -> Batches:
    """The rows of a file with these columns, which stay bytes until here: lists of the web hold whatever bytes pages held."""
    read = columns.read(there)
    for batch in _reader(
        _LineFeeds(file), delimiter, skipped, include_columns=read, column_types=dict.fromkeys(there, pa.binary())
    ):
        values = [as_text(pc.replace_substring(column, _RETURN, b"\r")) for column in batch.columns]
        yield arranged(pa.record_batch(values, read), columns, columns.carried(there))


def _reader(file: Any, delimiter: str, skipped: Skipped, **convert: Any) -> pyarrow.csv.CSVStreamingReader:
    """A CSV file being read; rows with more or fewer fields than the header are skipped."""

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        try:
            example = row.text
        except UnicodeDecodeError:  # Arrow holds every row for UTF-8
            example = "(not UTF-8)"
        skipped.add(f"has more or fewer fields than the header: {example}")
        return "skip"

    return pyarrow.csv.open_csv(
        file,
        pyarrow.csv.ReadOptions(block_size=LONGEST_ROW),
        pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        pyarrow.csv.ConvertOptions(**convert),
    )


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
