"""The plan: what is asked for, by which part, in which lane, in which order."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wukong_build.schema import FRONTIER, IMAGES, PAGES, PAIRS, TableSchema
from wukong_build.sql import database
from wukong_build.stages import plan as planning
from wukong_build.stages.facts import Again
from wukong_build.stages.pairs import plan_images
from wukong_build.stages.plan import in_lanes, plan
from wukong_build.store import Store
from wukong_build.web.url import key_of

PLAN = "crawl/plan/images"
HOSTS = [
    "http://a.test",
    "https://a.test",
    "http://a.test:81",
    "http://b@a.test",
    "http://c.test",
    "http://[::1]",
    "http://d.test",
]
URLS = [f"{host}/{number}" for host in HOSTS for number in range(40)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run without anything."""
    return Store(str(tmp_path / "run"))


def planned(store: Store, urls: list[str], rows_per_part: int = 7, lanes: int = 3) -> list[tuple[str, str, pa.Table]]:
    """Name, lane and rows of every part of a plan of some URLs."""
    with database(store) as connection:
        connection.register("wanted", pa.table({"url": urls}))
        plan(store, "images", in_lanes(connection, "SELECT url, url AS asked FROM wanted", lanes), rows_per_part)
    return [(part, store.note(PLAN, part, "lane"), store.read(PLAN, part)) for part in store.parts(PLAN)]


@pytest.mark.parametrize("lanes", [1, 2, 3, 50])
def test_a_host_is_in_one_lane(store: Store, lanes: int) -> None:
    """Whatever scheme, port and user: the machine is the same, and is asked from one place only."""
    parts = planned(store, URLS, lanes=lanes)
    lanes_of: dict[str, set[str]] = {}
    for _, lane, rows in parts:
        for host in rows["host"].to_pylist():
            lanes_of.setdefault(host, set()).add(lane)
    assert lanes_of.keys() == {"a.test", "c.test", "::1", "d.test"}
    assert all(len(found) == 1 for found in lanes_of.values())
    assert {lane for _, lane, _ in parts} <= {str(lane) for lane in range(lanes)}


@pytest.mark.parametrize("rows_per_part", [1, 7, 40, 1000])
def test_every_row_is_in_one_part(store: Store, rows_per_part: int) -> None:
    """Parts hold so many rows, but the last of a lane, which is never shared with the next lane."""
    parts = planned(store, URLS, rows_per_part)
    assert Counter(url for _, _, rows in parts for url in rows["url"].to_pylist()) == Counter(URLS)
    sizes: dict[str, list[int]] = {}
    for _, lane, rows in parts:
        sizes.setdefault(lane, []).append(len(rows))
    assert all(size == rows_per_part for found in sizes.values() for size in found[:-1])
    assert all(0 < found[-1] <= rows_per_part for found in sizes.values())


def test_parts_follow_those_that_are_there(store: Store) -> None:
    """Numbers go on after the facts there are; the plan before is gone."""
    planned(store, URLS, rows_per_part=1)
    store.write("crawl/images", "00041", pa.table({"key": ["k"]}))
    assert [part for part, _, _ in planned(store, URLS[:3], rows_per_part=2, lanes=1)] == ["00042", "00043"]
    assert planned(store, []) == []


def test_the_same_rows_make_the_same_plan(store: Store) -> None:
    """In whatever order they are found."""
    first = planned(store, URLS)
    shuffled = random.Random(1).sample(URLS, len(URLS))
    assert shuffled != URLS
    assert planned(store, shuffled) == first


def test_each_part_has_the_same_mixture_of_hosts(store: Store) -> None:
    """A host with a tenth of the rows has about a tenth of each part, so that no part waits for one host alone."""
    urls = [f"http://large.test/{number}" for number in range(1800)] + [f"http://small.test/{number}" for number in range(200)]
    shares = [rows["host"].to_pylist().count("small.test") for _, _, rows in planned(store, urls, 100, lanes=1)]
    assert len(shares) == 20
    assert all(1 <= share <= 25 for share in shares)


def test_what_is_no_url_has_no_host(store: Store) -> None:
    """It is planned all the same: its row will say `bad_url`."""
    [(_, _, rows)] = planned(store, ["", "a.test/b", "ftp://a.test/"])
    assert set(rows["host"].to_pylist()) == {""}


def written(store: Store, table: TableSchema, part: str, *rows: dict[str, Any]) -> None:
    """Write a part of one of the crawl's tables."""
    store.write(f"crawl/{table.name}", part, pa.Table.from_pylist(list(rows), schema=table.arrow))


def listed(url: str, **found: Any) -> dict[str, Any]:
    """A row of a list."""
    return {"key": key_of(url), "url": url, "position": 0, "source": "0:urls", "texts": []} | found


def asked(store: Store, again: str = "false") -> list[dict[str, Any]]:
    """The rows of the plan of images, of which two lanes make parts of one row."""
    count = sum(plan_images(store, again, rows_per_part=1, lanes=2).values())
    rows = [row for part in store.parts(PLAN) for row in store.read(PLAN, part).to_pylist()]
    assert len(rows) == count
    return rows


A = "http://a.test/a.jpg"
MOVED = {"error": "moved", "location": "https://b.test/b.jpg", "hops": 2}


@pytest.mark.parametrize(
    ("answers", "again", "expected"),
    [
        ([], "false", {"location": None, "hops": None, "host": "a.test", "etag": None}),
        ([{"etag": "1"}], "false", None),
        ([{"error": "404"}], "false", None),
        ([MOVED], "false", {"location": "https://b.test/b.jpg", "hops": 2, "host": "b.test", "etag": None}),
        ([MOVED, {"error": "timeout"}], "false", None),
        ([{"etag": "1"}], "error IS NULL", {"location": None, "hops": None, "host": "a.test", "etag": "1"}),
        ([{"etag": "1", "final_url": "http://a.test/b.jpg"}], "error IS NULL", {"location": None, "etag": None}),
        ([{"etag": "1"}, {"error": "5xx", "etag": "2"}], "error = '5xx'", {"location": None, "etag": "1"}),
        ([{"etag": "1"}, MOVED], "false", {"location": "https://b.test/b.jpg", "etag": None}),
        ([{"error": "404", "etag": "1"}], "error = '404'", {"location": None, "etag": None}),
        ([{"error": "404"}, {"error": "timeout"}], "error = '404'", None),
        ([{"opt_out": ["a:b"], "error": "opted_out"}], "NOT list_contains(opt_out, 'c:d')", {"page_opt_out": []}),
    ],
)
def test_what_is_asked(store: Store, answers: list[dict[str, Any]], again: str, expected: dict[str, Any] | None) -> None:
    """What has no answer, what has moved (there), and what is asked again by its latest answer: with what is held of it."""
    written(store, PAIRS, "list-0", listed(A, page_url="http://a.test/"))
    for part, answer in enumerate(answers):
        written(store, IMAGES, f"{part:05d}", {"key": key_of(A), "url": A, "final_url": A} | answer)
    rows = asked(store, again)
    assert len(rows) == (expected is not None)
    if expected is not None:
        named = {"key": key_of(A), "url": A, "page_url": "http://a.test/"}
        assert rows[0] | expected | named == rows[0]


def test_a_retry_is_not_retried(store: Store) -> None:
    """What the retry got is newer than the answers it meant."""
    written(store, PAIRS, "list-0", listed(A))
    written(store, IMAGES, "00000", {"key": key_of(A), "url": A, "error": "404"})
    again = Again.of(frozenset({"404"}), None, store).condition("images")
    assert [row["url"] for row in asked(store, again)] == [A]
    written(store, IMAGES, "00001", {"key": key_of(A), "url": A, "error": "404"})
    assert asked(store, again) == []


def test_an_image_is_asked_for_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages show it: with the first of them for a referrer, and what any of them says against it."""
    monkeypatch.setattr(planning, "ROWS_AT_ONCE", 1000)
    pages = [f"http://a.test/{number:04d}" for number in range(5000)]
    opt_outs: list[list[str] | None] = [None, [], ["b:1", "a:1"], ["a:1"]]
    urls = [A, "http://a.test/b.jpg"]
    visits = [{"url": page, "decision": "asked", "opt_out": opt_outs[number % 4]} for number, page in enumerate(pages)]
    pairs = [listed(url, page_url=page, source=None) for page in pages for url in urls]
    written(store, PAGES, "00000", *visits)
    written(store, PAIRS, "00000", *pairs)
    written(store, FRONTIER, "00000", *({"url": page, "depth": 5 - (page == pages[17]), "source": "0:pages"} for page in pages))
    rows = asked(store)
    assert sorted(row["url"] for row in rows) == urls
    assert {row["page_url"] for row in rows} == {pages[17]}
    assert [row["page_opt_out"] for row in rows] == [["a:1", "b:1"]] * 2


def test_origins_are_counted(store: Store) -> None:
    """By what is asked: a redirect's target; what is no URL counts under no origin."""
    urls = ["http://a.test/1", "http://a.test/2", "https://a.test/3", "http://b@c.test:81/4", "no url", A]
    written(store, PAIRS, "list-0", *map(listed, urls))
    written(store, IMAGES, "00000", {"key": key_of(A), "url": A} | MOVED)
    assert plan_images(store, "false", 100, 2) == {
        "http://a.test": 2,
        "https://a.test": 1,
        "http://c.test:81": 1,
        "": 1,
        "https://b.test": 1,
    }
