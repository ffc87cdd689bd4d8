"""The crawl: sources become pairs, pairs become samples, and every request leaves a row.

What the network said is kept as facts, in parts that are only ever added: robots.txt, pages with their pairs, images.
What is to be fetched is what the sources ask for less the facts there are. So a crawl that was killed goes on, a wider one
fetches only what is new, and nothing is asked for twice. Samples are made from the facts at the end.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import operator
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build.config import Config
from wukong_build.errors import ConfigError
from wukong_build.executors import Executor, Part
from wukong_build.schema import FETCH_FACTS, IMAGES, PAGES, PAIRS, SAMPLES
from wukong_build.sql import FOLDERS, connect
from wukong_build.stages import run_stage
from wukong_build.store import Store, digest_of, fingerprint_of
from wukong_build.web.caption import choose
from wukong_build.web.extract import Text
from wukong_build.web.fetch import Fetcher
from wukong_build.web.frontier import Frontier
from wukong_build.web.images import fetch_images
from wukong_build.web.manners import Limits, Manners
from wukong_build.web.robots import Robots, fetch_robots
from wukong_build.web.sources import Pages, Urls
from wukong_build.web.spider import fetch_pages
from wukong_build.web.url import canonical, host_of, origin_of

log = logging.getLogger("wukong_build")

ROW_GROUP_BYTES = 64_000_000
"""Image bytes in one row group, which is what a filter holds in memory at once."""

TEXTS_KEPT = 64
"""Candidate texts of one sample: a picture on every page of a site would gather thousands."""

CAPTION_VERSION = 1
"""Raised when `choose` would choose otherwise than before."""

FACT = "fact"
"""The fingerprint of a part that the network made: whatever the config says now, this is what was answered."""

_PLAN = "crawl/plan"


def crawl(config: Config, store: Store, executor: Executor) -> None:
    """Fetch what the sources ask for and is not there yet, and make samples of it."""
    store.unfinish("crawl")
    _remove_orphans(store)
    manners, image_manners = (config.crawl.manners(images=images) for images in (False, True))
    run_stage(ListStage(tuple(source for source in config.crawl.sources if isinstance(source, Urls))), store, executor)
    _crawl_pages(config, store, executor, manners)
    wanted = _wanted_images(store)
    try:
        image_manners.require_contact({_name(host) for host in pc.unique(wanted["host"]).to_pylist()})
    except ConfigError as error:
        raise ConfigError(f"crawl.user_agent: {error}") from None
    origins = {origin_of(url) for url in wanted["url"].to_pylist() if canonical(url) == url}
    _fetch_robots(origins, store, executor, image_manners)
    parts = _plan(store, "images", wanted, config.crawl.images_per_part, executor.workers)
    run_stage(ImageStage(image_manners, config.crawl.image, parts), store, executor)
    _gather(store)
    run_stage(SampleStage(), store, executor)
    store.finish("crawl", made_from(config))


def made_from(config: Config) -> str:
    """What decides which samples a crawl has, the answers of the network aside."""
    return fingerprint_of([[source.kind(), msgspec.to_builtins(source)] for source in config.crawl.sources])


def _remove_orphans(store: Store) -> None:
    """Pairs whose pages a killed command did not get to write: those pages will be asked for again."""
    for name in set(store.parts("crawl/pairs")) - set(store.parts("crawl/pages")):
        if name.isdigit():
            store.delete_part("crawl/pairs", name)


def _crawl_pages(config: Config, store: Store, executor: Executor, manners: Manners) -> None:
    """Rounds until every page that the sources ask for is there: frontier → fetch → new links → next frontier."""
    sources = [source for source in config.crawl.sources if isinstance(source, Pages)]
    while True:
        frontier, missing, number = _frontier(sources, store, manners)
        if frontier.unknown:
            _fetch_robots(frontier.unknown, store, executor, manners)
        elif len(missing):
            log.info("crawl: round %d asks for %d pages", number, len(missing))
            parts = _plan(store, "pages", missing, config.crawl.pages_per_part, executor.workers)
            run_stage(PageStage(manners, parts), store, executor)
        else:
            break
    store.write("crawl/frontier", "00000", frontier.table())
    store.write("crawl/pages", "refused", _refused(frontier, number))


def _frontier(sources: list[Pages], store: Store, manners: Manners) -> tuple[Frontier, pa.Table, int]:
    """What the sources ask for as far as is known; what of it is not there yet; and the number of the round that fetches it."""
    with connect(store) as connection:
        connection.execute("CREATE VIEW asked_pages AS SELECT * FROM pages WHERE decision = 'asked'")
        robots = _robots(store, manners)
        frontier = Frontier(sources, connection, robots)
        connection.register("frontier_now", frontier.table())
        missing: pa.Table = connection.sql(
            "SELECT url, depth FROM frontier_now ANTI JOIN asked_pages USING (url) ORDER BY url"
        ).to_arrow_table()
        (last,) = connection.execute("SELECT coalesce(max(round), -1) FROM asked_pages").fetchone() or (-1,)
    number = int(last) + 1
    missing = missing.append_column("round", pa.array([number] * len(missing), pa.int32()))
    return frontier, missing.append_column("host", pa.array(map(host_of, missing["url"].to_pylist()), pa.string())), number


def _refused(frontier: Frontier, number: int) -> pa.Table:
    rows = [
        {"url": url, "host": host_of(url), "depth": depth, "round": number, "decision": reason, "links": [], "pair_count": 0}
        for url, (depth, reason) in sorted(frontier.refused.items())
    ]
    return pa.Table.from_pylist(rows, schema=PAGES.arrow)


def _robots(store: Store, manners: Manners, origins: set[str] | None = None) -> Robots:
    """The robots.txt fetched so far, of all origins or of some."""
    tables = [store.read("crawl/robots", part) for part in store.parts("crawl/robots")]
    rows = pa.concat_tables([FOLDERS["crawl/robots"].arrow.empty_table(), *tables])
    if origins is not None:
        rows = rows.filter(pc.is_in(rows["origin"], pa.array(sorted(origins), pa.string())))
    return Robots(rows, manners.product)


def _fetch_robots(origins: set[str], store: Store, executor: Executor, manners: Manners) -> None:
    """Fetch the robots.txt of those origins that are not there yet."""
    known = {
        origin
        for part in store.parts("crawl/robots")
        for origin in store.read("crawl/robots", part, ["origin"])["origin"].to_pylist()
    }
    missing = sorted(origins - known)
    table = pa.table({"origin": pa.array(missing, pa.string()), "host": pa.array(map(host_of, missing), pa.string())})
    run_stage(RobotsStage(manners, _plan(store, "robots", table, 1000, executor.workers)), store, executor)


_WITH_DEPTH = """
CREATE OR REPLACE VIEW occurrence AS
SELECT pairs.key, pairs.url, page_url, position, texts,
       CASE WHEN pairs.source IS NULL THEN frontier.depth ELSE 0 END AS depth, coalesce(pairs.source, frontier.source) AS source
FROM pairs LEFT JOIN frontier ON pairs.page_url = frontier.url
WHERE pairs.source IS NOT NULL OR frontier.url IS NOT NULL
"""
_FIRST = "ORDER BY depth, page_url NULLS FIRST, position, source"


def _wanted_images(store: Store) -> pa.Table:
    """`key, url, page_url, host` of every image that a source names and that has not been asked for."""
    with connect(store) as connection:
        connection.execute(_WITH_DEPTH)
        wanted: pa.Table = connection.sql(
            f"SELECT key, min(url) AS url, first(page_url {_FIRST}) AS page_url "  # noqa: S608  constants of ours
            "FROM occurrence ANTI JOIN images USING (key) GROUP BY key ORDER BY key"
        ).to_arrow_table()
    return wanted.append_column("host", pa.array(map(host_of, wanted["url"].to_pylist()), pa.string()))


def _gather(store: Store) -> None:
    """Put all occurrences of every image together, in the order in which the bytes lie: `crawl/gathered`."""
    facts = ", ".join(FETCH_FACTS)
    with connect(store) as connection:
        connection.execute(_WITH_DEPTH)
        gathered = connection.sql(
            "WITH answer AS (SELECT * EXCLUDE (image) FROM images "  # noqa: S608  constants of ours
            "QUALIFY row_number() OVER (PARTITION BY key ORDER BY part DESC, part_row DESC) = 1), "
            "sample AS (SELECT key, min(url) AS url, count(*) AS occurrence_count, "
            f"{', '.join(f'first({name} {_FIRST}) AS {name}' for name in ('page_url', 'depth', 'position', 'source'))}, "
            f"flatten(list(texts {_FIRST})) AS texts FROM occurrence GROUP BY key) "
            f"SELECT part, part_row AS image_row, sample.*, {facts} FROM sample JOIN answer USING (key) ORDER BY part, part_row"
        ).to_arrow_table()
    store.write("crawl/gathered", "00000", gathered)


def _plan(store: Store, kind: str, wanted: pa.Table, rows_per_part: int, lanes: int) -> list[Part]:
    """Cut what is to be fetched (`host` and what the stage needs) into new parts, and write down which row is in which.

    A host is in one lane only, so that no two workers ask it at once. Within a lane every host's first row comes before any
    host's second, so that many hosts are asked side by side.
    """
    hosts = wanted["host"].to_pylist()
    rank: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
    order = sorted((_lane(host, lanes), next(rank[host]), row) for row, host in enumerate(hosts))
    number = itertools.count(1 + max((int(name) for name in store.parts(f"crawl/{kind}") if name.isdigit()), default=-1))
    parts: list[Part] = []
    names: list[str] = []
    for lane, rows in itertools.groupby(order, key=operator.itemgetter(0)):
        for first in range(0, count := len(list(rows)), rows_per_part):
            parts.append(Part(f"{next(number):05d}", FACT, str(lane)))
            names += [parts[-1].name] * min(rows_per_part, count - first)
    plan = wanted.take(pa.array([row for _, _, row in order], pa.int64())).append_column("part", pa.array(names, pa.string()))
    store.write(_PLAN, kind, plan)
    return parts


def _lane(host: str, lanes: int) -> int:
    return zlib.crc32(_name(host).encode()) % lanes


def _name(host: str) -> str:
    """A host without its port: manners hold for the machine, whatever it serves on."""
    return urlsplit(f"//{host}").hostname or ""


def _planned(store: Store, kind: str, part: Part) -> list[dict[str, Any]]:
    """The rows that a part is to fetch."""
    with store.fs.open(store.part_path(_PLAN, kind), "rb") as file:
        return pq.read_table(file, filters=[("part", "=", part.name)]).drop_columns(["part"]).to_pylist()  # type: ignore[no-any-return]


class ListStage(msgspec.Struct, frozen=True):
    """Lists of URLs become pairs, one part a list."""

    sources: tuple[Urls, ...]
    name: ClassVar[str] = "crawl/pairs"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a list; lists that the config no longer names are removed."""
        parts = [Part(f"list-{source.digest()[:16]}", source.digest()) for source in self.sources]
        for name in set(store.parts(self.name)) - {part.name for part in parts}:
            if name.startswith("list-"):
                store.delete_part(self.name, name)
        return parts

    def work(self, store: Store, part: Part) -> str:
        """One list into pairs."""
        (source,) = (source for source in self.sources if source.digest() == part.fingerprint)
        rows = 0
        with store.writing(self.name, part.name, PAIRS.arrow, part.fingerprint) as writer:
            writer.digest = part.fingerprint
            for table in source.tables():
                writer.write_table(table)
                rows += len(table)
        return f"{rows} rows of {source.path}"


class RobotsStage(msgspec.Struct, frozen=True):
    """The robots.txt of hosts not asked before."""

    manners: Manners
    planned: list[Part]
    name: ClassVar[str] = "crawl/robots"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """As planned."""
        return self.planned

    def work(self, store: Store, part: Part) -> str:
        """The robots.txt of some origins."""

        async def fetch() -> pa.Table:
            async with Fetcher(self.manners) as fetcher:
                return await fetch_robots([row["origin"] for row in _planned(store, "robots", part)], fetcher)

        found = asyncio.run(fetch())
        store.write(self.name, part.name, found, part.fingerprint)
        return f"{len(found)} hosts asked"


class PageStage(msgspec.Struct, frozen=True):
    """Pages not fetched before, and the pairs on them."""

    manners: Manners
    planned: list[Part]
    name: ClassVar[str] = "crawl/pages"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """As planned."""
        return self.planned

    def work(self, store: Store, part: Part) -> str:
        """Some pages; their pairs are written first, so that a page is never there without them."""
        found = asyncio.run(fetch_pages(_planned(store, "pages", part), self.manners, _robots(store, self.manners)))
        pages = pa.Table.from_pylist(sorted(found.pages, key=lambda row: row["url"]), schema=PAGES.arrow)
        pairs = sorted(found.pairs, key=lambda row: (row["page_url"], row["position"]))
        store.write("crawl/pairs", part.name, pa.Table.from_pylist(pairs, schema=PAIRS.arrow), part.fingerprint)
        store.write(self.name, part.name, pages, part.fingerprint)
        return f"{pc.sum(pc.is_null(pages['error'])).as_py()} of {len(pages)} pages answered, {len(pairs)} pairs"


class ImageStage(msgspec.Struct, frozen=True):
    """Images not asked for before."""

    manners: Manners
    limits: Limits
    planned: list[Part]
    name: ClassVar[str] = "crawl/images"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """As planned."""
        return self.planned

    def work(self, store: Store, part: Part) -> str:
        """Some images, written as they come: memory is bounded by a row group, not by the part."""
        return asyncio.run(self._fetch(store, part))

    async def _fetch(self, store: Store, part: Part) -> str:
        rows = _planned(store, "images", part)
        robots = _robots(store, self.manners, {origin_of(row["url"]) for row in rows if canonical(row["url"])})
        waiting: list[dict[str, Any]] = []
        digests: list[str] = []
        came = 0
        with store.writing(self.name, part.name, IMAGES.arrow, part.fingerprint) as writer:

            def flush() -> None:
                table = pa.Table.from_pylist(waiting, schema=IMAGES.arrow)
                writer.write_table(table)
                digests.append(digest_of(table))
                waiting.clear()

            async for row in fetch_images(rows, self.manners, self.limits, robots):
                waiting.append(row)
                came += row["error"] is None
                if sum(row["image_bytes"] or 0 for row in waiting) > ROW_GROUP_BYTES:
                    flush()
            flush()
            writer.digest = fingerprint_of(digests)
        return f"{came} of {len(rows)} images came"


class SampleStage(msgspec.Struct, frozen=True):
    """One row for every sample, beside the bytes of its image: a part of samples for every part of images."""

    name: ClassVar[str] = "crawl/samples"
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of images."""
        made_from = fingerprint_of(store.digest("crawl/gathered", "00000"), CAPTION_VERSION)
        return [Part(name, fingerprint_of(made_from, digest)) for name, digest in store.digests("crawl/images")]

    def work(self, store: Store, part: Part) -> str:
        """Choose the captions of some samples."""
        with store.fs.open(store.part_path("crawl/gathered", "00000"), "rb") as file:
            gathered = pq.read_table(file, filters=[("part", "=", part.name)]).drop_columns(["part"]).to_pylist()
        rows = [{**row, **_chosen(row["texts"])} for row in gathered]
        store.write(self.name, part.name, pa.Table.from_pylist(rows, schema=SAMPLES.arrow), part.fingerprint)
        return f"{sum(row['caption_found'] is not None for row in rows)} of {len(rows)} samples have a caption"


def _chosen(texts: list[dict[str, Any]]) -> dict[str, Any]:
    """The distinct candidate texts of a sample, and the one that becomes its caption."""
    distinct = list(_distinct(texts))[:TEXTS_KEPT]
    choice = choose(distinct)
    return {
        "texts": msgspec.to_builtins(distinct),
        "caption_found": choice.text if choice else None,
        "caption_origin": choice.origin if choice else None,
        "caption_reason": choice.reason if choice else None,
    }


def _distinct(texts: list[dict[str, Any]]) -> Iterator[Text]:
    seen: set[tuple[str, str]] = set()
    for text in texts:
        if (text["text"], text["origin"]) not in seen:
            seen.add((text["text"], text["origin"]))
            yield Text(**text)
