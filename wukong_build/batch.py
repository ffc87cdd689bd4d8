"""Batch: some samples as Arrow columns, with their images, each decoded at most once.

Columns between things, one image inside a thing: a link sees whole columns and, where it must, single pictures.
Knows nothing of the chain, of bounds or of files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from wukong_build.picture import Picture

Images = Callable[[], Sequence[bytes | None]]
"""Reads the image bytes of the whole batch, in row order; called once at most, and not at all if no link looks."""


class Batch:
    """Rows of samples. `batch["caption"]` is a column; `batch.pictures()` the images.

    A selection of a batch shares its pictures, so what one link decoded no later link decodes again.
    """

    def __init__(self, columns: pa.Table, images: Images = tuple) -> None:
        self._columns = columns.combine_chunks()
        self._images = images
        self._pictures: list[Picture | None] | None = None
        self._source: Batch = self
        self._rows: Sequence[int] = range(columns.num_rows)

    def __len__(self) -> int:
        return int(self._columns.num_rows)

    def __getitem__(self, name: str) -> pa.Array:
        """The column `name`; KeyError where no link or crawl has written it."""
        column = self._columns.column(name)
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)

    @property
    def column_names(self) -> list[str]:
        return list(self._columns.column_names)

    def pictures(self) -> list[Picture | None]:
        """One picture a row, in order; None where the crawl got no bytes."""
        source = self._source
        if source._pictures is None:
            source._pictures = [None if content is None else Picture(content) for content in source._images()]
        return [source._pictures[row] for row in self._rows]

    def select(self, rows: Sequence[int]) -> Batch:
        """The given rows, in the given order; pictures are shared with this batch."""
        selected = Batch(self._columns.take(pa.array(rows, pa.int64())))
        selected._source = self._source
        selected._rows = [self._rows[row] for row in rows]
        return selected

    def with_columns(self, columns: dict[str, pa.Array]) -> Batch:
        """The same rows with further columns, or others under the same names."""
        table = self._columns
        for name, values in columns.items():
            index = table.schema.get_field_index(name)
            table = table.append_column(name, values) if index < 0 else table.set_column(index, name, values)
        changed = Batch(table)
        changed._source = self._source
        changed._rows = self._rows
        return changed
