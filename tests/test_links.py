"""What a link of the chain is: a frozen struct with a name, settings, and, for some, bounds."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from wukong_build.batch import Batch
from wukong_build.links import CorpusFilter, Filter, Measure, Rewrite, code_of


class CaptionLength(Filter, frozen=True, kw_only=True):
    """A filter as a user would write it."""

    score_type: ClassVar[pa.DataType] = pa.int32()
    writes: ClassVar[dict[str, pa.DataType]] = {"longest_word": pa.string()}
    unit: str = "characters"

    def score(self, batch: Batch) -> pa.Array:
        """Characters of the caption."""
        return pa.array([None if text is None else len(text) for text in batch["caption"].to_pylist()], self.score_type)


class Copy(Measure, frozen=True, kw_only=True):
    """The smallest measure."""

    def measure(self, batch: Batch) -> dict[str, pa.Array]:
        """The caption again."""
        return {"copy": batch["caption"]}


class Shout(Rewrite, frozen=True, kw_only=True):
    """The smallest rewrite."""

    def rewrite(self, batch: Batch) -> pa.Array:
        """In capitals."""
        return pc.utf8_upper(batch["caption"])


class RowCount(CorpusFilter, frozen=True, kw_only=True):
    """The smallest link over the whole corpus."""

    def survey(self, batch: Batch) -> pa.Table:
        """How many rows it has."""
        return pa.table({"count": [len(batch)]})

    def merge(self, surveys: pa.Table) -> pa.Table:
        """How many there are in all."""
        return pa.table({"count": [pc.sum(surveys["count"]).as_py()]})

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """The same for every row."""
        return {"row_count": pa.array([merged["count"][0].as_py()] * len(batch), pa.float64())}


@pytest.mark.parametrize(
    ("link", "columns"),
    [
        (CaptionLength, {"caption_length": pa.int32(), "longest_word": pa.string()}),
        (Copy, {"copy": pa.string()}),
        (Shout, {"shout": pa.string()}),
        (RowCount, {"row_count": pa.float64()}),
    ],
)
def test_a_link_writes_its_own_column_first(link: type[Filter], columns: dict[str, pa.DataType]) -> None:
    """The class's name in snake case is the first column, and its evidence stands behind."""
    assert link.name() == next(iter(link.columns()))
    assert link.columns() == columns


@pytest.mark.parametrize(("link", "expected"), [(Copy(), ["ab", None]), (Shout(), ["AB", None]), (CaptionLength(), [2, None])])
def test_a_link_measures_under_its_own_name(link: Filter, expected: list[object]) -> None:
    """What a link gives stands under its name."""
    assert link.measure(Batch(pa.table({"caption": ["ab", None]})))[link.name()].to_pylist() == expected


@pytest.mark.parametrize(
    ("bounds", "kept", "bounded"),
    [
        ({}, [True, True, True, True], False),
        ({"at_least": 2}, [False, True, True, False], True),
        ({"at_most": 2}, [True, True, False, False], True),
        ({"at_least": 2, "at_most": 2}, [False, True, False, False], True),
        ({"at_least": 3, "at_most": 1}, [False, False, False, False], True),
        ({"at_least": 1.5}, [False, True, True, False], True),
        ({"at_least": 0}, [True, True, True, False], True),
    ],
)
def test_bounds_are_inclusive_and_null_fails_each(bounds: dict[str, float], kept: list[bool], bounded: bool) -> None:
    """A score on the bound stays, a null score fails every bound, and without bounds all stay."""
    link = CaptionLength(**bounds)
    assert link.keep(pa.array([1, 2, 3, None], pa.int32())).to_pylist() == kept
    assert link.bounded is bounded


@pytest.mark.parametrize(
    ("bounds", "score", "missed"),
    [
        ({"at_most": 3}, 4, "at_most=3"),
        ({"at_least": 0.5}, 0.4, "at_least=0.5"),
        ({"at_least": 1, "at_most": 31}, 32, "at_most=31"),
        ({"at_least": 1, "at_most": 31}, 0, "at_least=1"),
        ({"at_least": 1, "at_most": 31}, None, "at_least=1"),
        ({"at_most": 31}, None, "at_most=31"),
    ],
)
def test_the_missed_bound_reads_as_the_config_writes_it(bounds: dict[str, float], score: float | None, missed: str) -> None:
    """The ledger names the bound that a dropped sample missed."""
    assert CaptionLength(**bounds).missed_bounds(pa.array([score], pa.float64())).to_pylist() == [missed]


def test_settings_leave_out_the_bounds() -> None:
    """Bounds decide and do not measure, so that a changed bound measures nothing again."""
    assert CaptionLength(at_most=3).settings() == CaptionLength(at_least=1).settings() == {"unit": "characters"}
    assert CaptionLength(unit="bytes").settings() == {"unit": "bytes"}


def test_a_link_cannot_be_changed() -> None:
    """A link is its config, and stays as it was read."""
    with pytest.raises(AttributeError):
        CaptionLength().at_least = 3  # type: ignore[misc]


def test_an_unknown_key_is_refused() -> None:
    """A misspelt key of the config is an error that names it."""
    with pytest.raises(msgspec.ValidationError, match="at_leats"):
        msgspec.convert({"at_leats": 3}, CaptionLength)


def test_the_code_of_a_link_names_class_and_version() -> None:
    """Scores of an older version of a link, or of another link, are never taken for its own."""
    assert code_of(CaptionLength()) == f"{__name__}:CaptionLength:1"
