"""The pages of archives, which are there already. Asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from wukong_build.web.following import Following
from wukong_build.web.sources import Warc

_TABLES = """
CREATE OR REPLACE TABLE files_{n} (archive VARCHAR);
CREATE OR REPLACE TABLE refused_{n} (url VARCHAR, depth INTEGER, reason VARCHAR);
"""


class ByArchive(Following):
    """Every page in the files of a source, at the depth at which it was found when it was archived, or none."""

    tables = _TABLES

    def __init__(self, source: Warc, number: int, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(number, connection)
        self._fill("files", pa.table({"archive": pa.array(source.digests(), pa.string())}))

    @property
    def taken(self) -> str:
        """SQL for what is asked for."""
        number = self._number
        return (
            f"SELECT url, depth, {number}, reads, NULL, NULL FROM pages "  # noqa: S608  ours
            f"WHERE archive IN (SELECT archive FROM files_{number})"
        )

    def _follow(self) -> Iterator[None]:
        """No steps: nothing has yet to answer."""
        yield from ()
