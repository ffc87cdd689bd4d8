"""How a crawl behaves: who it says it is, how often it asks one host, how much it takes, and which addresses it never asks.

Knows no HTTP; `fetch` keeps these manners for every request of whatever kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import re
import time
import types
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from wukong_build.errors import ConfigError
from wukong_build.web.failures import TRANSIENT

Positive = Annotated[float, msgspec.Meta(gt=0)]

Proxies = str | tuple[str, ...] | dict[str, str] | None
"""One proxy for all hosts, several of which each host has one, or a proxy by host with `*` for all others."""

AT_MOST_PAUSE_SECONDS = 120.0
"""A crawl waits so long for a host that wishes to be let alone; where it wishes more, its other images are left for `--retry`."""

SLOWER_SECONDS = 1.0
"""The least pause between two requests to a host that was asked too often."""

SLOWEST_SECONDS = 60.0
"""The longest pause between two requests that a host's failures lead to."""

_PUSHED_BACK = ("429", "5xx", "timeout")
"""Failures that ask for a slower pace."""


class PerHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often one host is asked."""

    delay_seconds: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """From the start of one request to the start of the next."""
    connections: Annotated[int, msgspec.Meta(ge=1)] = 2
    """Requests under way at once."""
    give_up_after: Annotated[int, msgspec.Meta(ge=1)] = 20
    """Failures in a row (nobody there, no answer in time, asked too often) after which the host is let alone for now."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much one answer may cost."""

    at_most_bytes: Annotated[int, msgspec.Meta(ge=1)] = 20_000_000
    """As it comes, and unpacked."""
    timeout_seconds: Positive = 30
    """For the whole answer with all its redirects, however slowly it drips; waiting for a turn does not count."""


class Retries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often and when a request that failed is made again within the same crawl."""

    times: Annotated[int, msgspec.Meta(ge=0)] = 2
    wait_seconds: Positive = 1.0
    """Before the first repetition, give or take a half; twice as long before each further one."""
    classes: tuple[str, ...] = ("dns", "connect", "timeout", "disconnected", "truncated", "429", "5xx")
    """Failures that may pass."""

    def wait(self, attempts: int) -> float:
        """Seconds to wait after so many attempts. By chance, so that requests that failed together do not come back together."""
        return float(self.wait_seconds * 2 ** (attempts - 1) * random.uniform(0.5, 1.5))  # noqa: S311  chance, not secrets


PORTS = (80, 443, 8000, 8008, 8080, 8081, 8088, 8443, 8888, 9000, 9090)
"""Where web servers listen; whatever else listens on a machine is not for crawlers."""


class Manners(msgspec.Struct, frozen=True):
    """Everything a fetcher must know of whom it may ask, and how."""

    user_agent: str
    per_host: PerHost = PerHost()
    retries: Retries = Retries()
    ports: tuple[int, ...] = PORTS
    proxies: Proxies = None
    allow_private_addresses: bool = False
    resolve: dict[str, str] = {}

    @property
    def product(self) -> str:
        """The name that robots.txt files address: the user agent up to the first slash or space."""
        return re.split(r"[/\s]", self.user_agent, maxsplit=1)[0]

    def proxy_of(self, host: str) -> str | None:
        """The proxy over which a host is asked. Of several a host has always the same, so that it sees one visitor."""
        if isinstance(self.proxies, dict):
            return self.proxies.get(host, self.proxies.get("*"))
        if isinstance(self.proxies, str) or self.proxies is None:
            return self.proxies
        return self.proxies[zlib.crc32(host.encode()) % len(self.proxies)]

    def proxy_hosts(self) -> frozenset[str]:
        """Names and addresses of the proxies."""
        return frozenset(urlsplit(url).hostname or "" for url in proxy_urls(self.proxies))

    def allows_port(self, host: str, port: int) -> bool:
        """False for a port where no web server is to be expected, unless the user has said where the host is to be found."""
        return port in self.ports or self.allow_private_addresses or host in self.resolve

    def require_contact(self, hosts: Iterable[str]) -> None:
        """ConfigError where the user agent names nobody to turn to and one of the hosts is somebody else's."""
        if has_contact(self.user_agent):
            return
        others = sorted({host for host in hosts if not is_loopback(self.resolve.get(host, host))})
        if others:
            raise ConfigError(
                f"found {self.user_agent!r}, which tells {others[0]} nobody to turn to; write a page or a mail address of "
                'yours into it, as in "my-crawl (+https://my.site/crawl; me@my.site)"'
            )


def proxy_urls(proxies: Proxies) -> list[str]:
    """The proxies, however the config names them."""
    if isinstance(proxies, dict):
        return list(proxies.values())
    return [proxies] if isinstance(proxies, str) else list(proxies or ())


def has_contact(user_agent: str) -> bool:
    """True where the user agent holds a URL or a mail address that is not a placeholder."""
    contacts = re.findall(r"https?://[^\s;)]+|[\w.+-]+@[\w-]+\.[\w.-]+", user_agent)
    return any(not re.search(r"example\.(com|org|net)|…", contact) for contact in contacts)


def is_loopback(host: str) -> bool:
    """True for a name or address (a port may follow) that is this very machine."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    name = name.removeprefix("[").partition("]")[0]
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Learnt(msgspec.Struct):
    """What the answers of a host taught. It outlives the part in which it was learnt: the lane's next part begins with it."""

    delay_seconds: float = 0.0
    """Between two requests, where the host asked for a slower pace; less again with every answer."""
    silent_until: float = 0.0
    """Seconds since the epoch until which the host wishes not to be asked."""
    failures: int = 0
    """Requests in a row that ended without an answer."""

    @property
    def is_odd(self) -> bool:
        """True where the host is to be asked otherwise than the config says."""
        return bool(self.delay_seconds or self.failures) or self.pause_seconds > 0

    @property
    def pause_seconds(self) -> float:
        """How long from now the host wishes not to be asked."""
        return self.silent_until and self.silent_until - time.time()


class Turns:
    """Gives every host its turns: so many connections at once, and so much time between the starts of two requests.

    Each host's first turn comes one delay after the turns were made, so that manners hold across parts and commands too.
    Over all hosts at most `at_once` turns are held.
    """

    def __init__(self, per_host: PerHost, at_once: int, learnt: Mapping[str, Learnt] = types.MappingProxyType({})) -> None:
        self._per_host = per_host
        self._at_once = asyncio.Semaphore(at_once)
        self._clock = asyncio.get_running_loop().time
        self._made_at = self._clock()
        self._hosts: dict[str, _Host] = {}
        self.learnt = dict(learnt)

    @contextlib.asynccontextmanager
    async def turn(self, host: str, delay_seconds: float = 0.0) -> AsyncIterator[Turn]:
        """Wait for the host's next turn and hold one of its connections; `delay_seconds` is the host's own wish."""
        asked = self._hosts.get(host) or self._host(host)
        asked.delay_seconds = max(asked.delay_seconds, delay_seconds)
        async with asked.connections:
            await asked.starting.acquire()
            turn = Turn(asked, self._clock)
            try:
                turn.may_ask = await self._place(asked)
                if not (turn.may_ask and asked.pace_seconds):
                    turn.begin()
                yield turn
            finally:
                turn.begin()
                if turn.may_ask:
                    self._at_once.release()

    def heard(self, host: str, failure: str | None, pause_seconds: float | None = None, seconds: float = 0.0) -> None:
        """Learn from what a request came to: the class of its failure, the pause the host asked for, and how long it took."""
        asked = self._hosts[host]
        learnt = asked.learnt
        learnt.failures = learnt.failures + 1 if failure in TRANSIENT else 0
        if pause_seconds is not None:
            learnt.silent_until = max(learnt.silent_until, time.time() + pause_seconds)
        fastest = max(self._per_host.delay_seconds, SLOWER_SECONDS / 2)
        if failure in _PUSHED_BACK and self._clock() - seconds >= asked.slowed_at:  # else it began at the pace before
            learnt.delay_seconds = min(2 * max(learnt.delay_seconds, fastest), SLOWEST_SECONDS)
            asked.slowed_at = self._clock()
        elif failure is None and learnt.delay_seconds:
            eased = 0.9 * learnt.delay_seconds
            learnt.delay_seconds = eased if eased > fastest else 0.0

    def _host(self, host: str) -> _Host:
        """A host that is asked for the first time; one given up before gets one more chance."""
        learnt = self.learnt.setdefault(host, Learnt())
        learnt.failures = min(learnt.failures, self._per_host.give_up_after - 1)
        asked = self._hosts[host] = _Host(self._per_host, self._made_at, learnt)
        return asked

    def _may_ask(self, learnt: Learnt) -> bool:
        return learnt.failures < self._per_host.give_up_after and learnt.pause_seconds <= AT_MOST_PAUSE_SECONDS

    async def _place(self, asked: _Host) -> bool:
        """Wait for the host's next start and for a place among all requests; false where there is no more to wait for."""
        while self._may_ask(asked.learnt):
            seconds = max(asked.next_start - self._clock(), asked.learnt.pause_seconds)
            if seconds > 0:
                await asyncio.sleep(seconds)  # and look again: meanwhile the host may have asked for longer, or failed
                continue
            await self._at_once.acquire()
            if asked.learnt.pause_seconds <= 0:
                return True
            self._at_once.release()
        return False


class _Host:
    """The turns of one host."""

    def __init__(self, per_host: PerHost, last_start: float, learnt: Learnt) -> None:
        self.connections = asyncio.Semaphore(per_host.connections)
        self.starting = asyncio.Lock()
        self.delay_seconds = per_host.delay_seconds
        self.last_start = last_start
        self.slowed_at = 0.0
        self.learnt = learnt

    @property
    def pace_seconds(self) -> float:
        """From the start of one request to the start of the next."""
        return max(self.delay_seconds, self.learnt.delay_seconds)

    @property
    def next_start(self) -> float:
        """When the host may be asked next, by the clock of the loop."""
        return self.last_start + self.pace_seconds


class Turn:
    """The turn of one request. Until it has begun no other request to the host begins."""

    def __init__(self, asked: _Host, clock: Callable[[], float]) -> None:
        self.may_ask = False
        """False where the host is not to be asked any more."""
        self._asked = asked
        self._clock = clock
        self._has_begun = False

    def begin(self) -> None:
        """The request leaves now: to find its host and to connect may have taken longer than any pause."""
        if not self._has_begun:
            self._has_begun = True
            self._asked.last_start = self._clock()
            self._asked.starting.release()
