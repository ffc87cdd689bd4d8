"""Which pages the sources ask for, given what is known of the web so far; which of them are still to be fetched.

A pure function of the config and of the pages and robots.txt fetched so far: whatever was killed, extended or repeated
before, the same facts give the same frontier. It is reckoned in DuckDB, which spills: only hosts are held in memory, whatever
the number of pages. Fetches nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from wukong_build.schema import FRONTIER
from wukong_build.web.by_archive import ByArchive
from wukong_build.web.by_links import ByLinks
from wukong_build.web.by_queries import ByQueries
from wukong_build.web.following import Following
from wukong_build.web.robots import Robots
from wukong_build.web.sources import Pages, Search, Warc

Followed = Pages | Search | Warc
"""Sources whose pages are known step by step."""

_NO_PAGES = "SELECT NULL::VARCHAR AS url, 0 AS depth, 0 AS number, '' AS what WHERE false"

_NOTHING_TAKEN = f"SELECT *, NULL::VARCHAR AS query, NULL::BIGINT AS at_most_pairs FROM ({_NO_PAGES})"

_WANTED = """
SELECT url, min(depth)::INTEGER AS depth, arg_min(label, (depth, number)) AS source,
       coalesce(max(what) FILTER (asks), max(what)) AS reads,
       arg_min(query, (depth, number)) AS query, max(at_most_pairs)::BIGINT AS at_most_pairs,
       bool_and(only_archived) AS only_archived, bool_or(asks) AS asks
FROM ({found}) JOIN (VALUES {sources}) AS sources (number, label, asks, only_archived) USING (number) GROUP BY url
"""

_REFUSED = """
SELECT url, min(depth)::INTEGER AS depth, arg_min(what, (depth, number, what)) AS reason
FROM ({refused}) ANTI JOIN (SELECT url FROM ({found})) USING (url) GROUP BY url
"""


class Frontier:
    """The pages that the sources (by their labels) ask for as far as links are known, and those refused, with the reason.

    Relations of the connection say what is known: `asked_pages` has `url`, `location`, `read_as` and `error` of every page that
    was asked for, its `pair_count`, and whether its scripts `ran`; `asked_links` its `url` and `links`; `pairs` the `key`,
    `page_url`, `found_at` and `chrome` of what stood on them. As they grow, `go_on` follows them further; whatever came when, it
    ends at the same pages.

    A redirect is a link that costs no depth. Within one depth pages are taken in the order of their hash, so that a budget takes
    a fair sample of them. No page is asked for before all pages of lesser depth have answered, so that nothing is asked for that
    the budget has no place for.
    """

    def __init__(self, sources: Mapping[str, Followed], connection: duckdb.DuckDBPyConnection) -> None:
        self._sources = dict(sources)
        self._connection = connection
        self._followings = [_following(source, number, connection) for number, source in enumerate(sources.values())]

    def go_on(self, robots: Robots) -> set[str]:
        """Follow all sources as far as pages have answered; returns the origins whose robots.txt must be known to go further."""
        return {origin for following in self._followings for origin in following.go_on(robots)}

    @property
    def wanted(self) -> str:
        """SQL for every page that a source names: rows of `FRONTIER`, and whether one `asks` for it. The first source counts."""
        sources = ", ".join(
            f"({number}, {_literal(label)}, {not isinstance(source, Warc)}, {isinstance(source, Warc) and source.only_archived})"
            for number, (label, source) in enumerate(self._sources.items())
        )
        return _WANTED.format(
            found=" UNION ALL ".join([_NOTHING_TAKEN, *(following.taken for following in self._followings)]),
            sources=sources or "(0, '', false, false)",
        )

    @property
    def refused(self) -> str:
        """SQL for every page that no source has a place for: `url, depth, reason`, from where it was met first."""
        return _REFUSED.format(
            found=" UNION ALL ".join([_NOTHING_TAKEN, *(following.taken for following in self._followings)]),
            refused=" UNION ALL ".join([_NO_PAGES, *(following.refused for following in self._followings)]),
        )

    def table(self) -> pa.Table:
        """Every page asked for, sorted by URL."""
        return (
            self._connection.sql(f"{self.wanted} ORDER BY url").to_arrow_table().select(FRONTIER.arrow.names).cast(FRONTIER.arrow)
        )


def _following(source: Followed, number: int, connection: duckdb.DuckDBPyConnection) -> Following:
    match source:
        case Pages():
            return ByLinks(source, number, connection)
        case Search():
            return ByQueries(source, number, connection)
        case Warc():
            return ByArchive(source, number, connection)


def _literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
