"""The Scrapy spider that reads pages: it asks for the pages it is given, and turns every answer into rows.

Which pages are asked for is the frontier's business; manners, deadlines and addresses are the fetcher's, which stands in
for Scrapy's own downloader. Knows no files.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.http import Response

from wukong_build.web.asking import Asker
from wukong_build.web.reading import Reader, Rows


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
        request.meta["answer"] = await cast("PageSpider", self._crawler.spider).asker.answer(request.cb_kwargs["row"])
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


async def fetch_pages(rows: Sequence[dict[str, Any]], asker: Asker, reader: Reader) -> Rows:
    """Ask for the page of every row (`url, depth, round, reads …`), and read what comes."""
    found = Rows()
    await AsyncCrawlerRunner(_SETTINGS).crawl(PageSpider, rows=rows, asker=asker, reader=reader, found=found)
    return found


class PageSpider(Spider):
    """Asks for the pages it is given and gathers what they say."""

    name = "pages"

    def __init__(self, rows: Sequence[dict[str, Any]], asker: Asker, reader: Reader, found: Rows) -> None:
        super().__init__()
        self.asker = asker
        self._rows = rows
        self._reader = reader
        self._found = found

    async def start(self) -> AsyncIterator[Request]:
        """One request a row; the frontier has already seen to it that none stands twice."""
        for row in self._rows:
            yield Request(row["url"], dont_filter=True, cb_kwargs={"row": row})

    def parse(self, response: Response, row: dict[str, Any]) -> None:
        """One answer into rows."""
        self._reader.read(row, response.meta["answer"], self._found)
