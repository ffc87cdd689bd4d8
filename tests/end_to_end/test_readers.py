"""What trainers and data people use reads what is published: webdataset, HF datasets, DuckDB, pandas, tarfile."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from datasets import load_dataset

from wukong_build.inspect.run import Run


@pytest.fixture(scope="module")
def shards(demo_run: Run) -> Path:
    """The folder of the demo's shards."""
    return Path(demo_run.store.root, "shards")


def test_webdataset(demo_run: Run) -> None:
    """Every sample of the manifests comes once, decoded, with its caption and its record."""
    manifest = {row["key"]: row for row in demo_run.manifests().to_pylist()}
    seen = {}
    for sample in demo_run.webdataset().decode("pil"):
        row = manifest[sample["__key__"]]
        image = sample[row["format"]]
        assert image.size == (row["width"], row["height"])
        assert sample["txt"] == row["caption"]
        assert sample["json"]["page_url"] == row["page_url"]
        seen[sample["__key__"]] = sample
    assert seen.keys() == manifest.keys()


def test_hf_datasets_by_builder(demo_run: Run, shards: Path, tmp_path: Path) -> None:
    """HF datasets loads shards of one image format as they are."""
    loaded = load_dataset("webdataset", data_files={"train": f"{shards}/*.tar"}, split="train", cache_dir=str(tmp_path))
    captions = {row["key"]: row["caption"] for row in demo_run.manifests().to_pylist()}
    assert {row["__key__"]: row["txt"] for row in loaded} == captions


def test_hf_datasets_by_folder(demo_run: Run, shards: Path, tmp_path: Path) -> None:
    """HF datasets loads the folder, whatever formats it has: the card beside the shards says what a sample holds."""
    loaded = load_dataset(str(shards), split="train", cache_dir=str(tmp_path))
    sizes = {row["key"]: (row["width"], row["height"]) for row in demo_run.manifests().to_pylist()}
    assert {row["__key__"]: row["jpg"].size for row in loaded} == sizes


def test_duckdb(demo_run: Run, shards: Path) -> None:
    """DuckDB reads the manifests with one line."""
    assert duckdb.sql(f"SELECT count(DISTINCT key) FROM '{shards}/*.parquet'").fetchall() == [(len(demo_run.manifests()),)]


def test_pandas(demo_run: Run, shards: Path) -> None:
    """Pandas reads one manifest with one line; its rows stand in the order of the tar."""
    manifest = pd.read_parquet(shards / "00000.parquet")
    with tarfile.open(shards / "00000.tar") as tar:
        keys = [name.partition(".")[0] for name in tar.getnames()]
    assert list(dict.fromkeys(keys)) == list(manifest["key"])


def test_members(shards: Path) -> None:
    """Every sample's members are contiguous and in a fixed order: image, record, caption; no owner, no clock."""
    for path in shards.glob("*.tar"):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
        keys = [member.name.partition(".")[0] for member in members]
        assert [keys[index : index + 3] for index in range(0, len(keys), 3)] == [[key] * 3 for key in dict.fromkeys(keys)]
        assert [member.name.partition(".")[2] for member in members][1::3] == ["json"] * (len(members) // 3)
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in members} == {(0, 0, 0, 0o644)}


def test_statistics(shards: Path) -> None:
    """The statistics beside a shard say how many samples it has."""
    for path in shards.glob("*_stats.json"):
        count = json.loads(path.read_text())["count"]
        assert count == len(pd.read_parquet(path.with_name(path.name.replace("_stats.json", ".parquet"))))
