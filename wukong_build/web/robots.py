"""What the hosts' robots.txt say (RFC 9309): fetched once a host, kept with the crawl, asked before every request.

Knows neither pages nor images; an unreachable robots.txt forbids everything, a missing one nothing.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from protego import Protego

from wukong_build.schema import ROBOTS
from wukong_build.web.fetch import Fetcher
from wukong_build.web.manners import Limits
from wukong_build.web.url import host_of, origin_of

READ_BYTES = 512_000
"""As much of a robots.txt as is read; RFC 9309 asks for 500 KiB at least."""

AT_MOST_DELAY_SECONDS = 300.0
"""A host that wishes a longer Crawl-delay is not asked at all: neither does a crawl wait so long, nor does it break a wish."""

_ALLOW_ALL = Protego.parse("")


class Robots:
    """Decisions from the robots.txt of some origins; an origin it knows nothing of is forbidden."""

    def __init__(self, rows: pa.Table, product: str) -> None:
        self._rows = {row["origin"]: row for row in rows.to_pylist()}
        self._product = product
        self._parsed = functools.cache(self._parse)

    def refusal(self, url: str) -> str | None:
        """Why this crawler may not ask for the URL: `robots`, or `robots_unreachable`; None where it may."""
        rules = self._parsed(origin_of(url))
        if rules is None:
            return "robots_unreachable"
        may = rules.can_fetch(url, self._product) and self.delay_seconds(url) <= AT_MOST_DELAY_SECONDS
        return None if may else "robots"

    def knows(self, url: str) -> bool:
        """True where the robots.txt of the URL's origin has been asked for."""
        return origin_of(url) in self._rows

    def unreachable(self) -> list[str]:
        """Origins whose robots.txt could not be had."""
        return [origin for origin in self._rows if self._parsed(origin) is None]

    def delay_seconds(self, url: str) -> float:
        """The Crawl-delay its host wishes; 0 where it says nothing."""
        rules = self._parsed(origin_of(url))
        return 0.0 if rules is None else float(rules.crawl_delay(self._product) or 0.0)

    def _parse(self, origin: str) -> Protego | None:
        """The rules of an origin; None where they could not be had."""
        row: Mapping[str, Any] = self._rows.get(origin, {})
        status = row.get("http_status")
        # RFC 9309, 2.3.1.4: unreachable means complete disallow; "too many requests" is no leave to ask for more
        if status is None or status == 429 or status >= 500:  # noqa: PLR2004
            return None
        return Protego.parse(row["text"]) if row["text"] is not None else _ALLOW_ALL


async def fetch_robots(origins: Iterable[str], fetcher: Fetcher) -> pa.Table:
    """The robots.txt of every origin, as rows of `ROBOTS`."""
    return pa.Table.from_pylist(await asyncio.gather(*(_row(origin, fetcher) for origin in origins)), schema=ROBOTS.arrow)


async def _row(origin: str, fetcher: Fetcher) -> dict[str, Any]:
    answer = await fetcher.fetch(f"{origin}/robots.txt", Limits(at_most_bytes=50 * READ_BYTES))
    text = answer.body[:READ_BYTES].decode("utf-8-sig", "replace") if answer.error is None else None
    return {
        "origin": origin,
        "host": host_of(origin),
        "error": answer.error,
        "http_status": answer.status if answer.error not in ("redirects", "too_large", "truncated") else None,
        "text": text,
        "fetched_at": answer.at,
    }
