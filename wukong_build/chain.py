"""The chain: links in the order of the config, run over a batch; who dropped what, and what need not be measured again.

A link over the whole corpus ends a pass: every part has reached it before any goes on. Knows nothing of files.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build import corpus, filters, resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError, explain_mismatch, listed, nearest, shown
from wukong_build.links import AnyRewrite, Bounds, Columns, CorpusLink, Link, LocalLink, Measure, Recorded, code_of
from wukong_build.schema import MANIFEST, SAMPLES, Column
from wukong_build.store import fingerprint_of

Mask = npt.NDArray[np.bool_]

MEASURED = "__measured"
"""`<link>__measured` is true where the link has looked at a sample: a null there is unmeasurable, elsewhere unmeasured."""


class Pass(msgspec.Struct, frozen=True):
    """Links that one part goes through without waiting for the others."""

    index: int
    lookup: CorpusLink | None
    """The whole-corpus link that ended the pass before: its score is looked up first."""
    links: tuple[Link, ...]
    survey: CorpusLink | None
    """The whole-corpus link that ends this pass."""


class Chain(msgspec.Struct, frozen=True):
    """The `filter:` section: link name → link, in order of work."""

    links: dict[str, Link] = {}

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str) -> Chain:
        """The chain that plain values mean; `where` is named in errors."""
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: found {shown(values)}; a mapping of filters is meant, in order of work")
        links: dict[str, Link] = {}
        for name, settings in values.items():
            kind = link_class(str(name), where)
            if kind.name() in links:
                raise ConfigError(f"{where}.{name}: another link is called {kind.name()} already")
            try:
                links[kind.name()] = msgspec.convert({} if settings is None else settings, kind)
            except msgspec.ValidationError as error:
                raise ConfigError(explain_mismatch(error, settings, kind, at=f"{where}.{name}")) from None
        chain = cls(links)
        chain._check(where)
        return chain

    def _check(self, where: str) -> None:
        written = {column.name: "the crawl" for column in SAMPLES.columns} | {"caption": "the crawl", "image": "the crawl"}
        for name, link in self.links.items():
            for column in link.reads:
                if column not in written:
                    remedy = f"; put `{column}: {{}}` before it" if column in link_names() else ""
                    raise ConfigError(f"{where}.{name}: reads `{column}`, which nothing before it writes{remedy}")
            for column in link.columns():
                recorded = isinstance(link, Recorded) and column == name
                if (column in written and not recorded) or column in STATE:
                    writer = written.get(column, "the chain")
                    raise ConfigError(f"{where}.{name}: writes `{column}`, which {writer} has already written")
                written[column] = name
            if isinstance(link, Bounds) and None not in (link.at_least, link.at_most) and link.at_least > link.at_most:  # type: ignore[operator]
                raise ConfigError(
                    f"{where}.{name}: at_least {link.at_least:g} is above at_most {link.at_most:g}: nothing could stay"
                )
            for resource in link.resources():
                try:
                    resources.digest(resource)
                except ConfigError as error:
                    raise ConfigError(f"{where}.{name}: {error}") from None

    def passes(self) -> list[Pass]:
        """The links, cut after every one that must see the whole corpus."""
        passes: list[Pass] = []
        lookup: CorpusLink | None = None
        local: list[Link] = []
        for link in self.links.values():
            if isinstance(link, CorpusLink):
                passes.append(Pass(len(passes), lookup, tuple(local), link))
                lookup, local = link, []
            else:
                local.append(link)
        return [*passes, Pass(len(passes), lookup, tuple(local), None)]

    def fingerprints(self) -> dict[str, str]:
        """Link name → fingerprint of all that its numbers depend on but the samples: itself, and what it reads of links above."""
        made_from: dict[str, str] = {}
        caption = "caption_found"
        fingerprints: dict[str, str] = {}
        for name, link in self.links.items():
            read = [caption if column == "caption" else made_from.get(column, column) for column in link.reads]
            digests = [resources.digest(resource) for resource in link.resources()]
            fingerprints[name] = fingerprint_of(code_of(link), link.settings(), digests, read)
            made_from |= dict.fromkeys(link.columns(), fingerprints[name])
            if isinstance(link, AnyRewrite):
                caption = fingerprints[name]
        return fingerprints

    def published(self) -> list[Column]:
        """What manifests tell of the links: each filter's score, what filters tell beside it, and what measures say.

        Texts on their way to the caption, and what was found in them, may hold what a later rewrite masks, and are not told.
        """
        columns = []
        rewrites = [name for name, link in self.links.items() if isinstance(link, AnyRewrite)]
        for name, link in self.links.items():
            rewrites = [rewrite for rewrite in rewrites if rewrite != name]
            reads_caption = not {"caption", "caption_found"}.isdisjoint(link.reads)
            if isinstance(link, Bounds):
                tells = [] if rewrites and reads_caption else link.tells
                columns.append(Column(name, link.columns()[name], link.meaning))
                columns += [Column(column, link.columns()[column], f"beside {name}, which see") for column in tells]
            elif isinstance(link, Measure) and not reads_caption:
                columns += [
                    Column(column, kind, link.meaning if column == name else f"beside {name}, which see")
                    for column, kind in link.columns().items()
                ]
        recorded = MANIFEST.arrow.names
        return [column for column in columns if column.name not in recorded]

    def bounded(self) -> dict[str, Bounds]:
        """The links that drop."""
        return {name: link for name, link in self.links.items() if isinstance(link, Bounds) and link.bounded}

    def scores(self) -> list[str]:
        """Columns with the scores of the links that drop, and the marks that tell which samples they have measured."""
        return [column for name in self.bounded() for column in (name, name + MEASURED)]

    def evidence(self) -> list[str]:
        """Columns that links write beside their scores; of which sample one is a duplicate stands in the state."""
        return [column for name, link in self.links.items() for column in link.columns() if column not in (name, f"{name}_of")]

    def columns(self) -> dict[str, pa.DataType]:
        """Every column its links write, in their order."""
        return {column: kind for link in self.links.values() for column, kind in link.columns().items()}


def config_key(link: Link) -> str:
    """What a config calls the link: its name, or `package.module:ClassName` for one of the user's own."""
    module = type(link).__module__
    shipped = module.rpartition(".")[0] in (filters.__name__, corpus.__name__)
    return link.name() if shipped else f"{module}:{type(link).__name__}"


@functools.cache
def link_names() -> tuple[str, ...]:
    """Names of the links that ship with the package."""
    return tuple(sorted(module.name for package in (filters, corpus) for module in pkgutil.iter_modules(package.__path__)))


def link_class(name: str, where: str) -> type[Link]:
    """The class a config names: `aspect_ratio`, or a user's own `package.module:ClassName`."""
    module_name, _, class_name = name.partition(":")
    if class_name:
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except Exception as error:  # a module of the user's may raise anything
            raise ConfigError(
                f"{where}.{name}: cannot be imported: {error}; `package.module:ClassName` is meant, with the package installed "
                "or its folder in PYTHONPATH"
            ) from error
    elif name in link_names():
        package = corpus if any(module.name == name for module in pkgutil.iter_modules(corpus.__path__)) else filters
        found = getattr(importlib.import_module(f"{package.__name__}.{name}"), "".join(map(str.capitalize, name.split("_"))))
    else:
        raise ConfigError(
            f"{where}.{name}: no filter is called that{nearest(name, link_names())}; there are {listed(link_names())}"
        )
    if not (isinstance(found, type) and issubclass(found, Link)):
        raise ConfigError(f"{where}.{name}: found {found!r}; a subclass of wukong_build.links.Link is meant")
    return found


STATE = {
    "kept": pa.bool_(),
    "dropped_by": pa.string(),
    "score": pa.float64(),
    "bound": pa.string(),
    "duplicate_of": pa.string(),
    "caption": pa.string(),
}
"""The state in which a sample leaves a pass, by the names the ledger has for it."""


class Cost(NamedTuple):
    """What measuring with one link took."""

    samples: int = 0
    cpu_seconds: float = 0.0

    @classmethod
    def noted(cls, note: str) -> Cost:
        """As a note has it; an empty one says nothing was measured."""
        samples, _, seconds = note.partition(" ")
        return cls(int(samples), float(seconds)) if note else cls()

    def and_also(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(self.samples + other.samples, self.cpu_seconds + other.cpu_seconds)

    @property
    def microseconds(self) -> float | None:
        """Of a processor, for each sample; None where none was measured."""
        return 1e6 * self.cpu_seconds / self.samples if self.samples else None

    def __str__(self) -> str:
        return f"{self.samples} {self.cpu_seconds:.6f}"


class Scored:
    """A batch on its way through the chain: which samples are still in, and why the others are not.

    With `everything`, links that look at a single sample measure those that are out as well: what-ifs then know all there is.
    """

    def __init__(self, batch: Batch, state: pa.Table, *, everything: bool = False) -> None:
        self.batch = batch.with_columns({"caption": state["caption"].combine_chunks()})
        self._kept = np.array(state["kept"].to_numpy(), bool)
        self._why = state.select(["dropped_by", "score", "bound", "duplicate_of"])
        self._row_of_why = np.arange(len(batch))
        self._written: dict[str, pa.Array] = {}
        self._everything = everything

    def knows(self, link: Link, known: pa.Table) -> bool:
        """Whether the link has measured every sample that it would measure now."""
        return not (self._wanted(link) & ~_marks(link, known)).any()

    def _wanted(self, link: Link) -> Mask:
        """The samples that a link is to measure."""
        return np.ones(len(self.batch), bool) if self._everything and not isinstance(link, CorpusLink) else self._kept

    def run(self, link: Link, known: pa.Table | None = None, merged: pa.Table | None = None) -> Cost:
        """Measure the samples still in and not `known` yet, drop those out of bounds; says what measuring took."""
        name = link.name()
        measured = np.zeros(len(self.batch), bool) if known is None else _marks(link, known)
        wanted = self._wanted(link)
        rows = np.flatnonzero(wanted & ~measured)
        start = time.process_time()
        columns = self._columns(link, known, rows, merged)
        cost = Cost(len(rows), time.process_time() - start)
        measured[rows] = True
        self._written |= {**columns, name + MEASURED: pa.array(measured)}
        self.batch = self.batch.with_columns(columns)
        if isinstance(link, AnyRewrite):
            self.batch = self.batch.with_columns({"caption": pc.if_else(pa.array(wanted), columns[name], self.batch["caption"])})
        if isinstance(link, Bounds) and link.bounded:
            self._drop(link, columns)
        return cost

    def _columns(self, link: Link, known: pa.Table | None, rows: Any, merged: pa.Table | None) -> Columns:
        """What is known of the link's columns, and where it is not, measured."""
        if known is not None and not len(rows):
            there = {name: kind for name, kind in link.columns().items() if name in known.column_names}
            return {name: known[name].cast(kind).combine_chunks() for name, kind in there.items()}
        return _overlaid(known, _measure(link, self.batch, rows, merged), rows, len(self.batch))

    def _drop(self, link: Bounds, columns: Columns) -> None:
        """Note why samples that are still in go out, each once: below what is noted already, and which row that is."""
        rows = np.flatnonzero(self._kept & ~link.keep(columns[link.name()]).to_numpy(zero_copy_only=False))
        score = columns[link.name()].take(pa.array(rows))
        duplicates = columns.get(f"{link.name()}_of")
        why = {
            "dropped_by": pa.repeat(link.name(), len(rows)),
            "score": score.cast(STATE["score"]),
            "bound": link.missed_bounds(score),
            "duplicate_of": pa.nulls(len(rows), pa.string()) if duplicates is None else duplicates.take(pa.array(rows)),
        }
        self._row_of_why[rows] = len(self._why) + np.arange(len(rows))
        self._why = pa.concat_tables([self._why, pa.table(why)])
        self._kept[rows] = False

    def survivors(self) -> Batch:
        """The samples that are still in."""
        return self.batch.select(np.flatnonzero(self._kept).tolist())

    def table(self) -> pa.Table:
        """`key`, then what the links wrote, then the state: one row a sample."""
        why = dict(zip(self._why.column_names, self._why.take(pa.array(self._row_of_why)).columns, strict=True))
        state = {"kept": pa.array(self._kept), **why, "caption": self.batch["caption"]}
        return pa.table({"key": self.batch["key"], **self._written, **state})


class Verdict(NamedTuple):
    """What the scores say of one link's bounds, row for row."""

    known: Mask
    """True where the link has measured the sample."""
    out: Mask
    """True where it has, and the score misses a bound."""


def verdict(link: Bounds, scores: pa.Table) -> Verdict:
    """Which samples the link would drop by itself; `scores` has its score, and which samples it measured."""
    known = _marks(link, scores)
    return Verdict(known, known & ~link.keep(scores[link.name()].combine_chunks()).to_numpy(zero_copy_only=False))


def _marks(link: Link, scores: pa.Table) -> Mask:
    """Which samples the link has measured; a copy."""
    return np.array(scores[link.name() + MEASURED].to_numpy(), bool)


def initial_state(samples: pa.Table) -> pa.Table:
    """The state in which samples enter the chain: in, with the caption found; or out, because no image came."""
    failed = samples["error"]
    nothing = pa.nulls(len(samples), pa.string())
    return pa.table(
        {
            "kept": pc.is_null(failed),
            "dropped_by": nothing if failed.null_count == len(failed) else pc.binary_join_element_wise("fetch", failed, ":"),
            "score": pa.nulls(len(samples), pa.float64()),
            "bound": nothing,
            "duplicate_of": nothing,
            "caption": samples["caption_found"],
        }
    )


def _measure(link: Link, batch: Batch, rows: Any, merged: pa.Table | None) -> Columns:
    """What the link says of the given rows."""
    if not len(rows):
        return {name: pa.nulls(0, kind) for name, kind in link.columns().items()}
    part = batch if len(rows) == len(batch) else batch.select(rows.tolist())
    return link.measure(part, merged) if isinstance(link, CorpusLink) else cast("LocalLink", link).measure(part)


def _overlaid(known: pa.Table | None, fresh: Columns, rows: Any, length: int) -> Columns:
    """Columns over the whole batch: measured now for `rows`, else as known, else null."""
    if known is None and len(rows) == length:
        return fresh
    source = np.full(length, -1) if known is None else np.arange(length) + len(rows)
    source[rows] = np.arange(len(rows))
    indices = pa.array(source, mask=source < 0)
    return {
        name: pa.chunked_array([values] if known is None else [values, *known[name].chunks], values.type)
        .take(indices)
        .combine_chunks()
        for name, values in fresh.items()
    }
