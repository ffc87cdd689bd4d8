"""Which addresses may be asked: checked after DNS, for every address a name has, and the connection goes to the one checked.

Knows nothing of requests. A name in `crawl.resolve` goes where the user said, whatever DNS says of it.
"""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from wukong_build.web.manners import Manners


class BlockedAddress(OSError):  # noqa: N818  an OSError, so that aiohttp reports it like any other failure to resolve
    """The name or the URL leads to an address that is nobody's business from outside."""


def is_public(address: str) -> bool:
    """True for an address anybody on the internet may ask: not private, loopback, link-local, multicast or reserved."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    embedded = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if embedded is not None:
        parsed = embedded
    return parsed.is_global and not parsed.is_multicast


class GuardedResolver(AbstractResolver):
    """Resolves names as `crawl.resolve` and then DNS say, and refuses addresses that are not public."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._dns = DefaultResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses that may be connected to; BlockedAddress where there are only others."""
        if host in self._manners.resolve:
            return [_mapped(host, self._manners.resolve[host], port)]
        found = await self._dns.resolve(host, port, family)
        allowed = [result for result in found if self.allows(result["host"])]
        if not allowed:
            raise BlockedAddress(f"{host} leads to {found[0]['host']}")
        return allowed

    def allows(self, host: str) -> bool:
        """False for a literal address that is not public, unless the config allows private ones; names are checked when resolved."""
        if self._manners.allow_private_addresses:
            return True
        try:
            return is_public(host)
        except ValueError:
            return True

    async def close(self) -> None:
        """End what resolving needed."""
        await self._dns.close()


def _mapped(host: str, target: str, port: int) -> ResolveResult:
    """What `crawl.resolve` says: `address` or `address:port`."""
    address, _, own_port = target.rpartition(":") if target.count(":") == 1 or target.startswith("[") else (target, "", "")
    address = address.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=int(own_port) if own_port else port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
