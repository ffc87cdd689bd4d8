"""What the hosts' robots.txt say (RFC 9309): fetched once a host, kept with the crawl, asked before every request.

With it come the host's other words for machines: ai.txt, and the well-known file of TDMRep. Knows neither pages nor images;
an unreachable robots.txt forbids everything, a missing one nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from protego import Protego

from wukong_build.schema import ROBOTS
from wukong_build.web.fetch import Answer, Fetcher, Note
from wukong_build.web.groups import lines_for
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
_NO_ANSWER = ("not_modified", "protocol", "proxy", "redirects", "too_large", "truncated")
"""Failures whose status says nothing of whether there is a robots.txt."""
PATHS = {"text": "/robots.txt", "tdmrep": "/.well-known/tdmrep.json", "ai_txt": "/ai.txt"}
"""Column → where a site has the file."""

NOTED = Note("robots")
"""What is noted with requests for files of a site."""


_SITEMAP = re.compile(r"^[ \t]*sitemap[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_REFUSALS = {"disallowed": "robots", "unreachable": "robots_unreachable"}


class Robots:
    """Decisions from the robots.txt of some origins; an origin it knows nothing of is forbidden."""

    def __init__(self, rows: pa.Table, product: str) -> None:
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._before: dict[str, Mapping[str, Any]] = {}
        """The last answers of origins that did answer once."""
        for row in rows.sort_by("fetched_at").to_pylist():
            self._rows[row["origin"]] = row
            if _has_answered(row):
                self._before[row["origin"]] = row
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

    def sitemaps(self, url: str) -> list[str]:
        """The sitemaps that the robots.txt of the URL's origin names, to whomever it speaks."""
        return _SITEMAP.findall(self._rows.get(origin_of(url), {}).get("text") or "")

    def knows(self, url: str) -> bool:
        """True where the robots.txt of the URL's origin has been asked for."""
        return origin_of(url) in self._rows

    def stale(self, now: dt.datetime) -> list[str]:
        """Origins whose robots.txt was asked for too long ago to be asked by it now."""
        return [origin for origin, row in self._rows.items() if now - row["fetched_at"] > KEPT]

    def silent(self) -> list[str]:
        """Origins whose robots.txt could not be had now, and could before: what they gave then is theirs to give still."""
        return [origin for origin in self._before if not _has_answered(self._rows[origin])]

    def before(self) -> Robots:
        """What the origins said when they did answer."""
        known = Robots(ROBOTS.table([]), self._product)
        known._rows = self._before
        return known

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
        if not _has_answered(row):
            return None
        lines = lines_for(row["text"] or "", self._product)
        if not lines:
            return _ALLOW_ALL
        # Protego chooses groups by any part of a name, and takes a version for one; which group is ours is decided here.
        return Protego.parse("\n".join(["User-agent: *", *(f"{name}: {value}" for name, value in lines)]))

    def _parse_site_rules(self, origin: str) -> SiteRules | None:
        """What an origin says of machine learning; None where it says nothing at all."""
        row: Mapping[str, Any] = self._rows.get(origin, {})
        files = row.get("text"), row.get("tdmrep"), row.get("ai_txt")
        return SiteRules(*files, self._product) if any(files) else None


def _has_answered(row: Mapping[str, Any]) -> bool:
    """False where the robots.txt could not be had.

    RFC 9309, 2.3.1.4: unreachable means complete disallow; "too many requests" is no leave to ask for more.
    """
    status = row.get("http_status")
    return status is not None and status != 429 and status < 500  # noqa: PLR2004  as HTTP has it


async def fetch_robots(origins: Iterable[str], fetcher: Fetcher, product: str) -> pa.Table:
    """What every origin says of crawlers, as rows of `ROBOTS`."""
    rows = await asyncio.gather(*(_row(origin, fetcher, product) for origin in origins))
    return ROBOTS.table(rows)


async def _row(origin: str, fetcher: Fetcher, product: str) -> dict[str, Any]:
    answer = await fetcher.fetch(origin + PATHS["text"], _LIMITS, note=NOTED)
    row = {
        "origin": origin,
        "host": host_of(origin),
        "error": answer.error,
        "http_status": None if answer.error in _NO_ANSWER else answer.status,
        "text": text_of(answer),
        "tdmrep": None,
        "ai_txt": None,
        "fetched_at": answer.at,
    }
    robots = Robots(ROBOTS.table([row]), product)
    for column in ("tdmrep", "ai_txt"):
        url = origin + PATHS[column]
        if robots.refusal(url) is None:
            delay = robots.delay_seconds(url)
            answer = await fetcher.fetch(
                url, _LIMITS, may_follow=lambda to: _stays(to, origin, robots), delay_seconds=delay, note=NOTED
            )
            row[column] = text_of(answer)
    return row


def _stays(url: str, origin: str, robots: Robots) -> bool:
    """True for what may be asked for without another look: of another host nothing is known here."""
    return origin_of(url) == origin and robots.refusal(url) is None


def text_of(answer: Answer) -> str | None:
    """The first part of a file for machines, in whole lines; None where there is none, or a page that says so."""
    if answer.error is not None or answer.location is not None:
        return None
    body = answer.body
    if len(body) > READ_BYTES:
        body = body[: body.rfind(b"\n", 0, READ_BYTES) + 1]  # half a rule would be another one
    text = body.decode("utf-8-sig", "replace")
    return None if text.lstrip()[:1] == "<" else text
