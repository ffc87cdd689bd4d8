"""What a host's robots.txt allows, and what it means that there is none, or that it cannot be had."""

from __future__ import annotations

import asyncio
import tarfile
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wukong_build.schema import ROBOTS
from wukong_build.web.fetch import Fetcher
from wukong_build.web.manners import Manners
from wukong_build.web.robots import AT_MOST_DELAY_SECONDS, READ_BYTES, Robots, fetch_robots

ORIGIN = "http://a.test"


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "/", None),
        ("User-agent: *\nDisallow:", "/", None),
        ("User-agent: *\nDisallow: /", "/", "robots"),
        ("User-agent: *\nDisallow: /private", "/private/x", "robots"),
        ("User-agent: *\nDisallow: /private", "/public", None),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", None),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/y.jpg", "robots"),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/y.jpg?z", None),
        ("User-agent: *\nDisallow: /图", "/%E5%9B%BE", "robots"),
        ("User-agent: wukong-test\nDisallow: /", "/", "robots"),
        ("User-agent: somebody\nDisallow: /", "/", None),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Wukong-Test\nAllow: /", "/", None),
        ("<html><body>404</body></html>", "/", None),
        ("\0\x01\ufffd", "/", None),
        ("User-agent: *\nDisallow: /" + "*a" * 40 + "b", "/" + "a" * 5000, None),
        (f"User-agent: *\nCrawl-delay: {AT_MOST_DELAY_SECONDS:.0f}", "/", None),
        (f"User-agent: *\nCrawl-delay: {AT_MOST_DELAY_SECONDS + 1:.0f}", "/", "robots"),
    ],
)
def test_what_a_robots_txt_says_of_a_url(text: str, path: str, expected: str | None) -> None:
    """As RFC 9309 has it: the group of our product, the longest rule; no URL for whoever wishes endless pauses."""
    assert robots({ORIGIN: {"http_status": 200, "text": text}}).refusal(ORIGIN + path) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"http_status": 404, "error": "404"}, None),
        ({"http_status": 401, "error": "4xx"}, None),
        ({"http_status": 403, "error": "403"}, None),
        ({"http_status": 500, "error": "5xx"}, "robots_unreachable"),
        ({"http_status": 503, "error": "5xx"}, "robots_unreachable"),
        ({"error": "timeout"}, "robots_unreachable"),
        ({"error": "dns"}, "robots_unreachable"),
        ({"error": "truncated"}, "robots_unreachable"),
    ],
)
def test_a_missing_robots_txt_forbids_nothing_and_an_unreachable_one_everything(
    facts: dict[str, Any], expected: str | None
) -> None:
    """RFC 9309, 2.3.1.3 and 2.3.1.4; the reason tells one from the other."""
    known = robots({ORIGIN: facts})
    assert (known.refusal(ORIGIN + "/"), known.delay_seconds(ORIGIN + "/"), known.knows(ORIGIN + "/x")) == (expected, 0.0, True)


@pytest.mark.parametrize("url", ["https://a.test/", "http://a.test:8080/", "http://www.a.test/"])
def test_a_robots_txt_speaks_for_its_origin_alone(url: str) -> None:
    """Scheme, host and port together; an origin that was not asked forbids everything."""
    known = robots({ORIGIN: {"http_status": 404, "error": "404"}})
    assert (known.knows(url), known.refusal(url)) == (False, "robots_unreachable")


@pytest.mark.parametrize(
    ("wish", "expected"), [("5", 5.0), ("0.5", 0.5), ("", 0.0), ("-1", 0.0), ("nan", 0.0), ("inf", 0.0), ("soon", 0.0)]
)
def test_the_pause_a_host_wishes_for(wish: str, expected: float) -> None:
    """A Crawl-delay that makes no sense is none."""
    text = f"User-agent: *\nCrawl-delay: {wish}"
    assert robots({ORIGIN: {"http_status": 200, "text": text}}).delay_seconds(ORIGIN + "/x") == expected


DISALLOW = b"User-agent: *\nDisallow: /x\n"


@pytest.mark.parametrize(
    ("name", "error", "expected"),
    [
        ("as it should be", None, "robots"),
        ("with a byte order mark", None, "robots"),
        ("not UTF-8", None, "robots"),
        ("elsewhere", None, "robots"),
        ("on another host", None, "robots"),
        ("long", None, "robots"),
        ("missing", "404", None),
        ("failing", "5xx", "robots_unreachable"),
        ("in a loop", "redirects", "robots_unreachable"),
        ("nowhere", "redirects", "robots_unreachable"),
        ("cut", "truncated", "robots_unreachable"),
        ("hung up", "disconnected", "robots_unreachable"),
    ],
)
def test_a_robots_txt_as_servers_give_it(web: Any, manners: Manners, name: str, error: str | None, expected: str | None) -> None:
    """Of a long one the first part counts; redirects are followed; a broken answer is none."""
    web.answers |= {"/robots.txt": given(web, name), "/elsewhere": web.ok(DISALLOW)}
    table = fetch([ORIGIN], manners)
    (row,) = table.to_pylist()
    assert (row["origin"], row["host"], row["error"], row["text"] is None) == (ORIGIN, "a.test", error, error is not None)
    assert Robots(table, manners.product).refusal(ORIGIN + "/x") == expected


def given(web: Any, name: str) -> Any:
    """What the server answers."""
    return {
        "as it should be": web.ok(DISALLOW),
        "with a byte order mark": web.ok(b"\xef\xbb\xbf" + DISALLOW),
        "not UTF-8": web.ok(b"# \xba\xec\xff\0\n" + DISALLOW),
        "elsewhere": web.moved("/elsewhere"),
        "on another host": web.moved("http://b.test/elsewhere"),
        "long": web.ok(DISALLOW + b"#" * READ_BYTES),
        "missing": web.ok(b"", status="404 Not Found"),
        "failing": web.ok(DISALLOW, status="503 Busy"),
        "in a loop": web.moved("/robots.txt"),
        "nowhere": web.moved("ftp://a.test/robots.txt"),
        "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + DISALLOW,
        "hung up": b"",
    }[name]


def test_one_row_for_every_origin(web: Any, manners: Manners) -> None:
    """Good and bad side by side, none costs another."""
    web.answers["/robots.txt"] = web.ok(DISALLOW)
    table = fetch(["http://a.test", "https://b.test", "http://c.test"], manners)
    assert table.schema.equals(ROBOTS.arrow)
    assert [row["error"] for row in table.to_pylist()] == [None, "tls", None]
    assert fetch([], manners).num_rows == 0


def test_real_files_are_read(shared: Path) -> None:
    """Whatever hosts write, asking it raises nothing, and most of them allow something to somebody."""
    with tarfile.open(shared / "robots" / "protego-robots.tar.gz") as archive:
        files = [archive.extractfile(member) for member in archive if member.isfile()]
        texts = [file.read().decode("utf-8", "replace") for file in files if file]
    known = robots({f"http://{number}.test": {"http_status": 200, "text": text} for number, text in enumerate(texts)})
    urls = [f"http://{number}.test/{path}" for number, path in product(range(len(texts)), ("", "a/b.jpg?c=1"))]
    refusals = [known.refusal(url) for url in urls]
    assert len(texts) == 318
    assert set(refusals) == {None, "robots"}
    assert refusals.count(None) > len(urls) / 2
    assert all(0 <= known.delay_seconds(url) <= AT_MOST_DELAY_SECONDS for url in urls)


def robots(rows: dict[str, dict[str, Any]]) -> Robots:
    """What is known of some origins."""
    table = pa.Table.from_pylist([{"origin": origin, **facts} for origin, facts in rows.items()], schema=ROBOTS.arrow)
    return Robots(table, "wukong-test")


def fetch(origins: list[str], manners: Manners) -> pa.Table:
    """The robots.txt of some origins."""

    async def ask() -> pa.Table:
        async with Fetcher(manners) as fetcher:
            return await fetch_robots(origins, fetcher, manners.product)

    return asyncio.run(ask())
