"""The funnel: how many samples there were, what dropped them, and how many are left. It always adds up."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wukong_build.sql import connect
from wukong_build.store import Store

SCHEMA = pa.schema({"step": pa.string(), "seen": pa.int64(), "dropped": pa.int64(), "left": pa.int64()})


def funnel(store: Store, link_names: Sequence[str]) -> pa.Table:
    """One row a step, in order of work: failures to fetch by class, then the links, whether they dropped any or not.

    Each row's `seen` less its `dropped` is its `left`, which the next row has seen. A link that dropped samples and is no
    longer named (the ledger is older than the config) comes last, so that the sum holds.
    """
    with connect(store) as connection:
        counts = dict(connection.execute("SELECT coalesce(dropped_by, ''), count(*) FROM ledger GROUP BY 1").fetchall())
    left = sum(counts.values())
    counts.pop("", None)
    failures = sorted((name for name in counts if name.startswith("fetch:")), key=lambda name: (-counts[name], name))
    gone = sorted(set(counts) - set(failures) - set(link_names))
    rows = []
    for step in (*failures, *link_names, *gone):
        dropped = counts.get(step, 0)
        rows.append({"step": step, "seen": left, "dropped": dropped, "left": left - dropped})
        left -= dropped
    return pa.Table.from_pylist(rows, schema=SCHEMA)
