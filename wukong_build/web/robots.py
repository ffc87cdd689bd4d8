"""What the hosts' robots.txt say (RFC 9309): fetched once a host, kept with the crawl, asked before every request.

With it come the host's other words for machines: ai.txt, and the well-known file of TDMRep. Knows neither pages nor images;
an unreachable robots.txt forbids everything, a missing one nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from protego import Protego

from wukong_build.schema import ROBOTS
from wukong_build.web.fetch import Answer, Fetcher
from wukong_build.web.manners import Limits
from wukong_build.web.optout import SiteRules
from wukong_build.web.url import host_of, origin_of

READ_BYTES = 512_000
"""As much of a robots.txt as is read; RFC 9309 asks for 500 KiB at least."""

AT_MOST_DELAY_SECONDS = 300.0
"""A host that wishes a longer Crawl-delay is not asked at all: neither does a crawl wait so long, nor does it break a wish."""

KEPT = dt.timedelta(hours=24)
"""A robots.txt older than this is asked for again before anything else of its host is (RFC 9309, 2.4)."""

_ALLOW_ALL = Protego.parse("")
_LIMITS = Limits(at_most_bytes=50 * READ_BYTES)
_SITE_FILES = {"tdmrep": "/.well-known/tdmrep.json", "ai_txt": "/ai.txt"}
"""Column → where a site has the file."""


_REFUSALS = {"disallowed": "robots", "unreachable": "robots_unreachable"}


class Robots:
    """Decisions from the robots.txt of some origins; an origin it knows nothing of is forbidden."""

    def __init__(self, rows: pa.Table, product: str) -> None:
        self._rows = {row["origin"]: row for row in rows.to_pylist()}
        self._product = product
        self._parsed = functools.cache(self._parse)
        self._site_rules = functools.cache(self._parse_site_rules)

    def decision(self, url: str) -> str:
        """What the robots.txt of its origin says of the URL: allowed, no_rules, disallowed, unreachable."""
        rules = self._parsed(origin_of(url))
        if rules is None:
            return "unreachable"
        if rules is _ALLOW_ALL:
            return "no_rules"
        may = rules.can_fetch(url, self._product) and self.delay_seconds(url) <= AT_MOST_DELAY_SECONDS
        return "allowed" if may else "disallowed"

    def refusal(self, url: str) -> str | None:
        """Why this crawler may not ask for the URL: `robots`, or `robots_unreachable`; None where it may."""
        return _REFUSALS.get(self.decision(url))

    def opt_out(self, url: str) -> list[str]:
        """The signals by which the URL's site withholds it: in robots.txt, ai.txt and tdmrep.json."""
        rules = self._site_rules(origin_of(url))
        return [] if rules is None else rules.signals(url)

    def knows(self, url: str) -> bool:
        """True where the robots.txt of the URL's origin has been asked for."""
        return origin_of(url) in self._rows

    def unreachable(self) -> list[str]:
        """Origins whose robots.txt could not be had."""
        return [origin for origin in self._rows if self._parsed(origin) is None]

    def delay_seconds(self, url: str) -> float:
        """The Crawl-delay its host wishes; 0 where it says nothing."""
        rules = self._parsed(origin_of(url))
        return 0.0 if rules is None or rules is _ALLOW_ALL else float(rules.crawl_delay(self._product) or 0.0)

    def _parse(self, origin: str) -> Protego | None:
        """The rules of an origin; None where they could not be had."""
        row: Mapping[str, Any] = self._rows.get(origin, {})
        status = row.get("http_status")
        # RFC 9309, 2.3.1.4: unreachable means complete disallow; "too many requests" is no leave to ask for more
        if status is None or status == 429 or status >= 500:  # noqa: PLR2004
            return None
        return Protego.parse(row["text"]) if row["text"] else _ALLOW_ALL

    def _parse_site_rules(self, origin: str) -> SiteRules | None:
        """What an origin says of machine learning; None where it says nothing at all."""
        row: Mapping[str, Any] = self._rows.get(origin, {})
        files = row.get("text"), row.get("tdmrep"), row.get("ai_txt")
        return SiteRules(*files, self._product) if any(files) else None


async def fetch_robots(origins: Iterable[str], fetcher: Fetcher, product: str) -> pa.Table:
    """What every origin says of crawlers, as rows of `ROBOTS`."""
    rows = await asyncio.gather(*(_row(origin, fetcher, product) for origin in origins))
    return ROBOTS.table(rows)


async def _row(origin: str, fetcher: Fetcher, product: str) -> dict[str, Any]:
    answer = await fetcher.fetch(f"{origin}/robots.txt", _LIMITS)
    row = {
        "origin": origin,
        "host": host_of(origin),
        "error": answer.error,
        "http_status": answer.status if answer.error not in ("redirects", "too_large", "truncated") else None,
        "text": _text(answer),
        "tdmrep": None,
        "ai_txt": None,
        "fetched_at": answer.at,
    }
    robots = Robots(ROBOTS.table([row]), product)
    for column, path in _SITE_FILES.items():
        url = origin + path
        if robots.refusal(url) is None:
            row[column] = _text(await fetcher.fetch(url, _LIMITS, delay_seconds=robots.delay_seconds(url)))
    return row


def _text(answer: Answer) -> str | None:
    """The first part of the file; None where there is none, or a page that says so."""
    text = answer.body[:READ_BYTES].decode("utf-8-sig", "replace") if answer.error is None else None
    return None if text is None or text.lstrip()[:1] == "<" else text
