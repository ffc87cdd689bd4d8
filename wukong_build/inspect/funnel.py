"""The funnel: how many samples there were, what dropped them, and how many are left. It always adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from wukong_build.sql import connect
from wukong_build.store import Store

SCHEMA = pa.schema(
    {
        "step": pa.string(),
        "seen": pa.int64(),
        "dropped": pa.int64(),
        "left": pa.int64(),
        "alone": pa.int64(),
        "microseconds": pa.float64(),
    }
)
"""`alone`: samples that this link drops and no other link that has measured them; `microseconds`: of a processor, for each sample
that it measured. Both null for failures to fetch."""

COST, ALONE = "cost:", "alone:"
"""Notes in parts, before a link's name: what measuring took (scores and ledger), and how many it drops alone (ledger)."""

TOO_MANY, ENOUGH = 0.95, 1000
"""A link that drops a larger share than this is suspicious, and so is one that drops none of more samples than this."""


class Cost(NamedTuple):
    """What measuring with one link took."""

    samples: int = 0
    cpu_seconds: float = 0.0

    @classmethod
    def noted(cls, note: str) -> Cost:
        """As a note has it; an empty one says nothing was measured."""
        samples, _, seconds = note.partition(" ")
        return cls(int(samples), float(seconds)) if note else cls()

    def __str__(self) -> str:
        return f"{self.samples} {self.cpu_seconds:.6f}"


def funnel(store: Store, link_names: Sequence[str]) -> pa.Table:
    """One row a step, in order of work: failures to fetch by class, then the links, whether they dropped any or not.

    Each row's `seen` less its `dropped` is its `left`, which the next row has seen. A link that dropped samples and is no
    longer named (the ledger is older than the config) comes last, so that the sum holds.
    """
    with connect(store) as connection:
        counts = dict(connection.execute("SELECT coalesce(dropped_by, ''), count(*) FROM ledger GROUP BY 1").fetchall())
    alone, microseconds = _noted(store)
    left = sum(counts.values())
    counts.pop("", None)
    failures = sorted((name for name in counts if name.startswith("fetch:")), key=lambda name: (-counts[name], name))
    gone = sorted(set(counts) - set(failures) - set(link_names))
    rows = []
    for step in (*failures, *link_names, *gone):
        dropped = counts.get(step, 0)
        row = {"step": step, "seen": left, "dropped": dropped, "left": left - dropped}
        rows.append({**row, "alone": alone.get(step), "microseconds": microseconds.get(step)})
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


def _noted(store: Store) -> tuple[dict[str, int], dict[str, float]]:
    """By link: samples that it drops alone, and microseconds for each that it measured."""
    alone: Counter[str] = Counter()
    samples: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for part in store.parts("filter/ledger"):
        for note, value in store.notes("filter/ledger", part).items():
            if note.startswith(ALONE):
                alone[note.removeprefix(ALONE)] += int(value)
            elif note.startswith(COST):
                name, cost = note.removeprefix(COST), Cost.noted(value)
                samples[name] += cost.samples
                seconds[name] += cost.cpu_seconds  # type: ignore[assignment]
    return dict(alone), {name: 1e6 * seconds[name] / count for name, count in samples.items() if count}
