"""Each form of the published dataset holds every sample once, and is read by the program it is for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset
from PIL import Image

from wukong_build.errors import ConfigError, StoreError
from wukong_build.shards import CSV_FILES, FORMS
from wukong_build.shards.export import _WRITERS, export
from wukong_build.store import Store

Rows = dict[str, dict[str, Any]]


def test_every_form_has_a_writer() -> None:
    """What `--help` names is what can be written."""
    assert list(FORMS) == list(_WRITERS)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_run_gives_the_same_bytes(form: str, dataset: Store, rows: Rows, tmp_path: Path) -> None:
    """Two exports are equal file by file, and leave nothing else behind."""
    for name in ("one", "two"):
        assert export(dataset, form, str(tmp_path / name)) == len(rows)
    one, two = ({path.relative_to(tmp_path / name): path for path in (tmp_path / name).rglob("*.*")} for name in ("one", "two"))
    assert one.keys() == two.keys() != set()
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_wukong_csv(dataset: Store, rows: Rows, tmp_path: Path) -> None:
    """As many files as Wukong has, a header in each, the pairs spread over them by their keys."""
    export(dataset, "wukong-csv", str(tmp_path / "csv"))
    paths = sorted((tmp_path / "csv").iterdir())
    assert len(paths) == CSV_FILES == 256
    pairs = set()
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        assert header == ["url", "caption"]
        pairs.update(map(tuple, lines))
        number = int(path.stem.removeprefix("wukong_"))
        keys = {row["url"]: key for key, row in rows.items()}
        assert all(int(keys[url][:2], 16) == number for url, _ in lines)
        assert list(pd.read_csv(path, lineterminator="\n")["url"]) == [url for url, _ in lines]
    assert pairs == {(row["url"], row["caption"]) for row in rows.values()}


@pytest.mark.parametrize(
    ("form", "columns"),
    [
        ("img2dataset", {"url": "url", "caption": "caption", "key": "key", "sha256": "sha256", "width": "width"}),
        ("coyo", {"id": "key", "url": "url", "text": "caption", "image_phash": "phash", "text_length": "text_length"}),
        ("laion", {"SAMPLE_ID": "key", "URL": "url", "TEXT": "caption", "WIDTH": "width", "HEIGHT": "height"}),
    ],
)
def test_lists_of_urls(form: str, columns: dict[str, str], dataset: Store, rows: Rows, tmp_path: Path) -> None:
    """Each column has what the manifest has under its own name, in the order of the shards."""
    export(dataset, form, str(tmp_path / form))
    found = pq.read_table(tmp_path / form).to_pylist()
    assert [{theirs: row[theirs] for theirs in columns} for row in found] == [
        {theirs: row[ours] for theirs, ours in columns.items()} for row in rows.values()
    ]


def test_laion_names_the_licence(dataset: Store, rows: Rows, tmp_path: Path) -> None:
    """The first that the page names; a question mark where it names none."""
    export(dataset, "laion", str(tmp_path / "laion"))
    licences = pq.read_table(tmp_path / "laion")["LICENSE"].to_pylist()
    assert licences == [row["licences"][0]["url"] if row["licences"] else "?" for row in rows.values()]


def test_what_was_not_measured_is_left_out(dataset: Store, tmp_path: Path) -> None:
    """A form's column that no manifest has is not there: a column of nulls would say that it was looked for."""
    store = Store(str(tmp_path / "run"))
    store.write("shards", "00000", dataset.read("shards", "00000").drop_columns(["phash"]))
    store.finish("shard", "")
    export(store, "coyo", str(tmp_path / "coyo"))
    assert pq.read_schema(tmp_path / "coyo" / "00000.parquet").names == ["id", "url", "text", "width", "height", "text_length"]


@pytest.mark.parametrize("form", ["hf-imagefolder", "hf-parquet"])
def test_hf_datasets_decodes_the_pictures(form: str, dataset: Store, rows: Rows, tmp_path: Path) -> None:
    """`load_dataset(folder)` gives every sample once, its picture decoded."""
    export(dataset, form, str(tmp_path / "hf"))
    loaded = load_dataset(str(tmp_path / "hf"), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded, Dataset)
    found = {row["key"]: row for row in loaded}
    assert {key: (row["caption"], row["image"].size) for key, row in found.items()} == {
        key: (row["caption"], (row["width"], row["height"])) for key, row in rows.items()
    }


def test_hub_parquet_has_the_bytes_as_they_came(dataset: Store, tmp_path: Path) -> None:
    """The bytes of the tar, in files called as the Hub has them, in small row groups."""
    export(dataset, "hf-parquet", str(tmp_path / "hf"))
    paths = sorted((tmp_path / "hf" / "data").iterdir())
    assert [path.name for path in paths] == [f"train-{number:05d}-of-{len(paths):05d}.parquet" for number in range(len(paths))]
    for row in pa.concat_tables([pq.read_table(path) for path in paths]).to_pylist():
        assert len(row["image"]["bytes"]) == row["image_bytes"]
        assert Image.open(io.BytesIO(row["image"]["bytes"])).size == (row["width"], row["height"])
        assert row["image"]["path"] == f"{row['key']}.{row['format']}"


def test_image_folder_lists_what_is_public(dataset: Store, tmp_path: Path) -> None:
    """One line a picture, with its path."""
    export(dataset, "hf-imagefolder", str(tmp_path / "hf"))
    for line in (tmp_path / "hf" / "metadata.jsonl").read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        assert (tmp_path / "hf" / told["file_name"]).is_file()
        assert "caption_found" not in told


def test_uids(dataset: Store, rows: Rows, tmp_path: Path) -> None:
    """Sorted pairs of 64-bit numbers, from which the keys come back."""
    export(dataset, "uids", str(tmp_path / "uids"))
    uids = np.load(tmp_path / "uids" / "uids.npy")
    assert uids.dtype == np.dtype("u8,u8")
    assert [f"{high:016x}{low:016x}" for high, low in uids.tolist()] == sorted(rows)
    assert np.array_equal(np.sort(uids), uids)


def test_an_empty_dataset_can_be_exported(tmp_path: Path) -> None:
    """No shard, no sample, and no error."""
    store = Store(str(tmp_path / "run"))
    store.finish("shard", "")
    for form in FORMS:
        assert export(store, form, str(tmp_path / form)) == 0


@pytest.mark.parametrize(
    ("form", "into", "complaint"),
    [
        ("wukong_csv", "new", "no form is called 'wukong_csv' .did you mean wukong-csv"),
        ("uids", "there", "is there already, and is not overwritten"),
        ("uids", "s3://bucket/uids", "a folder on this machine is meant"),
    ],
)
def test_what_cannot_be_meant_is_refused(form: str, into: str, complaint: str, dataset: Store, tmp_path: Path) -> None:
    """An unknown form, a folder with something in it, a place elsewhere; what is there stays."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=complaint):
        export(dataset, form, into if "://" in into else str(tmp_path / into))
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "mine.txt"]


def test_unfinished_shards_are_no_dataset(tmp_path: Path) -> None:
    """Half of the shards would look like all of them."""
    with pytest.raises(StoreError, match="the shards are not finished"):
        export(Store(str(tmp_path / "run")), "uids", str(tmp_path / "uids"))


def test_a_tar_that_lacks_a_sample_leaves_nothing(dataset: Store, tmp_path: Path) -> None:
    """Where tar and manifest differ the error says where, and no half folder is there."""
    store = Store(str(tmp_path / "run"))
    store.write("shards", "00000", dataset.read("shards", "00000").take([1, 0, 2]))
    (tmp_path / "run" / "shards" / "00000.tar").write_bytes(Path(dataset.path("shards", "00000.tar")).read_bytes())
    store.finish("shard", "")
    with pytest.raises(StoreError, match=r"shards/00000.tar has no "):
        export(store, "hf-imagefolder", str(tmp_path / "hf"))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
