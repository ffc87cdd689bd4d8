"""Search engines for images, asked one query after another. How an engine is asked and read is its recipe's business."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Meta

from wukong_build.errors import ConfigError, listed
from wukong_build.web.engine import Engine
from wukong_build.web.sources.base import Source

QUERIES = ("query", "word", "text", "keyword")
"""What the column with the queries is called."""

WEIGHTS = ("weight", "frequency", "freq", "count")
"""What the column is called that says which of them count most."""


class Search(Source, frozen=True, kw_only=True):
    """What a search engine finds for each of many queries."""

    engine: str
    """The name of a recipe that ships, or the path of one of your own."""
    queries: str
    """A file with a query in each line, or a Parquet file with a column `query` and perhaps `weight`."""
    pairs_per_query: Annotated[int, Meta(ge=1)] = 1000
    at_most_queries: Annotated[int, Meta(ge=1)] | None = None
    """The heaviest, or the first, so many."""
    base: str | None = None
    """Where the engine is, if not where its recipe says; needed for those that people host themselves."""
    delay_seconds: Annotated[float, Meta(ge=0)] | None = None
    """From one request to the next, if not what the recipe says."""
    permission: str | None = None
    """Who allowed you to ask where robots.txt forbids it; goes into the dataset's card."""

    @property
    def target(self) -> str:
        """The engine."""
        return self.engine

    @property
    def recipe(self) -> Engine:
        """How the engine is asked and read. ConfigError where there is no such recipe, or nobody says where the engine is."""
        recipe = Engine.load(self.engine)
        recipe.url("", 0, self.base)
        return recipe

    @property
    def pace_seconds(self) -> float:
        """From one request to the next."""
        return self.recipe.delay_seconds if self.delay_seconds is None else self.delay_seconds

    def url(self, query: str, page: int) -> str:
        """The address of one page of results, counted from 0."""
        return self.recipe.url(query, page, self.base)

    def starts(self) -> Sequence[str]:
        """The engine's address, by some query."""
        return (self.url("", 0),)

    def check(self) -> None:
        """ConfigError where recipe or queries cannot be read."""
        self.recipe  # noqa: B018  loads it
        self.query_list()

    def query_list(self) -> Sequence[str]:
        """The distinct queries, those first that count most. ConfigError where they cannot be read."""
        return _queries(self.queries)[: self.at_most_queries]


@functools.lru_cache(maxsize=8)
def _queries(path: str) -> tuple[str, ...]:
    """The queries of a file, read once by a command."""
    try:
        found = _of_parquet(path) if path.endswith(".parquet") else _of_lines(path)
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        raise ConfigError(f"crawl.sources: search: {path}: the queries cannot be read: {error}") from error
    queries = tuple(dict.fromkeys(query for line in found if (query := " ".join(line.split()))))
    if not queries:
        raise ConfigError(f"crawl.sources: search: {path}: has no query; one in each line is meant")
    return queries


def _of_lines(path: str) -> list[str]:
    """Lines; blank ones and those that begin with # aside, and without what stands after a tab."""
    with fsspec.open(path, "rt", encoding="utf-8-sig", compression="infer") as file:
        return [line.partition("\t")[0] for line in file if not line.startswith("#")]


def _of_parquet(path: str) -> list[str]:
    with fsspec.open(path, "rb") as file:
        table = pq.read_table(file)
    there = table.column_names
    query = next((name for name in QUERIES if name in there), None)
    if query is None:
        raise ValueError(f"no column is called {' or '.join(QUERIES)}; there are {listed(there)}")
    weight = next((name for name in WEIGHTS if name in there), None)
    if weight is not None:
        # Equal weights keep their order, so that the same file gives the same queries.
        order = pc.sort_indices(
            table.select([weight]).append_column("row", pa.array(range(len(table)))),
            sort_keys=[(weight, "descending"), ("row", "ascending")],
        )
        table = table.take(order)
    return [text for text in table[query].cast(pa.string()).to_pylist() if text]
