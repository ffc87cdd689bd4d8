"""The crawl: sources become pairs, pairs become samples, and every request leaves a row.

What the network said is kept as facts, in parts that are only ever added: robots.txt, pages with their pairs, images.
What is to be fetched is what the sources ask for less the facts there are. So a crawl that was killed goes on, a wider one
fetches only what is new, and nothing is asked for twice. Samples are made from the facts at the end.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.config import Config
from wukong_build.errors import ConfigError
from wukong_build.executors import Executor
from wukong_build.schema import FRONTIER, PAGES, PAIRS
from wukong_build.sql import connect, database, refresh
from wukong_build.stages import run_stage
from wukong_build.stages.archives import ArchiveStage
from wukong_build.stages.facts import Again, ImageStage, PageStage, RobotsStage, asked_origins, forget_conclusions, known_robots
from wukong_build.stages.forecast import Forecast, Sample
from wukong_build.stages.lists import ListStage
from wukong_build.stages.pairs import SampleStage, gather, plan_images
from wukong_build.stages.plan import ROWS_AT_ONCE, host_name, in_lanes, plan
from wukong_build.stages.tombstones import honour
from wukong_build.store import Store, fingerprint_of
from wukong_build.web.frontier import Followed, Frontier
from wukong_build.web.images import MOVED
from wukong_build.web.manners import Manners
from wukong_build.web.optout import Withheld
from wukong_build.web.robots import Robots
from wukong_build.web.sources import Search, Urls, Warc, labelled
from wukong_build.web.url import canonical, host_of

log = logging.getLogger("wukong_build")

ROBOTS_PER_PART = 1000

FEW_ANSWERS = 3
"""So many answers of an engine without an image are no chance."""

LONG_IMAGES, LONG_SECONDS = 20_000, 3600.0
"""A crawl of so many images, or of so long a time with one host, is told of before it is begun."""


_ASKED = """
CREATE OR REPLACE TABLE asked_pages AS
SELECT url, location, read_as, pair_count, error, round, part, part_row,
       url IN (SELECT url FROM pages WHERE reads = 'rendered_page') AS ran
FROM visits
ANTI JOIN (SELECT url FROM latest_visits WHERE {again}) AS again USING (url)
WHERE decision = 'asked' AND (archive IS NULL OR error IS NULL); -- what archives do not give may still be asked for

CREATE OR REPLACE VIEW asked_links AS SELECT asked_pages.url, links FROM pages JOIN asked_pages USING (part, part_row);
"""

_MISSING = """
SELECT wanted.*, {round} AS round, wanted.url AS asked, etag, last_modified FROM ({wanted}) AS wanted
LEFT JOIN (SELECT url, ran FROM asked_pages) AS there USING (url)
LEFT JOIN (SELECT url, etag, last_modified FROM visits WHERE error IS NULL) AS held USING (url)
WHERE asks AND (ran IS NULL OR (reads = 'rendered_page' AND NOT ran))
"""


def crawl(
    config: Config,
    store: Store,
    executor: Executor,
    retry: frozenset[str] = frozenset(),
    refresh: dt.timedelta | None = None,
) -> None:
    """Fetch what the sources ask for and is not there yet, and make samples of it.

    What failed with a class in `retry`, and what was answered longer ago than `refresh`, counts as not there yet, once.
    """
    sources = labelled(config.crawl.sources)
    if not sources:
        raise ConfigError("crawl.sources: is empty; one source is meant at least, such as `- pages: {seeds: [https://…/]}`")
    lists = {label: source for label, source in sources.items() if isinstance(source, Urls)}
    files = {path: digest for source in sources.values() if isinstance(source, Warc) for path, digest in source.digests().items()}
    archives = fingerprint_of(files, [source.only_archived for source in sources.values() if isinstance(source, Warc)])
    engines = tuple(source.engine for source in sources.values() if isinstance(source, Search))
    for source in sources.values():
        source.check()
    opt_out = config.crawl.opt_out
    lists_digest = Withheld.load(opt_out.lists).digest  # a wrong list is said before anybody is asked for anything
    again = Again.of(retry, refresh, store)
    store.unfinish("crawl")
    _remove_orphans(store)
    forget_conclusions(store, archives)
    run_stage(ListStage(lists), store, executor)
    manners = config.crawl.manners(images=False)
    run_stage(ArchiveStage(files, config.crawl.image, opt_out, lists_digest, manners.product, engines), store, executor)
    ask_robots = RobotsStage(manners=manners, archive=config.crawl.archive)
    if "robots_unreachable" in retry:
        _fetch_robots(known_robots(store, manners.product).unreachable(), store, executor, ask_robots)
    followed = {label: source for label, source in sources.items() if isinstance(source, Followed)}
    _crawl_pages(followed, config, store, executor, again)
    images = ImageStage(
        manners=config.crawl.manners(images=True),
        archive=config.crawl.archive,
        limits=config.crawl.image,
        opt_out=opt_out,
        lists_digest=lists_digest,
        archives=archives,
    )
    honour(store, executor)  # nobody is asked for what is forgotten
    _fetch_images(images, config, store, executor, again)
    honour(store, executor)  # by its bytes and its looks, under whatever name it came
    gather(store)
    run_stage(SampleStage(opt_out, lists_digest, config.crawl.captions, manners.product), store, executor)
    store.finish("crawl", made_from(config))
    _report(store)


def _report(store: Store) -> None:
    """One line on what came of it, and a warning where nothing did."""
    with connect(store) as connection:
        outcomes = "coalesce(error, 'came') AS outcome, count(*) FROM {} GROUP BY outcome ORDER BY count(*) DESC, outcome"
        images = dict(connection.execute(f"SELECT {outcomes.format('samples')}").fetchall())
        decided = "(SELECT CASE decision WHEN 'asked' THEN error ELSE decision END AS error FROM visits)"
        pages = dict(connection.execute(f"SELECT {outcomes.format(decided)}").fetchall())
    counted = [", ".join(f"{name}: {count}" for name, count in found.items()) or "none" for found in (pages, images)]
    log.log(logging.INFO if "came" in images else logging.WARNING, "crawl: pages %s; images %s", *counted)


def made_from(config: Config) -> str:
    """What decides which samples a crawl has, the answers of the network aside."""
    settings = map(msgspec.to_builtins, (config.crawl.opt_out, config.crawl.captions))
    wishes = [*settings, Withheld.load(config.crawl.opt_out.lists).digest]
    return fingerprint_of([[source.kind(), msgspec.to_builtins(source)] for source in config.crawl.sources], wishes)


def _remove_orphans(store: Store) -> None:
    """Pairs whose pages a killed command did not get to write: those pages will be asked for again."""
    for name in set(store.parts("crawl/pairs")) - set(store.parts("crawl/pages")):
        if name.isdigit():
            store.delete_part("crawl/pairs", name)


def _crawl_pages(sources: dict[str, Followed], config: Config, store: Store, executor: Executor, again: Again) -> None:
    """Rounds until every page that the sources ask for is there: frontier → fetch → new links → next frontier."""
    manners = config.crawl.manners(images=False)
    ask_robots = RobotsStage(manners=manners, archive=config.crawl.archive)
    searches = {label: source for label, source in sources.items() if isinstance(source, Search)}
    stage = PageStage(manners=manners, archive=config.crawl.archive, searches=searches)
    with connect(store) as connection:
        frontier = Frontier(sources, connection)
        while True:
            number, robots = _know(connection, sources, store, manners, again)
            if unknown := frontier.go_on(robots):
                _fetch_robots(unknown, store, executor, ask_robots)
                continue
            missing = in_lanes(connection, _MISSING.format(wanted=frontier.wanted, round=number), executor.workers)
            count = plan(store, "pages", missing, config.crawl.pages_per_part)
            if not count:
                break
            log.info("crawl: round %d asks for %d pages", number, count)
            run_stage(stage, store, executor)
            for table in (PAGES, PAIRS):
                refresh(connection, store, f"crawl/{table.name}", table.name, table.arrow)
        _write_frontier(connection, frontier, number, store)
    for label, search in stage.searches.items():
        _tell_of_engine(label, search, store)


def _tell_of_engine(label: str, search: Search, store: Store) -> None:
    """Warn where an engine must not be asked, or seems to answer in another shape than its recipe knows."""
    host = host_of(search.starts()[0])
    with connect(store) as connection:
        ((forbidden,),) = connection.execute(
            "SELECT count(*) FROM visits WHERE host = ? AND decision = 'robots'", [host]
        ).fetchall()
        ((answered, pairs),) = connection.execute(
            "SELECT count(*), coalesce(sum(pair_count), 0) FROM visits JOIN frontier USING (url) "
            "WHERE source = ? AND (error IS NULL OR error = 'unreadable')",
            [label],
        ).fetchall()
    if forbidden and search.permission is None:
        log.warning(
            "crawl: robots.txt of %s forbids what %s is asked; if you have its permission, say whose: permission: '…'",
            *(host, search.engine),
        )
    elif answered >= FEW_ANSWERS and not pairs:
        how = f"wukong-build engines check {search.engine}"
        log.warning("crawl: %d answers of %s name no image; see what has moved: %s", answered, search.engine, how)


def _know(
    connection: duckdb.DuckDBPyConnection, sources: dict[str, Followed], store: Store, manners: Manners, again: Again
) -> tuple[int, Robots]:
    """Let the connection know what was asked for so far; returns the number of the next round, and what hosts allow."""
    robots = known_robots(store, manners.product, _page_origins(sources, connection))
    silent = ", ".join(f"'{origin}'" for origin in robots.silent()) or "''"  # origins hold no quotes
    connection.execute(_ASKED.format(again=f"{again.condition('pages')} AND origin(url) NOT IN ({silent})"))
    ((number,),) = connection.execute("SELECT coalesce(max(round) + 1, 0) FROM asked_pages").fetchall()
    return number, robots


def _write_frontier(connection: duckdb.DuckDBPyConnection, frontier: Frontier, number: int, store: Store) -> None:
    """Write down which pages the sources ask for, and which they would if they might."""
    reader = connection.sql(f"{frontier.wanted} ORDER BY url").to_arrow_reader(ROWS_AT_ONCE)
    store.write_all("crawl/frontier", "00000", FRONTIER.arrow, (pa.Table.from_batches([batch]) for batch in reader))
    refused = connection.sql(f"{frontier.refused} ORDER BY url").to_arrow_reader(ROWS_AT_ONCE)
    store.write_all("crawl/pages", "refused", PAGES.arrow, (_refused(batch, number) for batch in refused))


def _refused(batch: pa.RecordBatch, number: int) -> pa.Table:
    """Pages that nobody is asked for, as rows of `PAGES`."""
    rows = [
        {**row, "host": host_of(row["url"]), "round": number, "decision": row["reason"], "links": [], "pair_count": 0}
        for row in batch.to_pylist()
    ]
    return PAGES.table(rows)


def _fetch_images(stage: ImageStage, config: Config, store: Store, executor: Executor, again: Again) -> None:
    """Rounds until every image that a source names has had its last answer: a redirect to another host is the next round's."""
    settings = config.crawl
    ask_robots = RobotsStage(manners=stage.manners, archive=settings.archive)
    only_archived = any(isinstance(source, Warc) and source.only_archived for source in settings.sources)
    condition = again.condition("images")
    moved = True
    while moved and (planned := plan_images(store, condition, settings.images_per_part, executor.workers, only_archived)):
        origins = {origin: count for origin, count in planned.items() if origin is not None}
        try:
            stage.manners.require_contact({host_name(host_of(origin)) for origin in origins} - {""})
        except ConfigError as error:
            raise ConfigError(f"crawl.user_agent: {error}") from None
        _fetch_robots(_unknown(origins, store), store, executor, ask_robots)
        log.info("crawl: asks for %d images of %d hosts", sum(origins.values()), len(origins))
        _look_ahead(stage, origins, store, executor)
        run_stage(stage, store, executor)
        errors = (store.read(stage.name, part.name, ["error"])["error"] for part in stage.parts(store))
        moved = any(pc.any(pc.equal(error, MOVED)).as_py() for error in errors)


def _unknown(origins: Iterable[str], store: Store) -> set[str]:
    """Those of the origins whose robots.txt was not asked for."""
    return {origin for origin in origins if canonical(f"{origin}/") == f"{origin}/"} - asked_origins(store)


def _look_ahead(stage: ImageStage, origins: Mapping[str, int], store: Store, executor: Executor) -> None:
    """Say what a long crawl will take, by what the first part of each lane took, and warn where the disk will not do."""
    hosts: Counter[str] = Counter()
    for origin, count in origins.items():
        hosts[host_name(host_of(origin))] += count
    delay = stage.manners.per_host.delay_seconds
    if hosts.total() < LONG_IMAGES and max(hosts.values(), default=0) * delay < LONG_SECONDS:
        return
    start = time.monotonic()
    parts = run_stage(msgspec.structs.replace(stage, is_sample=True), store, executor)
    sample = Sample(
        images=sum(store.row_count(stage.name, part.name) for part in parts),
        stored_bytes=sum(store.size(stage.name, part.name) for part in parts),
        seconds=time.monotonic() - start,
    )
    forecast = Forecast.of(hosts, delay, sample, store)
    log.log(logging.INFO if forecast.fits else logging.WARNING, "crawl: the rest will take %s", forecast.told())


def _page_origins(sources: dict[str, Followed], connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The origins whose robots.txt may decide on a page: those of seeds and visits, by either scheme."""
    found = connection.execute("SELECT DISTINCT host FROM pages UNION SELECT DISTINCT origin(location) FROM pages").fetchall()
    seeds = (canonical(url) or "" for source in sources.values() for url in source.starts())
    hosts = {(name or "").rpartition("/")[2] for (name,) in found} | set(map(host_of, seeds))
    return [f"{scheme}://{host}/" for host in hosts for scheme in ("http", "https")]


def _fetch_robots(origins: Iterable[str], store: Store, executor: Executor, stage: RobotsStage) -> None:
    """Fetch the robots.txt of some origins; what they say now holds in place of what they said before."""
    wanted = sorted(origins)
    if not wanted:
        return
    with database(store) as connection:
        connection.register("wanted", pa.table({"origin": wanted}))
        planned = in_lanes(connection, "SELECT origin, origin AS asked FROM wanted", executor.workers)
        plan(store, "robots", planned, ROBOTS_PER_PART)
    run_stage(stage, store, executor)
