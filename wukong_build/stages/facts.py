"""What the network said, part by part: robots.txt, pages with their pairs, images with their bytes.

A plan says which rows are fetched by which part; it is written before anything is asked for. Parts of facts are only ever
added. What is to be fetched, and what is made of it, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import itertools
import operator
import zlib
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.errors import ConfigError, listed, nearest
from wukong_build.executors import Part
from wukong_build.schema import IMAGES, PAGES, PAIRS, ROBOTS
from wukong_build.store import PartWriter, Store, digest_of, fingerprint_of
from wukong_build.web.failures import FAILURES
from wukong_build.web.fetch import Fetcher
from wukong_build.web.images import fetch_images
from wukong_build.web.manners import Limits, Manners
from wukong_build.web.robots import Robots, fetch_robots
from wukong_build.web.spider import fetch_pages
from wukong_build.web.url import origin_of

T = TypeVar("T")

ROW_GROUP_BYTES = 64_000_000
"""Image bytes in one row group, which is what a filter holds in memory at once."""

FACT = "fact"
"""The fingerprint of a part that the network made: whatever the config says now, this is what was answered."""


def host_name(host: str) -> str:
    """A host without its port: manners hold for the machine, whatever it serves on."""
    return urlsplit(f"//{host}").hostname or ""


class Retry(msgspec.Struct, frozen=True):
    """Which answers of the facts there are now shall be asked for once more."""

    classes: frozenset[str] = frozenset()
    parts_before: dict[str, int] = {}
    """Kind of facts → number of the first part to come: what the retry itself gets is not retried."""

    @classmethod
    def of(cls, classes: frozenset[str], store: Store) -> Retry:
        """A retry of some classes. ConfigError where there is no such class."""
        for name in sorted(classes - FAILURES.keys()):
            raise ConfigError(
                f"--retry: no failure is of the class {name!r}{nearest(name, FAILURES)}; there are {listed(FAILURES)}"
            )
        return cls(classes, {kind: _next_number(store, kind) for kind in ("robots", "pages", "images")})

    def condition(self, kind: str) -> str:
        """SQL that is true for the answers to ask for again, and never null."""
        if not self.classes:
            return "false"
        names = ", ".join(f"'{name}'" for name in sorted(self.classes))
        return f"coalesce(error IN ({names}) AND TRY_CAST(part AS INTEGER) < {self.parts_before[kind]}, false)"


def _next_number(store: Store, kind: str) -> int:
    """The number of the next part of facts of a kind."""
    return 1 + max((int(name) for name in store.parts(f"crawl/{kind}") if name.isdigit()), default=-1)


def known_robots(store: Store, manners: Manners, urls: Iterable[str] | None = None) -> Robots:
    """The robots.txt fetched so far: all, or those that hold for some URLs."""
    tables = [store.read("crawl/robots", part) for part in store.parts("crawl/robots")]
    rows = pa.concat_tables([ROBOTS.arrow.empty_table(), *tables])
    if urls is not None:
        rows = rows.filter(pc.is_in(rows["origin"], pa.array({origin_of(url) for url in urls}, pa.string())))
    return Robots(rows, manners.product)


def plan(store: Store, kind: str, wanted: pa.Table, rows_per_part: int, lanes: int) -> None:
    """Cut what is to be fetched (`host` and what the stage needs) into new parts, and write down what each is to fetch.

    A host is in one lane only, so that no two workers ask it at once. Within a lane every host's first row comes before any
    host's second, so that many hosts are asked side by side.
    """
    hosts = wanted["host"].to_pylist()
    rank: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
    order = sorted((zlib.crc32(host_name(host).encode()) % lanes, next(rank[host]), row) for row, host in enumerate(hosts))
    number = itertools.count(_next_number(store, kind))
    store.delete_stage(_plan(kind))
    for lane, rows in itertools.groupby(order, key=operator.itemgetter(0)):
        indices = [row for _, _, row in rows]
        for first in range(0, len(indices), rows_per_part):
            planned = wanted.take(pa.array(indices[first : first + rows_per_part], pa.int64()))
            store.write(_plan(kind), f"{next(number):05d}", planned, notes={"lane": str(lane)})


def _plan(kind: str) -> str:
    return f"crawl/plan/{kind}"


class FactStage(msgspec.Struct, frozen=True):
    """Fetches what the plan of its kind says."""

    manners: Manners
    kind: ClassVar[str]
    appends: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Folder of its parts."""
        return f"crawl/{self.kind}"

    def parts(self, store: Store) -> list[Part]:
        """As planned."""
        folder = _plan(self.kind)
        return [Part(name, FACT, store.note(folder, name, "lane")) for name in store.parts(folder)]

    def rows(self, store: Store, part: Part) -> list[dict[str, Any]]:
        """What a part is to fetch."""
        return store.read(_plan(self.kind), part.name).to_pylist()  # type: ignore[no-any-return]


class RobotsStage(FactStage, frozen=True):
    """The robots.txt of hosts not asked before."""

    kind: ClassVar[str] = "robots"

    def work(self, store: Store, part: Part) -> str:
        """The robots.txt of some origins."""
        found = _await(self._fetch([row["origin"] for row in self.rows(store, part)]))
        store.write(self.name, part.name, found, part.fingerprint)
        return f"{len(found)} hosts asked"

    async def _fetch(self, origins: list[str]) -> pa.Table:
        async with Fetcher(self.manners) as fetcher:
            return await fetch_robots(origins, fetcher)


class PageStage(FactStage, frozen=True):
    """Pages not fetched before, and the pairs on them."""

    kind: ClassVar[str] = "pages"

    def work(self, store: Store, part: Part) -> str:
        """Some pages; their pairs are written first, so that a page is never there without them."""
        rows = self.rows(store, part)
        robots = known_robots(store, self.manners, (row["url"] for row in rows))
        found = _await(fetch_pages(rows, self.manners, robots))
        pages = pa.Table.from_pylist(sorted(found.pages, key=operator.itemgetter("url")), schema=PAGES.arrow)
        pairs = sorted(found.pairs, key=operator.itemgetter("page_url", "position"))
        store.write("crawl/pairs", part.name, pa.Table.from_pylist(pairs, schema=PAIRS.arrow), part.fingerprint)
        store.write(self.name, part.name, pages, part.fingerprint)
        return f"{pc.sum(pc.is_null(pages['error'])).as_py()} of {len(pages)} pages answered, {len(pairs)} pairs"


class ImageStage(FactStage, frozen=True):
    """Images not asked for before."""

    limits: Limits
    kind: ClassVar[str] = "images"

    def work(self, store: Store, part: Part) -> str:
        """Some images, written as they come: memory is bounded by a row group, not by the part."""
        rows = self.rows(store, part)
        with store.writing(self.name, part.name, IMAGES.arrow, part.fingerprint) as writer:
            robots = known_robots(store, self.manners, (row["location"] or row["url"] for row in rows))
            came = _await(self._fetch(rows, robots, writer))
        return f"{came} of {len(rows)} images came"

    async def _fetch(self, rows: list[dict[str, Any]], robots: Robots, writer: PartWriter) -> int:
        """How many came."""
        came = waiting_bytes = 0
        waiting: list[dict[str, Any]] = []
        async for row in fetch_images(rows, self.manners, self.limits, robots):
            waiting.append(row)
            waiting_bytes += row["image_bytes"] or 0
            came += row["error"] is None
            if waiting_bytes > ROW_GROUP_BYTES:
                _flush(waiting, writer)
                waiting_bytes = 0
        _flush(waiting, writer)
        return came


def _flush(waiting: list[dict[str, Any]], writer: PartWriter) -> None:
    """Write the rows as one row group, and let go of them."""
    table = pa.Table.from_pylist(waiting, schema=IMAGES.arrow)
    writer.write_table(table)
    writer.digest = fingerprint_of(writer.digest, digest_of(table))
    waiting.clear()


def _await(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine comes to, in a thread of its own.

    A notebook has a loop running already; and an interrupt, which reaches the main thread alone, must never be taken for an
    answer of the network.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
