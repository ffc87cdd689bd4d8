"""How a crawl behaves: who it says it is, how often it asks one host, how much it takes, and which addresses it never asks.

Knows no HTTP; `fetch` keeps these manners for every request of whatever kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
from collections.abc import AsyncIterator, Iterable
from typing import Annotated

import msgspec

from wukong_build.errors import ConfigError

Positive = Annotated[float, msgspec.Meta(gt=0)]


class PerHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often one host is asked."""

    delay_seconds: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """From the start of one request to the start of the next."""
    connections: Annotated[int, msgspec.Meta(ge=1)] = 2
    """Requests under way at once."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much one answer may cost."""

    at_most_bytes: Annotated[int, msgspec.Meta(ge=1)] = 20_000_000
    timeout_seconds: Positive = 30
    """For the whole answer, however slowly it drips."""


class Manners(msgspec.Struct, frozen=True):
    """Everything a fetcher must know of whom it may ask, and how."""

    user_agent: str
    per_host: PerHost = PerHost()
    allow_private_addresses: bool = False
    resolve: dict[str, str] = {}

    @property
    def product(self) -> str:
        """The name that robots.txt files address: the user agent up to the first slash or space."""
        return re.split(r"[/\s]", self.user_agent, maxsplit=1)[0]

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


class Turns:
    """Gives every host its turns: so many connections at once, and so much time between the starts of two requests.

    Each host's first turn comes one delay after the turns were made, so that manners hold across parts and commands too.
    Over all hosts at most `at_once` turns are held.
    """

    def __init__(self, per_host: PerHost, at_once: int) -> None:
        self._per_host = per_host
        self._at_once = asyncio.Semaphore(at_once)
        self._made_at = asyncio.get_running_loop().time()
        self._hosts: dict[str, _Host] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str, delay_seconds: float = 0.0) -> AsyncIterator[None]:
        """Wait for the host's next turn and hold one of its connections; `delay_seconds` is the host's own wish."""
        clock = asyncio.get_running_loop().time
        delay = max(self._per_host.delay_seconds, delay_seconds)
        if host not in self._hosts:
            self._hosts[host] = _Host(self._per_host.connections, self._made_at + delay)
        asked = self._hosts[host]
        async with asked.connections:
            async with asked.starting:
                await asyncio.sleep(asked.next_start - clock())
                await self._at_once.acquire()  # before the next start is set: whoever waits here has not started
                asked.next_start = clock() + delay
            try:
                yield
            finally:
                self._at_once.release()


class _Host:
    """The turns of one host."""

    def __init__(self, connections: int, first_start: float) -> None:
        self.connections = asyncio.Semaphore(connections)
        self.starting = asyncio.Lock()
        self.next_start = first_start
