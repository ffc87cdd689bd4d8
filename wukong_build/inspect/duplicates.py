"""The clusters of a run: each a sample kept in place of others, and those. Knows only what the ledger says of them."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from wukong_build.inspect.run import Run
from wukong_build.inspect.terminal import lines, plain
from wukong_build.sql import connect

_BIGGEST = 10
"""Clusters that are told one by one."""

_CLUSTERS = """
WITH doubles AS (SELECT duplicate_of, key, {distance} AS distance FROM ledger WHERE duplicate_of IS NOT NULL),
     clusters AS (
         SELECT duplicate_of AS representative, count(*) AS dropped,
                list({{'distance': distance, 'key': key}} ORDER BY distance, key) AS duplicates
         FROM doubles GROUP BY ALL ORDER BY dropped DESC, representative LIMIT ?
     )
SELECT representative, url, dropped, duplicates FROM clusters LEFT JOIN samples ON key = representative
ORDER BY dropped DESC, representative
"""

_SIZES = """
WITH clusters AS (SELECT 1 + count(*) AS size FROM ledger WHERE duplicate_of IS NOT NULL GROUP BY duplicate_of)
SELECT CAST(ceil(log2(size)) AS INTEGER) AS doublings, count(*), sum(size - 1) FROM clusters GROUP BY 1 ORDER BY 1
"""

_DISTANCES = """
SELECT {distance} AS distance, coalesce({mirrored}, false) AS mirrored, count(*) FROM ledger WHERE duplicate_of IS NOT NULL
GROUP BY ALL ORDER BY distance, mirrored
"""


def clusters(run: Run, at_most: int | None = None) -> pa.Table:
    """The clusters, the biggest first: `representative, url, dropped, duplicates`; of each of these its distance and key.

    The URL is null where the representative is none of this run's samples: those of `against` may be another's.
    """
    with connect(run.store) as connection:
        query = _CLUSTERS.format(distance=_told(connection, "near_duplicate_distance"))
        return connection.sql(query, params=(at_most,)).to_arrow_table()


def duplicates_text(run: Run) -> str:
    """How many clusters there are by size, how far duplicates are from their representatives, and the biggest clusters."""
    with connect(run.store) as connection:
        sizes = connection.execute(_SIZES).fetchall()
        told = [_told(connection, name) for name in ("near_duplicate_distance", "near_duplicate_mirrored")]
        distances = connection.execute(_DISTANCES.format(distance=told[0], mirrored=told[1])).fetchall()
    if not sizes:
        return "No sample is dropped for another that is kept in its place."
    spans = [(_span(size), f"{count:,}", f"{dropped:,}") for size, count, dropped in sizes]
    apart = [
        ("not told" if distance is None else f"{distance}, mirrored" if mirrored else str(distance), f"{count:,}")
        for distance, mirrored, count in distances
    ]
    biggest = [
        (each["representative"], f"{each['dropped']:,}", _spread(each["duplicates"]), plain(each["url"] or "of another run"))
        for each in clusters(run, _BIGGEST).to_pylist()
    ]
    blocks = [
        lines([("pictures of a cluster", "clusters", "dropped"), *spans], (1, 2)),
        lines([("distance", "dropped"), *apart], (1,)),
        lines([("biggest clusters", "dropped", "distances", "kept"), *biggest], (1,)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _told(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """What says this of a duplicate and its representative; null where none of the links tells."""
    found = connection.execute("SELECT column_type FROM (DESCRIBE ledger) WHERE column_name = 'evidence'").fetchall()
    return f"evidence.{name}" if any(name in kind for (kind,) in found) else "NULL::INTEGER"


def _span(doublings: int) -> str:
    """The sizes that need so many doublings: `2`, `3 to 4`, `5 to 8`."""
    most = 2**doublings
    least = most // 2 + 1
    return str(most) if least == most else f"{least:,} to {most:,}"


def _spread(duplicates: list[dict[str, int | None]]) -> str:
    """The least and the greatest distance."""
    found = sorted({each["distance"] for each in duplicates if each["distance"] is not None})
    return "" if not found else str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
