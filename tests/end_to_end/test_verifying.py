"""A run that does not agree with itself is found out."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from wukong_build.inspect.run import Run
from wukong_build.inspect.verify import verify
from wukong_build.store import Store

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(demo_run: Run, tmp_path: Path) -> Path:
    """The demo's run, to be damaged."""
    return Path(shutil.copytree(demo_run.store.root, tmp_path / "run"))


def _rewritten(path: Path, folder: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """A part with other rows, whose note of its digest is right."""
    store = Store(str(path))
    notes = {
        name: text
        for name, text in store.notes(folder, "00000").items()
        if name not in {"fingerprint", "digest", "schema_version"}
    }
    table = change(store.read(folder, "00000"))
    store.write(folder, "00000", table, store.made_from(folder, "00000") or "", notes)


def _with(name: str, value: Any) -> Callable[[pa.Table], pa.Table]:
    """The first row has another value in a column."""

    def change(table: pa.Table) -> pa.Table:
        at = table.column_names.index(name)
        values = [value, *table[name].to_pylist()[1:]]
        return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))

    return change


def test_a_sound_run(copy: Path, command: Command) -> None:
    """Exit status 0, and what was looked at."""
    done = command("verify", copy, "--deep")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("all as it should be\n")
    assert json.loads(command("verify", copy, "--json").stdout)["samples"] == 40


def test_findings_are_told(copy: Path, command: Command) -> None:
    """A line each, and exit status 1; as JSON for programs."""
    (copy / "shards/00001.tar").unlink()
    done = command("verify", copy)
    assert done.returncode == 1
    assert "shards/00001.tar: is missing; right would be " in done.stdout
    assert "findings in " in done.stderr
    found = json.loads(command("verify", copy, "--json").stdout)["findings"]
    assert {"shards/00001.tar"} == {finding["file"] for finding in found}
    assert command("verify", copy / "crawl").returncode == 1


@pytest.mark.parametrize(
    ("folder", "change", "found"),
    [
        ("filter/ledger", lambda table: table.slice(1), "has no row"),
        ("filter/ledger", lambda table: pa.concat_tables([table, table.slice(0, 1)]), "has several rows"),
        ("filter/ledger", _with("key", "0" * 32), "is no sample"),
        ("filter/ledger", lambda table: table.filter(pc.invert(table["kept"])), "is published and not kept"),
        ("filter/ledger", _with("dropped_by", None), "is neither kept nor dropped"),
        ("crawl/samples", lambda table: pa.concat_tables([table, table.slice(0, 1)]), "has several rows"),
        ("crawl/images", _with("image", b"other"), "has an image with the sha256"),
        ("crawl/images", lambda table: table.slice(len(table)), "has no row"),
    ],
)
def test_tables_against_each_other(copy: Path, folder: str, change: Callable[[pa.Table], pa.Table], found: str) -> None:
    """Samples, ledger and manifests have the same keys; every image has its digest, however well a part agrees with itself."""
    _rewritten(copy, folder, change)
    findings = verify(str(copy)).findings
    assert any(finding.found.startswith(found) for finding in findings), findings


def test_parts_against_their_digests(copy: Path) -> None:
    """A part whose rows are not those it was written with is found, and so is one that cannot be read."""
    store = Store(str(copy))
    path = copy / "crawl/samples/00000.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    (finding,) = verify(str(copy)).findings
    assert (finding.file, finding.found[:15]) == ("crawl/samples/00000.parquet", "cannot be read:")
    path.write_bytes(content)
    right = store.read("filter/ledger", "00000")
    with store.writing("filter/ledger", "00000", right.schema, "x") as writer:
        writer.write_table(_with("score", 0.5)(right))
        writer.digest = store.digest("filter/ledger", "00000")
    assert "holds other rows than were written" in [finding.found for finding in verify(str(copy)).findings]


def test_the_funnel_against_the_ledger(copy: Path) -> None:
    """Kept + dropped = seen, as the record of the run has it and as the ledger counts."""
    record = yaml.safe_load((copy / "run.yaml").read_text(encoding="utf-8"))
    record["funnel"][0]["dropped"] += 1
    (copy / "run.yaml").write_text(yaml.safe_dump(record, allow_unicode=True), encoding="utf-8")
    (finding,) = verify(str(copy)).findings
    assert finding.told() == (
        "run.yaml: its funnel says seen 91, dropped 52, kept 40; right would be 91, 51, 40, as the ledger counts"
    )


def test_every_file_says_its_schema_version(copy: Path) -> None:
    """Every Parquet and JSON file of a run, but for what a crawl has learnt of hosts and for Croissant."""
    store = Store(str(copy))
    parts = [path.relative_to(copy) for path in copy.rglob("*.parquet")]
    assert {store.notes(str(part.parent), part.stem).get("schema_version") for part in parts} == {"1"}
    files = [path for path in copy.rglob("*.json") if path.parent.name != "learnt" and path.name != "croissant.json"]
    assert {json.loads(path.read_bytes())["schema_version"] for path in files} == {1}
