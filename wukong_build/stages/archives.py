"""Web archives become pages, pairs and images, as if they had been fetched. Asks nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import msgspec

from wukong_build.executors import Part
from wukong_build.picture import Picture
from wukong_build.schema import IMAGES, PAGES, PAIRS, ROBOTS
from wukong_build.stages.facts import Images, loaded, write_group
from wukong_build.store import PartWriter, Store, fingerprint_of
from wukong_build.web.asking import PAGE_LIMITS
from wukong_build.web.captures import Capture, captures
from wukong_build.web.engine import Engine, shipped
from wukong_build.web.fetch import Answer, Note
from wukong_build.web.images import Rules, archived_row
from wukong_build.web.manners import Limits
from wukong_build.web.optout import OptOut
from wukong_build.web.reading import Reader, Rows, is_page
from wukong_build.web.robots import Robots
from wukong_build.web.site_files import SiteFiles, is_site_file

log = logging.getLogger("wukong_build")

PAGES_AT_ONCE = 1000
"""Pages whose rows are held in memory."""

VERSION = 1
"""Raised when archives are read otherwise than before."""

_FOLDERS = ("crawl/images", "crawl/pairs", "crawl/site_files", "crawl/pages")
"""Where a file of an archive has a part, in the order in which they come to be there."""

_PREFIX = "warc-"


class ArchiveStage(msgspec.Struct, frozen=True):
    """What archives hold, a part of each kind of facts for every file."""

    files: dict[str, str]
    """Path → what changes when the file changes."""
    limits: Limits
    opt_out: OptOut
    lists_digest: str
    product: str
    engines: tuple[str, ...] = ()
    """Recipes that the config names; others than these and those that ship are not looked for, whatever an archive says."""
    name: ClassVar[str] = _FOLDERS[-1]
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a file; files that the config no longer names are removed."""
        parts = [Part(f"{_PREFIX}{made_from[:16]}", made_from) for made_from in self._paths()]
        for folder in _FOLDERS:
            for name in set(store.parts(folder)) - {part.name for part in parts}:
                if name.startswith(_PREFIX):
                    store.delete_part(folder, name)
        return parts

    def work(self, store: Store, part: Part) -> str:
        """Read one file."""
        path = self._paths()[part.fingerprint]
        rules = Rules(
            self.limits,
            Robots(ROBOTS.table([]), self.product),
            self.product,
            self.opt_out,
            loaded(self.opt_out.lists, self.lists_digest),
        )
        with (
            store.writing(self.name, part.name, PAGES.arrow, part.fingerprint) as pages,
            store.writing("crawl/pairs", part.name, PAIRS.arrow, part.fingerprint) as pairs,
            store.writing("crawl/images", part.name, IMAGES.arrow, part.fingerprint) as images,
        ):
            read = _Reading(path, rules, _Writers(pages, pairs, Images(images)), _Engines(self.engines))
            for capture in captures(path, max(PAGE_LIMITS.at_most_bytes, self.limits.at_most_bytes)):
                read.take(capture)
            read.flush()
            if len(said := read.site_files.table(path)):
                store.write("crawl/site_files", part.name, said, part.fingerprint)
        if not read.page_count + read.image_count or read.is_no_archive:
            log.warning(
                "crawl: %s holds no page and no image: WARC or WAT is meant; WET has text alone, ARC is to be converted", path
            )
        return f"{read.page_count} pages, {read.pair_count} pairs, {read.image_count} images and {read.others} others in {path}"

    def _paths(self) -> dict[str, str]:
        """Fingerprint → path."""
        settings = [*map(msgspec.to_builtins, (self.limits, self.opt_out)), self.lists_digest, self.product, self.engines]
        return {fingerprint_of(VERSION, digest, path, settings): path for path, digest in self.files.items()}


class _Engines(dict[str, Engine]):
    """The recipes of engines by their names, loaded as they are met. KeyError for others than those that may be."""

    def __init__(self, named: Iterable[str]) -> None:
        super().__init__()
        self._known = {*named, *shipped()}

    def __missing__(self, name: str) -> Engine:
        if name not in self._known:
            raise KeyError(f"no search source of the config names the engine {name!r}")
        self[name] = Engine.load(name)
        return self[name]


class _Writers(NamedTuple):
    """Where the rows of a file go."""

    pages: PartWriter
    pairs: PartWriter
    images: Images


class _Reading:
    """Sorts what a file holds by what it is, and writes its rows."""

    def __init__(self, path: str, rules: Rules, writers: _Writers, engines: _Engines) -> None:
        self.site_files = SiteFiles()
        self.is_no_archive = False
        self.page_count = self.pair_count = self.image_count = self.others = 0
        self._path = path
        self._rules = rules
        self._reader = Reader(rules.robots, rules.product, engines)
        self._rows = Rows()
        self._into = writers

    def take(self, capture: Capture) -> None:
        """One answer."""
        place = {"archive": self._path, "archive_offset": capture.offset}
        match _reads(capture):
            case None:
                self.others += 1
            case "robots":
                self.site_files.add(capture.answer)
            case "image":
                answer = _within(self._rules.limits, capture.answer)
                self._into.images.add(archived_row(answer, self._rules, place))
                self.image_count += 1
            case reads:
                self._take_page(capture, reads, place)

    def _take_page(self, capture: Capture, reads: str, place: dict[str, Any]) -> None:
        self.is_no_archive = capture.answer.error == "no_archive"
        note, answer = capture.note or Note(), _within(PAGE_LIMITS, capture.answer)
        first = len(self._rows.pairs)
        row = {"url": answer.url, "depth": note.depth, "round": None, "reads": reads, "source": note.engine, "query": note.query}
        self._reader.read(row | place | {"capture": self.page_count}, answer, self._rows)
        if note.at_most_pairs is not None:
            del self._rows.pairs[first + note.at_most_pairs :]
        self.page_count += 1
        if len(self._rows.pages) >= PAGES_AT_ONCE:
            self._write_pages()

    def _write_pages(self) -> None:
        self.pair_count += len(self._rows.pairs)
        write_group(self._into.pairs, PAIRS.table(self._rows.pairs))
        write_group(self._into.pages, PAGES.table(self._rows.pages))
        self._rows = Rows()

    def flush(self) -> None:
        """Write what is not written yet."""
        self._write_pages()
        self._into.images.flush()


def _within(limits: Limits, answer: Answer) -> Answer:
    """The answer, as a crawl with these limits would have had it."""
    return msgspec.structs.replace(answer, error="too_large", body=b"") if len(answer.body) > limits.at_most_bytes else answer


def _reads(capture: Capture) -> str | None:
    """What is read from an answer: a page of some kind, an image, a file of a site, or nothing.

    Whoever archived it may have noted that. Elsewhere the answer tells, and what could not be read is told of among the pages:
    an image among them may still be asked for.
    """
    answer = capture.answer
    if capture.note is not None:
        return capture.note.reads
    if is_site_file(answer.url):
        return "robots"
    if answer.error is not None:
        return "page" if answer.status is None or answer.status < 300 else None  # noqa: PLR2004  as HTTP cuts its statuses
    if answer.location is not None or Picture(answer.body).header is not None:
        return "image"
    return "page" if is_page(answer) else None
