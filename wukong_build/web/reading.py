"""An answer to the request for a page becomes rows: the page's own, and one for every pair on it.

Whatever the answer was, it has its row. Knows neither who asked nor how; the same for the web and for archives of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from wukong_build.web.engine import Engine
from wukong_build.web.extract import Page, read_page
from wukong_build.web.fetch import Answer
from wukong_build.web.licence import Licence
from wukong_build.web.optout import header_signals, meta_signals
from wukong_build.web.page import decode_page
from wukong_build.web.robots import Robots
from wukong_build.web.sitemap import Sitemap, read_sitemap
from wukong_build.web.url import host_of, key_of

log = logging.getLogger("wukong_build")

_NO_ENGINES: Mapping[str, Engine] = MappingProxyType({})


class Read(msgspec.Struct, frozen=True):
    """What an answer holds."""

    read_as: str | None = None
    """`page`, `sitemap`, `sitemap_index`, `results`; null where it is nothing of these."""
    links: tuple[str, ...] = ()
    pairs: tuple[dict[str, Any], ...] = ()
    """Rows of `PAIRS`."""
    licences: tuple[Licence, ...] = ()
    metas: dict[str, list[str]] = {}
    """What its `meta` elements say to crawlers."""


class Rows(msgspec.Struct):
    """What reading some answers gave: rows of `PAGES` and of `PAIRS`."""

    pages: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []


class Reader:
    """Reads answers, given what the sites of pages say to this crawler, and how the engines of some sources (by label) answer."""

    def __init__(self, robots: Robots, product: str, engines: Mapping[str, Engine] = _NO_ENGINES) -> None:
        self._robots = robots
        self._product = product
        self._engines = engines

    def read(self, row: dict[str, Any], answer: Answer, found: Rows) -> None:
        """Add the rows of the answer to the request of a row (`url, depth, round, reads`; `source, query` of results)."""
        try:
            is_results = row["reads"] == "results"
            read = _results(row, answer, self._engines[row["source"]]) if is_results else _read(row, answer)
        except Exception as error:  # noqa: BLE001  a page without a row would be asked for again without end
            log.warning("crawl: %s cannot be read: %r", row["url"], error)
            answer, read = msgspec.structs.replace(answer, error="unreadable"), Read()
        found.pages.append(_page_row(row, answer, read, self._opt_out(answer, read)))
        found.pairs += read.pairs

    def _opt_out(self, answer: Answer, read: Read) -> list[str]:
        """The signals by which the page or its site withholds what is on it."""
        if read.read_as != "page" and answer.error != "not_modified":
            return []
        said = header_signals(answer.headers.items(), self._product, answer.at)
        metas = meta_signals(read.metas, self._product, answer.at)
        return list(dict.fromkeys([*self._robots.opt_out(answer.url), *said, *metas]))


def _read(row: dict[str, Any], answer: Answer) -> Read:
    if answer.error is not None or answer.location is not None:
        return Read()
    sitemap = read_sitemap(answer.body, answer.url, is_expected=row["reads"] == "sitemap")
    if sitemap is not None:
        return _of_sitemap(sitemap)
    return _of_page(row, read_page(decode_page(answer.body, _content_type(answer)), row["url"])) if is_page(answer) else Read()


def is_page(answer: Answer) -> bool:
    """Whether an answer is a page, as far as its server says; what says nothing may look like one."""
    said = _content_type(answer)
    is_one = "html" in said or "xml" in said or (not said and answer.body.lstrip()[:1] == b"<")
    return is_one and answer.error is None and answer.location is None


def _content_type(answer: Answer) -> str:
    return (answer.header("Content-Type") or "").lower()


def _results(row: dict[str, Any], answer: Answer, engine: Engine) -> Read:
    """What an engine found. The page of results is no page of anybody's pictures: it withholds and licenses nothing."""
    if answer.error is not None or answer.location is not None:
        return Read()
    rank = row["depth"] * engine.results_per_page + 1
    pairs = (
        {
            "key": key_of(image.url),
            "url": image.url,
            "page_url": image.page_url,
            "found_at": row["url"],
            "query": row["query"],
            "position": position,
            "texts": [{"text": image.caption, "origin": "search_title", "distance": 0}] if image.caption else [],
            "capture": row.get("capture"),
            "extra": json.dumps({"rank": rank + position, "width": image.width, "height": image.height}),
        }
        for position, image in enumerate(engine.read(answer))
    )
    return Read("results", pairs=tuple(pairs))


def _of_sitemap(sitemap: Sitemap) -> Read:
    return Read(sitemap.kind, sitemap.links)


def _of_page(row: Mapping[str, Any], page: Page) -> Read:
    pairs = (
        {
            "key": key_of(pair.url),
            "url": pair.url,
            "page_url": pair.page_url,
            "position": pair.position,
            "texts": msgspec.to_builtins(pair.texts),
            "chrome": pair.chrome,
            "capture": row.get("capture"),
        }
        for pair in page.pairs
    )
    return Read("page", page.links, tuple(pairs), page.licences, page.metas)


def _page_row(row: dict[str, Any], answer: Answer, read: Read, opt_out: list[str]) -> dict[str, Any]:
    return {
        "url": row["url"],
        "host": host_of(row["url"]),
        "depth": row["depth"],
        "reads": row["reads"],
        "round": row["round"],
        "decision": "asked",
        "error": answer.error,
        "http_status": answer.status,
        "content_type": answer.header("Content-Type"),
        "location": answer.location,
        "read_as": read.read_as,
        "links": list(read.links),
        "pair_count": len(read.pairs),
        "opt_out": opt_out,
        "licences": list(map(msgspec.to_builtins, read.licences)),
        "etag": answer.header("ETag"),
        "last_modified": answer.header("Last-Modified"),
        "attempts": answer.attempts,
        "sha256": hashlib.sha256(answer.body).hexdigest() if answer.body else None,
        "archive": row.get("archive"),
        "archive_offset": row.get("archive_offset"),
        "capture": row.get("capture"),
        "fetched_at": answer.at,
    }
