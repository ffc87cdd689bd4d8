"""The Scrapy spider that reads pages: it asks for the pages it is given, and turns every answer into rows.

Which pages are asked for is the frontier's business; manners, deadlines and addresses are the fetcher's, which stands in
for Scrapy's own downloader. Knows no files.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.http import Response

from wukong_build.web.extract import Page, read_page
from wukong_build.web.fetch import Answer, Fetcher, conditions
from wukong_build.web.manners import Limits
from wukong_build.web.optout import header_signals, meta_signals
from wukong_build.web.page import decode_page
from wukong_build.web.robots import Robots
from wukong_build.web.url import host_of, key_of

log = logging.getLogger("wukong_build")

PAGE_LIMITS = Limits(at_most_bytes=10_000_000, timeout_seconds=60)
"""No page worth reading is larger or slower."""


class _Handler:
    """Scrapy's way to the fetcher."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Handler:
        """As Scrapy makes it."""
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        """A response whose request carries the answer; a failure is an answer too."""
        request.meta["answer"] = await cast("PageSpider", self._crawler.spider).answer(request.url, request.meta["headers"])
        return Response(request.url, request=request)

    async def close(self) -> None:
        """Nothing is held: whoever made the fetcher closes it."""


_SETTINGS: dict[str, Any] = {
    "TWISTED_REACTOR_ENABLED": False,  # asyncio alone, so that one process can run one crawl after another
    "DOWNLOAD_HANDLERS": {"http": _Handler, "https": _Handler},
    "CONCURRENT_REQUESTS": 10_000,  # the fetcher gives every host its turns; Scrapy only holds the queue
    "CONCURRENT_REQUESTS_PER_DOMAIN": 10_000,
    "DOWNLOAD_DELAY": 0,
    "DOWNLOADER_MIDDLEWARES_BASE": {},  # redirects, retries and robots.txt are decided once, for pages and images alike
    "SPIDER_MIDDLEWARES_BASE": {},
    "EXTENSIONS_BASE": {},
    "LOG_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
}


class PageRows(msgspec.Struct):
    """What reading some pages gave: rows of `PAGES` and of `PAIRS`."""

    pages: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []


async def fetch_pages(rows: Sequence[dict[str, Any]], fetcher: Fetcher, robots: Robots, product: str) -> PageRows:
    """Ask for the page of every row (`url, depth, round`, and of a page that was there before `etag, last_modified`)."""
    found = PageRows()
    await AsyncCrawlerRunner(_SETTINGS).crawl(PageSpider, rows=rows, found=found, fetcher=fetcher, robots=robots, product=product)
    return found


class PageSpider(Spider):
    """Asks for the pages it is given and gathers what they say."""

    name = "pages"

    def __init__(self, rows: Sequence[dict[str, Any]], found: PageRows, fetcher: Fetcher, robots: Robots, product: str) -> None:
        super().__init__()
        self._rows = rows
        self._found = found
        self._fetcher = fetcher
        self._robots = robots
        self._product = product

    async def answer(self, url: str, headers: dict[str, str]) -> Answer:
        """What asking for a page came to; redirects are not followed here, they are links."""
        delay = self._robots.delay_seconds(url)
        try:
            return await self._fetcher.fetch(url, PAGE_LIMITS, headers=headers, redirects=0, delay_seconds=delay)
        except Exception as error:  # noqa: BLE001  a page without a row would be asked for again without end
            log.warning("crawl: %s cannot be fetched: %r", url, error)
            return Answer(url, "protocol", at=dt.datetime.now(dt.UTC))

    async def start(self) -> AsyncIterator[Request]:
        """One request a row; the frontier has already seen to it that none stands twice."""
        for row in self._rows:
            yield Request(row["url"], dont_filter=True, cb_kwargs={"row": row}, meta={"headers": conditions(row)})

    def parse(self, response: Response, row: dict[str, Any]) -> None:
        """One answer into rows."""
        answer: Answer = response.meta["answer"]
        try:
            page = _read(row["url"], answer)
        except Exception as error:  # noqa: BLE001  a page without a row would be asked for again without end
            log.warning("crawl: %s cannot be read: %r", row["url"], error)
            answer, page = msgspec.structs.replace(answer, error="unreadable"), None
        self._found.pages.append(_page_row(row, answer, page, self._opt_out(answer, page)))
        self._found.pairs += [] if page is None else _pair_rows(page)

    def _opt_out(self, answer: Answer, page: Page | None) -> list[str]:
        """The signals by which the page or its site withholds what is on it."""
        if page is None and answer.error != "not_modified":
            return []
        said = header_signals(answer.headers.items(), self._product, answer.at)
        written = [] if page is None else meta_signals(page.metas, self._product, answer.at)
        return list(dict.fromkeys([*self._robots.opt_out(answer.url), *said, *written]))


def _read(url: str, answer: Answer) -> Page | None:
    """The page, where the answer is one."""
    content_type = (answer.header("Content-Type") or "").lower()
    is_page = "html" in content_type or "xml" in content_type or (not content_type and answer.body.lstrip()[:1] == b"<")
    if answer.error is not None or answer.location is not None or not is_page:
        return None
    return read_page(decode_page(answer.body, content_type), url)


def _page_row(row: dict[str, Any], answer: Answer, page: Page | None, opt_out: list[str]) -> dict[str, Any]:
    return {
        "url": row["url"],
        "host": host_of(row["url"]),
        "depth": row["depth"],
        "round": row["round"],
        "decision": "asked",
        "error": answer.error,
        "http_status": answer.status,
        "content_type": answer.header("Content-Type"),
        "location": answer.location,
        "links": [] if page is None else list(page.links),
        "pair_count": 0 if page is None else len(page.pairs),
        "opt_out": opt_out,
        "licences": [] if page is None else list(map(msgspec.to_builtins, page.licences)),
        "etag": answer.header("ETag"),
        "last_modified": answer.header("Last-Modified"),
        "attempts": answer.attempts,
        "sha256": hashlib.sha256(answer.body).hexdigest() if answer.body else None,
        "fetched_at": answer.at,
    }


def _pair_rows(page: Page) -> list[dict[str, Any]]:
    return [
        {
            "key": key_of(pair.url),
            "url": pair.url,
            "page_url": pair.page_url,
            "position": pair.position,
            "source": None,
            "extra": None,
            "texts": msgspec.to_builtins(pair.texts),
            "chrome": pair.chrome,
        }
        for pair in page.pairs
    ]
