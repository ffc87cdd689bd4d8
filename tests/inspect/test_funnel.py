"""The funnel adds up: kept + Σ dropped = seen, whatever the ledger and the chain say."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from wukong_build.inspect.funnel import funnel, suspicions
from wukong_build.inspect.run import Run
from wukong_build.inspect.summary import funnel_text
from wukong_build.schema import LEDGER
from wukong_build.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run of which there is only a ledger, in two parts."""
    store = Store(str(tmp_path))
    for part, drops in (("00000", [None, "fetch:404", "aspect_ratio"]), ("00001", [None, "fetch:404", "fetch:dns", "gone"])):
        rows = [{"key": f"{part}{at}", "kept": drop is None, "dropped_by": drop} for at, drop in enumerate(drops)]
        store.write("filter/ledger", part, pa.Table.from_pylist(rows, schema=LEDGER.arrow))
    return store


def test_steps(store: Store) -> None:
    """Failures come first, the most frequent before all; then the links, also those that dropped none; then links of before."""
    rows = funnel(store, ["shorter_side", "aspect_ratio"]).to_pylist()
    assert [(row["step"], row["dropped"]) for row in rows] == [
        ("fetch:404", 2),
        ("fetch:dns", 1),
        ("shorter_side", 0),
        ("aspect_ratio", 1),
        ("gone", 1),
    ]


@pytest.mark.parametrize("links", [[], ["aspect_ratio"], ["shorter_side", "aspect_ratio", "gone"]])
def test_adds_up(store: Store, links: list[str]) -> None:
    """Each step sees what the one before has left; the first has seen all, the last leaves the kept."""
    rows = funnel(store, links).to_pylist()
    assert all(row["seen"] - row["dropped"] == row["left"] for row in rows)
    assert [row["seen"] for row in rows[1:]] == [row["left"] for row in rows[:-1]]
    assert (rows[0]["seen"], rows[-1]["left"], sum(row["dropped"] for row in rows)) == (7, 2, 5)


def test_text(store: Store) -> None:
    """The text ends with the sum, and its numbers stand below each other."""
    *table, total = funnel_text(funnel(store, ["aspect_ratio"])).splitlines()
    assert total == "kept 2 + dropped 5 = seen 7 ✓"
    assert table[0].split() == ["step", "seen", "dropped", "left", "of", "seen", "alone", "µs", "each"]
    assert table[1].split() == ["fetch:404", "7", "2", "5", "28.6%"]


def test_large_numbers() -> None:
    """Thousands are separated."""
    table = pa.table({"step": ["aspect_ratio"], "seen": [1234567], "dropped": [4567], "left": [1230000]})
    assert "1,234,567    4,567  1,230,000" in funnel_text(table)
    assert funnel_text(table).endswith("kept 1,230,000 + dropped 4,567 = seen 1,234,567 ✓")


def test_wrong_sum() -> None:
    """A table that does not add up is not told as if it did."""
    table = pa.table({"step": ["aspect_ratio"], "seen": [10], "dropped": [3], "left": [6]})
    assert funnel_text(table).endswith("✗")


def test_of_a_run(made: Run) -> None:
    """The funnel of a run agrees with its ledger and its manifests."""
    rows = made.funnel().to_pylist()
    assert rows[0]["seen"] == len(made.ledger())
    assert rows[-1]["left"] == len(made.manifests())
    assert sum(row["dropped"] for row in rows) + rows[-1]["left"] == rows[0]["seen"]


def test_suspicions(made: Run) -> None:
    """A link with bounds that drops nearly all, or none of many, is told of; one without bounds is not."""
    table = made.funnel()
    row = {"step": "a", "seen": 2000, "dropped": 0, "left": 2000}
    rows = [row, {**row, "step": "b", "dropped": 1901}, {**row, "step": "c", "dropped": 1900}, {**row, "step": "d", "seen": 1000}]
    told = suspicions(table.from_pylist(rows, schema=table.schema), ["a", "b", "c", "d"])
    assert [line.split()[0] for line in told] == ["a", "b"]
    assert suspicions(table.from_pylist(rows, schema=table.schema), []) == []


def test_measured(made: Run) -> None:
    """Every link has looked at what reached it; what it drops alone is no more than what it would drop of what it measured."""
    rows = {row["step"]: row for row in made.measured().to_pylist()}
    funnel = {row["step"]: row for row in made.funnel().to_pylist()}
    assert list(rows) == list(made.config["filter"])
    for name, row in rows.items():
        assert row["measured"] == funnel.get(name, row).get("seen", row["measured"])
        assert (row["microseconds"] or 0) >= 0
        assert (row["alone"] or 0) <= row["measured"]
    assert sum(row["alone"] or 0 for row in rows.values()) > 0
