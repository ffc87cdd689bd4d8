"""Every image asked for has one row: the image as it came, or the class of the failure."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from wukong_build.schema import IMAGES, ROBOTS
from wukong_build.web.fetch import Fetcher
from wukong_build.web.images import Rules, fetch_images
from wukong_build.web.manners import Limits, Manners
from wukong_build.web.robots import Robots

Fetch = Callable[..., list[dict[str, Any]]]

LIMITS = Limits(at_most_bytes=100_000, timeout_seconds=0.4)


def test_an_image_is_kept_as_it_came(web: Any, fetch: Fetch, jpeg: bytes) -> None:
    """Its bytes, what they say of themselves, and what the server said, which is never believed."""
    web.answers["/a.png"] = web.moved("/b")
    web.answers["/b"] = web.ok(jpeg, "Content-Type: text/html", 'ETag: "1"', "Last-Modified: yesterday")
    (row,) = fetch("http://a.test/a.png")
    fetched_at = row.pop("fetched_at")
    assert fetched_at is not None
    assert row == {
        "key": "http://a.test/a.png",
        "url": "http://a.test/a.png",
        "error": None,
        "http_status": 200,
        "final_url": "http://a.test/b",
        "location": None,
        "hops": 1,
        "robots": "allowed",
        "opt_out": [],
        "attempts": 1,
        "etag": '"1"',
        "last_modified": "yesterday",
        "content_type": "text/html",
        "archive": None,
        "archive_offset": None,
        "format": "jpg",
        "width": 40,
        "height": 30,
        "orientation": 1,
        "image_bytes": len(jpeg),
        "sha256": hashlib.sha256(jpeg).hexdigest(),
        "image": jpeg,
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a page", ("not_an_image", 200)),
        ("nothing", ("empty", 200)),
        ("no content", ("empty", 204)),
        ("half a header", ("not_an_image", 200)),
        ("too large", ("too_large", 200)),
        ("cut", ("truncated", None)),
        ("gone", ("410", 410)),
        ("too many", ("429", 429)),
        ("an image with an error", ("404", 404)),
        ("an image with a redirect to nowhere", ("redirects", 302)),
        ("silent", ("timeout", None)),
    ],
)
def test_a_failure_is_a_row(web: Any, fetch: Fetch, jpeg: bytes, name: str, expected: tuple[str, int | None]) -> None:
    """It has its class, the status where one came, and no image."""
    web.answers["/a.jpg"] = failure(web, name, jpeg)
    (row,) = fetch("http://a.test/a.jpg")
    assert (row["error"], row["http_status"]) == expected
    assert not any(row[column] for column in ("image", "sha256", "format", "width", "height", "orientation", "image_bytes"))


def failure(web: Any, name: str, jpeg: bytes) -> Any:
    """What the server answers."""
    return {
        "a page": web.ok(b"<!doctype html><title>404</title>", "Content-Type: image/jpeg"),
        "nothing": web.ok(b""),
        "no content": web.ok(b"", status="204 No Content"),
        "half a header": web.ok(jpeg[:10]),
        "too large": web.ok(jpeg + bytes(LIMITS.at_most_bytes)),
        "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + jpeg,
        "gone": web.ok(b"", status="410 Gone"),
        "too many": web.ok(b"", status="429 Too Many Requests"),
        "an image with an error": web.ok(jpeg, status="404 Not Found"),
        "an image with a redirect to nowhere": web.ok(jpeg, status="302 Found"),
        "silent": web.endless(b"", b"", pause_seconds=0.05),
    }[name]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test/private/a.jpg", "robots"),
        ("http://b.test/a.jpg", "robots_unreachable"),
        ("", "bad_url"),
        ("a.jpg", "bad_url"),
        ("ftp://a.test/a.jpg", "bad_url"),
        ("http://a.test/x y.jpg", "bad_url"),
        ("http://[::1/a.jpg", "bad_url"),
        ("http://a.test/\0", "bad_url"),
    ],
)
def test_what_may_not_or_cannot_be_asked_for_is_not(web: Any, fetch: Fetch, url: str, expected: str) -> None:
    """robots.txt says no, robots.txt could not be had, or there is no such URL: a row, and no request."""
    (row,) = fetch(url)
    assert (row["url"], row["error"], row["http_status"], row["fetched_at"], row["final_url"]) == (
        url,
        expected,
        None,
        None,
        None,
    )
    assert web.connections == 0


@pytest.mark.parametrize(
    ("page_url", "expected"),
    [
        ("http://c.test/page", "http://c.test/page"),
        ("http://c.test/图#top", "http://c.test/%E5%9B%BE"),
        (None, None),
        ("", None),
        ("page 7\r\nX-Injected: yes", None),
        ("http://me:secret@c.test/page", "http://c.test/page"),
        ("https://c.test/page", None),
    ],
)
def test_the_referer_is_the_page(web: Any, fetch: Fetch, jpeg: bytes, page_url: str | None, expected: str | None) -> None:
    """What is no URL, though a list calls it a page, is not sent; nor is a password, nor a page that came encrypted."""
    web.answers["/a.jpg"] = web.ok(jpeg)
    (row,) = fetch("http://a.test/a.jpg", page_url=page_url)
    assert (row["error"], web.asked[0].headers.get("referer"), "x-injected" in web.asked[0].headers) == (None, expected, False)


def test_every_row_has_one_answer_whatever_its_neighbours_do(web: Any, fetch: Fetch, jpeg: bytes) -> None:
    """Many at once, some failing; all fit into the table, whatever bytes headers held."""
    odd = b"\xba\xec\xff".decode("utf-8", "surrogateescape")
    for number in range(40):
        web.answers[f"/{number}"] = web.ok(jpeg, f"Content-Type: {odd}", f"ETag: {odd}") if number % 2 else web.reset_after(b"")
    urls = [f"http://a.test/{number}" for number in range(40)]
    table = pa.Table.from_pylist(fetch(*urls), schema=IMAGES.arrow)
    errors = dict(zip(table["url"].to_pylist(), table["error"].to_pylist(), strict=True))
    assert errors == {url: None if number % 2 else "disconnected" for number, url in enumerate(urls)}
    assert sorted(set(web.paths)) == sorted(web.answers)


def test_whoever_stops_taking_rows_stops_the_requests(web: Any, manners: Manners, robots: Robots, jpeg: bytes) -> None:
    """A full disk ends a part at once, and not after all its images."""
    web.answers |= {"/quick": web.ok(jpeg), "/slow": web.endless(b"", b"", pause_seconds=0.05)}
    rows = [{"key": name, "url": f"http://a.test/{name}", "page_url": None} for name in ("quick", "slow")]

    rules = Rules(Limits(timeout_seconds=60), robots, manners.product)

    async def ask() -> str:
        async with Fetcher(manners) as fetcher, contextlib.aclosing(fetch_images(rows, fetcher, rules)) as answers:
            return str((await anext(answers))["key"])

    assert asyncio.run(asyncio.wait_for(ask(), 5)) == "quick"


@pytest.fixture
def fetch(manners: Manners, robots: Robots) -> Fetch:
    """The rows of some images, as a part of the crawl gets them."""

    async def ask(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        async with Fetcher(manners) as fetcher:
            return [row async for row in fetch_images(rows, fetcher, Rules(LIMITS, robots, manners.product))]

    def asked(*urls: str, page_url: str | None = None) -> list[dict[str, Any]]:
        return asyncio.run(ask([{"key": url, "url": url, "page_url": page_url} for url in urls]))

    return asked


@pytest.fixture
def robots() -> Robots:
    """`a.test` forbids a folder; that of `b.test` could not be had."""
    rows = [
        {"origin": "http://a.test", "http_status": 200, "text": "User-agent: *\nDisallow: /private"},
        {"origin": "http://b.test", "http_status": 502, "error": "5xx"},
    ]
    return Robots(pa.Table.from_pylist(rows, schema=ROBOTS.arrow), "wukong-test")
