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
    ("text", "expected"),
    [
        ("User-agent: somebody\nUser-agent: wukong-test\nDisallow: /x", "robots"),
        ("User-agent: wukong-test\n\nUser-agent: somebody\n\nDisallow: /x", "robots"),
        ("User-agent: wukong-test\nDisallow: /a\nUser-agent: b\nDisallow: /b\nUser-agent: wukong-test\nDisallow: /x", "robots"),
        ("User-agent: wukong-test\nDisallow: /a\nUser-agent: b\nDisallow: /x\nUser-agent: wukong-test\nDisallow: /c", None),
        ("User-agent: *\nDisallow: /a\nUser-agent: *\nDisallow: /x", "robots"),
        ("User-agent: *\nDisallow: /x\nUser-agent: wukong-test\nDisallow: /a", None),
        ("User-agent: wukong-test\nDisallow: /a\nUser-agent: *\nDisallow: /x", None),
        ("User-agent: *\nDisallow: /x\nUser-agent: wukong-test", None),
        ("User-agent: *\nDisallow: /x\nUser-agent: wukong-test\nCrawl-delay: 1", None),
        ("User-agent: WUKONG-Test\nDisallow: /x", "robots"),
        ("User-agent: test\nDisallow: /x", None),
        ("User-agent: wukong-tester\nDisallow: /x", None),
        ("User-agent: Mozilla/5.0 (compatible; wukong-test)\nDisallow: /x", None),
        ("User-agent: wukong-test\nSitemap: /s.xml\nUser-agent: somebody\nDisallow: /x", "robots"),
        ("User-agent: wukong-test\nSitemap: /s.xml\nDisallow: /x", "robots"),
        ("User-agent: wukong-test\nCrawl-delay: 1\nDisallow: /x", "robots"),
        ("User-agent: wukong-test\nNoindex: /x\nDisallow: /x", "robots"),
        ("User-agent: *\nNoindex: /x", None),
        ("Disallow: /x", None),
        ("Disallow: /x\nUser-agent: *\nDisallow: /a", None),
        ("User-agent: wukong-test/1.0\nDisallow: /x\nUser-agent: *\nAllow: /", "robots"),
        ("User-agent: wukong-test bot\nDisallow: /x\nUser-agent: *\nAllow: /", "robots"),
        ("User-agent: *\nDisallow: /x\nUser-agent: wukong\nAllow: /", "robots"),
        ("User-agent: *\nAllow: /\nUser-agent: wukong\nDisallow: /x", None),
    ],
)
def test_which_group_speaks(text: str, expected: str | None) -> None:
    """All groups of our product together, else all for `*`; a rule before any group, or for another crawler, says nothing.

    RFC 9309, 2.2.1 and 2.2.4; a line that is no rule ends no group.
    """
    assert robots({ORIGIN: {"http_status": 200, "text": text}}).refusal(ORIGIN + "/x") == expected


@pytest.mark.parametrize(
    ("rules", "forbidden", "allowed"),
    [
        ("Disallow: /fish", "/fish /fish.html?id=1 /fishheads/a", "/Fish /catfish /?id=fish"),
        ("Disallow: /fish*", "/fish /fishheads", "/Fish /catfish"),
        ("Disallow: /fish/", "/fish/ /fish/?id=1 /fish/a", "/fish /fish.html"),
        ("Disallow: /*.php", "/a.php /a/b.php?c /a.php/ /?f=a.php", "/ /a.PHP /php"),
        ("Disallow: *.php", "/a/b.php", "/a"),
        ("Disallow: /*.php$", "/a.php /a.php/b.php", "/a.php?c /a.php5 /a.php/"),
        ("Disallow: /fish*.php", "/fish.php /fishheads/cat.php?a", "/Fish.PHP /fish"),
        ("Disallow: /a**b", "/ab /acb", "/a /ba"),
        ("Disallow: /$", "/", "/a"),
        ("Disallow: /a$b", "/a$b", "/a /ab"),
        ("Disallow: *", "/ /a", "/robots.txt"),
        ("Disallow: /", "/a/robots.txt /robots.txt.jpg /a?/robots.txt", "/robots.txt"),
        ("Disallow: /robots.txt", "", "/robots.txt"),
        ("Disallow: /?s=", "/?s=1", "/ /?a=1&s=1"),
        ("Disallow: /*?*a=1&b", "/x?c=2&a=1&b=3", "/x?a=2&b=3"),
        ("Disallow: /a//b", "/a//b", "/a/b"),
        ("Disallow: /a;b", "/a;b=1", "/a"),
        ("Disallow: /.a+[b-c]", "/.a+[b-c]", "/xa+b /.aac"),
        ("Disallow: fish", "", "/fish"),
        ("Disallow:", "", "/ /x"),
        ("Disallow:\nDisallow: /x", "/x", "/"),
        ("Disallow: /\nAllow:", "/x", ""),
        ("Disallow: /\nAllow: /p", "/ /x", "/page"),
        ("Allow: /p\nDisallow: /", "/ /x", "/page"),
        ("Allow: /folder\nDisallow: /folder", "", "/folder/a"),
        ("Disallow: /folder\nAllow: /folder", "", "/folder/a"),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", "/page"),
        ("Allow: /page\nDisallow: /*.ph", "", "/page.php5"),
        ("Allow: /$\nDisallow: /", "/a", "/"),
        ("Allow: /x/\nDisallow: /x/page", "/x/page.html", "/x/a"),
        ("Allow: /a/index.html\nDisallow: /", "/a/index.htm", "/a/index.html /a/"),
    ],
)
def test_which_paths_a_rule_means(rules: str, forbidden: str, allowed: str) -> None:
    """The longest rule that a path begins with, Allow where two are as long; `*` is anything, `$` at the end is the end.

    RFC 9309, 2.2.2 and 2.2.3, and Google's published examples.
    """
    assert sorted(forbidden.split()) == refused(f"User-agent: *\n{rules}", forbidden.split() + allowed.split())


@pytest.mark.parametrize(
    ("rule", "forbidden", "allowed"),
    [
        ("/~me", "/~me /%7Eme /%7eme", "/me"),
        ("/%7Eme", "/~me /%7Eme", ""),
        ("/%62%61%7A", "/baz", "/b"),
        ("/a/ツ", "/a/%E3%83%84 /a/%e3%83%84 /a/ツ", "/a/"),
        ("/a/%e3%83%84", "/a/%E3%83%84 /a/ツ", "/a/%E3%83%85"),
        ("/*图*.jpg$", "/%E5%9B%BE/a.jpg", "/a.jpg"),
        ("/a b", "/a%20b", "/a"),
        ("/a%2Fb", "/a%2Fb /a%2fb", "/a/b"),
        ("/a/b", "/a/b", "/a%2Fb"),
        ("/a%2Ab", "/a*b /a%2Ab", "/axb"),
        ("/a%24", "/a$ /a$b", "/a"),
        ("/a?b=c:d", "/a?b=c:d /a?b=c%3Ad", "/a?b=c"),
        ("/%C4%E3", "/%C4%E3 /%c4%e3", "/"),
    ],
)
def test_one_path_spelt_in_several_ways(rule: str, forbidden: str, allowed: str) -> None:
    """Percent-encoded or not, a character is the same, but for those that mean something else: `/`, `*` and `$`."""
    assert sorted(forbidden.split()) == refused(f"User-agent: *\nDisallow: {rule}", forbidden.split() + allowed.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("USER-AGENT: *\nDISALLOW: /x", "robots"),
        ("user-agent:*\ndisallow:/x", "robots"),
        ("  User-agent : * \t\n\tDisallow\t:\t/x \t", "robots"),
        ("User-agent *\nDisallow /x", "robots"),
        ("useragent: *\ndissallow: /x", "robots"),
        ("user agent: *\ndissalow: /x", "robots"),
        ("User-agent: *\ndisalow: /x", "robots"),
        ("User-agent: *\ndiasllow: /x", "robots"),
        ("User-agent: *\ndisallaw: /x", "robots"),
        ("User-agent: *\rDisallow: /x\r", "robots"),
        ("User-agent: *\r\nDisallow: /x\r\n", "robots"),
        ("User-agent: *\r\r\n\n\n\rDisallow: /x", "robots"),
        ("# all\nUser-agent: *#all\n# none\nDisallow: /x # x", "robots"),
        ("User-agent: *\nDisallow: /x#y", "robots"),
        ("User-agent: *\n# Disallow: /x", None),
        ("User-agent: *\nDisallow: # /x", None),
        ("User-agent: *\nfoo\n:\n::\n: /x\nDisallow: /x", "robots"),
    ],
)
def test_lines_as_people_write_them(text: str, expected: str | None) -> None:
    """Any line end, any case, blanks, comments, a missing colon, and the slips that Google's parser forgives."""
    assert robots({ORIGIN: {"http_status": 200, "text": text}}).refusal(ORIGIN + "/x") == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"http_status": 404, "error": "404"}, None),
        ({"http_status": 401, "error": "4xx"}, None),
        ({"http_status": 403, "error": "403"}, None),
        ({"http_status": 410, "error": "410"}, None),
        ({"http_status": 429, "error": "429"}, "robots_unreachable"),
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
        ("as long as is read", None, "robots"),
        ("cut within an Allow", None, "robots"),
        ("five hops away", None, "robots"),
        ("six hops away", "redirects", "robots_unreachable"),
        ("unauthorised", "4xx", None),
        ("forbidden", "403", None),
        ("asked too often", "429", "robots_unreachable"),
        ("missing", "404", None),
        ("failing", "5xx", "robots_unreachable"),
        ("in a loop", "redirects", "robots_unreachable"),
        ("nowhere", "redirects", "robots_unreachable"),
        ("cut", "truncated", "robots_unreachable"),
        ("hung up", "disconnected", "robots_unreachable"),
    ],
)
def test_a_robots_txt_as_servers_give_it(web: Any, manners: Manners, name: str, error: str | None, expected: str | None) -> None:
    """Of a long one the whole lines of its first part count; five redirects are followed; a broken answer is none."""
    web.answers |= {"/robots.txt": given(web, name), "/elsewhere": web.ok(DISALLOW)}
    web.answers |= {f"/{hops}": web.moved(f"/{hops - 1}" if hops > 1 else "/elsewhere") for hops in range(1, 6)}
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
        "as long as is read": web.ok(filled(b"\n" + DISALLOW.rstrip())),
        "cut within an Allow": web.ok(filled(b"\nUser-agent: *\nDisallow: /\nAllow: /") + b"public\n"),
        "five hops away": web.moved("/4"),
        "six hops away": web.moved("/5"),
        "unauthorised": web.ok(DISALLOW, status="401 Unauthorized"),
        "forbidden": web.ok(DISALLOW, status="403 Forbidden"),
        "asked too often": web.ok(DISALLOW, status="429 Too Many Requests"),
        "missing": web.ok(b"", status="404 Not Found"),
        "failing": web.ok(DISALLOW, status="503 Busy"),
        "in a loop": web.moved("/robots.txt"),
        "nowhere": web.moved("ftp://a.test/robots.txt"),
        "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + DISALLOW,
        "hung up": b"",
    }[name]


def filled(end: bytes) -> bytes:
    """A file of as many bytes as are read, with this at its end."""
    return b"#" * (READ_BYTES - len(end)) + end


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://a.test/texts/ai.txt", "said here"),
        ("http://a.test/x/ai.txt", None),
        ("http://b.test/texts/ai.txt", None),
        ("https://a.test/texts/ai.txt", None),
    ],
)
def test_other_files_of_a_site_are_followed_as_far_as_its_robots_txt_goes(
    web: Any, manners: Manners, target: str, expected: str | None
) -> None:
    """Where they lead to what it forbids, or to where nobody has asked for a robots.txt, there is no such file."""
    web.answers |= {"/robots.txt": web.ok(DISALLOW), "/ai.txt": web.moved(target), "/x/ai.txt": web.ok(b"forbidden")}
    web.answers["/texts/ai.txt"] = web.ok(b"said here")
    (row,) = fetch([ORIGIN], manners).to_pylist()
    assert row["ai_txt"] == expected
    assert [path for path in web.paths if path == "/x/ai.txt"] == []


def test_one_row_for_every_origin(web: Any, manners: Manners) -> None:
    """Good and bad side by side, none costs another."""
    web.answers["/robots.txt"] = web.ok(DISALLOW)
    table = fetch(["http://a.test", "https://b.test", "http://c.test"], manners)
    assert table.schema.equals(ROBOTS.arrow)
    assert [row["error"] for row in table.to_pylist()] == [None, "tls", None]
    assert fetch([], manners).num_rows == 0


def test_sitemaps_that_it_names() -> None:
    """To whomever it speaks, wherever they stand in the file; none where there is no file."""
    text = "Sitemap: http://a.test/1.xml\nUser-agent: other\nDisallow: /\n sitemap:http://b.test/2.xml # ours\nSitemap:\n"
    rows = [{"origin": "http://a.test", "http_status": 200, "text": text}, {"origin": "http://b.test", "http_status": 404}]
    robots = Robots(pa.Table.from_pylist(rows, schema=ROBOTS.arrow), "wukong-test")
    assert robots.sitemaps("http://a.test/page") == ["http://a.test/1.xml", "http://b.test/2.xml"]
    assert robots.sitemaps("http://b.test/") == robots.sitemaps("http://c.test/") == []


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


def refused(text: str, paths: list[str]) -> list[str]:
    """Those of the paths that a robots.txt forbids, sorted."""
    known = robots({ORIGIN: {"http_status": 200, "text": text}})
    return sorted(path for path in paths if known.refusal(ORIGIN + path) == "robots")


def fetch(origins: list[str], manners: Manners) -> pa.Table:
    """The robots.txt of some origins."""

    async def ask() -> pa.Table:
        async with Fetcher(manners) as fetcher:
            return await fetch_robots(origins, fetcher, manners.product)

    return asyncio.run(ask())
