"""Which addresses may be asked, and that the others are not connected to at all."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from wukong_build.web.fetch import Fetcher
from wukong_build.web.guard import AT_ONCE, AT_ONCE_UNDER_A_SUFFIX, BlockedAddress, GuardedResolver, is_public
from wukong_build.web.manners import Limits, Manners, PerHost, Retries
from wukong_build.web.url import canonical


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("127.0.0.1", False),
        ("127.255.0.9", False),
        ("0.0.0.0", False),  # noqa: S104  nothing is bound to it
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::7f00:1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("2002:808:808::", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::808:808", False),
    ],
)
def test_public_is_what_anybody_may_ask(address: str, expected: bool) -> None:
    """Private, loopback, link-local, multicast and reserved addresses are not, nor is an IPv6 address that leads to one."""
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "127.0.0.1.",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fe80::1]",
    ],
)
def test_a_private_address_is_not_connected_to(web: Any, host: str) -> None:
    """In whatever spelling, literal or by a name: the class is `blocked_address`, and the server there hears nothing."""
    answer = fetch(f"http://{host}:{web.port}/", Manners("wukong", PerHost(delay_seconds=0), ports=(web.port,)))
    assert (answer.error, answer.status, web.connections) == ("blocked_address", None, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_private_addresses_may_be_allowed(web: Any, host: str) -> None:
    """The config can allow them, for one's own servers."""
    manners = Manners("wukong", PerHost(delay_seconds=0), allow_private_addresses=True)
    assert fetch(f"http://{host}:{web.port}/", manners).error == "404"


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/secret", "http://localhost:{port}/secret", "//[::1]:{port}/secret"])
def test_a_redirect_to_a_private_address_is_not_followed(web: Any, manners: Manners, target: str) -> None:
    """Every hop is checked: what a public page redirects to inside is not asked for."""
    web.answers["/"] = web.moved(target.format(port=web.port))
    manners = msgspec.structs.replace(manners, ports=(80, web.port))
    assert fetch("http://a.test/", manners).error == "blocked_address"
    assert (web.paths, web.connections) == (["/"], 1)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 80)),
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("::1", ("::1", 80)),
        ("[::1]", ("::1", 80)),
        ("[::1]:8000", ("::1", 8000)),
        ("2001:db8::1:2", ("2001:db8::1:2", 80)),
    ],
)
def test_resolve_says_where_a_name_leads(target: str, expected: tuple[str, int]) -> None:
    """`crawl.resolve` holds an address, with or without a port; the user's word goes before DNS and the guard."""
    (found,) = resolve("a.test", {"a.test": target})
    assert (found["host"], found["port"]) == expected


def test_a_name_that_leads_inside_is_refused() -> None:
    """The error of a name with private addresses alone tells one of them."""
    with pytest.raises(BlockedAddress, match=r"^localhost leads to (127\.0\.0\.1|::1)$"):
        resolve("localhost", {})


def test_the_address_that_was_checked_is_the_one_that_is_asked(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere when asked for again gains nothing: there is one look-up, and the connection goes there."""
    told = iter([["127.0.0.2"], ["127.0.0.1"]])
    look_ups = name_server(monkeypatch, lambda: next(told))
    monkeypatch.setattr(
        "wukong_build.web.guard.is_public", lambda address: ipaddress.ip_address(address) == ipaddress.ip_address("127.0.0.2")
    )
    answer = fetch(f"http://rebinding.test:{web.port}/", Manners("wukong", PerHost(delay_seconds=0), ports=(web.port,)))
    assert (answer.error, look_ups, web.connections) == ("connect", ["rebinding.test"], 0)  # nobody listens on 127.0.0.2


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["10.0.0.1", "::1"]])
def test_a_name_is_as_good_as_its_addresses(web: Any, monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """Whatever a name server says of a public name, nothing inside is connected to, and the class says so."""
    name_server(monkeypatch, lambda: addresses)
    answer = fetch(f"http://inside.test:{web.port}/", Manners("wukong", PerHost(delay_seconds=0), ports=(web.port,)))
    assert (answer.error, web.connections) == ("blocked_address", 0)


def test_of_several_addresses_only_public_ones_are_asked(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One public address does not open the door for a private one beside it."""
    name_server(monkeypatch, lambda: ["127.0.0.1", "127.0.0.2"])
    monkeypatch.setattr(
        "wukong_build.web.guard.is_public", lambda address: ipaddress.ip_address(address) == ipaddress.ip_address("127.0.0.2")
    )
    answer = fetch(f"http://both.test:{web.port}/", Manners("wukong", PerHost(delay_seconds=0), ports=(web.port,)))
    assert (answer.error, web.connections) == ("connect", 0)


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its class is `dns`."""

    def nobody() -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    name_server(monkeypatch, nobody)
    assert fetch("http://nobody.test/", Manners("wukong", PerHost(delay_seconds=0), Retries(times=0))).error == "dns"


def test_a_silent_name_server_keeps_no_other_name_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names under one suffix have some of the threads at most, as long as these are busy: given up by all, they still are."""
    speaks = threading.Event()
    look_ups = name_server(monkeypatch, lambda: ["8.8.8.8"], lambda host: host == "a.test" or speaks.wait(30))
    silent = [f"{number}.silent.test" for number in range(2 * AT_ONCE)]

    async def ask() -> None:
        resolver = GuardedResolver(Manners("wukong"))
        try:
            for given_up in (True, False):
                asked = [asyncio.create_task(resolver.resolve(host)) for host in silent]
                await asyncio.wait_for(resolver.resolve("a.test"), 5)
                assert len([host for host in look_ups if host in silent]) == AT_ONCE_UNDER_A_SUFFIX
                for task in asked if given_up else ():
                    task.cancel()
        finally:
            speaks.set()
        assert len(await asyncio.gather(*asked)) == len(silent)
        await resolver.close()

    asyncio.run(ask())


def test_an_international_name_is_asked_in_ascii(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As canonical URLs have it, to the name server and in the request."""
    look_ups = name_server(monkeypatch, lambda: ["127.0.0.1"])
    manners = Manners("wukong", PerHost(delay_seconds=0), allow_private_addresses=True)
    assert fetch(canonical(f"http://图片.中国:{web.port}/图.jpg"), manners).error == "404"
    assert (look_ups, web.asked[0].headers["host"]) == (["xn--wcsw84d.xn--fiqs8s"], f"xn--wcsw84d.xn--fiqs8s:{web.port}")
    assert web.paths == ["/%E5%9B%BE.jpg"]


def name_server(
    monkeypatch: pytest.MonkeyPatch, addresses: Callable[[], list[str]], wait: Callable[[str], object] = str
) -> list[str]:
    """Let names lead to some addresses, after waiting for whatever they wait for; returns the names looked up."""
    look_ups: list[str] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        look_ups.append(host)
        wait(host)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in addresses()
        ]

    monkeypatch.setattr("wukong_build.web.guard.socket.getaddrinfo", look_up)
    return look_ups


def fetch(url: str, manners: Manners) -> Any:
    """The answer to one request."""

    async def ask() -> Any:
        async with Fetcher(manners) as fetcher:
            return await fetcher.fetch(url, Limits(timeout_seconds=5))

    return asyncio.run(ask())


def resolve(host: str, names: dict[str, str]) -> list[Any]:
    """Where a name leads."""

    async def ask() -> list[Any]:
        resolver = GuardedResolver(Manners("wukong", resolve=names))
        try:
            return await resolver.resolve(host, 80)
        finally:
            await resolver.close()

    return asyncio.run(ask())
