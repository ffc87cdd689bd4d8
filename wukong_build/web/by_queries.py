"""Which pages of results a source asks a search engine for, given what came of those before. Fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from wukong_build.web.following import STANDING, Following
from wukong_build.web.sources import Search
from wukong_build.web.url import canonical, origin_of

_TABLES = """
CREATE OR REPLACE TABLE taken_{n} (url VARCHAR, query VARCHAR, depth INTEGER, left_to_find BIGINT);
CREATE OR REPLACE TABLE refused_{n} (url VARCHAR, depth INTEGER, reason VARCHAR);
CREATE OR REPLACE TABLE searching_{n} (query VARCHAR, left_to_find BIGINT);
CREATE OR REPLACE TABLE candidates_{n} (url VARCHAR, query VARCHAR, left_to_find BIGINT);
CREATE OR REPLACE TABLE judged_{n} (url VARCHAR, query VARCHAR, left_to_find BIGINT, verdict VARCHAR);
CREATE OR REPLACE TABLE fresh_{n} (url VARCHAR, query VARCHAR, left_to_find BIGINT);
"""

_CANDIDATES = pa.schema([("url", pa.string()), ("query", pa.string()), ("left_to_find", pa.int64())])
_JUDGED = _CANDIDATES.append(pa.field("verdict", pa.string()))

_DECIDE = f"""
UPDATE judged_{{n}} SET verdict = CASE WHEN url IN (SELECT url FROM {{answered}}) THEN NULL ELSE 'robots_unreachable' END
WHERE verdict = '{STANDING}';

INSERT INTO refused_{{n}} SELECT url, {{depth}}, verdict FROM judged_{{n}} WHERE verdict IS NOT NULL;

CREATE OR REPLACE TABLE fresh_{{n}} AS
SELECT url, min(query) AS query, max(left_to_find) AS left_to_find
FROM judged_{{n}} ANTI JOIN taken_{{n}} USING (url) WHERE verdict IS NULL GROUP BY url;

INSERT INTO taken_{{n}} SELECT url, query, {{depth}}, left_to_find FROM fresh_{{n}};
"""

_GO_ON = """
CREATE OR REPLACE TABLE searching_{n} AS
SELECT query, left_to_find - pair_count AS left_to_find FROM taken_{n} JOIN {answered} USING (url)
WHERE depth = {depth} AND error IS NULL AND pair_count > 0 AND left_to_find > pair_count
"""
"""A query goes on while it brings something, and has not brought enough."""


class ByQueries(Following):
    """Pages of results: the first of every query, then the second of those that want more; the depth is their number from 0."""

    tables = _TABLES

    def __init__(self, source: Search, number: int, connection: duckdb.DuckDBPyConnection) -> None:
        self._source = source
        super().__init__(number, connection)

    @property
    def taken(self) -> str:
        """SQL for what is asked for."""
        return f"SELECT url, depth, {self._number}, 'results', query, left_to_find FROM taken_{self._number}"

    def _follow(self) -> Iterator[None]:
        """Page after page; yields where something has yet to answer."""
        queries = self._source.query_list()
        wished = pa.array([self._source.pairs_per_query] * len(queries), pa.int64())
        self._fill("searching", pa.table({"query": pa.array(queries, pa.string()), "left_to_find": wished}))
        for page in range(self._source.recipe.at_most_pages):
            self._turn_to(page)
            yield from self._take_page(page)
            self._run(_GO_ON, depth=page)

    def _turn_to(self, page: int) -> None:
        """Let the pages of that number, of all queries that go on, be the candidates."""
        self._run("DELETE FROM candidates_{n}")
        for rows in self._rows("searching"):
            asked = [(self._source.url(query, page), query, left) for query, left in rows]
            self._fill("candidates", pa.table(list(map(list, zip(*asked, strict=True))), schema=_CANDIDATES), keep=True)

    def _take_page(self, page: int) -> Iterator[None]:
        """Take what of the candidates may be asked for, and where it has moved to, until all of it has answered."""
        while not self._is_empty("candidates_{n}"):
            self._judge()
            while self._unknown:
                yield
                self._judge()
            self._run(_DECIDE, depth=page)
            while not self._have_answered():
                yield
            moved = self._run("SELECT location, query, left_to_find FROM fresh_{n} JOIN {answered} USING (url)")
            targets = [(url, query, left) for location, query, left in moved if location and (url := canonical(location))]
            self._fill(
                "candidates",
                pa.Table.from_pylist([dict(zip(_CANDIDATES.names, row, strict=True)) for row in targets], _CANDIDATES),
            )

    def _judge(self) -> None:
        """Give every candidate its verdict: null, or why it is refused; by permission robots.txt is asked for the pace alone."""
        self._run("DELETE FROM judged_{n}")
        self._unknown = set()
        for rows in self._rows("candidates"):
            self._unknown |= {origin_of(url) for url, _, _ in rows if not self._robots.knows(url)}
            if self._unknown:
                continue
            judged = [(*row, None if self._source.permission else self._forbidden(row[0])) for row in rows]
            self._fill("judged", pa.table(list(map(list, zip(*judged, strict=True))), schema=_JUDGED), keep=True)
