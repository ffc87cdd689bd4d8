"""One source followed step by step: what it asks for as far as pages have answered. Knows neither links nor queries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import duckdb
import pyarrow as pa

from wukong_build.web.robots import Robots
from wukong_build.web.url import origin_of

ROWS_AT_ONCE = 10_000
"""Rows that are looked at in Python at once."""

STANDING = "standing"
"""The verdict on a page whose robots.txt cannot be had just now, and allowed it before: it stays if it is there."""


class Following(ABC):
    """What one source asks for and what it must not, in tables with its number; `_follow` says how they come about.

    In queries `{n}` is that number, and `{answered}` the relation of the pages that have answered.
    """

    tables: ClassVar[str]
    """The SQL that makes its tables, `taken_{n}` and `refused_{n}` (`url, depth, reason`) among them."""

    def __init__(self, number: int, connection: duckdb.DuckDBPyConnection, answered: str = "asked_pages") -> None:
        self._number = number
        self._connection = connection
        self._names = {"n": number, "answered": answered.format(n=number)}
        self._unknown: set[str] = set()
        self._run(self.tables)
        self._steps = self._follow()

    @property
    @abstractmethod
    def taken(self) -> str:
        """SQL for what is asked for: `url, depth, number, what, query, at_most_pairs`."""

    @property
    def refused(self) -> str:
        """SQL for what is not: `url, depth, number, what`."""
        return f"SELECT url, depth, {self._number}, reason FROM refused_{self._number}"

    def go_on(self, robots: Robots) -> set[str]:
        """Follow as far as pages have answered; returns the origins whose robots.txt must be known to go further."""
        self._robots, self._before, self._silent = robots, robots.before(), set(robots.silent())
        self._unknown = set()
        next(self._steps, None)
        return self._unknown

    @abstractmethod
    def _follow(self) -> Iterator[None]:
        """Step by step; yields where something has yet to answer."""

    def _forbidden(self, url: str) -> str | None:
        """Why a page's host does not want it asked for."""
        refusal = self._robots.refusal(url)
        if refusal is not None and origin_of(url) in self._silent and self._before.refusal(url) is None:
            return STANDING
        return refusal

    def _rows(self, table: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a table, some at a time; the table may change meanwhile."""
        reader = self._connection.cursor().sql(f"FROM {table}_{self._number}").to_arrow_reader(ROWS_AT_ONCE)
        for batch in reader:
            yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))

    def _have_answered(self) -> bool:
        """True where all the pages taken last are fetched."""
        return self._is_empty("fresh_{n} ANTI JOIN {answered} USING (url)")

    def _is_empty(self, relation: str) -> bool:
        return not self._run(f"SELECT 1 FROM {relation} LIMIT 1")

    def _run(self, query: str, **values: int) -> list[Any]:
        return self._connection.execute(query.format(**self._names, **values)).fetchall()

    def _fill(self, table: str, rows: pa.Table, *, keep: bool = False) -> None:
        """Let a table hold some rows, besides those it has or instead of them."""
        if not keep:
            self._run(f"DELETE FROM {table}_{{n}}")
        self._connection.register("rows_now", rows)
        self._run(f"INSERT INTO {table}_{{n}} SELECT * FROM rows_now")
        self._connection.unregister("rows_now")
