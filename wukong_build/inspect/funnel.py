"""The funnel: how many samples there were, what dropped them, and how many are left. It always adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.chain import Cost
from wukong_build.schema import ALONE_NOTE, COST_NOTE
from wukong_build.sql import score_folders
from wukong_build.store import Store

SCHEMA = pa.schema({"step": pa.string(), "seen": pa.int64(), "dropped": pa.int64(), "left": pa.int64()})

MEASURED_SCHEMA = pa.schema({"step": pa.string(), "measured": pa.int64(), "alone": pa.int64(), "microseconds": pa.float64()})
"""How many samples a link has measured, how many it drops that no other link drops which has measured them, and what one took."""

TOO_MANY, ENOUGH = 0.95, 1000
"""A link that drops a larger share than this is suspicious, and so is one that drops none of more samples than this."""


def funnel(store: Store, link_names: Sequence[str]) -> pa.Table:
    """One row a step, in order of work: failures to fetch by class, then the links, whether they dropped any or not.

    Each row's `seen` less its `dropped` is its `left`, which the next row has seen. A link that dropped samples and is no
    longer named (the ledger is older than the config) comes last, so that the sum holds.
    """
    counts: Counter[str] = Counter()
    for part in store.parts("filter/ledger"):
        dropped_by = pc.fill_null(store.read("filter/ledger", part, ["dropped_by"])["dropped_by"], "")
        counts.update({row["values"]: row["counts"] for row in dropped_by.value_counts().to_pylist()})
    left = counts.total()
    del counts[""]
    failures = sorted((name for name in counts if name.startswith("fetch:")), key=lambda name: (-counts[name], name))
    gone = sorted(set(counts) - set(failures) - set(link_names))
    rows = []
    for step in (*failures, *link_names, *gone):
        dropped = counts.get(step, 0)
        rows.append({"step": step, "seen": left, "dropped": dropped, "left": left - dropped})
        left -= dropped
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def suspicions(funnel: pa.Table, bounded: Sequence[str]) -> list[str]:
    """What somebody should look at: links with bounds that drop nearly all of what they see, or nothing of many."""
    told = []
    for row in funnel.to_pylist():
        if row["step"] not in bounded or not row["seen"]:
            continue
        if row["dropped"] > TOO_MANY * row["seen"]:
            told.append(f"{row['step']} dropped {row['dropped']:,} of {row['seen']:,} samples: is its bound what you mean?")
        elif row["dropped"] == 0 and row["seen"] > ENOUGH:
            told.append(f"{row['step']} dropped none of {row['seen']:,} samples: is its bound what you mean?")
    return told


def measured(store: Store) -> pa.Table:
    """One row a link: what measuring came to so far. Unlike the funnel it depends on what was run before, and on the machine."""
    costs: dict[str, Cost] = {}
    for folder in score_folders(store):
        for name, note in _notes(store, folder, COST_NOTE):
            costs[name] = costs.get(name, Cost()).and_also(Cost.noted(note))
    alone: Counter[str] = Counter()
    for name, note in _notes(store, "filter/ledger", ALONE_NOTE):
        alone[name] += int(note)
    rows = [
        {"step": name, "measured": cost.samples, "alone": alone.get(name), "microseconds": cost.microseconds}
        for name, cost in costs.items()
    ]
    return pa.Table.from_pylist(rows, schema=MEASURED_SCHEMA)


def _notes(store: Store, folder: str, kind: str) -> Iterator[tuple[str, str]]:
    """Link and note, of every note of this kind in the parts of a folder."""
    for part in store.parts(folder):
        notes = store.notes(folder, part).items()
        yield from ((name.removeprefix(kind), note) for name, note in notes if name.startswith(kind))
