"""Every page asked for has one row, whatever the answer was, and the pairs that stand on it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pyarrow as pa
import pytest

from wukong_build.schema import PAGES, PAIRS, ROBOTS
from wukong_build.web.asking import Asker
from wukong_build.web.browser import Browser
from wukong_build.web.fetch import Fetcher
from wukong_build.web.leave import Leave
from wukong_build.web.manners import Manners
from wukong_build.web.reading import Reader, Rows
from wukong_build.web.robots import Robots
from wukong_build.web.spider import fetch_pages
from wukong_build.web.url import key_of

HTML = '<a href="/b#top">乙</a><a href="http://b.test/">丙</a><img src="1.jpg" alt="红玫瑰"><img src="//b.test/2.jpg" alt="猫">'


def test_a_page_becomes_rows(web: Any, manners: Manners) -> None:
    """One for the page, with its links, and one for every image on it, with its place and its texts."""
    web.answers["/dir/"] = web.ok(HTML.encode(), "Content-Type: text/html; charset=utf-8")
    found = fetch(manners, "http://a.test/dir/")
    (page,) = found.pages
    assert page.pop("fetched_at") is not None
    assert page == {
        "url": "http://a.test/dir/",
        "host": "a.test",
        "depth": 2,
        "reads": "page",
        "round": 7,
        "decision": "asked",
        "error": None,
        "http_status": 200,
        "content_type": "text/html; charset=utf-8",
        "location": None,
        "read_as": "page",
        "links": ["http://a.test/b", "http://b.test/"],
        "pair_count": 2,
        "opt_out": [],
        "licences": [],
        "etag": None,
        "last_modified": None,
        "attempts": 1,
        "sha256": hashlib.sha256(HTML.encode()).hexdigest(),
        "archive": None,
        "archive_offset": None,
        "capture": None,
    }
    assert [(pair["url"], pair["page_url"], pair["position"]) for pair in found.pairs] == [
        ("http://a.test/dir/1.jpg", "http://a.test/dir/", 0),
        ("http://b.test/2.jpg", "http://a.test/dir/", 1),
    ]
    assert [pair["key"] for pair in found.pairs] == [key_of(pair["url"]) for pair in found.pairs]
    assert {"text": "红玫瑰", "origin": "alt", "distance": 0} in found.pairs[0]["texts"]


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (("Content-Type: text/html",), HTML, 2),
        (("Content-Type: TEXT/HTML",), HTML, 2),
        (("Content-Type: application/xhtml+xml",), HTML, 2),
        ((), "\n" + HTML, 2),
        (("Content-Type: text/html; charset=gbk",), HTML, 2),
        (("Content-Type: text/html; charset=nonsense",), HTML, 2),
        (("Content-Type: image/jpeg",), HTML, 0),
        (("Content-Type: application/pdf",), HTML, 0),
        ((), "Just text, <b>no page</b>", 0),
        (("Content-Type: text/html",), "", 0),
    ],
)
def test_a_page_is_what_says_so_or_looks_so(
    web: Any, manners: Manners, headers: tuple[str, ...], body: str, expected: int
) -> None:
    """By its content type in whatever case, and without one by its first character; other answers have no pairs."""
    web.answers["/"] = web.ok(body.encode("gbk" if any("gbk" in header for header in headers) else "utf-8"), *headers)
    (page,) = (found := fetch(manners, "http://a.test/")).pages
    assert (page["error"], page["pair_count"], len(found.pairs)) == (None, expected, expected)
    assert all(pair["texts"][0]["text"] in ("红玫瑰", "猫") for pair in found.pairs)


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("missing", "404", 404),
        ("failing", "5xx", 500),
        ("cut", "truncated", None),
        ("hung up", "disconnected", None),
        ("moved nowhere", "redirects", 302),
    ],
)
def test_a_failure_is_a_row(web: Any, manners: Manners, name: str, error: str, status: int | None) -> None:
    """With its class; what such an answer holds is no page."""
    web.answers["/"] = {
        "missing": web.ok(HTML.encode(), "Content-Type: text/html", status="404 Not Found"),
        "failing": web.ok(HTML.encode(), "Content-Type: text/html", status="500 Oh"),
        "cut": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n" + HTML.encode(),
        "hung up": b"",
        "moved nowhere": web.ok(HTML.encode(), "Content-Type: text/html", "Location: mailto:me", status="302 Found"),
    }[name]
    found = fetch(manners, "http://a.test/")
    assert [(page["error"], page["http_status"], page["links"]) for page in found.pages] == [(error, status, [])]
    assert found.pairs == []


@pytest.mark.parametrize(("location", "expected"), [("/new", "http://a.test/new"), ("http://b.test/#x", "http://b.test/")])
def test_a_redirect_is_a_link_and_not_followed(web: Any, manners: Manners, location: str, expected: str) -> None:
    """Where it points is asked for when the frontier says so."""
    web.answers["/"] = web.moved(location)
    (page,) = fetch(manners, "http://a.test/").pages
    assert (page["error"], page["http_status"], page["location"], web.paths) == (None, 302, expected, ["/"])


@pytest.mark.parametrize(
    "body",
    [
        b"<img src=1.jpg alt='&#xD800;&#0;&#x10FFFF;\0\x1b'>",
        b"<div>" * 50_000 + b"<img src=1.jpg alt=x>",
        b"<img alt=x src='" + b"a" * 100_000 + b"'>",
        b"<img src=1.jpg alt='" + "猫".encode() * 50_000 + b"'>",
        b"<img src='http://[/' alt=x><a href='http://a:b:c/'><base href='//'><img src='\xff\xfe.jpg' alt='\xff\xfe'>",
        bytes(range(256)) * 100,
        b"<!--" * 1000,
        b"<",
    ],
    ids=["odd characters", "deep", "long address", "long text", "broken addresses", "bytes", "comments", "one byte"],
)
def test_a_hostile_page_has_its_row(web: Any, manners: Manners, body: bytes) -> None:
    """Nothing that stands on a page, or in a header, loses it or breaks the table."""
    web.answers["/"] = web.ok(body, "Content-Type: text/html; x=" + b"\xba\xec".decode("utf-8", "surrogateescape"))
    found = fetch(manners, "http://a.test/")
    assert pa.Table.from_pylist(found.pages, schema=PAGES.arrow)["error"].to_pylist() == [None]
    assert len(pa.Table.from_pylist(found.pairs, schema=PAIRS.arrow)) == found.pages[0]["pair_count"]


@pytest.mark.parametrize(
    "url",
    ["http://a.test/%E5%9B%BE?a=%20&b=1", "http://a.test/a'b(c)~%7C?%5Bx%5D=+1", "http://a.test/a//b/?_escaped_fragment_=x"],
)
def test_a_page_is_asked_for_by_its_own_address(web: Any, manners: Manners, url: str) -> None:
    """The crawler's own URL reaches the server letter by letter."""
    (page,) = fetch(manners, url).pages
    assert page["url"] == url
    assert web.paths == [url.removeprefix("http://a.test")]


def test_one_row_for_every_page_and_one_crawl_after_another(web: Any, manners: Manners) -> None:
    """Good and bad side by side, each asked for once; a process can crawl again."""
    web.answers |= {f"/{number}": web.ok(HTML.encode(), "Content-Type: text/html") for number in range(0, 30, 2)}
    urls = [f"http://a.test/{number}" for number in range(30)]
    for crawl in (1, 2):
        found = fetch(manners, *urls)
        assert sorted(page["url"] for page in found.pages) == sorted(urls)
        assert len(found.pairs) == 2 * 15
        assert sorted(web.paths) == sorted(url.removeprefix("http://a.test") for url in urls * crawl)
    assert fetch(manners) == Rows([], [])


def fetch(manners: Manners, *urls: str) -> Rows:
    """What asking for some pages gives."""
    robots = Robots(pa.Table.from_pylist([{"origin": "http://a.test", "http_status": 404}], schema=ROBOTS.arrow), manners.product)
    rows = [{"url": url, "depth": 2, "round": 7, "reads": "page"} for url in urls]
    leave = Leave(lambda _: robots, manners.product)

    async def ask() -> Rows:
        async with Fetcher(manners) as fetcher, Browser(fetcher, leave, manners.user_agent) as browser:
            return await fetch_pages(rows, Asker(fetcher, browser, robots, {}), Reader(robots, manners.product))

    return asyncio.run(asyncio.wait_for(ask(), 20))
