"""The clusters of duplicates: who was kept, who was dropped for it, and how far the two are apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from wukong_build.inspect.duplicates import clusters, duplicates_text
from wukong_build.inspect.run import Run
from wukong_build.schema import LEDGER
from wukong_build.store import Store

Name = Callable[[str], str]
EVIDENCE = pa.struct([("near_duplicate_distance", pa.int32()), ("near_duplicate_mirrored", pa.bool_())])


@pytest.fixture
def many(tmp_path: Path) -> Run:
    """A ledger of two parts: one of 5 pictures, four of 2, one of 3 whose representative is another run's."""
    store = Store(str(tmp_path))
    mirrored = {"b": True, "c": True, "d": False}
    sizes = {"a": 5, "b": 2, "c": 2, "d": 2, "e": 2, "earlier": 3}
    rows = [
        {"key": f"{name}{number}", "kept": False, "dropped_by": "near_duplicate", "duplicate_of": name}
        | {"evidence": {"near_duplicate_distance": 2 * (number % 3), "near_duplicate_mirrored": mirrored.get(name)}}
        for name, size in sizes.items()
        for number in range(1, size)
    ]
    rows += [{"key": name, "kept": True} for name in sizes if name != "earlier"]
    schema = LEDGER.arrow.append(pa.field("evidence", EVIDENCE))
    for part, here in enumerate((rows[::2], rows[1::2])):
        store.write("filter/ledger", f"{part:05d}", pa.Table.from_pylist(here, schema=schema), "fact")
    return Run(store, {})


def test_clusters_of_a_run(made: Run, key: Name) -> None:
    """The one that was kept, with its URL, and those dropped for it, with their distances."""
    (cluster,) = clusters(made).to_pylist()
    assert (cluster["representative"], cluster["url"]) == (key("cat"), "http://img.test/cat.jpg")
    ((duplicate, distance),) = ((each["key"], each["distance"]) for each in cluster["duplicates"])
    assert duplicate == key("cat-small")
    assert 0 <= distance <= 4


def test_biggest_first(many: Run) -> None:
    """The biggest come first, then by key; their duplicates by distance, then by key. A representative may be another run's."""
    found = clusters(many).to_pylist()
    assert [each["representative"] for each in found] == ["a", "earlier", "b", "c", "d", "e"]
    assert [(each["key"], each["distance"]) for each in found[0]["duplicates"]] == [("a3", 0), ("a1", 2), ("a4", 2), ("a2", 4)]
    assert [each["representative"] for each in clusters(many, 1).to_pylist()] == ["a"]


def test_text(many: Run) -> None:
    """Clusters by size, doubling from row to row; duplicates by distance, mirrored ones apart; then the biggest clusters."""
    rows = [line.split() for line in duplicates_text(many).splitlines()]
    assert rows[1:4] == [["2", "4", "4"], ["3", "to", "4", "1", "2"], ["5", "to", "8", "1", "4"]]
    assert rows[6:10] == [["0", "1"], ["2", "5"], ["2,", "mirrored", "2"], ["4", "2"]]
    assert rows[12][:5] == ["a", "4", "0", "to", "4"]
    assert rows[13] == ["earlier", "2", "2", "to", "4", "of", "another", "run"]


def test_distance_not_told(tmp_path: Path) -> None:
    """Links that name duplicates without a distance leave it null."""
    store = Store(str(tmp_path))
    rows = [{"key": "b", "kept": False, "dropped_by": "mine", "duplicate_of": "a"}, {"key": "a", "kept": True}]
    store.write("filter/ledger", "00000", pa.Table.from_pylist(rows, schema=LEDGER.arrow), "fact")
    assert clusters(Run(store, {})).to_pylist()[0]["duplicates"] == [{"distance": None, "key": "b"}]
    assert ["not", "told", "1"] in [line.split() for line in duplicates_text(Run(store, {})).splitlines()]


def test_no_duplicates(tmp_path: Path) -> None:
    """A run without any says so."""
    assert duplicates_text(Run(Store(str(tmp_path)), {})).startswith("No sample is dropped")
