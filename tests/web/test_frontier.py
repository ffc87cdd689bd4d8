"""Which pages the sources ask for: tiny webs, and what a crawl of them comes to.

Pages are written without their scheme; a page is the list of its links, or the address it has moved to.
"""

from __future__ import annotations

import random
from collections import Counter
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

Web = dict[str, list[str] | str | tuple[str, list[str]]]
"""Page → its links, the address it has moved to, or what it is read as with its links."""

_CONNECTION = duckdb.connect(config={"threads": 1})
_FACTS = pa.schema(
    [(name, pa.string()) for name in ("url", "location", "read_as", "error")]
    + [("ran", pa.bool_()), ("links", pa.list_(pa.string()))]
)
_PAIRS = pa.schema([(name, pa.string()) for name in ("key", "page_url", "found_at", "chrome")])

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
    assert refused(frontier) == {}


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
    ("robots", "expected", "told"),
    [
        ({"http://a": "Disallow: /1"}, {"a/0": 0}, {"a/1": (1, "robots")}),
        ({"http://a": "Disallow: /2"}, {"a/0": 0, "a/1": 1}, {"a/2": (2, "robots")}),
        ({"http://a": "Disallow: /"}, {}, {"a/0": (0, "robots")}),
        ({"http://a": None}, {}, {"a/0": (0, "robots_unreachable")}),
        ({"http://a": "Disallow: /3\nDisallow: /unknown"}, {"a/0": 0, "a/1": 1, "a/2": 2}, {"a/3": (3, "robots")}),
    ],
)
def test_what_robots_txt_forbids_is_refused(
    robots: dict[str, str | None], expected: dict[str, int], told: dict[str, tuple[int, str]]
) -> None:
    """With its depth and the reason; what only a refused page would have linked to is not known at all."""
    frontier, _ = crawl(LINE, source("a/0"), robots=robots)
    assert depths(frontier) == expected
    assert refused(frontier) == told


def test_robots_txt_comes_before_the_first_page() -> None:
    """Origins whose robots.txt is not known are told, and nothing of them is asked for."""
    frontier, unknown = reckon({"a/0": "b/1"}, {"http://a/0"}, [source("a/0", "c/0")], {"http://a": ""})
    assert (unknown, depths(frontier)) == ({"http://c"}, {})
    frontier, unknown = reckon({"a/0": "b/1"}, {"http://a/0"}, [source("a/0")], {"http://a": ""})
    assert (unknown, depths(frontier)) == ({"http://b"}, {"a/0": 0})


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
    whole, told = expected.table(), refused(expected)
    assert {page.removeprefix("http://") for page in asked} == set(depths(expected))
    assert len(asked) == min(budget, 33)
    for chance in (random.Random(0), random.Random(1)):
        frontier, asked_so = crawl(WIDE, pages, pick=lambda missing, chance=chance: chance.sample(missing, min(3, len(missing))))
        assert frontier.table().equals(whole)
        assert (refused(frontier), asked_so) == (told, asked)


def test_what_the_budget_has_no_place_for_is_refused() -> None:
    """Lesser depths come first, and every page left out is told."""
    frontier, _ = crawl(WIDE, source("a/0", at_most_pages=6))
    assert sorted(depths(frontier).values()) == [0, 1, 1, 1, 1, 1]
    left_out = {url for url, why in refused(frontier).items() if why == (1, "budget")}
    assert {f"a/{number}" for number in range(1, 9)} - left_out == set(depths(frontier)) - {"a/0"}


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
    assert refused(frontier) == {}


@pytest.mark.parametrize(
    ("stay_on", "expected"),
    [
        ("host", {"www.a.test/": 0, "www.a.test/1": 1}),
        ("domain", {"www.a.test/": 0, "www.a.test/1": 1, "a.test/2": 1, "img.shop.a.test:8080/3": 1}),
        (
            "web",
            {"www.a.test/": 0, "www.a.test/1": 1, "a.test/2": 1, "img.shop.a.test:8080/3": 1, "b.test/": 1, "nota.test/": 1},
        ),
    ],
)
def test_how_far_links_lead(stay_on: str, expected: dict[str, int]) -> None:
    """To the seeds' hosts, to their domains and all below them, or anywhere."""
    web: Web = {"www.a.test/": ["www.a.test/1", "a.test/2", "img.shop.a.test:8080/3", "b.test/", "nota.test/"]}
    assert depths(crawl(web, source("www.a.test/", depth=1, stay_on=stay_on))[0]) == expected


def test_a_host_has_a_budget_of_its_own() -> None:
    """Of each host so many pages, the seeds among them, and of all hosts together no more than the source's budget."""
    web: Web = {"a/0": [f"{host}/{number}" for host in "abc" for number in range(9)]}
    frontier, _ = crawl(web, source("a/0", depth=1, stay_on="web", at_most_pages_per_host=3))
    assert Counter(page[0] for page in depths(frontier)) == {"a": 3, "b": 3, "c": 3}
    assert set(refused(frontier).values()) == {(1, "budget")}
    assert len(depths(crawl(web, source("a/0", stay_on="web", at_most_pages_per_host=3, at_most_pages=5))[0])) == 5


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ({"allow": (r"/[12]$",)}, {"a/0", "a/1", "a/2"}),
        ({"deny": (r"/[12]$",)}, {"a/0", "a/3"}),
        ({"allow": (r"/[12]$", "/3"), "deny": ("/2",)}, {"a/0", "a/1", "a/3"}),
        ({"deny": ("/0",)}, {"a/0", "a/1", "a/2", "a/3"}),
    ],
)
def test_patterns(patterns: dict[str, tuple[str, ...]], expected: set[str]) -> None:
    """A page's URL must have one that is allowed and none that is denied; seeds are taken as they are."""
    frontier, _ = crawl({"a/0": ["a/1", "a/2", "a/3"]}, source("a/0", **patterns))
    assert set(depths(frontier)) == expected
    assert refused(frontier) == dict.fromkeys({"a/1", "a/2", "a/3"} - expected, (1, "denied"))


SITEMAPS: Web = {
    "a/0": [],
    "a/index.xml": ("sitemap_index", ["a/1.xml", "cdn/2.xml.gz"]),
    "a/1.xml": ("sitemap", ["a/1", "b/1"]),
    "cdn/2.xml.gz": "cdn/moved.gz",
    "cdn/moved.gz": ("sitemap", ["a/2"]),
    "a/1": ["a/3"],
}


def test_pages_that_sitemaps_name_are_links_of_a_seed() -> None:
    """From index to sitemap, also on another host, whatever they cost no page of the budget; hosts and depth hold as ever."""
    robots: dict[str, str | None] = {"http://a": "Sitemap: http://a/index.xml\nSITEMAP: http://a/index.xml"}
    frontier, asked = crawl(SITEMAPS, source("a/0", depth=2, at_most_pages=4), robots=robots)
    rows = {row["url"].removeprefix("http://"): (row["reads"], row["depth"]) for row in frontier.table().to_pylist()}
    assert {page: depth for page, (reads, depth) in rows.items() if reads == "page"} == {"a/0": 0, "a/1": 1, "a/2": 1, "a/3": 2}
    assert {page for page, (reads, _) in rows.items() if reads == "sitemap"} == set(SITEMAPS) - {"a/0", "a/1"}
    assert len(asked) == len(rows)


@pytest.mark.parametrize(
    ("settings", "robots", "expected"),
    [
        ({"sitemaps": "none"}, "Sitemap: http://a/1.xml", {"a/0"}),
        ({"sitemaps": ("http://a/1.xml",)}, "Sitemap: http://a/index.xml", {"a/0", "a/1", "a/1.xml", "a/3"}),
        ({"depth": 0}, "Sitemap: http://a/1.xml", {"a/0"}),
        ({}, "Sitemap: http://a/1.xml\nDisallow: /1.xml", {"a/0"}),
        ({}, "Sitemap: nonsense\nSitemap:", {"a/0"}),
        ({"at_most_pages": 1}, "Sitemap: http://a/1.xml", {"a/0", "a/1.xml"}),
    ],
)
def test_which_sitemaps(settings: dict[str, Any], robots: str, expected: set[str]) -> None:
    """Those that robots.txt names and allows, none, or those that are given; none where links of seeds are not followed."""
    assert set(depths(crawl(SITEMAPS, source("a/0", **settings), robots={"http://a": robots})[0])) == expected


def test_no_link_is_followed_before_the_sitemaps_are_read() -> None:
    """So that a budget takes its fair sample of all pages at that depth."""
    frontier, _ = reckon({"a/0": ["a/9"]}, {"http://a/0"}, [source("a/0")], {"http://a": "Sitemap: http://a/1.xml"})
    assert set(depths(frontier)) == {"a/0", "a/1.xml"}


def test_visits_are_not_told_apart() -> None:
    """A session in an address, or where a link was clicked, makes no other page of it."""
    web: Web = {"a/0": ["a/1?sid=7&x=1", "a/1?x=1&utm_source=y", "a/1;jsessionid=8?x=1"]}
    assert set(depths(crawl(web, source("a/0"))[0])) == {"a/0", "a/1?x=1"}
    assert len(depths(crawl(web, source("a/0", avoid_traps=False))[0])) == 4


def test_addresses_without_end_are_refused() -> None:
    """A page that links to itself one level deeper, again and again."""
    web: Web = {"a/x/": ["a/x/x/"], "a/x/x/": ["a/x/x/x/"], "a/x/x/x/": ["a/x/x/x/x/"]}
    frontier, _ = crawl(web, source("a/x/"))
    assert (set(depths(frontier)), refused(frontier)) == ({"a/x/", "a/x/x/"}, {"a/x/x/x/": (2, "trap")})


def calendar(months: int) -> Web:
    """An endless calendar beside a gallery: every month leads to its days and the next month, every page to the start."""
    web: Web = {"a/0": ["a/cal/0", "a/list/0"]}
    for month in range(months):
        web[f"a/cal/{month}"] = ["a/0", f"a/cal/{month + 1}", *(f"a/cal/{month}/{day}" for day in range(9))]
        web |= {f"a/cal/{month}/{day}": ["a/0", f"a/cal/{month}"] for day in range(9)}
        web[f"a/list/{month}"] = [f"a/list/{month + 1}", *(f"a/photo/{month}-{number}" for number in range(5))]
        web |= {f"a/photo/{month}-{number}": ["a/0"] for number in range(5)}
    return web


def test_what_brings_nothing_new_is_followed_no_further() -> None:
    """A calendar without images is left after some months; a list is not that has none of its own and leads to images."""
    pairs = [{"key": f"{m}-{n}", "page_url": f"http://a/photo/{m}-{n}"} for m in range(80) for n in range(5)]
    pairs += [{"key": "logo", "page_url": f"http://a/cal/{m}"} for m in range(80)]
    frontier, _ = crawl(calendar(80), source("a/0", depth=70), pairs=pairs)
    families = Counter(page.split("/")[1] for page in depths(frontier))
    assert families["cal"] < 45 * 10
    assert (families["list"], families["photo"]) == (70, 345)
    assert "trap" in {why for _, why in refused(frontier).values()}
    everything, _ = crawl(calendar(70), source("a/0", depth=60, avoid_traps=False), pairs=pairs)
    assert Counter(page.split("/")[1] for page in depths(everything))["cal"] == 60 + 59 * 9


def test_trying_again_is_fair_whatever_came_first() -> None:
    """What is left out does not depend on how the crawl went."""
    pairs = [{"key": f"{m}-{n}", "page_url": f"http://a/photo/{m}-{n}"} for m in range(60) for n in range(5)]
    found = []
    for chance in (random.Random(0), random.Random(1)):
        frontier, _ = crawl(
            calendar(60),
            source("a/0", depth=50),
            pairs=pairs,
            pick=lambda missing, chance=chance: chance.sample(missing, len(missing) // 2 + 1),
        )
        found.append((depths(frontier), refused(frontier)))
    assert found[0] == found[1]


def test_what_was_read_without_its_scripts_is_no_answer_where_they_are_to_run() -> None:
    """It is asked for once more, and its links count from then on alone; sitemaps have no scripts."""
    web: Web = {"a/0": ["a/1"], "a/1": [], "a/map": ("sitemap", ["a/2"]), "a/2": []}
    scripted = source("a/0", javascript=True, sitemaps=("http://a/map",))
    labels: dict[str, Pages] = labelled([scripted])
    know(web, {"http://a/0"}, ran=False)
    frontier = Frontier(labels, _CONNECTION)
    frontier.go_on(rules_of({"http://a": ""}))
    assert depths(frontier) == {"a/0": 0}
    know(web, {"http://a/0"})
    frontier.go_on(rules_of({"http://a": ""}))
    know(web, {"http://a/0", "http://a/map"})
    frontier.go_on(rules_of({"http://a": ""}))
    assert depths(frontier) == {"a/0": 0, "a/map": 0, "a/1": 1, "a/2": 1}


def source(*seeds: str, **how: Any) -> Pages:
    """Pages from these seeds on."""
    return Pages(seeds=tuple(f"http://{seed}" for seed in seeds), **{"depth": 9, **how})


def reckon(
    web: Web,
    asked: set[str],
    sources: list[Pages],
    robots: dict[str, str | None],
    pairs: list[dict[str, Any]] | None = None,
) -> tuple[Frontier, set[str]]:
    """The frontier while these pages have been asked for, and the origins whose robots.txt it waits for."""
    labels: dict[str, Pages] = labelled(sources)
    know(web, asked, pairs)
    frontier = Frontier(labels, _CONNECTION)
    return frontier, frontier.go_on(rules_of(robots))


def know(web: Web, asked: set[str], pairs: list[dict[str, Any]] | None = None, *, ran: bool = True) -> None:
    """Let these pages have been asked for, and their scripts have run or not."""
    rows = [{**_facts(url, web.get(url.removeprefix("http://"), [])), "ran": ran} for url in sorted(asked)]
    facts = pa.Table.from_pylist(rows, schema=_FACTS)
    _CONNECTION.register("asked_pages", facts.drop_columns(["links"]))
    _CONNECTION.register("asked_links", facts.select(["url", "links"]))
    _CONNECTION.register("pairs", pa.Table.from_pylist(pairs or [], schema=_PAIRS))


def rules_of(robots: dict[str, str | None]) -> Robots:
    """What origins allow; None where their robots.txt cannot be had."""
    rows = [
        {"origin": origin, "http_status": 503 if rules is None else 200, "text": rules and f"User-agent: *\n{rules}"}
        for origin, rules in robots.items()
    ]
    return Robots(pa.Table.from_pylist(rows, schema=ROBOTS.arrow), "wukong-test")


def _facts(url: str, page: list[str] | str | tuple[str, list[str]]) -> dict[str, Any]:
    if isinstance(page, str):
        return {"url": url, "location": f"http://{page}", "links": []}
    read_as, links = page if isinstance(page, tuple) else ("page", page)
    return {"url": url, "location": None, "read_as": read_as, "links": [f"http://{link}" for link in links]}


def crawl(
    web: Web,
    *sources: Pages,
    robots: dict[str, str | None] | None = None,
    pairs: list[dict[str, Any]] | None = None,
    pick: Callable[[list[str]], list[str]] = lambda missing: missing,
) -> tuple[Frontier, set[str]]:
    """The frontier of a whole crawl, and the pages asked for on the way; `pick` says which of the missing ones come next."""
    asked: set[str] = set()
    known: dict[str, str | None] = {} if robots is None else dict(robots)
    know(web, asked, pairs)
    frontier = Frontier(labelled(sources), _CONNECTION)
    while True:
        if unknown := frontier.go_on(rules_of(known)):
            known |= dict.fromkeys(unknown, "")
            continue
        missing = [url for url in frontier.table()["url"].to_pylist() if url not in asked]
        if not missing:
            break
        asked.update(pick(missing))
        know(web, asked, pairs)
    assert {origin_of(url) for url in asked} <= set(known)
    told, left_out = frontier.table(), refused(frontier)
    again, _ = reckon(web, asked, list(sources), known, pairs)
    assert (again.table(), refused(again)) == (told, left_out)
    return again, asked


def depths(frontier: Frontier) -> dict[str, int]:
    """Page → depth."""
    return {row["url"].removeprefix("http://"): row["depth"] for row in frontier.table().to_pylist()}


def refused(frontier: Frontier) -> dict[str, tuple[int, str]]:
    """Page → depth and reason."""
    rows = _CONNECTION.execute(frontier.refused).fetchall()
    return {url.removeprefix("http://"): (depth, reason) for url, depth, reason in rows}
