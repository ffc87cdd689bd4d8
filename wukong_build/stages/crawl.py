"""The crawl: sources become pairs, pairs become samples, and every request leaves a row.

What the network said is kept as facts, in parts that are only ever added: robots.txt, pages with their pairs, images.
What is to be fetched is what the sources ask for less the facts there are. So a crawl that was killed goes on, a wider one
fetches only what is new, and nothing is asked for twice. Samples are made from the facts at the end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.config import Config
from wukong_build.errors import ConfigError
from wukong_build.executors import Executor
from wukong_build.schema import PAGES
from wukong_build.sql import connect
from wukong_build.stages import run_stage
from wukong_build.stages.facts import ImageStage, PageStage, Retry, RobotsStage, host_name, known_robots, plan
from wukong_build.stages.lists import ListStage
from wukong_build.stages.pairs import SampleStage, gather, wanted_images
from wukong_build.store import Store, fingerprint_of
from wukong_build.web.frontier import Frontier
from wukong_build.web.manners import Manners
from wukong_build.web.sources import Pages, Urls, labelled
from wukong_build.web.url import canonical, host_of, origin_of

log = logging.getLogger("wukong_build")

ROBOTS_PER_PART = 1000


def crawl(config: Config, store: Store, executor: Executor, retry: frozenset[str] = frozenset()) -> None:
    """Fetch what the sources ask for and is not there yet, and make samples of it.

    What failed with a class in `retry` counts as not there yet, once.
    """
    sources = labelled(config.crawl.sources)
    if not sources:
        raise ConfigError("crawl.sources: is empty; one source is meant at least, such as `- pages: {seeds: [https://…/]}`")
    lists = {label: source for label, source in sources.items() if isinstance(source, Urls)}
    for source in lists.values():
        source.check()
    again = Retry.of(retry, store)
    store.unfinish("crawl")
    _remove_orphans(store)
    run_stage(ListStage(lists), store, executor)
    if "robots_unreachable" in retry:
        manners = config.crawl.manners(images=False)
        _fetch_robots(known_robots(store, manners).unreachable(), store, executor, manners)
    pages = {label: source for label, source in sources.items() if isinstance(source, Pages)}
    _crawl_pages(pages, config, store, executor, again)
    _fetch_images(config, store, executor, again)
    gather(store)
    run_stage(SampleStage(), store, executor)
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
    return fingerprint_of([[source.kind(), msgspec.to_builtins(source)] for source in config.crawl.sources])


def _remove_orphans(store: Store) -> None:
    """Pairs whose pages a killed command did not get to write: those pages will be asked for again."""
    for name in set(store.parts("crawl/pairs")) - set(store.parts("crawl/pages")):
        if name.isdigit():
            store.delete_part("crawl/pairs", name)


def _crawl_pages(sources: dict[str, Pages], config: Config, store: Store, executor: Executor, retry: Retry) -> None:
    """Rounds until every page that the sources ask for is there: frontier → fetch → new links → next frontier."""
    manners = config.crawl.manners(images=False)
    while True:
        frontier, missing, number = _frontier(sources, store, manners, retry)
        if frontier.unknown:
            _fetch_robots(frontier.unknown, store, executor, manners)
        elif len(missing):
            log.info("crawl: round %d asks for %d pages", number, len(missing))
            plan(store, "pages", missing, config.crawl.pages_per_part, executor.workers)
            run_stage(PageStage(manners), store, executor)
        else:
            break
    store.write("crawl/frontier", "00000", frontier.table())
    store.write("crawl/pages", "refused", _refused(frontier, number))


def _fetch_images(config: Config, store: Store, executor: Executor, retry: Retry) -> None:
    """Rounds until every image that a source names has had its last answer: a redirect to another host is the next round's."""
    manners = config.crawl.manners(images=True)
    while len(wanted := wanted_images(store, retry)):
        try:
            manners.require_contact({host_name(host) for host in pc.unique(wanted["host"]).to_pylist()} - {""})
        except ConfigError as error:
            raise ConfigError(f"crawl.user_agent: {error}") from None
        asked = pc.coalesce(wanted["location"], wanted["url"]).to_pylist()
        robots = known_robots(store, manners)
        _fetch_robots(
            {origin_of(url) for url in asked if canonical(url) == url and not robots.knows(url)}, store, executor, manners
        )
        plan(store, "images", wanted, config.crawl.images_per_part, executor.workers)
        run_stage(ImageStage(manners, config.crawl.image), store, executor)


def _frontier(sources: dict[str, Pages], store: Store, manners: Manners, retry: Retry) -> tuple[Frontier, pa.Table, int]:
    """What the sources ask for as far as is known; what of it is not there yet; and the number of the round that fetches it."""
    with connect(store) as connection:
        connection.execute(
            "CREATE VIEW asked_pages AS SELECT * FROM visits "  # noqa: S608  classes of ours
            f"WHERE decision = 'asked' AND NOT {retry.condition('pages')}"
        )
        robots = known_robots(store, manners)
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


def _fetch_robots(origins: Iterable[str], store: Store, executor: Executor, manners: Manners) -> None:
    """Fetch the robots.txt of some origins; what they say now holds in place of what they said before."""
    wanted = sorted(origins)
    table = pa.table({"origin": pa.array(wanted, pa.string()), "host": pa.array(map(host_of, wanted), pa.string())})
    plan(store, "robots", table, ROBOTS_PER_PART, executor.workers)
    run_stage(RobotsStage(manners), store, executor)
