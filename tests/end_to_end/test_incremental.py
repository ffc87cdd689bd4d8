"""A run that grows: what was published before stays, and what looks like it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run

LEDGER = "SELECT key, kept, dropped_by, duplicate_of FROM ledger ORDER BY key"


def filtered(values: dict[str, Any], against: list[str]) -> Run:
    """The run after its filter, with earlier pictures named."""
    values["filter"]["near_duplicate"]["against"] = against
    return run(values, stages=["crawl", "filter"])


def test_a_picture_published_before_wins_over_a_larger_one(
    demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """The copy that a first run dropped was published elsewhere: now it stays, and the larger one is its duplicate."""
    values = demo_values(demo_server, tmp_path / "run")
    before = filtered(values, [])
    dropped = before.sql(
        "SELECT key, duplicate_of FROM ledger WHERE dropped_by = 'near_duplicate' ORDER BY key LIMIT 1"
    ).to_pylist()[0]
    scores = before.sql("SELECT key, phash FROM scores")
    published = scores.filter(pc.equal(scores["key"], dropped["key"]))
    pq.write_table(published, tmp_path / "published.parquet")

    after = filtered(values, [str(tmp_path / "published.parquet")])
    rows = {row["key"]: row for row in after.sql(LEDGER).to_pylist()}
    assert rows[dropped["key"]]["kept"]
    assert rows[dropped["duplicate_of"]]["dropped_by"] == "near_duplicate"
    assert rows[dropped["duplicate_of"]]["duplicate_of"] == dropped["key"]

    pq.write_table(published.slice(0, 0), tmp_path / "published.parquet")
    again = filtered(values, [str(tmp_path / "published.parquet")])
    assert again.sql(LEDGER).to_pylist() == before.sql(LEDGER).to_pylist()


def test_an_earlier_run_wins(demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """The same site crawled anew: its kept samples are those of the earlier run, so all stay; under other keys, all would go."""
    earlier = filtered(demo_values(demo_server, tmp_path / "earlier"), [])
    again = filtered(demo_values(demo_server, tmp_path / "again"), [str(tmp_path / "earlier")])
    assert again.sql(LEDGER).to_pylist() == earlier.sql(LEDGER).to_pylist()

    kept = earlier.sql("SELECT key, phash FROM scores JOIN ledger USING (key) WHERE kept AND phash IS NOT NULL")
    others = pa.table({"key": [f"other/{key}" for key in kept["key"].to_pylist()], "phash": kept["phash"]})
    pq.write_table(others, tmp_path / "others.parquet")
    none = filtered(demo_values(demo_server, tmp_path / "none"), [str(tmp_path / "others.parquet")])
    rows = none.sql("SELECT kept, duplicate_of FROM ledger WHERE kept OR dropped_by = 'near_duplicate'").to_pylist()
    assert not any(row["kept"] for row in rows)
    assert all(row["duplicate_of"].startswith("other/") for row in rows)
