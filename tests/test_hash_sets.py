"""Hashes that somebody has already."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build.errors import ConfigError
from wukong_build.hash_sets import files_of, read_hash_set
from wukong_build.store import Store


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A filtered run of two parts and two passes, in which one sample of each part was kept."""
    store = Store(str(tmp_path / "run"))
    for part, keys in (("00000", ["a", "b"]), ("00001", ["c", "d"])):
        store.write("filter/ledger", part, pa.table({"key": keys, "kept": [True, False]}))
        store.write("filter/scores/0", part, pa.table({"key": keys, "width_score": [1.0, 2.0]}))
        store.write("filter/scores/1", part, pa.table({"key": keys, "phash": [f"{key}0" for key in keys], "pdq_quality": [7, 8]}))
    store.finish("filter", "what it was made from")
    return store.url


def test_of_a_run_the_kept_are_meant(run: str) -> None:
    """With what the links measured, whichever pass they stand in."""
    assert read_hash_set(run, ["key", "phash", "pdq_quality"]).to_pylist() == [
        {"key": "a", "phash": "a0", "pdq_quality": 7},
        {"key": "c", "phash": "c0", "pdq_quality": 7},
    ]


def test_a_run_is_what_its_ledger_was_made_from(run: str) -> None:
    """That file changes whenever the ledger does."""
    assert files_of(run) == [f"{run}/filter/finished.json"]


def test_a_run_that_did_not_measure_it_is_no_set(run: str) -> None:
    """The link that is missing is named."""
    with pytest.raises(ConfigError, match=r"hash set '.*run' has no column pdq; it has .*phash"):
        read_hash_set(run, ["key", "phash", "pdq"])


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    """In the order of their names; rows without a hash are left out, and other files are none of the set."""
    pq.write_table(pa.table({"phash": ["2", None], "x": [1, 2]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"phash": ["1"]}), tmp_path / "a.parquet")
    (tmp_path / "README.txt").write_text("no hashes")
    assert read_hash_set(str(tmp_path), ["phash"])["phash"].to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.parquet", None, "cannot be read"),
        ("text.parquet", b"text", "cannot be read"),
        ("folder", b"", "holds no Parquet file"),
    ],
)
def test_what_is_no_set_is_refused(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    """A file that is not there or of another kind, and an empty folder."""
    if content == b"":
        (tmp_path / name).mkdir()
    elif content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_hash_set(str(tmp_path / name), ["phash"])
