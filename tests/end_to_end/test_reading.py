"""The lines of docs/reading.md read the demo's dataset as they stand."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
import webdataset as wds
from datasets import load_dataset

from wukong_build import run
from wukong_build.demo.server import Server
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
"""How the keys are told from what each line gives."""

PYTORCH = ("PyTorch", "PyTorch: in any order")
RAY = ("Ray Data: samples", "Ray Data: manifests")
"""These have an environment of their own, for they are large; Spark, which wants Java besides, has none."""

READERS = Path(__file__).parents[2] / ".venv-readers"
in_readers = pytest.mark.skipif(
    not (READERS / "installed").exists(), reason="PyTorch and Ray are not there; make .venv-readers/installed"
)


@pytest.fixture(scope="module")
def indexed(
    demo_run: Run, demo_served: Server, demo_values: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """The demo with an index for wids, in seven shards: two workers have not the same number of them."""
    path = tmp_path_factory.mktemp("indexed") / "run"
    shutil.copytree(demo_run.store.root, path)
    values = demo_values(demo_served, path)
    values["shard"] |= {"samples": 6, "index": ["wids"]}
    made = run(values, ["shard"])
    assert len(made.shards) == 7
    return made


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a name so short that Ray's sockets in it keep within the 103 bytes that macOS allows."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def read_elsewhere(script: str, *arguments: str | Path, cwd: str, **environment: str) -> list[list[list[str]]]:
    """What a script prints, run by the Python of .venv-readers: lists of (key, caption, sha256)."""
    process = subprocess.Popen(
        [READERS / "bin" / "python", Path(__file__).parent / "readers" / script, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment},  # once compiled, Ray's workers start in half the time
        start_new_session=True,
    )
    try:
        printed, complaints = process.communicate(timeout=240)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # where the script was stopped, agents of Ray would live on
    assert process.returncode == 0, complaints
    samples: list[list[list[str]]] = json.loads(printed)
    return samples


def published_samples(made: Run) -> list[list[str]]:
    """(key, caption, sha256) of every row of the manifests, sorted."""
    return sorted([row["key"], row["caption"], row["sha256"]] for row in made.manifests().to_pylist())


def test_every_line_is_run() -> None:
    """The page has a line for each program that is tried here, and for Spark."""
    assert LINES.keys() == KEYS.keys() | {*PYTORCH, *RAY, "Spark"}


@pytest.mark.parametrize("program", KEYS)
def test_a_line_reads_the_dataset(program: str, demo_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It gives every sample once, or those that it asks for."""
    monkeypatch.chdir(demo_run.store.root)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    rows = demo_run.manifests().select(["key", "width"]).to_pylist()
    expected = [row["key"] for row in rows if "400" not in LINES[program] or row["width"] >= 400]
    assert sorted(KEYS[program](eval(LINES[program], dict(NAMES)))) == sorted(expected)  # noqa: S307  a line of our own
    assert 0 < len(expected) <= len(rows)


@in_readers
def test_pytorch(indexed: Run, published: Callable[[Path | str], dict[str, str]]) -> None:
    """Two workers of a DataLoader bring every sample once between them, byte for byte, and leave the folder as it was."""
    before = published(indexed.store.root)
    by_tar, by_index = read_elsewhere("read_pytorch.py", *(LINES[name] for name in PYTORCH), cwd=indexed.store.root)
    assert sorted(by_tar) == sorted(by_index) == published_samples(indexed)
    assert published(indexed.store.root) == before


@in_readers
def test_ray_data(indexed: Run, short_folder: Path) -> None:
    """Ray Data brings every sample and every row of the manifests once, byte for byte."""
    (short_folder / "ray_bootstrap_config.yaml").write_text("{}")  # without which it asks 169.254.169.254 in what cloud it is
    samples, rows = read_elsewhere(
        "read_ray.py",
        short_folder,
        *(LINES[name] for name in RAY),
        cwd=indexed.store.root,
        HOME=str(short_folder),  # where it writes the token without which nobody may give its workers anything to do
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # what is the default on those two: it listens on loopback alone
        RAY_USAGE_STATS_ENABLED="0",
    )
    assert sorted(samples) == sorted(rows) == published_samples(indexed)
