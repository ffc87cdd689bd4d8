"""The Scrapy spider that reads pages: it asks for the pages it is given, and turns every answer into rows.

Which pages are asked for is the frontier's business; manners, deadlines and addresses are the fetcher's, which stands in
for Scrapy's own downloader. Knows no files.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.http import Response

from wukong_build.web.browser import Browser
from wukong_build.web.fetch import Answer, Fetcher, conditions
from wukong_build.web.manners import Limits
from wukong_build.web.reading import Rows, is_page
from wukong_build.web.robots import Robots
from wukong_build.web.sitemap import AT_MOST_BYTES

log = logging.getLogger("wukong_build")

PAGE_LIMITS = Limits(at_most_bytes=10_000_000, timeout_seconds=60)
"""No page worth reading is larger or slower."""

_LIMITS = {"sitemap": Limits(at_most_bytes=AT_MOST_BYTES, timeout_seconds=60)}
"""What is read otherwise than a page → what it may cost."""


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
        request.meta["answer"] = await cast("PageSpider", self._crawler.spider).answer(request.cb_kwargs["row"])
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


async def fetch_pages(rows: Sequence[dict[str, Any]], fetcher: Fetcher, browser: Browser, robots: Robots, product: str) -> Rows:
    """Ask for the page of every row (`url, depth, round, reads`, and of a page that was there before `etag, last_modified`)."""
    found = Rows()
    of_spider = {"rows": rows, "found": found, "fetcher": fetcher, "browser": browser, "robots": robots, "product": product}
    await AsyncCrawlerRunner(_SETTINGS).crawl(PageSpider, **of_spider)
    return found


class PageSpider(Spider):
    """Asks for the pages it is given and gathers what they say."""

    name = "pages"

    def __init__(
        self,
        *,
        rows: Sequence[dict[str, Any]],
        found: Rows,
        fetcher: Fetcher,
        browser: Browser,
        robots: Robots,
        product: str,
    ) -> None:
        super().__init__()
        self._rows = rows
        self._found = found
        self._fetcher = fetcher
        self._browser = browser
        self._robots = robots
        self._product = product

    async def answer(self, row: dict[str, Any]) -> Answer:
        """What asking for a page came to; redirects are not followed here, they are links."""
        url, reads = row["url"], row["reads"]
        is_rendered = reads == "rendered_page"
        headers = {} if is_rendered else conditions(row)  # the same page may show something else than before
        limits, delay = _LIMITS.get(reads, PAGE_LIMITS), self._robots.delay_seconds(url)
        try:
            answer = await self._fetcher.fetch(url, limits, headers=headers, redirects=0, delay_seconds=delay)
            return await self._browser.rendered(answer) if is_rendered and is_page(answer) else answer
        except Exception as error:  # noqa: BLE001  a page without a row would be asked for again without end
            log.warning("crawl: %s cannot be fetched: %r", url, error)
            return Answer(url, "protocol", at=dt.datetime.now(dt.UTC))

    async def start(self) -> AsyncIterator[Request]:
        """One request a row; the frontier has already seen to it that none stands twice."""
        for row in self._rows:
            yield Request(row["url"], dont_filter=True, cb_kwargs={"row": row})

    def parse(self, response: Response, row: dict[str, Any]) -> None:
        """One answer into rows."""
        self._found.add(row, response.meta["answer"], self._robots, self._product)
