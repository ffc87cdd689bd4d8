"""Which pages a source asks for that follows links, given what is known of them so far. Fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from wukong_build.web.following import STANDING, Following
from wukong_build.web.sources import Pages
from wukong_build.web.traps import FAMILY_SQL, family, is_endless, without_session
from wukong_build.web.url import canonical, host_of, origin_of

AT_MOST_SITEMAPS = 1_000
"""How many sitemaps one source asks for."""

AT_LEAST_VISITS = 40
"""So many pages of a family are looked at before it is judged."""

AT_LEAST_NEW = 0.05
"""A family goes on while each of its pages brings so many images, or so many links to families that go on, on average."""

_TABLES = """
CREATE OR REPLACE TABLE taken_{n} (url VARCHAR, host VARCHAR, depth INTEGER);
CREATE OR REPLACE TABLE refused_{n} (url VARCHAR, depth INTEGER, reason VARCHAR);
CREATE OR REPLACE TABLE sitemaps_{n} (url VARCHAR);
CREATE OR REPLACE TABLE candidates_{n} (url VARCHAR, rank VARCHAR);
CREATE OR REPLACE TABLE judged_{n} (url VARCHAR, host VARCHAR, rank VARCHAR, verdict VARCHAR);
CREATE OR REPLACE TABLE fresh_{n} (url VARCHAR, host VARCHAR);
CREATE OR REPLACE TABLE level_{n} (url VARCHAR);
"""

_RAN = "(FROM asked_pages WHERE ran OR url IN (SELECT url FROM sitemaps_{n}))"
"""What was answered, where scripts are to be run: what was read before without them does not count."""

_JUDGED = pa.schema([(name, pa.string()) for name in ("url", "host", "rank", "verdict")])

_DECIDE = f"""
DELETE FROM judged_{{n}} WHERE url IN (SELECT url FROM taken_{{n}});

UPDATE judged_{{n}} SET verdict = CASE WHEN url IN (SELECT url FROM {{answered}}) THEN NULL ELSE 'robots_unreachable' END
WHERE verdict = '{STANDING}';

CREATE OR REPLACE TABLE fresh_{{n}} AS
SELECT url, host FROM (
    SELECT url, host, row_number() OVER (ORDER BY rank, url) AS nth FROM (
        SELECT url, host, rank, row_number() OVER (PARTITION BY host ORDER BY rank, url) + coalesce(before, 0) AS nth_of_host
        FROM (SELECT url, any_value(host) AS host, min(rank) AS rank FROM judged_{{n}} WHERE verdict IS NULL GROUP BY url)
        LEFT JOIN (SELECT host, count(*) AS before FROM taken_{{n}} GROUP BY host) USING (host)
    ) WHERE nth_of_host <= {{per_host}}
) WHERE nth <= {{at_most}} - (SELECT count(*) FROM taken_{{n}});

INSERT INTO refused_{{n}}
SELECT DISTINCT url, {{depth}}, coalesce(verdict, 'budget') FROM judged_{{n}} ANTI JOIN fresh_{{n}} USING (url);

INSERT INTO taken_{{n}} SELECT url, host, {{depth}} FROM fresh_{{n}};
INSERT INTO level_{{n}} SELECT url FROM fresh_{{n}};
"""
"""What of the judged is asked for: within the budgets in the order of rank; the others are refused."""

_FAMILIES = f"""
WITH visited AS MATERIALIZED (
    SELECT url, {FAMILY_SQL.format(url="url")} AS family FROM taken_{{n}} JOIN {{answered}} USING (url) WHERE error IS NULL
), sizes AS MATERIALIZED (SELECT family, count(*) AS size FROM visited GROUP BY family HAVING size >= {AT_LEAST_VISITS}),
large AS MATERIALIZED (SELECT url, family FROM visited JOIN sizes USING (family)),
shown AS (
    SELECT family, count(DISTINCT key) AS images FROM large JOIN pairs ON page_url = large.url
    WHERE chrome IS NULL AND found_at IS NULL GROUP BY family
), led AS (
    SELECT family, {FAMILY_SQL.format(url="link")} AS target, count(DISTINCT link) AS links
    FROM (SELECT family, unnest(links) AS link FROM large JOIN asked_links USING (url)) GROUP BY ALL
)
SELECT family, any_value(size), any_value(coalesce(images, 0)),
       list(target) FILTER (led.links >= {AT_LEAST_NEW} * size AND target <> family)
FROM sizes LEFT JOIN shown USING (family) LEFT JOIN led USING (family) GROUP BY family
"""
"""For every family with enough visits: its size, its distinct images, and the families that its pages lead to again and again."""


class ByLinks(Following):
    """Pages, followed from link to link; sitemaps count as links of a seed."""

    tables = _TABLES

    def __init__(self, source: Pages, number: int, connection: duckdb.DuckDBPyConnection) -> None:
        self._source = source
        self._allow = [re.compile(pattern) for pattern in source.allow]
        self._deny = [re.compile(pattern) for pattern in source.deny]
        self._sites: set[str] = set()
        """Hosts, or domains, of the seeds and of what they have moved to."""
        self._barren: set[str] = set()
        """Families that bring nothing new."""
        super().__init__(number, connection, _RAN if source.javascript else "asked_pages")

    @property
    def taken(self) -> str:
        """SQL for what is asked for."""
        reads = "rendered_page" if self._source.javascript else "page"
        number = self._number
        return (
            f"SELECT url, depth, {number}, '{reads}', NULL, NULL FROM taken_{number} "
            f"UNION ALL SELECT url, 0, {number}, 'sitemap', NULL, NULL FROM sitemaps_{number}"
        )

    def _follow(self) -> Iterator[None]:
        """From depth to depth; yields where something has yet to answer."""
        seeds = [url for url in map(canonical, self._source.starts()) if url is not None]
        ranks = [f"{number:09d}" for number in range(len(seeds))]
        self._fill("candidates", pa.table({"url": pa.array(seeds, pa.string()), "rank": pa.array(ranks, pa.string())}))
        for depth in range(self._source.depth + 1):
            yield from self._take_level(depth)
            if depth == self._source.depth or self._is_empty("level_{n}"):
                return
            if depth == 0:
                yield from self._take_sitemaps()
            self._find("unnest(links) FROM level_{n} JOIN asked_links USING (url)")
            self._run("DELETE FROM level_{n}")
            self._barren = self._barren_families() if self._source.avoid_traps else set()

    def _take_level(self, depth: int) -> Iterator[None]:
        """Take what of the candidates is asked for, and where it has moved to, until all of it has answered."""
        while not self._is_empty("candidates_{n}"):
            self._judge(is_seed=depth == 0)
            while self._unknown:
                yield
                self._judge(is_seed=depth == 0)
            per_host = self._source.at_most_pages_per_host or self._source.at_most_pages
            self._run(_DECIDE, per_host=per_host, at_most=self._source.at_most_pages, depth=depth)
            while not self._have_answered():
                yield
            self._find("location FROM fresh_{n} JOIN {answered} USING (url)")

    def _judge(self, *, is_seed: bool) -> None:
        """Give every candidate that is the source's business its verdict: null, or why it is refused."""
        self._run("DELETE FROM judged_{n}")
        for rows in self._rows("candidates"):
            judged = [row for url, rank in rows if (row := self._judged(url, rank, is_seed=is_seed)) is not None]
            if judged:
                self._fill("judged", pa.table(list(map(list, zip(*judged, strict=True))), schema=_JUDGED), keep=True)

    def _judged(self, url: str, rank: str, *, is_seed: bool) -> tuple[str, str, str, str | None] | None:
        """URL, host, rank and verdict of a candidate; None where it is not the source's business, or cannot be said yet."""
        if not is_seed and self._source.avoid_traps:
            url = without_session(url)
        host = host_of(url)
        if is_seed:
            self._sites.add(_site(host, self._source.stay_on))
        elif not self._is_on(host):
            return None
        verdict = None if is_seed else self._denied(url)
        if verdict is None and not self._robots.knows(url):
            self._unknown.add(origin_of(url))
            return None
        return url, host, rank, verdict or self._forbidden(url)

    def _is_on(self, host: str) -> bool:
        if self._source.stay_on != "domain":
            return self._source.stay_on == "web" or host in self._sites
        labels = _site(host, "domain").split(".")
        return any(".".join(labels[first:]) in self._sites for first in range(len(labels)))

    def _denied(self, url: str) -> str | None:
        """Why a link is not followed, whatever its host says."""
        if self._allow and not any(pattern.search(url) for pattern in self._allow):
            return "denied"
        if any(pattern.search(url) for pattern in self._deny):
            return "denied"
        is_trap = self._source.avoid_traps and (is_endless(url) or (self._barren and family(url) in self._barren))
        return "trap" if is_trap else None

    def _take_sitemaps(self) -> Iterator[None]:
        """Ask for the source's sitemaps, and those that they name; the pages they name are links of the level at hand."""
        if self._source.sitemaps == "none":
            return
        if self._source.sitemaps == "robots":
            seeds = [url for (url,) in self._run("SELECT url FROM level_{n} ORDER BY url")]
            named = [url for origin in dict.fromkeys(map(origin_of, seeds)) for url in self._robots.sitemaps(origin)]
        else:
            named = list(self._source.sitemaps)
        named = [url for address in named if (url := canonical(address)) is not None]
        taken: dict[str, None] = {}
        while new := [url for url in dict.fromkeys(named) if url not in taken][: AT_MOST_SITEMAPS - len(taken)]:
            while unknown := {origin_of(url) for url in new if not self._robots.knows(url)}:
                self._unknown |= unknown
                yield
            taken |= dict.fromkeys(new)
            allowed = [url for url in new if self._robots.refusal(url) is None]
            self._fill(
                "fresh", pa.table({"url": pa.array(allowed, pa.string()), "host": pa.array(map(host_of, allowed), pa.string())})
            )
            self._run("INSERT INTO sitemaps_{n} SELECT url FROM fresh_{n}")
            while not self._have_answered():
                yield
            named = self._named_by_fresh()
        self._run("INSERT INTO level_{n} SELECT url FROM sitemaps_{n} JOIN {answered} USING (url) WHERE read_as = 'sitemap'")

    def _named_by_fresh(self) -> list[str]:
        """The sitemaps that those just asked for name, and where they have moved to."""
        found = self._run(
            "SELECT location FROM fresh_{n} JOIN {answered} USING (url) WHERE location IS NOT NULL UNION "
            "SELECT unnest(links) FROM fresh_{n} JOIN {answered} USING (url) JOIN asked_links USING (url) "
            "WHERE read_as = 'sitemap_index' ORDER BY 1"
        )
        return [url for (url,) in found]

    def _barren_families(self) -> set[str]:
        """Families of which enough pages were visited and that bring nothing new: neither images of their own nor ways to any.

        A family that leads to one that has yet to be judged is given the benefit of the doubt.
        """
        if self._is_empty(f"taken_{{n}} GROUP BY {FAMILY_SQL.format(url='url')} HAVING count(*) >= {AT_LEAST_VISITS}"):
            return set()
        families = self._run(_FAMILIES)
        barren = {name for name, size, images, _ in families if images < AT_LEAST_NEW * size}
        leads = {name: set(targets or ()) for name, _, _, targets in families}
        while fruitful := {name for name in barren if leads[name] - barren}:
            barren -= fruitful
        return barren

    def _find(self, targets: str) -> None:
        """Let the distinct targets of a query be the candidates, in the order of their hash."""
        self._run(
            "CREATE OR REPLACE TABLE candidates_{n} AS SELECT target AS url, md5(target) AS rank "
            f"FROM (SELECT DISTINCT target FROM (SELECT {targets}) AS found (target)) WHERE target IS NOT NULL"
        )


def _site(host: str, stay_on: str) -> str:
    """What of a host must be the same for links to be followed."""
    return host.partition(":")[0].removeprefix("www.") if stay_on == "domain" else host
