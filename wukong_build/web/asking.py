"""How a page is asked for: as it is, by a browser that runs its scripts, or as a page of an engine's results.

Knows neither why it is asked for nor what is read from it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from wukong_build.web.browser import Browser
from wukong_build.web.fetch import Answer, Fetcher, Note, conditions
from wukong_build.web.manners import Limits, Retries
from wukong_build.web.reading import is_page
from wukong_build.web.robots import Robots
from wukong_build.web.sitemap import AT_MOST_BYTES
from wukong_build.web.sources import Search

log = logging.getLogger("wukong_build")

PAGE_LIMITS = Limits(at_most_bytes=10_000_000, timeout_seconds=60)
"""No page worth reading is larger or slower."""

SITEMAP_LIMITS = Limits(at_most_bytes=AT_MOST_BYTES, timeout_seconds=60)

STOPS = ("403", "429", "captcha")
"""What tells that an engine wishes to be asked no more."""

ALONE_SECONDS = 3600.0
"""How long it is let alone then."""


class Asker:
    """Asks for pages with the manners that hold for each; redirects are not followed here, they are links."""

    def __init__(
        self,
        fetcher: Fetcher,
        browser: Browser,
        robots: Robots,
        searches: Mapping[str, Search],
        record_rendered: Callable[[Answer, Note], None] | None = None,
    ) -> None:
        """`record_rendered` is told of every page whose scripts were run."""
        self._record_rendered = record_rendered
        self._fetcher = fetcher
        self._browser = browser
        self._robots = robots
        self._searches = searches

    async def answer(self, row: Mapping[str, Any]) -> Answer:
        """What asking for a row (`url, reads`; `source, query, depth` of results) came to; it is never an exception."""
        try:
            return await self._answer(row)
        except Exception as error:  # noqa: BLE001  a page without a row would be asked for again without end
            log.warning("crawl: %s cannot be fetched: %r", row["url"], error)
            return Answer(row["url"], "protocol", at=dt.datetime.now(dt.UTC))

    async def _answer(self, row: Mapping[str, Any]) -> Answer:
        url, delay = row["url"], self._robots.delay_seconds(row["url"])
        if row["reads"] == "results":
            return await self._results(row, self._searches[row["source"]])
        note = Note(row["reads"], row["depth"])
        if row["reads"] == "rendered_page":  # without conditions: the same page may show something else than before
            answer = await self._fetcher.fetch(url, PAGE_LIMITS, redirects=0, delay_seconds=delay)
            return await self._rendered(answer, note) if is_page(answer) else answer
        limits = SITEMAP_LIMITS if row["reads"] == "sitemap" else PAGE_LIMITS
        return await self._fetcher.fetch(url, limits, headers=conditions(row), redirects=0, delay_seconds=delay, note=note)

    async def _rendered(self, answer: Answer, note: Note) -> Answer:
        """A page once its scripts have run, which is recorded as well."""
        rendered = await self._browser.rendered(answer)
        if rendered.error is None and self._record_rendered is not None:
            self._record_rendered(rendered, note)
        return rendered

    async def _results(self, row: Mapping[str, Any], search: Search) -> Answer:
        """A page of results, asked for once; an engine that wishes to be let alone is."""
        url, engine = row["url"], search.recipe
        answer = await self._fetcher.fetch(
            url,
            PAGE_LIMITS,
            headers=engine.headers_of(row["query"], row["depth"], search.base),
            redirects=0,
            delay_seconds=max(search.pace_seconds, self._robots.delay_seconds(url)),
            retries=Retries(times=0),
            note=Note("results", row["depth"], search.engine, row["query"], row.get("at_most_pairs")),
        )
        if engine.is_captcha(answer):
            answer = msgspec.structs.replace(answer, error="captcha", body=b"")
        if answer.error in STOPS:
            log.warning("crawl: %s: answers with %s and is let alone for an hour", engine.title, answer.error)
            self._fetcher.let_alone(url, answer.error, ALONE_SECONDS)
        return answer
