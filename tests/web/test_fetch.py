"""One request: whatever a server does, it ends in time and in an answer or the class of a failure."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import ssl
import time
import zlib
from itertools import pairwise
from typing import Any

import aiohttp
import msgspec
import pytest

from wukong_build.web.fetch import Answer, Fetcher, conditions, error_class, status_class
from wukong_build.web.guard import BlockedAddress
from wukong_build.web.manners import Limits, Manners, PerHost, Proxies, Retries

LIMITS = Limits(at_most_bytes=100_000, timeout_seconds=0.4)
ODD_DATES = ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "Fri, 31 Dec 2027 23:59:59 +99999999")
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


def test_an_answer_is_status_headers_and_body(web: Any, manners: Manners) -> None:
    """Headers are found by their names in whatever case, and the time is that of the answer."""
    web.answers["/x?y=%E5%9B%BE"] = web.ok("猫".encode(), 'ETag: "1"', "CONTENT-TYPE: text/html")
    answer = fetch("http://a.test/x?y=%E5%9B%BE", manners)
    assert (answer.error, answer.status, answer.body.decode(), answer.location) == (None, 200, "猫", None)
    assert (answer.header("etag"), answer.header("Content-Type"), answer.at.year > 2000) == ('"1"', "text/html", True)
    assert (answer.attempts, answer.hops) == (1, 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((200, None), (204, None), (206, None), (301, None), (308, None), (304, "not_modified")),
        *((400, "4xx"), (401, "4xx"), (451, "4xx"), (199, "4xx")),
        *((403, "403"), (404, "404"), (410, "410"), (429, "429"), (500, "5xx"), (503, "5xx"), (999, "5xx")),
    ],
)
def test_the_class_of_a_status(status: int, expected: str | None) -> None:
    """What pages and images often come to has a class of its own."""
    assert status_class(status) == expected


@pytest.mark.parametrize("status", [204, 205, 200])
def test_an_empty_body_is_an_answer(web: Any, manners: Manners, status: int) -> None:
    """Nothing is wrong with a request to which the server has nothing to say."""
    web.answers["/"] = web.ok(b"", status=f"{status} Fine")
    answer = fetch("http://a.test/", manners)
    assert (answer.error, answer.status, answer.body) == (None, status, b"")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("silence", "timeout"),
        ("drip in the head", "timeout"),
        ("drip in the body", "timeout"),
        ("endless", "too_large"),
        ("claims too much", "too_large"),
        ("endless chunks", "too_large"),
        ("gzip bomb", "too_large"),
        ("gzip bomb in chunks", "too_large"),
        ("gzip without an end", "truncated"),
        ("brotli that nobody asked for", "truncated"),
        ("shorter than it says", "truncated"),
        ("cut chunk", "truncated"),
        ("no gzip", "truncated"),
        ("longer than it says", "protocol"),
        ("reset in the body", "truncated"),
        ("reset at once", "disconnected"),
        ("hangs up", "disconnected"),
        ("many headers", "protocol"),
        ("endless headers", "protocol"),
        ("long header", "protocol"),
        ("NUL in Location", "protocol"),
        ("two lengths", "protocol"),
        ("no HTTP", "protocol"),
        ("no number for a status", "protocol"),
    ],
)
def test_a_misbehaviour_ends_in_its_class_and_in_time(web: Any, manners: Manners, name: str, expected: str) -> None:
    """No server keeps a request longer than its deadline, nor makes it take more than its cap."""
    web.answers["/"] = misbehaviour(web, name)
    start = time.monotonic()
    answer = fetch("http://a.test/", manners)
    assert (answer.error, answer.body) == (expected, b"")
    assert time.monotonic() - start < LIMITS.timeout_seconds + 1


def misbehaviour(web: Any, name: str) -> Any:
    """What the server answers."""
    zeros = b"\0" * 5_000_000
    return {
        "silence": web.endless(b"", b"", pause_seconds=0.05),
        "drip in the head": web.endless(HEAD + b"X-A: ", b"a", pause_seconds=0.05),
        "drip in the body": web.endless(HEAD + b"\r\n", b"a", pause_seconds=0.05),
        "endless": web.endless(HEAD + b"\r\n", b"a" * 10_000),
        "claims too much": HEAD + b"Content-Length: 100001\r\n\r\n",
        "endless chunks": web.endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2710\r\n" + b"a" * 10_000 + b"\r\n"),
        "gzip bomb": web.ok(gzip.compress(zeros), "Content-Encoding: gzip"),
        "gzip bomb in chunks": HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(zeros),
        "gzip without an end": web.ok(gzip.compress(b"cat" * 9)[:-9], "Content-Encoding: gzip"),
        "brotli that nobody asked for": web.ok(b"\x0b\x02\x80cat\x03", "Content-Encoding: br"),
        "shorter than it says": HEAD + b"Content-Length: 100\r\n\r\nshort",
        "longer than it says": HEAD + b"Content-Length: 2\r\n\r\nlonger",
        "cut chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nshort",
        "no gzip": web.ok(b"this is no gzip", "Content-Encoding: gzip"),
        "reset in the body": web.reset_after(HEAD + b"Content-Length: 100\r\n\r\nshort"),
        "reset at once": web.reset_after(b""),
        "hangs up": b"",
        "many headers": web.ok(b"", *(f"X-{number}: a" for number in range(1000))),
        "endless headers": web.endless(HEAD, b"X-A: " + b"a" * 1000 + b"\r\n"),
        "long header": web.ok(b"", "X-A: " + "a" * 100_000),
        "NUL in Location": web.moved("/a\0b"),
        "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
        "no number for a status": b"HTTP/1.1 OK\r\n\r\n",
    }[name]


def test_the_cap_is_the_last_size_that_passes(web: Any, manners: Manners) -> None:
    """A body of exactly `at_most_bytes` comes whole."""
    web.answers["/"] = web.ok(b"a" * LIMITS.at_most_bytes)
    assert fetch("http://a.test/", manners).body == b"a" * LIMITS.at_most_bytes


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"cat" * 9, mtime=0)),
        ("x-gzip", gzip.compress(b"cat" * 9, mtime=0)),
        ("deflate", zlib.compress(b"cat" * 9)),
        ("deflate", zlib.compress(b"cat" * 9, wbits=-15)),
        ("deflate, GZIP", gzip.compress(zlib.compress(b"cat" * 9), mtime=0)),
        ("gzip", gzip.compress(b"cat" * 9, mtime=0) + b"what follows the stream"),
        ("identity", b"cat" * 9),
        ("", b"cat" * 9),
    ],
)
def test_a_compressed_body_comes_unpacked(web: Any, manners: Manners, encoding: str, body: bytes) -> None:
    """What the request offers to accept is undone; the caps above count the bytes before and after."""
    web.answers["/"] = web.ok(body, f"Content-Encoding: {encoding}")
    assert fetch("http://a.test/", manners).body == b"cat" * 9
    assert web.asked[0].headers["accept-encoding"] == "gzip, deflate"


def test_who_asks_and_where_they_come_from(web: Any, manners: Manners) -> None:
    """The user agent is the config's, the Referer is the page as given, on every hop, and no cookie tells who was here."""
    web.answers["/"] = web.ok(b"", "Set-Cookie: id=1", "Location: /moved", status="302 Moved")
    web.answers["/moved"] = web.ok(b"", "Set-Cookie: id=2; Path=/")
    fetch("http://a.test/", manners, "http://a.test/moved", headers={"Referer": "http://c.test/page?q=%E5%9B%BE"})
    assert sorted(web.paths) == ["/", "/moved", "/moved"]
    for asked in web.asked:
        assert asked.headers["user-agent"] == "wukong-test/1.0 (+https://my.site)"
        assert asked.headers["referer"] == "http://c.test/page?q=%E5%9B%BE"
        assert asked.headers["host"] == "a.test"
        assert "cookie" not in asked.headers


def test_without_a_page_there_is_no_referer(web: Any, manners: Manners) -> None:
    """A list that names no page has none to send."""
    fetch("http://a.test/", manners)
    assert "referer" not in web.asked[0].headers


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/next", "http://a.test/next"),
        ("next?a=1#part", "http://a.test/dir/next?a=1"),
        ("http://b.test/", "http://b.test/"),
        ("//b.test/", "http://b.test/"),
        ("/a b", "http://a.test/a%20b"),
        ("  /next ", "http://a.test/next"),
        ("/图", "http://a.test/%E5%9B%BE"),
        ("/红".encode("gb18030").decode("utf-8", "surrogateescape"), "http://a.test/%BA%EC"),
        (r"\next", "http://a.test/next"),
    ],
)
def test_a_redirect_leads_where_a_browser_would_go(web: Any, manners: Manners, location: str, expected: str) -> None:
    """Relative, with spaces, in raw UTF-8 or in the bytes of whatever encoding the server has."""
    web.answers["/dir/page"] = web.moved(location)
    assert fetch("http://a.test/dir/page", manners, redirects=0).location == expected
    assert fetch("http://a.test/dir/page", manners).url == expected


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        *((302, ("Location: ftp://a.test/",)), (301, ("Location: javascript:alert(1)",)), (307, ("Location: http://[::/",))),
        *((302, ("Location: http://a b/",)), (302, ()), (302, ("Location: ",)), (300, ()), (305, ())),
    ],
)
@pytest.mark.parametrize("redirects", [0, 5])
def test_a_redirect_to_nowhere_is_a_failure(
    web: Any, manners: Manners, status: int, headers: tuple[str, ...], redirects: int
) -> None:
    """The class of a 3xx answer without an http(s) Location is `redirects`; its body is nobody's page."""
    web.answers["/"] = web.ok(b"<img src=a.jpg>", *headers, status=f"{status} Moved")
    answer = fetch("http://a.test/", manners, redirects=redirects)
    assert (answer.error, answer.status, answer.body, web.paths) == ("redirects", status, b"", ["/"])


@pytest.mark.parametrize(("redirects", "expected"), [(0, 1), (1, 2), (5, 6)])
def test_a_loop_of_redirects_ends(web: Any, manners: Manners, redirects: int, expected: int) -> None:
    """After so many redirects the next one is a failure, except where none was to be followed."""
    web.answers |= {"/": web.moved("/again"), "/again": web.moved("/")}
    answer = fetch("http://a.test/", manners, redirects=redirects)
    assert (answer.error, len(web.asked)) == ("redirects" if redirects else None, expected)


def test_a_chain_of_redirects_has_one_deadline(web: Any, manners: Manners) -> None:
    """No server can lengthen a request by sending it round; what a chain in time leads to comes."""
    web.answers |= {f"/{hop}": web.after(0.15, web.moved(f"/{hop + 1}")) for hop in range(4)}
    web.answers["/4"] = web.ok(b"there")
    assert fetch("http://a.test/3", manners).body == b"there"
    assert (fetch("http://a.test/0", manners).error, web.paths[-1]) == ("timeout", "/2")


def test_a_redirect_may_be_refused(web: Any, manners: Manners) -> None:
    """Whoever asks says which redirects are followed; the others are the answer."""
    web.answers |= {"/": web.moved("/next"), "/next": web.moved("http://b.test/")}
    answer = fetch("http://a.test/", manners, may_follow=lambda target: "a.test" in target)
    assert (answer.error, answer.url, answer.location, answer.hops) == (None, "http://a.test/next", "http://b.test/", 1)


def test_politeness_is_what_the_server_sees(web: Any, manners: Manners) -> None:
    """Requests to a host, redirects among them, start a delay apart, and no more are under way than it has connections."""
    slow = web.after(0.15, web.ok(b""))
    web.answers |= {f"/{number}": slow for number in range(5)} | {"/moved": web.moved("/0")}
    polite = msgspec.structs.replace(manners, per_host=PerHost(delay_seconds=0.06, connections=2))
    urls = [f"http://a.test/{name}" for name in (0, 1, 2, 3, "moved")]
    fetch(urls[0], polite, *urls[1:])
    starts = [asked.time for asked in web.asked]
    assert len(starts) == 6
    assert web.most_at_once <= 2
    assert all(later - earlier > 0.06 - 0.03 for earlier, later in pairwise(starts))  # a connection may take its time
    assert starts[-1] - starts[0] > 5 * 0.06 - 0.03


def test_a_redirect_waits_for_the_turn_of_the_host_it_leads_to(web: Any, manners: Manners) -> None:
    """A host reached over a redirect is asked no more often than any other."""
    web.answers["/"] = web.moved("http://b.test/there")
    polite = msgspec.structs.replace(manners, per_host=PerHost(delay_seconds=0.1, connections=2))
    fetch("http://b.test/there", polite, "http://a.test/")
    there = [asked.time for asked in web.asked if asked.path == "/there"]
    assert there[1] - there[0] > 0.1 - 0.03


@pytest.mark.parametrize(("classes", "expected"), [(("disconnected",), 3), (("5xx",), 1)])
def test_a_failure_that_may_pass_is_asked_for_again_in_its_turn(
    web: Any, manners: Manners, classes: tuple[str, ...], expected: int
) -> None:
    """As often as the config says, and for the classes it says; a delay lies between two attempts as between any requests."""
    web.answers["/"] = web.reset_after(b"")
    patient = msgspec.structs.replace(
        manners,
        per_host=PerHost(delay_seconds=0.1, connections=2),
        retries=Retries(times=2, wait_seconds=0.001, classes=classes),
    )
    answer = fetch("http://a.test/", patient)
    assert (answer.error, answer.attempts, len(web.asked)) == ("disconnected", expected, expected)
    assert all(later.time - earlier.time > 0.1 - 0.03 for earlier, later in pairwise(web.asked))


def test_an_attempt_that_succeeds_is_the_answer(web: Any, manners: Manners) -> None:
    """What failed before leaves only its count."""
    web.answers["/"] = in_turn(web.ok(b"", status="503 Busy"), web.ok(b"there"))
    answer = fetch("http://a.test/", msgspec.structs.replace(manners, retries=Retries(wait_seconds=0.001)))
    assert (answer.error, answer.body, answer.attempts) == (None, b"there", 2)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Busy"])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_that_says_when_is_not_asked_before(web: Any, manners: Manners, status: str, form: str) -> None:
    """Retry-After in seconds or as a date; the host's other requests wait as well."""
    in_two_seconds = email.utils.formatdate(time.time() + 2, usegmt=True)  # a date has no fractions: at least one is left
    wish = "1" if form == "seconds" else in_two_seconds
    web.answers |= {"/": in_turn(web.ok(b"", f"Retry-After: {wish}", status=status), web.ok(b"there")), "/b": web.ok(b"b")}
    one_by_one = PerHost(delay_seconds=0, connections=1)
    alone = msgspec.structs.replace(manners, per_host=one_by_one, retries=Retries(wait_seconds=0.001))
    first, second = fetch_all(["http://a.test/", "http://a.test/b"], alone)
    assert (first.body, second.body, first.attempts) == (b"there", b"b", 2)
    assert all(asked.time - web.asked[0].time > 0.9 for asked in web.asked[1:])


@pytest.mark.parametrize("wish", ["100000", "99999999999999999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
@pytest.mark.parametrize("connections", [1, 2])
def test_a_host_that_wishes_to_be_let_alone_for_long_is(web: Any, manners: Manners, wish: str, connections: int) -> None:
    """Its answer stands, and its other images are not asked for in this crawl, nor those that wait for their turn already."""
    web.answers["/"] = web.ok(b"", f"Retry-After: {wish}", status="429 Too Many Requests")
    per_host = PerHost(delay_seconds=0.2, connections=connections)
    alone = msgspec.structs.replace(manners, per_host=per_host, retries=Retries())
    answers = fetch_all(["http://a.test/", "http://a.test/b", "http://b.test/b"], alone)
    assert [answer.error for answer in answers] == ["429", "given_up", "404"]
    assert [answer.attempts for answer in answers] == [1, 0, 1]


@pytest.mark.parametrize(
    "wish", ["", "soon", "-5", "1e3", "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59", "\xff", *ODD_DATES]
)
def test_a_wish_that_makes_no_sense_is_none(web: Any, manners: Manners, wish: str) -> None:
    """The answer is a 429 like any other."""
    web.answers["/"] = web.ok(b"", f"Retry-After: {wish}", status="429 Too Many Requests")
    assert fetch("http://a.test/", manners).error == "429"


def test_a_host_that_fails_again_and_again_is_given_up(web: Any, manners: Manners) -> None:
    """After so many failures in a row its other images are rows without a request; another host is asked as before."""
    web.answers |= {f"/{number}": web.reset_after(b"") for number in range(9)} | {"/good": web.ok(b"good")}
    impatient = msgspec.structs.replace(manners, per_host=PerHost(delay_seconds=0, connections=1, give_up_after=3))
    answers = fetch_all([*(f"http://a.test/{number}" for number in range(9)), "http://b.test/good"], impatient)
    assert [answer.error for answer in answers] == ["disconnected"] * 3 + ["given_up"] * 6 + [None]
    assert len(web.asked) == 3 + 1


def test_what_is_there_already_is_not_sent_again(web: Any, manners: Manners) -> None:
    """A request that names the version it has is answered by `not_modified`."""
    web.answers["/"] = web.ok(b"", status="304 Not Modified")
    version = conditions({"etag": '"1"', "last_modified": "Mon, 02 Nov 2026 10:00:00 GMT"})
    assert fetch("http://a.test/", manners, headers=version).error == "not_modified"
    asked = web.asked[0].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"1"', "Mon, 02 Nov 2026 10:00:00 GMT")
    assert conditions({"etag": None}) == {}


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        ("http://127.0.0.1:{port}", ["http://x.test/1", "http://y.test/2"]),
        (("http://127.0.0.1:{port}",), ["http://x.test/1", "http://y.test/2"]),
        ({"x.test": "http://me:secret@127.0.0.1:{port}"}, ["http://x.test/1"]),
        ({"*": "http://localhost:{port}"}, ["http://x.test/1", "http://y.test/2"]),
    ],
)
def test_requests_go_over_the_proxy(web: Any, manners: Manners, proxies: Any, expected: list[str]) -> None:
    """One for all, one of several, or one by host; a proxy is given whole URLs, and may stand inside."""
    at_port = msgspec.json.decode(msgspec.json.encode(proxies).replace(b"{port}", str(web.port).encode()), type=Proxies)
    fetch_all(["http://x.test/1", "http://y.test/2"], msgspec.structs.replace(manners, proxies=at_port))
    assert sorted(web.paths) == expected
    assert ("proxy-authorization" in web.asked[0].headers) == ("secret" in str(proxies))


def test_a_proxy_that_fails_has_its_class(web: Any, manners: Manners) -> None:
    """What it says of a tunnel is not what the host says; and nobody listening is not the host's fault either."""
    web.answers["x.test:443"] = web.ok(b"", status="502 Bad Gateway")
    over = msgspec.structs.replace(manners, proxies=f"http://127.0.0.1:{web.port}")
    assert fetch("https://x.test/", over).error == "proxy"
    nobody = msgspec.structs.replace(manners, proxies="http://127.0.0.1:1")
    assert fetch("http://x.test/", nobody).error == "proxy"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/", "http://[::1]/"])
def test_no_proxy_is_asked_for_what_lies_inside(web: Any, manners: Manners, url: str) -> None:
    """A proxy often stands where inner servers trust it."""
    over = msgspec.structs.replace(manners, proxies=f"http://127.0.0.1:{web.port}")
    assert (fetch(url, over).error, web.connections) == ("blocked_address", 0)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://x.test:22/", "blocked_port"), ("http://x.test:6379/", "blocked_port"), ("http://a.test:6379/", "404")],
)
def test_only_ports_of_web_servers_are_asked(web: Any, manners: Manners, url: str, expected: str) -> None:
    """Others are refused without a connection, but where the user has said where a host is."""
    assert fetch(url, manners).error == expected


def in_turn(*answers: bytes) -> Any:
    """Each answer once, one after the other."""
    left = list(answers)
    return lambda connection, over: connection.sendall(left.pop(0))


def test_one_bad_server_does_not_cost_its_neighbours(web: Any, manners: Manners) -> None:
    """Failures and answers side by side stay each their own."""
    web.answers |= {"/reset": web.reset_after(b""), "/slow": web.endless(HEAD, b""), "/good": web.ok(b"good")}
    urls = [f"http://a.test/{name}" for name in ("reset", "slow", "good")]
    assert [answer.error for answer in fetch_all(urls, manners)] == ["disconnected", "timeout", None]


def test_tls_that_is_none(web: Any, manners: Manners) -> None:
    """A server without TLS under an https URL has the class `tls`."""
    assert fetch("https://a.test/", manners).error == "tls"


def test_nobody_listens(manners: Manners) -> None:
    """A refused connection has the class `connect`."""
    nowhere = msgspec.structs.replace(manners, resolve={"a.test": "127.0.0.1:1"})
    assert fetch("http://a.test/", nowhere).error == "connect"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), "timeout"),
        (aiohttp.ServerTimeoutError(), "timeout"),
        (aiohttp.ConnectionTimeoutError(), "timeout"),
        (aiohttp.ServerDisconnectedError(), "disconnected"),
        (ConnectionResetError(), "disconnected"),
        (aiohttp.ClientOSError("broken pipe"), "disconnected"),
        (aiohttp.ClientPayloadError(), "truncated"),
        (aiohttp.InvalidURL("http://"), "bad_url"),
        (UnicodeError("label too long"), "bad_url"),
        (RuntimeError("whatever"), "protocol"),
    ],
)
def test_the_class_of_an_error(error: Exception, expected: str) -> None:
    """By what raised it, and never none."""
    assert error_class(error) == expected


@pytest.mark.parametrize(
    ("kind", "error", "expected"),
    [
        (aiohttp.ClientConnectorDNSError, OSError("no such name"), "dns"),
        (aiohttp.ClientConnectorDNSError, BlockedAddress("inside"), "blocked_address"),
        (aiohttp.ClientConnectorError, OSError("refused"), "connect"),
        (aiohttp.ClientConnectorSSLError, ssl.SSLError("bad"), "tls"),
        (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError("expired"), "tls"),
    ],
)
def test_the_class_of_an_error_while_connecting(kind: Any, error: Exception, expected: str) -> None:
    """A name nobody knows, one that leads inside, a server that is not there, and one that nobody vouches for."""
    key = aiohttp.client_reqrep.ConnectionKey(
        "a.test", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
    )
    assert error_class(kind(key, error)) == expected


def fetch(url: str, manners: Manners, *more: str, **how: Any) -> Answer:
    """The answer to the first of the URLs, all asked for at once."""
    return fetch_all([url, *more], manners, **how)[0]


def fetch_all(urls: list[str], manners: Manners, **how: Any) -> list[Answer]:
    """The answers to some URLs, asked for at once."""

    async def ask() -> list[Answer]:
        async with Fetcher(manners) as fetcher:
            return await asyncio.gather(*(fetcher.fetch(url, LIMITS, **how) for url in urls))

    return asyncio.run(ask())
