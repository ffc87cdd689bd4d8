"""What a batch of samples promises to the links that look at it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch


class Reader:
    """Gives three images, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> list[bytes | None]:
        """The images of three rows."""
        self.calls += 1
        return [b"first", None, b"third"]


@pytest.fixture
def reader() -> Reader:
    """One that was not asked yet."""
    return Reader()


@pytest.fixture
def batch(reader: Reader) -> Batch:
    """Three rows, in two chunks, the second without an image."""
    return Batch(pa.table({"key": pa.chunked_array([["a"], ["b", "c"]]), "width": [1, 2, None]}), reader)


def test_columns_are_arrays_in_one_piece(batch: Batch) -> None:
    """A column is one Arrow array, however many chunks it came in."""
    assert len(batch) == 3
    assert batch.column_names == ["key", "width"]
    assert batch["key"].equals(pa.array(["a", "b", "c"]))


def test_a_column_nobody_wrote_is_a_key_error(batch: Batch) -> None:
    """Reading what is not there fails at once."""
    with pytest.raises(KeyError):
        batch["phash"]


def test_images_are_read_only_when_looked_at_and_only_once(batch: Batch, reader: Reader) -> None:
    """Columns cost no images; pictures read all of them, once."""
    selected = batch.select([2])
    assert reader.calls == 0
    first, missing, third = batch.pictures()
    assert first is not None
    assert third is not None
    assert (first.content, missing, third.content) == (b"first", None, b"third")
    assert selected.pictures() == [third]
    assert reader.calls == 1


@pytest.mark.parametrize("rows", [[], [1], [2, 0], [0, 1, 2], [1, 1]])
def test_a_selection_keeps_its_rows_together(batch: Batch, rows: list[int]) -> None:
    """Columns and pictures of a selection are those of its rows, in its order; of a selection of it, too."""
    pictures = batch.pictures()
    selected = batch.select(rows)
    assert selected["key"].to_pylist() == [["a", "b", "c"][row] for row in rows]
    assert selected.pictures() == [pictures[row] for row in rows]
    backwards = selected.select(range(len(rows))[::-1])
    assert backwards.pictures() == selected.pictures()[::-1]


def test_with_columns_adds_and_replaces(batch: Batch) -> None:
    """New columns stand behind the others, known ones in their place; pictures stay, and the batch itself is unchanged."""
    changed = batch.select([0, 2]).with_columns({"width": pa.array([7, 8]), "caption": pa.array(["x", "y"])})
    assert changed.column_names == ["key", "width", "caption"]
    assert changed["width"].to_pylist() == [7, 8]
    assert changed.pictures() == [batch.pictures()[0], batch.pictures()[2]]
    assert batch["width"].to_pylist() == [1, 2, None]


def test_a_batch_without_images_has_columns() -> None:
    """Captions alone make a batch."""
    assert Batch(pa.table({"caption": ["猫"]}))["caption"].to_pylist() == ["猫"]
