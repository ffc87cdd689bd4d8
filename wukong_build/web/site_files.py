"""Files in which sites speak to machines, as web archives hold them: robots.txt, ai.txt, /.well-known/tdmrep.json.

Whoever archived a site may have kept one of them in one archive and another in the next, and what a redirect led to elsewhere.
Fetches nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pyarrow as pa

from wukong_build.schema import SITE_FILES
from wukong_build.web.fetch import Answer
from wukong_build.web.robots import PATHS, text_of
from wukong_build.web.url import host_of, origin_of

AT_MOST_HOPS = 5
"""Redirects followed from a file to its text."""

_COLUMNS = {path: column for column, path in PATHS.items()}


class _Held(NamedTuple):
    """What the newest answer under a URL holds: a text, or where it is."""

    at: dt.datetime
    text: str | None
    location: str | None


def is_site_file(url: str) -> bool:
    """Whether a canonical URL is that of a file in which a site speaks to machines."""
    return _column(url) is not None


class SiteFiles:
    """Gathers such files from the answers of one archive; of each the newest is held, as much of it as is read."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def add(self, answer: Answer) -> None:
        """An answer to the request for such a file, or for what it redirects to; one that says nothing displaces none."""
        text = text_of(answer)
        known = self._held.get(answer.url)
        if (text is not None or answer.location is not None) and (known is None or known.at <= answer.at):
            self._held[answer.url] = _Held(answer.at, text, answer.location)

    def table(self, archive: str) -> pa.Table:
        """A row of `SITE_FILES` for every origin that says anything."""
        rows: dict[str, dict[str, Any]] = {}
        for url in self._held:
            column, found = _column(url), self._at_end_of(url)
            if column is not None and found is not None:
                origin = origin_of(url)
                row = rows.setdefault(origin, {"origin": origin, "host": host_of(origin), "archive": archive})
                row |= {column: found.text, "fetched_at": max(found.at, row.get("fetched_at", found.at))}
        return SITE_FILES.table(list(rows.values()))

    def _at_end_of(self, url: str) -> _Held | None:
        """What a URL leads to; None where that is not here."""
        held = self._held.get(url)
        for _ in range(AT_MOST_HOPS):
            if held is None or held.location is None:
                break
            held = self._held.get(held.location)
        return held if held is not None and held.text is not None else None


def put_together(rows: pa.Table) -> pa.Table:
    """Rows of `SITE_FILES` of several archives as one of each origin: of every file the newest that any of them holds."""
    together: dict[str, dict[str, Any]] = {}
    for row in rows.sort_by("fetched_at").to_pylist():
        known = together.setdefault(row["origin"], {})
        known |= {name: value for name, value in row.items() if value is not None}
    return SITE_FILES.table(list(together.values()))


def _column(url: str) -> str | None:
    return _COLUMNS.get(url.removeprefix(origin_of(url)))
