"""What `inspect` prints: a screenful on the run, and tables as text or JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from wukong_build.inspect.run import Run
from wukong_build.inspect.summary import rows_json, rows_text, summary


@pytest.mark.parametrize(
    "said",
    [
        "fetched 2026-01-02 03:04 to 2026-01-02 03:04 UTC, by wukong-build ",
        "pages     8 asked, 0 of them failed; 0 refused",
        "robots    asked of 4 hosts; 1 could not be had (blocked_address: 1)",
        "pairs     16 on 8 pages",
        "samples   9, of which 6 with an image and 3 without (404: 1, opted_out: 1, robots: 1)",
        "opt-outs  with 2 of 9 samples (content_usage: 1, meta_robots: 1); 1 withheld",
        "licences  named by the pages of 9 of 9 samples (https://creativecommons.org/licenses/by/4.0/: 9)",
        "kept 2 + dropped 7 = seen 9 ✓",
        "img.test               9     2  404: 1, opted_out: 1, robots: 1",
        "figcaption             8     2",
        "webdataset()",
    ],
)
def test_summary(made: Run, said: str) -> None:
    """It tells robots.txt, pages, pairs, samples and their failures, opt-outs, licences, funnel, hosts, origins, shards."""
    assert said in summary(made)


def test_summary_is_a_screenful(made: Run) -> None:
    """It fits a terminal of fifty lines."""
    assert len(summary(made).splitlines()) <= 50


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("一只猫", "一只猫"),
        ("a\nb", "a\\nb"),
        (None, "null"),
        (True, "true"),
        (3.816793893, "3.81679"),
        (b"\xff\xd8", "<2 bytes>"),
        (["a", "b"], '["a","b"]'),
        ({"text": "猫", "distance": 1}, '{"text":"猫","distance":1}'),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02 03:04:05"),
        ("字" * 100, "字" * 23 + "…"),
    ],
)
def test_cells(value: Any, shown: str) -> None:
    """Every value stands on one line, and long ones are cut."""
    assert rows_text(pa.table({"cell": [value]})).splitlines()[1] == shown


def test_rows_text() -> None:
    """Texts begin together, numbers end together."""
    table = pa.table({"caption": ["一只猫", "dog"], "count": [5, 12345]})
    assert rows_text(table).splitlines() == ["caption  count", "一只猫       5", "dog      12345"]


def test_no_rows() -> None:
    """An empty answer still names its columns."""
    assert rows_text(pa.table({"key": pa.array([], pa.string())})).splitlines() == ["key", "(no rows)"]
    assert not rows_json(pa.table({"key": pa.array([], pa.string())}))


def test_rows_json() -> None:
    """One object a line; Chinese as it is, times as ISO 8601, bytes as base64, equal names told apart."""
    table = pa.Table.from_arrays(
        [pa.array(["猫", None]), pa.array([b"\x00", b""]), pa.array([datetime(2026, 1, 2, tzinfo=UTC)] * 2), pa.array([1, 2])],
        names=["a", "b", "c", "a"],
    )
    first, second = rows_json(table).splitlines()
    assert "猫" in first
    assert json.loads(first) == {"a": "猫", "b": "AA==", "c": "2026-01-02T00:00:00Z", "a_1": 1}
    assert json.loads(second)["a"] is None
