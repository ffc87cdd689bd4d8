"""What trainers and data people use reads what is published: webdataset, HF datasets, DuckDB, pandas, tarfile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from wukong_build.config import load_config, recipe_path
from wukong_build.inspect.run import Run
from wukong_build.schema import MANIFEST
from wukong_build.web.sources.urls import Urls


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


def test_the_hub_can_read_the_card(shards: Path) -> None:
    """Its front matter is what the Hub asks for."""
    told = DatasetCard((shards / "README.md").read_text(encoding="utf-8")).data.to_dict()
    assert told["license"] == "unknown"
    assert told["language"] == ["zh"]
    assert told["size_categories"] == ["n<1K"]
    assert told["configs"] == [{"config_name": "default", "data_files": [{"split": "train", "path": "*.tar"}]}]


@pytest.mark.parametrize("records", ["samples", "images"])
def test_mlcroissant(records: str, demo_run: Run, shards: Path, tmp_path: Path) -> None:
    """In a process of its own it validates the description, and gives the records that the description promises."""
    script = (
        "import sys, json, mlcroissant\n"
        "dataset = mlcroissant.Dataset(jsonld='croissant.json')\n"
        "issues = dataset.metadata.ctx.issues\n"
        f"found = [row['records/{records}/key'].decode() for row in dataset.records('records/{records}')]\n"
        "print(json.dumps([sorted(issues.errors), len(issues.warnings), found]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=shards,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CROISSANT_CACHE": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    errors, warnings, found = json.loads(done.stdout)
    assert (errors, warnings) == ([], 2)  # citeAs and datePublished are the publisher's to say
    assert sorted(found) == sorted(demo_run.manifests()["key"].to_pylist())


def test_the_funnel_stands_beside_the_shards(demo_run: Run, shards: Path) -> None:
    """For machines: the same steps as the run's, which add up to what is published."""
    told = json.loads((shards / "funnel.json").read_text(encoding="utf-8"))
    assert told["funnel"] == demo_run.funnel().to_pylist()
    assert told["kept"] + sum(row["dropped"] for row in told["funnel"]) == told["seen"]
    assert told["kept"] == len(demo_run.manifests())


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
    """The statistics beside a shard say how many samples it has, of which kinds, and how large they are."""
    for path in shards.glob("*_stats.json"):
        told, manifest = (
            json.loads(path.read_text()),
            pd.read_parquet(path.with_name(path.name.replace("_stats.json", ".parquet"))),
        )
        assert told["count"] == told["successes"] == sum(told["status_dict"].values()) == len(manifest)
        assert told["formats"] == manifest["format"].value_counts().to_dict()
        assert told["width"] == {
            "least": manifest["width"].min(),
            "mean": round(manifest["width"].mean(), 2),
            "most": manifest["width"].max(),
        }


def test_the_manifest_says_what_its_columns_mean(demo_run: Run, shards: Path) -> None:
    """Each column of the schema and of the chain's links, with its meaning, stands in the file itself."""
    schema = pq.read_schema(shards / "00000.parquet")
    links = load_config(recipe_path("demo")).filter.published()
    assert schema.names == [*MANIFEST.arrow.names, *(column.name for column in links)]
    meanings = {column.name: column.meaning for column in (*MANIFEST.columns, *links)}
    assert {field.name: field.metadata[b"description"].decode() for field in schema} == meanings
    scores = demo_run.sql("SELECT count(*) FROM manifest JOIN scores USING (key) WHERE manifest.phash <> scores.phash")
    assert scores.to_pylist() == [{"count_star()": 0}]


def test_the_ledger_is_joinable_by_key(demo_run: Run) -> None:
    """What is kept is what is published, key by key, with the same caption."""
    kept = demo_run.sql("SELECT key, caption FROM ledger WHERE kept ORDER BY key")
    assert kept.equals(demo_run.sql("SELECT key, caption FROM manifest ORDER BY key"))
    assert demo_run.sql("SELECT count(*) AS wrong FROM manifest WHERE text_length <> length(caption)").to_pylist() == [
        {"wrong": 0}
    ]


def test_an_exported_list_can_be_crawled(demo_run: Run, command: Callable[..., Any], tmp_path: Path) -> None:
    """The command writes a list that a config reads as one of its own: as Wukong's with that preset."""
    done = command("export", demo_run.store.root, "--format", "wukong-csv", "--into", tmp_path / "csv")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'csv'}: {len(demo_run.manifests())} samples as wukong-csv\n")
    again = command("export", demo_run.store.root, "--format", "wukong-csv", "--into", tmp_path / "csv")
    assert again.returncode == 2
    assert "is there already, and is not overwritten" in again.stderr
    lists = Urls(path=f"{tmp_path}/csv/*.csv", preset="wukong")
    lists.check()
    tables = (table for path in (tmp_path / "csv").iterdir() for table in lists.tables(str(path), "0:urls"))
    assert sorted(url for table in tables for url in table["url"].to_pylist()) == sorted(demo_run.manifests()["url"].to_pylist())
