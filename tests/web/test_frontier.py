"""Which pages the sources ask for: tiny webs, and what a crawl of them comes to.

Pages are written without their scheme; a page is the list of its links, or the address it has moved to.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from wukong_build.schema import FRONTIER, ROBOTS
from wukong_build.web.frontier import Frontier
from wukong_build.web.robots import Robots
from wukong_build.web.sources import Pages, labelled
from wukong_build.web.url import origin_of

Web = dict[str, list[str] | str]

_CONNECTION = duckdb.connect(config={"threads": 1})
_FACTS = pa.schema([("url", pa.string()), ("location", pa.string()), ("links", pa.list_(pa.string()))])

LINE: Web = {"a/0": ["a/1"], "a/1": ["a/2"], "a/2": ["a/3"], "a/3": ["a/4"], "a/4": []}


@pytest.mark.parametrize(
    ("web", "depth", "expected"),
    [
        (LINE, 0, {"a/0": 0}),
        (LINE, 2, {"a/0": 0, "a/1": 1, "a/2": 2}),
        (LINE, 9, {"a/0": 0, "a/1": 1, "a/2": 2, "a/3": 3, "a/4": 4}),
        ({"a/0": ["a/0", "a/1"], "a/1": ["a/0"]}, 9, {"a/0": 0, "a/1": 1}),
        ({"a/0": ["a/1", "a/2"], "a/1": ["a/2"], "a/2": []}, 9, {"a/0": 0, "a/1": 1, "a/2": 1}),
        (
            {"a/0": ["a/1", "a/2"], "a/1": ["a/3"], "a/2": ["a/4"], "a/3": ["a/2"]},
            2,
            {"a/0": 0, "a/1": 1, "a/2": 1, "a/3": 2, "a/4": 2},
        ),
        ({"a/0": ["b/1", "a:8080/1", "www.a/1", "a/1"]}, 9, {"a/0": 0, "a/1": 1}),
        ({}, 9, {"a/0": 0}),
    ],
    ids=["the seed alone", "two links", "to the end", "a loop", "the shorter way", "several ways", "other hosts", "no answer"],
)
def test_links_are_followed_within_the_host_and_the_depth(web: Web, depth: int, expected: dict[str, int]) -> None:
    """A page's depth is the fewest links from a seed; links to other hosts or ports are nobody's business."""
    frontier, _ = crawl(web, source("a/0", depth=depth))
    assert depths(frontier) == expected
    assert frontier.refused == {}


@pytest.mark.parametrize(
    ("web", "depth", "expected"),
    [
        ({"a/0": "a/1", "a/1": []}, 0, {"a/0": 0, "a/1": 0}),
        ({"a/0": "b/1", "b/1": ["b/2", "a/2", "c/2"]}, 1, {"a/0": 0, "b/1": 0, "b/2": 1, "a/2": 1}),
        ({"a/0": "a/1", "a/1": "b/2", "b/2": "c/3", "c/3": ["c/4"]}, 1, {"a/0": 0, "a/1": 0, "b/2": 0, "c/3": 0, "c/4": 1}),
        ({"a/0": "b/0", "b/0": "a/0"}, 9, {"a/0": 0, "b/0": 0}),
        ({"a/0": "a/0"}, 9, {"a/0": 0}),
        ({"a/0": ["a/1"], "a/1": "a/2", "a/2": ["a/3"]}, 1, {"a/0": 0, "a/1": 1, "a/2": 1}),
        ({"a/0": ["a/1"], "a/1": "b/2"}, 9, {"a/0": 0, "a/1": 1}),
    ],
    ids=[
        "within a host",
        "to another host",
        "over several hosts",
        "a loop",
        "to itself",
        "of a page",
        "of a page, to another host",
    ],
)
def test_a_redirect_costs_no_depth(web: Web, depth: int, expected: dict[str, int]) -> None:
    """Where a seed has moved to, over however many redirects, is a host of the crawl; where another page has moved to is not."""
    assert depths(crawl(web, source("a/0", depth=depth))[0]) == expected


@pytest.mark.parametrize(
    ("robots", "expected", "refused"),
    [
        ({"http://a": "Disallow: /1"}, {"a/0": 0}, {"a/1": (1, "robots")}),
        ({"http://a": "Disallow: /2"}, {"a/0": 0, "a/1": 1}, {"a/2": (2, "robots")}),
        ({"http://a": "Disallow: /"}, {}, {"a/0": (0, "robots")}),
        ({"http://a": None}, {}, {"a/0": (0, "robots_unreachable")}),
        ({"http://a": "Disallow: /3\nDisallow: /unknown"}, {"a/0": 0, "a/1": 1, "a/2": 2}, {"a/3": (3, "robots")}),
    ],
)
def test_what_robots_txt_forbids_is_refused(
    robots: dict[str, str | None], expected: dict[str, int], refused: dict[str, tuple[int, str]]
) -> None:
    """With its depth and the reason; what only a refused page would have linked to is not known at all."""
    frontier, _ = crawl(LINE, source("a/0"), robots=robots)
    assert depths(frontier) == expected
    assert {url.removeprefix("http://"): why for url, why in frontier.refused.items()} == refused


def test_robots_txt_comes_before_the_first_page() -> None:
    """Origins whose robots.txt is not known are told, and nothing of them is asked for."""
    frontier = reckon({"a/0": "b/1"}, {"http://a/0"}, [source("a/0", "c/0")], {"http://a": ""})
    assert frontier.unknown == {"http://b", "http://c"}
    assert depths(frontier) == {"a/0": 0}


WIDE: Web = {
    "a/0": [f"a/{number}" for number in range(1, 9)],
    "a/1": "a/moved",
    "a/moved": "a/moved/again",
    "a/moved/again": ["a/90"],
    **{f"a/{number}": [f"a/{number}{digit}" for digit in range(3)] for number in range(2, 9)},
}


@pytest.mark.parametrize("budget", [1, 5, 10, 12, 20, 100])
def test_a_budget_picks_the_same_pages_in_whatever_order_they_came(budget: int) -> None:
    """The frontier is a function of the web, not of what was asked first, killed or repeated; and nothing is asked in vain."""
    pages = source("a/0", at_most_pages=budget)
    expected, asked = crawl(WIDE, pages)
    assert {page.removeprefix("http://") for page in asked} == set(depths(expected))
    assert len(asked) == min(budget, 33)
    for chance in (random.Random(0), random.Random(1)):
        frontier, asked_so = crawl(WIDE, pages, pick=lambda missing, chance=chance: chance.sample(missing, min(3, len(missing))))
        assert frontier.table().equals(expected.table())
        assert (frontier.refused, asked_so) == (expected.refused, asked)


def test_what_the_budget_has_no_place_for_is_refused() -> None:
    """Lesser depths come first, and every page left out is told."""
    frontier, _ = crawl(WIDE, source("a/0", at_most_pages=6))
    assert sorted(depths(frontier).values()) == [0, 1, 1, 1, 1, 1]
    left_out = {url for url, (depth, reason) in frontier.refused.items() if (depth, reason) == (1, "budget")}
    assert {f"http://a/{number}" for number in range(1, 9)} - left_out == set(frontier.table()["url"].to_pylist()) - {
        "http://a/0"
    }


def test_forbidden_pages_cost_no_budget() -> None:
    """The budget counts pages asked for."""
    frontier, _ = crawl(
        WIDE, source("a/0", depth=1, at_most_pages=4), robots={"http://a": "\n".join(f"Disallow: /{n}" for n in range(1, 6))}
    )
    assert depths(frontier) == {"a/0": 0, "a/6": 1, "a/7": 1, "a/8": 1}


def test_a_wider_crawl_asks_for_more_and_for_all_it_asked_before() -> None:
    """A larger budget or depth keeps every page of the smaller one."""
    widths = [{"depth": 1, "at_most_pages": 4}, {"depth": 1, "at_most_pages": 9}, {"depth": 2, "at_most_pages": 20}, {"depth": 9}]
    found = [set(depths(crawl(WIDE, source("a/0", **width))[0])) for width in widths]
    assert all(less < more for less, more in pairwise(found))


def test_a_page_belongs_to_the_source_that_is_nearest_to_it() -> None:
    """Each source has its own hosts, depth and budget; at the same depth the first one counts."""
    frontier, _ = crawl(LINE, source("a/0", depth=3), source("a/2", depth=1), source("a/1", depth=0))
    rows = {row["url"].removeprefix("http://"): (row["depth"], row["source"]) for row in frontier.table().to_pylist()}
    first, second, third = ("0:pages:http://a/0", "1:pages:http://a/2", "2:pages:http://a/1")
    assert rows == {"a/0": (0, first), "a/1": (0, third), "a/2": (0, second), "a/3": (1, second)}
    assert frontier.table().schema.equals(FRONTIER.arrow)


def test_what_one_source_refuses_another_may_ask_for() -> None:
    """A page is refused only where no source has a place for it."""
    frontier, _ = crawl(LINE, source("a/0", at_most_pages=1), source("a/1", depth=0))
    assert depths(frontier) == {"a/0": 0, "a/1": 0}
    assert frontier.refused == {}


def source(*seeds: str, **how: Any) -> Pages:
    """Pages from these seeds on."""
    return Pages(seeds=tuple(f"http://{seed}" for seed in seeds), **{"depth": 9, **how})


def reckon(web: Web, asked: set[str], sources: list[Pages], robots: dict[str, str | None]) -> Frontier:
    """The frontier while these pages have been asked for."""
    facts = pa.Table.from_pylist([_facts(url, web.get(url.removeprefix("http://"), [])) for url in sorted(asked)], schema=_FACTS)
    rows = [
        {"origin": origin, "http_status": 503 if rules is None else 200, "text": rules and f"User-agent: *\n{rules}"}
        for origin, rules in robots.items()
    ]
    _CONNECTION.register("asked_pages", facts)
    labels: dict[str, Pages] = labelled(sources)
    return Frontier(labels, _CONNECTION, Robots(pa.Table.from_pylist(rows, schema=ROBOTS.arrow), "wukong-test"))


def _facts(url: str, page: list[str] | str) -> dict[str, Any]:
    if isinstance(page, str):
        return {"url": url, "location": f"http://{page}", "links": []}
    return {"url": url, "location": None, "links": [f"http://{link}" for link in page]}


def crawl(
    web: Web,
    *sources: Pages,
    robots: dict[str, str | None] | None = None,
    pick: Callable[[list[str]], list[str]] = lambda missing: missing,
) -> tuple[Frontier, set[str]]:
    """The frontier of a whole crawl, and the pages asked for on the way; `pick` says which of the missing ones come next."""
    asked: set[str] = set()
    known: dict[str, str | None] = {} if robots is None else dict(robots)
    while True:
        frontier = reckon(web, asked, list(sources), known)
        missing = [url for url in frontier.table()["url"].to_pylist() if url not in asked]
        if frontier.unknown:
            known |= dict.fromkeys(frontier.unknown, "")
        elif missing:
            asked.update(pick(missing))
        else:
            assert {origin_of(url) for url in asked} <= set(known)
            return frontier, asked


def depths(frontier: Frontier) -> dict[str, int]:
    """Page → depth."""
    return {row["url"].removeprefix("http://"): row["depth"] for row in frontier.table().to_pylist()}
