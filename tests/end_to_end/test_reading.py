"""The lines of docs/reading.md read the demo's dataset as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
import webdataset as wds
from datasets import load_dataset

from wukong_build.inspect.run import Run

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
LINES = dict(re.findall(r"^\| ([^|`]+) \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
NAMES = {"duckdb": duckdb, "pl": pl, "pd": pd, "wds": wds, "glob": glob, "load_dataset": load_dataset}

KEYS: dict[str, Callable[[Any], list[str]]] = {
    "DuckDB": lambda found: [key for key, _ in found.fetchall()],
    "Polars": lambda found: found["key"].to_list(),
    "pandas": lambda found: found["key"].to_list(),
    "HF datasets: manifests": lambda found: found["key"][:],
    "HF datasets: samples": lambda found: [row["__key__"] for row in found],
    "webdataset": lambda found: [sample["__key__"] for sample in found],
}
"""How the keys are told from what each line gives; Spark, which is large, is not in the development environment."""


def test_every_line_is_run() -> None:
    """The page has a line for each program that is tried here, and for Spark."""
    assert LINES.keys() == KEYS.keys() | {"Spark"}


@pytest.mark.parametrize("program", KEYS)
def test_a_line_reads_the_dataset(program: str, demo_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It gives every sample once, or those that it asks for."""
    monkeypatch.chdir(demo_run.store.root)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    rows = demo_run.manifests().select(["key", "width"]).to_pylist()
    expected = [row["key"] for row in rows if "400" not in LINES[program] or row["width"] >= 400]
    assert sorted(KEYS[program](eval(LINES[program], dict(NAMES)))) == sorted(expected)  # noqa: S307  a line of our own
    assert 0 < len(expected) <= len(rows)
