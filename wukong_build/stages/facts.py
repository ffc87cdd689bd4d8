"""What the network said, part by part: robots.txt, pages with their pairs, images with their bytes.

Parts of facts are only ever added. What is to be fetched is in the plan; what is made of it is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import faulthandler
import functools
import operator
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import uvloop

from wukong_build.errors import ConfigError, listed, nearest
from wukong_build.executors import Part
from wukong_build.schema import IMAGES, PAGES, PAIRS, ROBOTS, SITE_FILES, TableSchema
from wukong_build.stages.learnt import learnt_before, note_learnt
from wukong_build.stages.plan import next_number, plan_folder
from wukong_build.store import PartWriter, Store, digest_of, fingerprint_of
from wukong_build.web.failures import FAILURES
from wukong_build.web.fetch import Fetcher
from wukong_build.web.images import Rules, copied_row, fetch_images, not_archived_row
from wukong_build.web.leave import Leave
from wukong_build.web.manners import Limits, Manners
from wukong_build.web.optout import OptOut, Withheld
from wukong_build.web.reading import Reader, Rows
from wukong_build.web.recorder import Recorder
from wukong_build.web.robots import Robots, fetch_robots
from wukong_build.web.site_files import put_together
from wukong_build.web.sources import Search
from wukong_build.web.url import origin_of

T = TypeVar("T")

ROW_GROUP_BYTES = 16_000_000
"""Image bytes in one row group, which is what a filter holds in memory at once.

Small enough that the allocator keeps the memory for the next one: at 64 MB a tenth of a crawl's CPU time went into fresh pages.
"""

HANGS_AFTER_SECONDS = 300.0
"""A worker whose loop has not turned for so long hangs: in a parser that found no end, or a library waiting for a lost lock."""

_ROW_BYTES = 10_000
"""What a row without an image may take at most, signals and addresses included; it takes a tenth of it as a rule."""

CONCLUDED_FROM = "concluded_from"
"""The note of a part whose rows nobody was asked for, with the archives they are concluded from."""

FACT = "fact"
"""The fingerprint of a part that the network made: whatever the config says now, this is what was answered."""


class Again(msgspec.Struct, frozen=True):
    """Which answers of the facts there are now shall be asked for once more."""

    classes: frozenset[str] = frozenset()
    """Failures."""
    before: dt.datetime | None = None
    """Answers older than this, whatever they were."""
    parts_before: dict[str, int] = {}
    """Kind of facts → number of the first part to come: what is asked for again is so once."""

    @classmethod
    def of(cls, classes: frozenset[str], age: dt.timedelta | None, store: Store) -> Again:
        """Failures of some classes, and answers of some age. ConfigError where there is no such class."""
        for name in sorted(classes - FAILURES.keys()):
            raise ConfigError(
                f"--retry: no failure is of the class {name!r}{nearest(name, FAILURES)}; there are {listed(FAILURES)}"
            )
        before = None if age is None else dt.datetime.now(dt.UTC) - age
        return cls(classes, before, {kind: next_number(store, kind) for kind in ("pages", "images")})

    def condition(self, kind: str) -> str:
        """SQL that is true for the answers to ask for again, and never null."""
        names = ", ".join(f"'{name}'" for name in sorted(self.classes))
        wishes = [f"error IN ({names})"] if names else []
        if self.before is not None:
            wishes.append(f"coalesce(epoch_ms(fetched_at), 0) <= {int(self.before.timestamp() * 1000)}")
        if not wishes:
            return "false"
        is_before = f"TRY_CAST(part AS INTEGER) < {self.parts_before[kind]}"
        is_there = "error IS DISTINCT FROM 'forgotten'"
        return f"coalesce(({' OR '.join(wishes)}) AND coalesce({is_before}, archive IS NOT NULL) AND {is_there}, false)"


def asked_origins(store: Store) -> set[str]:
    """The origins whose robots.txt was asked for."""
    parts = (store.read("crawl/robots", part, ["origin"]) for part in store.parts("crawl/robots"))
    return {origin for part in parts for origin in part["origin"].to_pylist()}


def known_robots(store: Store, product: str, urls: Iterable[str] | None = None) -> Robots:
    """The robots.txt fetched so far: all, or those that hold for some URLs."""
    return Robots(_of_origins(store, ROBOTS, urls), product)


def archived_site_files(store: Store, product: str, urls: Iterable[str]) -> Robots:
    """What archives hold of the files of sites that speak of some URLs; good for their opt-outs alone."""
    return Robots(put_together(_of_origins(store, SITE_FILES, urls)), product)


def _of_origins(store: Store, table: TableSchema, urls: Iterable[str] | None) -> pa.Table:
    """The rows of a table with a column `origin`: all, or those of the origins of some URLs."""
    folder = f"crawl/{table.name}"
    wanted = None if urls is None else pa.array({origin_of(url) for url in urls}, pa.string())
    tables = [table.arrow.empty_table()]
    for part in store.parts(folder):
        if wanted is None:
            tables.append(store.read(folder, part))
        elif pc.any(found := pc.is_in(store.read(folder, part, ["origin"])["origin"], wanted)).as_py():
            tables.append(store.read(folder, part).filter(found))
    return pa.concat_tables(tables)


class FactStage(msgspec.Struct, frozen=True, kw_only=True):
    """Fetches what the plan of its kind says, one part of a lane after the other."""

    manners: Manners
    archive: bool = False
    """Whether every answer is kept in a web archive as well."""
    kind: ClassVar[str]
    appends: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Folder of its parts."""
        return f"crawl/{self.kind}"

    def parts(self, store: Store) -> list[Part]:
        """As planned, a lane's in the order of their numbers."""
        folder = plan_folder(self.kind)
        return [Part(name, FACT, store.note(folder, name, "lane")) for name in sorted(store.parts(folder), key=int)]

    def work(self, store: Store, part: Part) -> str:
        """Fetch and write one part; says in a few words what came of it."""
        raise NotImplementedError

    def rows(self, store: Store, part: Part) -> list[dict[str, Any]]:
        """What a part is to fetch."""
        return store.read(plan_folder(self.kind), part.name).to_pylist()  # type: ignore[no-any-return]

    def robots(self, store: Store, part: Part, urls: Sequence[str]) -> Robots:
        """The robots.txt that hold for some URLs; those that have grown too old since the plan are asked for again first."""
        known = known_robots(store, self.manners.product, urls)
        stale = known.stale(dt.datetime.now(dt.UTC))
        if not stale:
            return known
        name = f"{self.kind}-{part.name}"
        with self._recording(store, f"robots-{name}") as recorder:
            found = self.ask(store, part, lambda fetcher: fetch_robots(stale, fetcher, self.manners.product), recorder)
        store.write("crawl/robots", name, found, FACT)
        return known_robots(store, self.manners.product, urls)

    def ask(self, store: Store, part: Part, work: Callable[[Fetcher], Coroutine[Any, Any, T]], recorder: Recorder | None) -> T:
        """What comes of some work with a fetcher, which knows what the lane has learnt of hosts, and leaves what it learns."""
        fetcher = Fetcher(self.manners, learnt_before(store, part.lane), None if recorder is None else recorder.add)

        async def asked() -> T:
            async with fetcher:
                return await work(fetcher)

        found = _await(asked())
        note_learnt(store, part.lane, fetcher.learnt)
        return found

    def recording(self, store: Store, part: Part) -> contextlib.AbstractContextManager[Recorder | None]:
        """What records the answers of a part, where the config wishes it: they are there before the part is."""
        return self._recording(store, f"{self.kind}-{part.name}")

    @contextlib.contextmanager
    def _recording(self, store: Store, name: str) -> Iterator[Recorder | None]:
        if not self.archive:
            yield None
            return
        with store.replacing(f"archive/{name}.warc.gz") as file:
            yield Recorder(file, self.manners.user_agent)


class RobotsStage(FactStage, frozen=True):
    """The robots.txt of hosts not asked before."""

    kind: ClassVar[str] = "robots"

    def work(self, store: Store, part: Part) -> str:
        """The robots.txt of some origins."""
        origins = [row["origin"] for row in self.rows(store, part)]
        with self.recording(store, part) as recorder:
            found = self.ask(store, part, lambda fetcher: fetch_robots(origins, fetcher, self.manners.product), recorder)
        store.write(self.name, part.name, found, part.fingerprint)
        return f"{len(found)} hosts asked"


class PageStage(FactStage, frozen=True, kw_only=True):
    """Pages not fetched before, and the pairs on them."""

    searches: dict[str, Search] = {}
    """The sources that ask engines, by their labels."""
    kind: ClassVar[str] = "pages"

    def work(self, store: Store, part: Part) -> str:
        """Some pages; their pairs are written first, so that a page is never there without them."""
        from wukong_build.web.asking import Asker
        from wukong_build.web.browser import Browser
        from wukong_build.web.spider import fetch_pages  # which imports Scrapy

        planned = self.rows(store, part)
        robots = self.robots(store, part, [row["url"] for row in planned])
        rows = [row for row in planned if self._may_ask(row, robots)]  # the next frontier says why of the others
        reader = Reader(robots, self.manners.product, {label: search.recipe for label, search in self.searches.items()})
        leave = Leave(lambda origin: known_robots(store, self.manners.product, [origin]), self.manners.product)

        async def fetched(fetcher: Fetcher, recorder: Recorder | None) -> Rows:
            async with Browser(fetcher, leave, self.manners.user_agent) as browser:
                record = None if recorder is None else recorder.add_rendered
                return await fetch_pages(rows, Asker(fetcher, browser, robots, self.searches, record), reader)

        with self.recording(store, part) as recorder:
            found = self.ask(store, part, lambda fetcher: fetched(fetcher, recorder), recorder)
        if len(leave.found):
            store.write("crawl/robots", f"scripts-{part.name}", leave.found, FACT)
        pages = PAGES.table(sorted(found.pages, key=operator.itemgetter("url")))
        pairs = sorted(found.pairs, key=_place)
        store.write("crawl/pairs", part.name, PAIRS.table(pairs), part.fingerprint)
        store.write(self.name, part.name, pages, part.fingerprint)
        return f"{pc.sum(pc.is_null(pages['error'])).as_py() or 0} of {len(pages)} pages answered, {len(pairs)} pairs"

    def _may_ask(self, row: dict[str, Any], robots: Robots) -> bool:
        """Whether robots.txt, or the permission that the config states, allows it."""
        search = self.searches.get(row["source"]) if row["reads"] == "results" else None
        return (search is not None and search.permission is not None) or robots.refusal(row["url"]) is None


def _place(pair: dict[str, Any]) -> tuple[str, int]:
    """What pairs are sorted by: the page that told of them, and their place on it."""
    return pair.get("found_at") or pair["page_url"], pair["position"]


class ImageStage(FactStage, frozen=True, kw_only=True):
    """Images not asked for before."""

    limits: Limits
    opt_out: OptOut
    lists_digest: str
    """Of the user's lists of what is withheld, so that a worker loads them once."""
    archives: str = ""
    """The archives there are: what is concluded from them holds as long as they are the same."""
    is_sample: bool = False
    """True for the first part of each lane alone."""
    kind: ClassVar[str] = "images"

    def parts(self, store: Store) -> list[Part]:
        """As planned."""
        planned = super().parts(store)
        return list({part.lane: part for part in reversed(planned)}.values()) if self.is_sample else planned

    def work(self, store: Store, part: Part) -> str:
        """Some images, written as they come: memory is bounded by a row group, not by the part."""
        rows = self.rows(store, part)
        robots = self.robots(store, part, [url for row in rows for url in (row["location"], row["url"]) if url])
        withheld = loaded(self.opt_out.lists, self.lists_digest)
        rules = Rules(self.limits, robots, self.manners.product, self.opt_out, withheld)
        with store.writing(self.name, part.name, IMAGES.arrow, part.fingerprint) as writer:
            images = Images(writer)
            if _is_concluded(rows[0]):
                for row in _concluded(rows, store, rules):
                    images.add(row)
                writer.notes = {CONCLUDED_FROM: self.archives}
            else:
                with self.recording(store, part) as recorder:
                    self.ask(store, part, lambda fetcher: _take_images(rows, fetcher, rules, images), recorder)
            images.flush()
        return f"{images.came} of {len(rows)} images came"


def forget_conclusions(store: Store, archives: str) -> None:
    """Empty the parts with what was concluded from other archives than those there are now: it is no fact."""
    for name in store.parts("crawl/images"):
        if name.isdigit() and store.note("crawl/images", name, CONCLUDED_FROM) not in ("", archives):
            store.write("crawl/images", name, IMAGES.arrow.empty_table(), FACT)  # its number stays taken


def _is_concluded(row: dict[str, Any]) -> bool:
    """Whether nobody is to be asked for an image; all rows of a part are alike in this."""
    return bool(row["held_part"] or row["only_archived"])


def _concluded(rows: Sequence[dict[str, Any]], store: Store, rules: Rules) -> Iterator[dict[str, Any]]:
    """Rows of `IMAGES` for images that have moved to where another answer is known, and for those that no archive holds."""
    yield from _held_rows([row for row in rows if row["held_part"]], store, rules)
    yield from (not_archived_row(row) for row in rows if not row["held_part"])


def _held_rows(rows: Sequence[dict[str, Any]], store: Store, rules: Rules) -> Iterator[dict[str, Any]]:
    """Rows of `IMAGES` for images that have moved to where another answer is known."""
    by_part: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for row in rows:
        by_part.setdefault(row["held_part"], {}).setdefault(row["held_row"], []).append(row)
    for part, places in sorted(by_part.items()):
        for place, held in store.rows_at("crawl/images", part, places):
            (answer,) = held.to_pylist()
            for row in places[place]:
                yield copied_row(row, answer, rules)


@functools.lru_cache(maxsize=1)
def loaded(lists: tuple[str, ...], digest: str) -> Withheld:  # noqa: ARG001  a changed list is another one
    """The user's lists of what is withheld, read once by each process."""
    return Withheld.load(lists)


async def _take_images(rows: list[dict[str, Any]], fetcher: Fetcher, rules: Rules, images: Images) -> None:
    """Fetch some images, and write them."""
    async for row in fetch_images(rows, fetcher, rules):
        images.add(row)


class Images:
    """Rows of `IMAGES` on their way into a part: as many wait as make up a row group."""

    def __init__(self, writer: PartWriter) -> None:
        self.came = 0
        self._writer = writer
        self._waiting: list[dict[str, Any]] = []
        self._waiting_bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        """One row; it is written, and let go of, when enough wait."""
        self._waiting.append(row)
        self._waiting_bytes += _ROW_BYTES + (row["image_bytes"] or 0)
        self.came += row["error"] is None
        if self._waiting_bytes > ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as one row group."""
        if not self._waiting:
            return
        images = large_binary([row.pop("image") for row in self._waiting])
        table = IMAGES.table(self._waiting)
        write_group(self._writer, table.set_column(table.column_names.index("image"), IMAGES.arrow.field("image"), images))
        self._waiting.clear()
        self._waiting_bytes = 0


def write_group(writer: PartWriter, table: pa.Table) -> None:
    """Write one row group of many; the digest of the part is made of theirs."""
    writer.write_table(table)
    writer.digest = fingerprint_of(writer.digest, digest_of(table))


def large_binary(values: Sequence[bytes | None]) -> pa.LargeBinaryArray:
    """The values as a column, each copied once: what Arrow's own builder grows into moves a large column many times."""
    ends = np.cumsum([0, *(len(value or b"") for value in values)], dtype=np.int64)
    is_there = np.packbits(np.array([value is not None for value in values], bool), bitorder="little")
    buffers = [pa.py_buffer(is_there), pa.py_buffer(ends), pa.py_buffer(b"".join(value for value in values if value))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(values), buffers)


def _await(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine comes to, in a thread of its own.

    A notebook has a loop running already; and an interrupt, which reaches the main thread alone, must never be taken for an
    answer of the network.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_run, coroutine).result()


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine comes to, watched: a process that hangs in it, which no deadline ends, is ended, and the part fails."""

    async def watched() -> T:
        _put_off_the_end()
        watch = asyncio.create_task(_watch())
        try:
            return await coroutine
        finally:
            watch.cancel()
            faulthandler.cancel_dump_traceback_later()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(watched())


async def _watch() -> None:
    """Put the end off for as long as the loop turns."""
    while True:
        await asyncio.sleep(1)
        _put_off_the_end()


def _put_off_the_end() -> None:
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
