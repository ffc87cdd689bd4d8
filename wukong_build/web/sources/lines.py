"""Files with one thing on each line: a JSON object, or a bare URL."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any

import msgspec
import pyarrow as pa

from wukong_build.web.sources.columns import as_text, decoded, json_text
from wukong_build.web.sources.rows import ROWS, Batches, Columns, Skipped

LONGEST_LINE = 1 << 22
"""In bytes; a longer one is skipped."""
_BLOCK_BYTES = 1 << 20
_EXAMPLE_BYTES = 200


def json_names(file: IO[bytes]) -> list[str] | None:
    """The keys of the first lines; None where there is no line. ValueError where none of them is an object."""
    for lines in filter(None, _lines(file, Skipped())):
        names = dict.fromkeys(name for line in lines for name in _json_row(line) or ())
        if not names:
            raise ValueError("no line is a JSON object with keys; one on each line is meant")
        return list(names)
    return None


def json_rows(file: IO[bytes], _: list[str], columns: Columns, skipped: Skipped) -> Batches:
    """The rows of a file with a JSON object on each line."""
    for lines in _lines(file, skipped):
        rows = []
        for line in lines:
            row = _json_fields(line, columns)
            if row is None:
                skipped.add(f"is no JSON object: {decoded(line[:_EXAMPLE_BYTES])}")
            else:
                rows.append(row)
        if rows:
            yield pa.record_batch([pa.array(values, pa.string()) for values in zip(*rows, strict=True)], schema=ROWS)


def no_names(file: IO[bytes]) -> None:
    """None, if the file can be read: its lines are all of one column, which has no name."""
    file.read(1)


def url_rows(file: IO[bytes], _: list[str], __: Columns, skipped: Skipped) -> Batches:
    """The rows of a file with a bare URL on each line."""
    for lines in _lines(file, skipped):
        none = pa.nulls(len(lines), pa.string())
        yield pa.record_batch([as_text(pa.array(lines, pa.binary())), none, none, none], schema=ROWS)


def _json_fields(line: bytes, columns: Columns) -> tuple[str | None, ...] | None:
    """The fields of one line, as `ROWS` has them; None where it is no object, or one nested too deeply to carry."""
    row = _json_row(line)
    if row is None:
        return None
    named = (row.get(name) if name else None for name in (columns.url, columns.caption, columns.page_url))
    carried = columns.carried(row)
    try:
        extra = json_text({name: row.get(name) for name in carried}) if carried else None
        return *(value if value is None or isinstance(value, str) else json_text(value) for value in named), extra
    except RecursionError:
        return None


def _json_row(line: bytes) -> dict[str, Any] | None:
    """The object on one line; None where it is none."""
    try:
        row = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        row = _lenient(decoded(line))
    return row if isinstance(row, dict) else None


def _lenient(line: str) -> Any:
    """What a line means that is no strict JSON, as it has NaN or half a character; None where it is none at all."""
    try:
        written = json.dumps(json.loads(line), ensure_ascii=False)
        return json.loads(written.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _lines(file: IO[bytes], skipped: Skipped) -> Iterator[list[bytes]]:
    """The lines of a file that are not empty, as many at a time as are read at once; those that are too long are skipped."""
    held, is_long = file.read(_BLOCK_BYTES).removeprefix(codecs.BOM_UTF8), False
    while block := file.read(_BLOCK_BYTES):
        *lines, held = (held + block).split(b"\n")
        if is_long:  # its last piece is the first here
            is_long, lines = not lines, lines[1:]
        elif len(held) > LONGEST_LINE:
            skipped.add(f"is longer than {LONGEST_LINE} bytes")
            is_long = True
        held = b"" if is_long else held
        yield _stripped(lines)
    yield _stripped(held.split(b"\n"))


def _stripped(lines: list[bytes]) -> list[bytes]:
    return [line for line in (line.strip(b" \t\r") for line in lines) if line]
