"""Batch: some samples as Arrow columns, with their images, each decoded at most once.

Columns between things, one image inside a thing: a link sees whole columns and, where it must, single pictures.
Knows nothing of the chain, of bounds or of files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import pyarrow as pa

from wukong_build.picture import Picture

Images = Callable[[], Sequence[bytes | None]]
"""Reads the image bytes of the whole batch, in row order; called once at most, and not at all if no link looks."""


class Album:
    """The pictures of a whole batch, read when somebody looks, and then kept."""

    def __init__(self, images: Images) -> None:
        self._images = images

    @cached_property
    def pictures(self) -> list[Picture | None]:
        """One picture a row, in order; None where the crawl got no bytes."""
        return [None if content is None else Picture(content) for content in self._images()]


class Batch:
    """Rows of samples. `batch["caption"]` is a column; `batch.pictures()` the images.

    A selection of a batch shares its pictures, so what one link decoded no later link decodes again.
    """

    def __init__(
        self, columns: pa.Table, images: Images = tuple, *, album: Album | None = None, rows: Sequence[int] | None = None
    ) -> None:
        self._columns = columns.combine_chunks()
        self._album = Album(images) if album is None else album
        self._rows = range(columns.num_rows) if rows is None else rows

    def __len__(self) -> int:
        return int(self._columns.num_rows)

    def __getitem__(self, name: str) -> pa.Array:
        """The column `name`; KeyError where no link or crawl has written it."""
        column = self._columns.column(name)
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns it has, images aside."""
        return list(self._columns.column_names)

    def pictures(self) -> list[Picture | None]:
        """One picture a row, in order; None where the crawl got no bytes."""
        return [self._album.pictures[row] for row in self._rows]

    def select(self, rows: Sequence[int]) -> Batch:
        """The given rows, in the given order; pictures are shared with this batch."""
        table = self._columns.take(pa.array(rows, pa.int64()))
        return Batch(table, album=self._album, rows=[self._rows[row] for row in rows])

    def with_columns(self, columns: dict[str, pa.Array]) -> Batch:
        """The same rows with further columns, or others under the same names."""
        table = self._columns
        for name, values in columns.items():
            index = table.schema.get_field_index(name)
            table = table.append_column(name, values) if index < 0 else table.set_column(index, name, values)
        return Batch(table, album=self._album, rows=self._rows)
