"""What every list is read as: rows of text, which columns of a file they come from, and what was no row. Knows no format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa

from wukong_build.web.sources.columns import as_json, as_text
from wukong_build.web.sources.presets import ALL_OTHERS, Carried

ROWS = pa.schema([(name, pa.string()) for name in ("url", "caption", "page_url", "extra")])
"""What every file is read as; `extra` is a JSON object."""

Batches = Iterator[pa.RecordBatch]


class Columns(msgspec.Struct, frozen=True):
    """What the columns that are read are called in the file."""

    url: str
    caption: str | None = None
    page_url: str | None = None
    extra: Carried = ()

    def carried(self, there: Iterable[str]) -> list[str]:
        """The columns that go into `extra`, of a file or a row that has these."""
        if self.extra == ALL_OTHERS:
            return [name for name in there if name not in {self.url, self.caption, self.page_url}]
        return list(self.extra)

    def read(self, there: Iterable[str]) -> list[str]:
        """All columns to read."""
        named = [name for name in (self.url, self.caption, self.page_url) if name is not None]
        return list(dict.fromkeys((*named, *self.carried(there))))


class Skipped:
    """How many rows of a file were none, and what was wrong with one of them."""

    def __init__(self) -> None:
        self.count = 0
        self.example = ""

    def add(self, example: str) -> None:
        """One more."""
        self.count += 1
        self.example = self.example or example


def arranged(batch: pa.RecordBatch, columns: Columns, carried: list[str]) -> pa.RecordBatch:
    """The columns of a file as `ROWS` has them."""
    none = pa.nulls(len(batch), pa.string())
    named = [none if name is None else as_text(batch[name]) for name in (columns.url, columns.caption, columns.page_url)]
    extra = as_json(carried, [batch[name] for name in carried]) if carried else none
    return pa.record_batch([*named, extra], schema=ROWS)
