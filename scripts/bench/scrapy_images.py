"""Scrapy's ImagesPipeline on a list: `python scrapy_images.py LIST OUTPUT`, in an environment with Scrapy and Pillow."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import scrapy
from scrapy.crawler import CrawlerProcess

SETTINGS = {
    "ITEM_PIPELINES": {"scrapy.pipelines.images.ImagesPipeline": 1},
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "CONCURRENT_ITEMS": 200,
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": False,
    "COOKIES_ENABLED": False,
    "RETRY_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "LOG_LEVEL": "CRITICAL",
}
"""As fast as it goes: whatever costs time and is not needed here is off."""


class ListSpider(scrapy.Spider):
    """Items with one image each; it asks for no page."""

    name = "list"
    rows: list[dict[str, str]]

    async def start(self) -> AsyncIterator[dict[str, object]]:
        """The rows of the list."""
        for row in self.rows:
            yield {"image_urls": [row["url"]], "caption": row["caption"], "url": row["url"]}


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    output = Path(sys.argv[2])
    feeds = {str(output / "items.jsonl"): {"format": "jsonlines"}}
    process = CrawlerProcess({**SETTINGS, "IMAGES_STORE": str(output), "FEEDS": feeds})
    process.crawl(ListSpider, rows=rows)
    process.start()
