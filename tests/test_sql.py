"""SQL over a run: every table is there, scores join all passes, and no query changes anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wukong_build import sql
from wukong_build.errors import ConfigError, StoreError
from wukong_build.schema import FRONTIER, IMAGES, LEDGER, PAGES, PAIRS, TableSchema
from wukong_build.sql import FOLDERS, ask, connect, database
from wukong_build.store import Store
from wukong_build.web.url import canonical, host_of, origin_of

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
        ledger = pa.table({"key": keys, **STATE, "caption": ["猫", "狗"]}).to_pylist()
        store.write("filter/ledger", part, pa.Table.from_pylist(ledger, schema=LEDGER.arrow))
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
        assert "key" in ask(store, f"FROM {table}").column_names or table in ("robots", "site_files", "frontier", "pages")


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


def written(store: Store, table: TableSchema, part: str, *rows: dict[str, Any]) -> None:
    """Write a part of one of the crawl's tables."""
    store.write(f"crawl/{table.name}", part, pa.Table.from_pylist(list(rows), schema=table.arrow))


ANSWERS = [
    ([None], None, None),
    (["404"], "404", "404"),
    (["timeout", "dns"], "dns", "dns"),
    (["timeout", None], None, None),
    ([None, "404"], "404", "404"),
    ([None, "timeout"], None, "timeout"),
    (["404", "5xx", "robots_unreachable"], "404", "robots_unreachable"),
    (["opted_out", None, "opted_out"], "opted_out", "opted_out"),
    ([None, "not_modified"], None, "not_modified"),
    ([None, "not_modified", "timeout", "not_modified"], None, "not_modified"),
    (["timeout", "not_modified"], "timeout", "not_modified"),
]
"""Classes of failure in the order of the parts → the one that holds, and the latest."""


@pytest.mark.parametrize(("classes", "holds", "latest"), [*ANSWERS, (["404", "moved", "timeout"], "404", "timeout")])
def test_which_answer_holds(tmp_path: Path, classes: list[str | None], holds: str | None, latest: str | None) -> None:
    """The last word on the image, and only where there is none the last failure of the moment; `latest` is the very last row."""
    store = Store(str(tmp_path))
    for number, error in enumerate(classes):
        written(store, IMAGES, f"{99_999 + number:05d}", {"key": "k", "error": error, "etag": str(number)})
    assert ask(store, "SELECT error FROM answers").to_pylist() == [{"error": holds}]
    found = {"error": latest, "etag": str(len(classes) - 1), "part": str(99_998 + len(classes))}
    assert ask(store, "SELECT error, etag, part FROM latest").to_pylist() == [found]


@pytest.mark.parametrize(("classes", "holds", "latest"), ANSWERS)
def test_which_visit_holds(tmp_path: Path, classes: list[str | None], holds: str | None, latest: str | None) -> None:
    """The same of pages; that a page is refused by now takes nothing from what it said when it was asked."""
    store = Store(str(tmp_path))
    for number, error in enumerate(classes):
        written(store, PAGES, f"{number:05d}", {"url": "u", "decision": "asked", "error": error})
    written(store, PAGES, "refused", {"url": "u", "decision": "budget"}, {"url": "v", "decision": "robots"})
    query = "SELECT url, decision, error FROM {} ORDER BY url"
    refused = {"url": "v", "decision": "robots", "error": None}
    assert ask(store, query.format("visits")).to_pylist() == [{"url": "u", "decision": "asked", "error": holds}, refused]
    assert ask(store, query.format("latest_visits")).to_pylist() == [{"url": "u", "decision": "asked", "error": latest}, refused]


def test_within_a_part_the_later_row_wins(tmp_path: Path) -> None:
    """A key that one part asked for twice has its last row."""
    store = Store(str(tmp_path))
    written(store, IMAGES, "00000", {"key": "k", "error": "404"}, {"key": "k", "error": None}, {"key": "l", "error": "410"})
    assert ask(store, "SELECT key, error FROM answers ORDER BY key").to_pylist() == [
        {"key": "k", "error": None},
        {"key": "l", "error": "410"},
    ]


@pytest.mark.parametrize(
    ("again", "found"),
    [
        ({}, ["new"]),
        ({"error": "404"}, ["new"]),
        ({"error": "timeout"}, ["old"]),
        ({"error": "not_modified"}, ["old"]),
    ],
)
def test_pairs_count_from_the_visit_that_holds(tmp_path: Path, again: dict[str, str], found: list[str]) -> None:
    """A page that was asked for again replaces its pairs, unless it failed for the moment or is as it was."""
    store = Store(str(tmp_path))
    page = {"url": "http://a.test/", "decision": "asked"}
    for part, key, row in (("00000", "old", page), ("00001", "new", page | again)):
        written(store, PAIRS, part, {"key": key, "page_url": page["url"]})
        written(store, PAGES, part, row)
    written(store, FRONTIER, "00000", {"url": page["url"], "depth": 2, "source": "0:pages"})
    assert ask(store, "SELECT key FROM occurrences").to_pylist() == [{"key": key} for key in found]


def test_what_an_occurrence_says(tmp_path: Path) -> None:
    """A page tells its opt-outs and licences; a list tells its extra columns, and nothing of a page that is also crawled."""
    store = Store(str(tmp_path))
    page = {"url": "http://a.test/", "decision": "asked", "opt_out": ["meta_robots:noai"]}
    licences = [{"url": "https://creativecommons.org/licenses/by/4.0/", "origin": "rel_license"}]
    written(store, PAGES, "00000", page | {"licences": licences})
    written(store, PAIRS, "00000", {"key": "a", "page_url": page["url"]}, {"key": "b", "page_url": "http://gone.test/"})
    written(store, PAIRS, "list-1", {"key": "c", "page_url": page["url"], "source": "1:urls", "extra": "{}"})
    written(store, FRONTIER, "00000", {"url": page["url"], "depth": 2, "source": "0:pages"})
    facts = "SELECT key, depth, source, opt_out, licences, extra FROM occurrences ORDER BY key"
    assert ask(store, facts).to_pylist() == [
        {"key": "a", "depth": 2, "source": "0:pages", "opt_out": page["opt_out"], "licences": licences, "extra": None},
        {"key": "c", "depth": 0, "source": "1:urls", "opt_out": None, "licences": None, "extra": "{}"},
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test/",
        "https://a.test:8443/b@c:1/d?e=f@g:2",
        "https://user:word@a.test/b",
        "http://a@b@a.test:81/",
        "http://[::1]:8080/x",
        "http://[2001:db8::1]/",
        "http://127.0.0.1/?http://b.test/",
        "http://xn--fiqs8s/图?#",
    ],
)
def test_hosts_in_sql(tmp_path: Path, url: str) -> None:
    """SQL and Python see the same host and origin in every canonical URL."""
    address = canonical(url) or ""
    host = host_of(address)
    name = host.removeprefix("[").partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    with database(Store(str(tmp_path))) as connection:
        found = connection.execute("SELECT host_name(?), origin(?)", [address, address]).fetchall()
    assert found == [(name, origin_of(address))]


@pytest.mark.parametrize("text", ["", "a.test/b", "ftp://a.test/", "javascript:alert(1)", "\U0001f600"])
def test_hosts_of_what_is_no_url(tmp_path: Path, text: str) -> None:
    """What is no URL that could be asked for has no host and no origin."""
    with database(Store(str(tmp_path))) as connection:
        assert connection.execute("SELECT host_name(?), origin(?)", [text, text]).fetchall() == [("", "")]


def test_spills_beside_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into memory goes to a folder of the run, which goes with the connection."""
    monkeypatch.setattr(sql, "MEMORY_LIMIT", "64MB")
    store = Store(str(tmp_path))
    with connect(store) as connection:
        reader = connection.sql("SELECT md5(range::VARCHAR) AS text FROM range(1000000) ORDER BY text").to_arrow_reader(1000)
        first = reader.read_next_batch()["text"][0].as_py()
        assert [path.name.startswith(sql.SPILL) for path in tmp_path.iterdir()] == [True]
        del reader
    assert first.startswith("0000")
    assert list(tmp_path.iterdir()) == []


def test_a_query_may_spill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's query, to which no file but the parts is open, still has the whole disk for what it holds."""
    monkeypatch.setattr(sql, "MEMORY_LIMIT", "64MB")
    query = "SELECT max(n) AS n FROM (SELECT row_number() OVER (ORDER BY md5(range::VARCHAR)) AS n FROM range(900000))"
    assert ask(Store(str(tmp_path)), query)["n"].to_pylist() == [900_000]
    assert list(tmp_path.iterdir()) == []
