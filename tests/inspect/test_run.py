"""A run opened from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from wukong_build.errors import StoreError
from wukong_build.inspect.run import Run, open_run


def test_open_run(made: Run) -> None:
    """It holds config, funnel, ledger, manifests and shards; the shards read as a webdataset."""
    run = open_run(made.store.url)
    assert run.config["filter"]["aspect_ratio"] == {"at_least": None, "at_most": 3.0}
    assert run.funnel().equals(made.funnel())
    assert (len(run.ledger()), len(run.manifests()), len(run.shards)) == (9, 2, 1)
    assert {sample["__key__"] for sample in run.webdataset()} == set(run.manifests()["key"].to_pylist())


def test_no_run(tmp_path: Path) -> None:
    """Where there is none, the error says how to make one."""
    with pytest.raises(StoreError, match="no run here"):
        open_run(str(tmp_path))
