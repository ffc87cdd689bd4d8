"""A run in a screenful of text, and its tables as rows of text or JSON."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.inspect.run import Run
from wukong_build.inspect.terminal import cut, lines, plain
from wukong_build.sql import connect, in_utc

_CELL = 48
"""Cells of a terminal that one cell of a table takes at most."""

_MOST = 5
"""Hosts, origins and shards that a summary names; the others are counted."""

_NAMED = 3
"""Licences, and failures of one host, that are named."""

_QUESTION = "SELECT dropped_by, count(*) FROM ledger GROUP BY ALL"

_HOST = r"regexp_extract(url, '^[a-z]+://([^/]*)', 1)"


def summary(run: Run) -> str:
    """What the run is made of, its funnel, and how to go on from here."""
    with connect(run.store) as connection:
        count, samples = _samples(connection)
        facts = [
            ("run", plain(run.store.url)),
            ("made", _made(run, connection)),
            ("robots", _robots(connection)),
            ("pages", _pages(connection)),
            ("pairs", _pairs(connection)),
            ("samples", samples),
            ("opt-outs", _opt_outs(connection, count)),
            ("licences", _licences(connection, count)),
        ]
        hosts = _grouped(connection, "hosts of images", _HOST, count, failures=True)
        origins = _grouped(connection, "caption origins", "coalesce(caption_origin, 'no caption')", count)
    unfinished = [] if run.store.finished("filter") else ["The filter has not finished: what follows is of before."]
    blocks = [
        lines(facts),
        [*unfinished, funnel_text(run.funnel(), run.measured())],
        hosts,
        origins,
        _shards(run),
        _how_to_go_on(run),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _made(run: Run, connection: duckdb.DuckDBPyConnection) -> str:
    """When the network answered, and what the run was made with."""
    answers = "SELECT fetched_at FROM pages UNION ALL SELECT fetched_at FROM images"
    first, last = _row(connection, f"SELECT min(fetched_at) AS first, max(fetched_at) AS last FROM ({answers})")  # noqa: S608  ours
    when = "nothing fetched yet" if first is None else f"fetched {_clock(first)} to {_clock(last)} UTC"
    versions = run.record["versions"]
    return f"{when}, by {', '.join(f'{name} {versions[name]}' for name in ('wukong-build', 'python'))}"


def _pages(connection: duckdb.DuckDBPyConnection) -> str:
    asked, failed = _row(connection, "SELECT count(*) AS count, count(error) AS failed FROM visits WHERE decision = 'asked'")
    refused = _classes(connection, "SELECT decision, count(*) FROM visits WHERE decision <> 'asked' GROUP BY 1")
    failures = _classes(connection, "SELECT error, count(*) FROM visits WHERE error IS NOT NULL GROUP BY 1")
    (total,) = _row(connection, "SELECT count(*) FROM visits WHERE decision <> 'asked'")
    return f"{asked:,} asked, {failed:,} of them failed{failures}; {total:,} refused{refused}"


def _pairs(connection: duckdb.DuckDBPyConnection) -> str:
    pairs, pages = _row(connection, "SELECT count(*) AS pairs, count(DISTINCT page_url) AS pages FROM pairs")
    return f"{pairs:,} on {pages:,} pages"


def _samples(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """How many there are, and what their fetching came to."""
    count, failed = _row(connection, "SELECT count(*) AS count, count(error) AS failed FROM samples")
    failures = _classes(connection, "SELECT error, count(*) FROM samples WHERE error IS NOT NULL GROUP BY 1")
    return count, f"{count:,}, of which {count - failed:,} with an image and {failed:,} without{failures}"


def _robots(connection: duckdb.DuckDBPyConnection) -> str:
    """How many hosts were asked for theirs; one that could not be had forbids everything, so that is told with the reason."""
    latest = "(SELECT * FROM robots QUALIFY row_number() OVER (PARTITION BY origin ORDER BY fetched_at DESC) = 1)"
    lost = "coalesce(http_status = 429 OR http_status >= 500, true)"
    count, failed = _row(connection, f"SELECT count(*) AS count, count(*) FILTER ({lost}) AS failed FROM {latest}")  # noqa: S608  ours
    failures = _classes(connection, f"SELECT error, count(*) FROM {latest} WHERE {lost} GROUP BY 1")  # noqa: S608  as above
    return f"asked of {count:,} hosts; {failed:,} could not be had{failures}"


def _opt_outs(connection: duckdb.DuckDBPyConnection, total: int) -> str:
    """How many samples carry one, by signal, and how many of them are withheld for it."""
    withheld = "count(*) FILTER (error = 'opted_out') AS withheld"
    count, opted_out = _row(connection, f"SELECT count(*) AS count, {withheld} FROM samples WHERE len(opt_out) > 0")  # noqa: S608  ours
    names = "SELECT DISTINCT key, split_part(unnest(opt_out), ':', 1) AS name FROM samples"
    signals = _classes(connection, f"SELECT name, count(*) FROM ({names}) GROUP BY 1")  # noqa: S608  ours
    return f"with {count:,} of {total:,} samples{signals}; {opted_out:,} withheld"


def _licences(connection: duckdb.DuckDBPyConnection, total: int) -> str:
    """How many samples stand on a page that names one; the most frequent are told."""
    ((count,),) = connection.execute("SELECT count(*) FROM samples WHERE len(licences) > 0").fetchall()
    named = "SELECT DISTINCT key, unnest(licences).url AS url FROM samples"
    found = connection.execute(f"SELECT url, count(*) FROM ({named}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_NAMED}").fetchall()  # noqa: S608  ours
    told = ", ".join(f"{cut(plain(url), _CELL)}: {samples:,}" for url, samples in found)
    return f"named by the pages of {count:,} of {total:,} samples{f' ({told})' if told else ''}"


def _classes(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Counts by class, the largest first: ` (404: 3, robots: 1)`."""
    counts = connection.execute(f"{query} ORDER BY 2 DESC, 1").fetchall()
    return f" ({', '.join(f'{name}: {count:,}' for name, count in counts)})" if counts else ""


def _grouped(connection: duckdb.DuckDBPyConnection, title: str, group: str, total: int, *, failures: bool = False) -> list[str]:
    """The largest groups of samples, with how many of each were kept, and if wished why others have no image."""
    counts = connection.execute(
        f"SELECT {group}, count(*), count(*) FILTER (kept), histogram(error) FILTER (error IS NOT NULL) "  # noqa: S608  groups of ours
        f"FROM samples LEFT JOIN ledger USING (key) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_MOST}"
    ).fetchall()
    rows = [
        (plain(name) or "none", f"{seen:,}", f"{kept:,}", _frequent(classes) if failures else "")
        for name, seen, kept, classes in counts
    ]
    others = total - sum(row[1] for row in counts)
    rows += [("others", f"{others:,}", "", "")] if others else []
    return lines([(title, "samples", "kept", "without an image" if failures else ""), *rows], (1, 2)) if rows else []


def _frequent(classes: Mapping[str, int] | None) -> str:
    """The most frequent classes of failure of a group."""
    ordered = sorted((classes or {}).items(), key=lambda found: (-found[1], found[0]))
    return ", ".join([f"{name}: {count:,}" for name, count in ordered[:_NAMED]] + ["…"] * (len(ordered) > _NAMED))


def _shards(run: Run) -> list[str]:
    """How many shards there are, and what the first ones hold."""
    rows = []
    for path, part in zip(run.shards[:_MOST], run.store.parts("shards"), strict=False):
        with run.store.open_part("shards", part) as manifest:
            rows.append((plain(path), f"{manifest.metadata.num_rows:,}", f"{run.store.fs.size(path):,}"))
    others = len(run.shards) - len(rows)
    rows += [(f"and {others:,} more", "", "")] if others else []
    stale = run.store.finished("shard") != run.store.finished("filter")
    warning = ["The shards are not those of this ledger: run `wukong-build shard` with its config."] if stale and rows else []
    return [*warning, *lines([("shards", "samples", "bytes"), *rows], (1, 2))] if rows else []


def _how_to_go_on(run: Run) -> list[str]:
    """What to type next, or into a program."""
    url = shlex.quote(run.store.url)
    read = [("read", f"wukong_build.open_run({run.store.url!r}).webdataset()")] if run.shards else []
    commands = [
        ("look", f"wukong-build inspect {url} --sheet sheet.html"),
        ("ask", f'wukong-build inspect {url} --sql "{_QUESTION}"'),
        ("explain", f"wukong-build explain {url} KEY"),
    ]
    return lines([*read, *commands])


def _clock(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The one row of an answer."""
    (row,) = in_utc(connection.sql(query).to_arrow_table()).to_pylist()
    return tuple(row.values())


def funnel_text(funnel: pa.Table, measured: pa.Table | None = None) -> str:
    """The funnel as columns, with its sum: kept + dropped = seen; beside it, if given, what each link drops alone and takes."""
    beside = {} if measured is None else {row["step"]: row for row in measured.to_pylist()}
    rows = funnel.to_pylist()
    if not rows:
        return "The chain has no step: nothing was dropped."
    steps = [
        (
            row["step"],
            *(f"{row[name]:,}" for name in ("seen", "dropped", "left")),
            f"{share(row):.1%}" if row["dropped"] else "",
            *_beside(beside.get(row["step"], {})),
        )
        for row in rows
    ]
    table = lines([("step", "seen", "dropped", "left", "of seen", "alone", "µs each"), *steps], (1, 2, 3, 4, 5, 6))
    return "\n".join([*table, sum_line(funnel)])


def _beside(row: Mapping[str, Any]) -> tuple[str, str]:
    """What the link of one row drops alone, and the microseconds that it takes a sample."""
    alone, microseconds = row.get("alone"), row.get("microseconds")
    return f"{alone:,}" if alone else "", "" if microseconds is None else f"{microseconds:,.1f}"


def share(step: dict[str, Any]) -> float:
    """The part of what a step has seen that it dropped."""
    return float(step["dropped"] / step["seen"]) if step["seen"] else 0.0


def sum_line(funnel: pa.Table) -> str:
    """`kept 199 + dropped 9 = seen 208 ✓`; a cross where the sum does not hold, which would be a fault of the run."""
    seen, kept, dropped = funnel["seen"][0].as_py(), funnel["left"][-1].as_py(), pc.sum(funnel["dropped"]).as_py()
    return f"kept {kept:,} + dropped {dropped:,} = seen {seen:,} {'✓' if kept + dropped == seen else '✗'}"


def rows_text(table: pa.Table) -> str:
    """A table for people: columns that line up, numbers to the right, long cells cut."""
    right = [at for at, field in enumerate(table.schema) if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)]
    rows = [[cut(_cell(value), _CELL) for value in row.values()] for row in _rows(table)]
    return "\n".join([*lines([list(map(plain, table.column_names)), *rows], right), *([] if rows else ["(no rows)"])])


def _cell(value: Any) -> str:
    """A value on one line."""
    match value:
        case str():
            return plain(value)
        case float():
            return f"{value:.6g}"
        case bytes():
            return f"<{len(value):,} bytes>"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return plain(msgspec.json.encode(value, enc_hook=str).decode())


def rows_json(table: pa.Table) -> str:
    """A table for programs: one JSON object a line; bytes as base64, times as ISO 8601."""
    return "\n".join(msgspec.json.encode(row, enc_hook=str).decode() for row in _rows(table))


def _rows(table: pa.Table) -> Sequence[dict[str, Any]]:
    """The rows; where two columns have one name, the second is called `name_1`, so that none is lost."""
    before = [table.column_names[:at].count(name) for at, name in enumerate(table.column_names)]
    names = [f"{name}_{count}" if count else name for name, count in zip(table.column_names, before, strict=True)]
    return table.rename_columns(names).to_pylist()  # type: ignore[no-any-return]
