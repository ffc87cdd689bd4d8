"""Which addresses may be asked: checked after DNS, for every address a name has, and the connection goes to the one checked.

Knows nothing of requests. A name in `crawl.resolve` goes where the user said, whatever DNS says of it.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from aiohttp.abc import AbstractResolver, ResolveResult

from wukong_build.web.manners import Manners

AT_ONCE = 64
"""Names looked up at once."""

AT_ONCE_UNDER_A_SUFFIX = 16
"""Of these, names that end in the same two labels: where their name server is silent, others still have their turn."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: what a network without IPv4 resolves every name to


_Found = list[tuple[Any, ...]]
"""What `getaddrinfo` returns."""


class BlockedAddress(OSError):
    """The name leads to an address that is nobody's business from outside; aiohttp reports it like any failure to resolve."""


def is_public(address: str) -> bool:
    """True for an address anybody on the internet may ask: not private, loopback, link-local, multicast or reserved."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = _embedded(parsed) or parsed
    local = parsed.is_multicast or parsed.is_reserved or getattr(parsed, "is_site_local", False)
    return parsed.is_global and not local


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address end up at, where it holds one."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


class GuardedResolver(AbstractResolver):
    """Resolves names as `crawl.resolve` and then DNS say, and refuses addresses that are not public."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._proxies = manners.proxy_hosts()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dns")
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._allowed_through_proxy: dict[str, bool] = {}

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses that may be connected to; BlockedAddress where there are only others."""
        if host in self._manners.resolve:
            return [_mapped(host, self._manners.resolve[host], port)]
        found = await self._look_up(host, port, family)
        allowed = found if host in self._proxies else [result for result in found if self.allows(result["host"])]
        if not allowed:
            raise BlockedAddress(f"{host} leads to {found[0]['host']}")
        return allowed

    async def allows_through_proxy(self, host: str) -> bool:
        """False for a host that leads inside as far as is known here; what this machine cannot resolve is left to the proxy."""
        if host not in self._allowed_through_proxy:
            try:
                await self.resolve(host)
                allowed = host not in self._proxies and self.allows(host)
            except BlockedAddress:
                allowed = False
            except OSError:
                allowed = self.allows(host)
            self._allowed_through_proxy[host] = allowed
        return self._allowed_through_proxy[host]

    async def _look_up(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        """What the machine's resolver says, asked in threads of our own: a dead name server must not hold up the others."""
        ask = functools.partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await self._in_turn(".".join(host.split(".")[-2:]), ask)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, address in found
        ]

    async def _in_turn(self, suffix: str, ask: Callable[[], _Found]) -> _Found:
        """What a look-up finds; its turn lasts as long as its thread is busy, also where nobody waits for it any more."""
        turn = self._turns.setdefault(suffix, asyncio.Semaphore(AT_ONCE_UNDER_A_SUFFIX))
        await turn.acquire()
        asked = asyncio.get_running_loop().run_in_executor(self._threads, ask)
        asked.add_done_callback(lambda _: turn.release())
        return await asyncio.shield(asked)

    def allows(self, host: str) -> bool:
        """False for a literal address that is not public, unless the config allows those; names are checked when resolved."""
        if self._manners.allow_private_addresses:
            return True
        if host in self._proxies:
            return False  # a way out, not a place to ask
        try:
            return is_public(host)
        except ValueError:
            return not host.replace(".", "").isdigit()  # 127.1 and 2130706433: addresses to a socket, so never resolved

    async def close(self) -> None:
        """End what resolving needed, without waiting for names that are still looked up."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _mapped(host: str, target: str, port: int) -> ResolveResult:
    """What `crawl.resolve` says: `address` or `address:port`, an IPv6 address before a port in brackets."""
    is_bare_ipv6 = target.count(":") > 1 and not target.startswith("[")
    parts = urlsplit(f"//[{target}]" if is_bare_ipv6 else f"//{target}")
    address = parts.hostname or ""
    return ResolveResult(
        hostname=host,
        host=address,
        port=parts.port or port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
