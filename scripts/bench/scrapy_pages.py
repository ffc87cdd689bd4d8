"""A plain Scrapy spider that follows links and keeps nothing: `python scrapy_pages.py SEEDS OUTPUT`, where Scrapy is installed.

It stays on the origins of its seeds, and writes into OUTPUT/pages how many pages came.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import HtmlResponse, Request, Response
from scrapy.linkextractors import LinkExtractor

SETTINGS = {
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": False,
    "COOKIES_ENABLED": False,
    "RETRY_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "LOG_LEVEL": "CRITICAL",
}
"""As fast as it goes: whatever costs time and is not needed here is off."""


class LinkSpider(scrapy.Spider):
    """Asks for every page that links lead to."""

    name = "links"
    links = LinkExtractor()
    pages = 0

    def parse(self, response: Response) -> Iterator[Request]:
        """The links of a page; the page itself is only counted."""
        if not isinstance(response, HtmlResponse):
            return
        type(self).pages += 1
        for link in self.links.extract_links(response):
            if urlsplit(link.url)[:2] in self.origins:
                yield Request(link.url)

    @property
    def origins(self) -> set[tuple[str, str]]:
        """Scheme and host of the seeds."""
        return {urlsplit(url)[:2] for url in self.start_urls}


if __name__ == "__main__":
    process = CrawlerProcess(SETTINGS)
    process.crawl(LinkSpider, start_urls=Path(sys.argv[1]).read_text(encoding="utf-8").split())
    process.start()
    output = Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    (output / "pages").write_text(str(LinkSpider.pages), encoding="utf-8")
