"""SQL over a run: every table is there, scores join all passes, and no query changes anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from wukong_build.errors import ConfigError, StoreError
from wukong_build.schema import LEDGER, PAGES
from wukong_build.sql import FOLDERS, ask
from wukong_build.store import Store

STATE = {"kept": [True, False], "dropped_by": [None, "aspect_ratio"], "score": [None, 4.0], "bound": [None, "at_most=3"]}
NAME = "quote's 目录"
"""Of the run's directory: SQL must not stumble over it."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run with pages, a ledger and the scores of two passes; the second has not reached the last part."""
    store = Store(str(tmp_path / NAME))
    page = {"url": "http://a.test/", "decision": "asked", "fetched_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC)}
    store.write("crawl/pages", "00000", pa.Table.from_pylist([page], schema=PAGES.arrow))
    for part in ("00000", "00001"):
        keys = [f"{part}a", f"{part}b"]
        ledger = pa.table({"key": keys, **STATE, "duplicate_of": pa.nulls(2, pa.string()), "caption": ["猫", "狗"]})
        store.write("filter/ledger", part, ledger.cast(LEDGER.arrow))
        scores = pa.table({"key": keys, "aspect_ratio": [1.0, 4.0], "aspect_ratio__measured": [True, True], **STATE})
        store.write("filter/scores/0", part, scores)
    lookup = pa.table(
        {"key": ["00000b", "00000a"], "near_duplicate": [None, 0], "near_duplicate__measured": [False, True], **STATE}
    )
    store.write("filter/scores/1", "00000", lookup)
    return store


def test_every_table(store: Store) -> None:
    """Every table of the run can be asked, also one that is not there yet."""
    for table in [table.name for table in FOLDERS.values()] + ["scores"]:
        assert "key" in ask(store, f"FROM {table}").column_names or table in ("robots", "frontier", "pages")


def test_scores(store: Store) -> None:
    """One row a sample; what links wrote in every pass, without `__measured` and without the state."""
    assert ask(store, "FROM scores ORDER BY key").to_pylist() == [
        {"key": "00000a", "aspect_ratio": 1.0, "near_duplicate": 0},
        {"key": "00000b", "aspect_ratio": 4.0, "near_duplicate": None},
        {"key": "00001a", "aspect_ratio": 1.0, "near_duplicate": None},
        {"key": "00001b", "aspect_ratio": 4.0, "near_duplicate": None},
    ]


def test_no_scores(tmp_path: Path) -> None:
    """Before the filter has run, scores have no rows."""
    assert ask(Store(str(tmp_path)), "FROM scores").num_rows == 0


def test_times(store: Store) -> None:
    """Times are told in UTC wherever the machine stands."""
    times = ask(store, "SELECT fetched_at FROM pages")["fetched_at"]
    assert times.type.tz == "UTC"
    assert times.to_pylist() == [datetime(2026, 1, 2, 3, 4, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nope FROM pages", '"nope" not found'),
        ("SELEC 1", "syntax error"),
        ("FROM nowhere", "nowhere does not exist"),
        ("", "one SELECT is meant"),
        ("SELECT 1; SELECT 2", "one SELECT is meant"),
        ("SELECT 'x'::INT", "Could not convert"),
    ],
)
def test_wrong_query(store: Store, query: str, said: str) -> None:
    """A wrong query is the user's error: it says what is wrong, and which tables and columns there are."""
    with pytest.raises(ConfigError) as error:
        ask(store, query)
    assert said in str(error.value)
    assert "\n  scores(key, aspect_ratio, near_duplicate)" in str(error.value)
    assert "_empty(" not in str(error.value)


@pytest.mark.parametrize(
    "query",
    [
        "COPY pages TO '{run}/crawl/pages/00000.parquet'",
        "COPY pages TO '{run}/new.parquet'",
        "CREATE TABLE t AS FROM pages",
        "DROP VIEW pages",
        "ATTACH '{run}/new.db'",
        "SET enable_external_access = true",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{run}/new.csv'",
        "EXPORT DATABASE '{run}/new'",
        "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{run}/new')",
        "SELECT 1; COPY (SELECT 1) TO '{run}/new.csv'",
        "SELECT * FROM read_text('{run}/secret.txt')",
    ],
)
def test_nothing_changes(store: Store, query: str) -> None:
    """No query writes a file, and none reads another file than the parts."""
    Path(store.root, "secret.txt").write_text("secret", encoding="utf-8")
    before = {path: path.read_bytes() for path in Path(store.root).rglob("*") if path.is_file()}
    with pytest.raises(ConfigError):
        ask(store, query.format(run=store.root.replace("'", "''")))
    assert {path: path.read_bytes() for path in Path(store.root).rglob("*") if path.is_file()} == before


def test_broken_part(store: Store) -> None:
    """A part that is no Parquet file is the run's fault, not the query's."""
    Path(store.root, "crawl/pages/00000.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(StoreError, match=r"00000\.parquet"):
        ask(store, "FROM pages")
