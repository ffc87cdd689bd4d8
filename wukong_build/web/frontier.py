"""Which pages the sources ask for, given what is known of the web so far; which of them are still to be fetched.

A pure function of the config and of the pages and robots.txt fetched so far: whatever was killed, extended or repeated
before, the same facts give the same frontier. Fetches nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from wukong_build.schema import FRONTIER
from wukong_build.web.robots import Robots
from wukong_build.web.sources import Pages
from wukong_build.web.url import canonical, host_of, origin_of


class Frontier:
    """The pages that the sources (by their labels) ask for as far as links are known, and those refused, with the reason.

    `asked_pages` is a relation of the connection with the columns `url`, `location` and `links`. A redirect is a link that costs
    no depth. Within one depth pages are taken in the order of their hash, so that a budget takes a fair sample of them. No page
    is asked for before all pages of lesser depth have answered, so that nothing is asked for that the budget has no place for.
    """

    def __init__(self, sources: Mapping[str, Pages], connection: duckdb.DuckDBPyConnection, robots: Robots) -> None:
        self._connection = connection
        self._robots = robots
        self._standing = self._standing_pages()
        self.refused: dict[str, tuple[int, str]] = {}
        """URL → depth and reason."""
        self.unknown: set[str] = set()
        """Origins whose robots.txt must be known before the frontier is."""
        self._found: dict[str, tuple[int, str]] = {}
        for label, source in sources.items():
            for url, depth in self._closure(source).items():
                if url not in self._found or depth < self._found[url][0]:
                    self._found[url] = (depth, label)
        for url in self._found:
            self.refused.pop(url, None)

    def table(self) -> pa.Table:
        """Every page asked for: rows of `FRONTIER`, sorted by URL."""
        rows = [{"url": url, "depth": depth, "source": source} for url, (depth, source) in sorted(self._found.items())]
        return FRONTIER.table(rows)

    def _standing_pages(self) -> set[str]:
        """Pages of origins whose robots.txt cannot be had just now, fetched when it could be and allowed them."""
        silent = set(self._robots.silent())
        if not silent:
            return set()
        before, fetched = self._robots.before(), self._connection.execute("SELECT url FROM asked_pages").fetchall()
        return {url for (url,) in fetched if origin_of(url) in silent and before.refusal(url) is None}

    def _closure(self, source: Pages) -> dict[str, int]:
        """URL → depth of every page that one source asks for."""
        taken: dict[str, int] = {}
        seeds = [url for url in map(canonical, source.seeds) if url is not None]
        hosts = {host_of(url) for url in self._moved(seeds)}
        candidates = seeds
        for depth in range(source.depth + 1):
            level: list[str] = []
            while candidates:
                new = self._take(candidates, depth, source.at_most_pages - len(taken), taken, hosts)
                level += new
                if not self._have_answered(new):
                    return taken
                candidates = self._targets(new, "[location]")
            candidates = self._targets(level, "links")
        return taken

    def _moved(self, seeds: list[str]) -> set[str]:
        """The seeds, and wherever they have moved to since: over as many redirects as it takes, to whatever host."""
        moved: set[str] = set()
        while seeds:
            moved.update(seeds)
            seeds = [url for url in self._targets(seeds, "[location]") if url not in moved]
        return moved

    def _take(self, candidates: Iterable[str], depth: int, budget: int, taken: dict[str, int], hosts: set[str]) -> list[str]:
        """Those of the candidates that are asked for; the others are noted as refused."""
        new: list[str] = []
        for url in candidates:
            if url in taken or host_of(url) not in hosts:
                continue
            if not self._robots.knows(url):
                self.unknown.add(origin_of(url))
            elif (refusal := self._robots.refusal(url)) and url not in self._standing:
                self.refused.setdefault(url, (depth, refusal))
            elif len(new) >= budget:
                self.refused.setdefault(url, (depth, "budget"))
            else:
                taken[url] = depth
                new.append(url)
        return new

    def _targets(self, urls: Sequence[str], column: str) -> list[str]:
        """Distinct targets, of one kind of link, of the pages at `urls` that are fetched, in the order of their hash."""
        found = self._select(
            f"DISTINCT unnest({column}) AS target FROM asked JOIN asked_pages USING (url) ORDER BY md5(target)", urls
        )
        return [target for (target,) in found if target is not None]

    def _have_answered(self, urls: Sequence[str]) -> bool:
        """True where all the pages at `urls` are fetched."""
        return not self._select("url FROM asked ANTI JOIN asked_pages USING (url) LIMIT 1", urls)

    def _select(self, query: str, urls: Sequence[str]) -> list[tuple[Any, ...]]:
        """What DuckDB finds, given `urls` as the relation `asked`."""
        self._connection.register("asked", pa.table({"url": pa.array(urls, pa.string())}))
        return self._connection.execute(f"SELECT {query}").fetchall()
