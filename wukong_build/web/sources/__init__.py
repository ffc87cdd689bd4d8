"""Where pairs come from: one file, one source; a config may name several."""

from __future__ import annotations

from wukong_build.web.sources.base import Source, labelled
from wukong_build.web.sources.pages import Pages
from wukong_build.web.sources.search import Search
from wukong_build.web.sources.urls import Urls
from wukong_build.web.sources.warc import Warc

SOURCES: dict[str, type[Source]] = {kind.kind(): kind for kind in (Pages, Search, Urls, Warc)}
"""What a config may write under `crawl.sources`."""

__all__ = ["SOURCES", "Pages", "Search", "Source", "Urls", "Warc", "labelled"]
