"""Another program finds near pairs among the same hashes: near_peers.py PROGRAM COUNT DISTANCE. Prints its cost as JSON.

`asked` is the share of the hashes that it was asked for, where all would take too long.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from near_hashes import Planted, planted, spent

QUERIES = 20_000
"""That faiss is asked: the planted ones and others; the seconds of the rest are reckoned."""

NEIGHBOURS = 8
BANDS = 4
FEW = 4000
"""Hashes that imagededup is given: it compares each with all."""


def faiss_multi_hash(made: Planted, distance: int) -> dict[str, Any]:
    """Four tables of 16 bits, in which all buckets that are one bit away are looked up too: within 4 that finds all."""
    import faiss

    index = faiss.IndexBinaryMultiHash(64, 4, 16)
    index.nflip = 1

    def search(queries: npt.NDArray[np.uint8]) -> Callable[[int], npt.NDArray[np.int64]]:
        limits, _, found = index.range_search(queries, distance + 1)
        return lambda row: found[int(limits[row]) : int(limits[row + 1])]

    return _by_queries(index, search, made, distance)


def faiss_hnsw(made: Planted, distance: int) -> dict[str, Any]:
    """The graph with 16 links a node, asked for the nearest few."""
    import faiss

    index = faiss.IndexBinaryHNSW(64, 16)

    def search(queries: npt.NDArray[np.uint8]) -> Callable[[int], npt.NDArray[np.int64]]:
        _, found = index.search(queries, NEIGHBOURS)
        return lambda row: found[row]

    return _by_queries(index, search, made, distance)


def _by_queries(index: Any, search: Callable[[Any], Callable[[int], Any]], made: Planted, distance: int) -> dict[str, Any]:
    rows = np.concatenate([made.copies, np.arange(QUERIES - len(made.copies))])
    words = made.hashes.view(np.uint8).reshape(-1, 8)
    _, build = spent(lambda: index.add(words))
    answer, asked = spent(lambda: search(words[rows]))
    found = np.array([source in answer(row) for row, source in enumerate(made.sources)])
    times = len(made.hashes) / len(rows)
    cost = {name: build[name] + asked[name] * times for name in ("seconds", "cpu_seconds")}
    return cost | {"peak_mb": asked["peak_mb"], "asked": 1 / times, "recall": made.recall(found, distance)}


def duckdb(made: Planted, distance: int) -> dict[str, Any]:
    """A join over four bands of 16 bits."""
    import duckdb as database

    connection = database.connect(config={"memory_limit": "8GB"})
    given = {"row": np.arange(len(made.hashes)), "hash": made.hashes}  # noqa: F841  DuckDB finds it by its name
    connection.execute("CREATE TABLE hashes AS FROM given")
    bands = " UNION ".join(
        f"SELECT a.row AS earlier, b.row AS later FROM hashes a JOIN hashes b ON (a.hash >> {16 * band}) & 65535 = "  # noqa: S608  of numbers of ours
        f"(b.hash >> {16 * band}) & 65535 AND a.row < b.row WHERE bit_count(xor(a.hash, b.hash)::UBIGINT::BIT) <= {distance}"
        for band in range(BANDS)
    )
    pairs, cost = spent(lambda: connection.execute(bands).fetchnumpy())
    return cost | {"recall": _recall(made, pairs["earlier"], pairs["later"], distance)}


def polars(made: Planted, distance: int) -> dict[str, Any]:
    """The same join."""
    import polars as pl

    frame = pl.LazyFrame({"row": np.arange(len(made.hashes)), "hash": made.hashes})

    def join() -> Any:
        joined = []
        for band in range(BANDS):
            sides = frame.with_columns(band=pl.col("hash") // (1 << 16 * band) % (1 << 16))
            near = (pl.col("hash") ^ pl.col("hash_right")).bitwise_count_ones() <= distance
            joined.append(
                sides.join(sides, on="band").filter(pl.col("row") < pl.col("row_right"), near).select("row", "row_right")
            )
        return pl.concat(joined).unique().collect(engine="streaming")

    pairs, cost = spent(join)
    return cost | {"recall": _recall(made, pairs["row"].to_numpy(), pairs["row_right"].to_numpy(), distance)}


def _recall(made: Planted, earlier: npt.NDArray[np.int64], later: npt.NDArray[np.int64], distance: int) -> dict[str, float]:
    return made.recall(np.isin(made.sources << 32 | made.copies, earlier << 32 | later), distance)


def imagededup(made: Planted, distance: int) -> dict[str, Any]:
    """Its own search, each hash compared with all: of a few planted pairs, and reckoned by the square of their number."""
    from imagededup.handlers.search.retrieval import HashEval
    from imagededup.methods import PHash

    some = slice(None, None, max(1, 2 * len(made.sources) // FEW))
    few = made._replace(sources=made.sources[some], copies=made.copies[some], distances=made.distances[some])
    rows = np.concatenate([few.sources, few.copies])
    named = {str(row): f"{int(made.hashes[row]):016x}" for row in rows}
    result, cost = spent(lambda: HashEval(named, named, PHash.hamming_distance, verbose=False, threshold=distance))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    near = result.retrieve_results()
    found = np.array([str(source) in near[str(copy)] for source, copy in zip(few.sources, few.copies, strict=True)])
    times = (len(made.hashes) / len(rows)) ** 2
    cpu_seconds = (cost["cpu_seconds"] + children.ru_utime + children.ru_stime) * times
    asked = {"asked": len(rows) / len(made.hashes), "recall": few.recall(found, distance)}
    return cost | {"seconds": cost["seconds"] * times, "cpu_seconds": cpu_seconds} | asked


PROGRAMS = {program.__name__: program for program in (faiss_multi_hash, faiss_hnsw, duckdb, polars, imagededup)}


if __name__ == "__main__":
    program, count, distance = sys.argv[1:]
    print(json.dumps(PROGRAMS[program](planted(int(count), int(distance)), int(distance))))
