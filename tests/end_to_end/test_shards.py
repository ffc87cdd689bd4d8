"""What the config says of shards: sizes, splits, pictures, scores, indexes. The demo is crawled once and sharded anew."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import webdataset as wds
from datasets import load_dataset
from PIL import Image

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.errors import ConfigError
from wukong_build.inspect.run import Run

Sharded = Callable[..., Run]

SPLITS = {"train": "rest", "test": 7, "validation": 0.2}


@pytest.fixture
def sharded(demo_run: Run, demo_served: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> Sharded:
    """Shards the demo by settings of its own, in one folder of this test or in another."""

    def shard(settings: dict[str, Any], name: str = "run", workers: int = 1, links: dict[str, Any] | None = None) -> Run:
        path = tmp_path / name
        if not path.exists():
            shutil.copytree(demo_run.store.root, path)
        values = demo_values(demo_served, path, workers)
        values["shard"] |= settings
        values["filter"] = {name: link for name, link in (values["filter"] | (links or {})).items() if link is not None}
        return run(values, ["filter", "shard"] if links else ["shard"])

    return shard


def keys_of(tar: str) -> list[str]:
    """The keys of a tar, in order."""
    with tarfile.open(tar) as file:
        return list(dict.fromkeys(name.partition(".")[0] for name in file.getnames()))


def test_at_most_bytes(sharded: Sharded) -> None:
    """No tar is larger, unless one sample is; none is left emptier than it must be; every sample is there once, in one order."""
    whole = sharded({"samples": 1000})
    (everything,) = map(keys_of, whole.shards)
    for at_most in (200_000, 60_000, 1):
        bounded = sharded({"samples": 1000, "at_most_bytes": at_most})
        assert [key for shard in bounded.shards for key in keys_of(shard)] == everything
        sizes = [Path(shard).stat().st_size for shard in bounded.shards]
        assert all(size <= at_most or len(keys_of(shard)) == 1 for shard, size in zip(bounded.shards, sizes, strict=True))
        assert len(sizes) < len(everything) if at_most > 1 else len(sizes) == len(everything)
        assert [Path(shard).name for shard in bounded.shards] == [f"{number:05d}.tar" for number in range(len(sizes))]


def test_splits(sharded: Sharded) -> None:
    """As many as asked for, each sample in one; names begin with the split; the same with other workers and shards."""
    whole = sharded({"samples": 1000}, "whole")
    (everything,) = map(keys_of, whole.shards)
    split = sharded({"splits": SPLITS, "samples": 10})
    names = [Path(shard).name for shard in split.shards]
    held = {name: {key for shard in split.shards if f"/{name}-" in shard for key in keys_of(shard)} for name in SPLITS}
    assert {name: len(keys) for name, keys in held.items()} == {
        "train": len(everything) - 7 - round(0.2 * len(everything)),
        "test": 7,
        "validation": round(0.2 * len(everything)),
    }
    assert set.union(*held.values()) == set(everything)
    assert "test-00000.tar" in names
    assert "train-00001.tar" in names
    assert not any(name[0].isdigit() for name in names)
    other = sharded({"splits": SPLITS, "samples": 3}, "other", workers=2)
    for name in SPLITS:
        assert held[name] == {key for shard in other.shards if f"/{name}-" in shard for key in keys_of(shard)}
    assert held["test"] != {
        key for shard in sharded({"splits": SPLITS, "seed": 1}).shards if "/test-" in shard for key in keys_of(shard)
    }


def test_what_goes_together_is_in_one_split(sharded: Sharded) -> None:
    """Samples with one caption are never in two splits, whatever the seed."""
    for seed in range(5):
        split = sharded({"splits": {"train": "rest", "test": 0.5}, "seed": seed})
        captions = split.sql("SELECT caption, split_part(part, '-', 1) AS split FROM manifest WHERE caption <> ''").to_pylist()
        places: dict[str, set[str]] = {}
        for row in captions:
            places.setdefault(row["caption"], set()).add(row["split"])
        assert set(map(len, places.values())) == {1}
        assert set(map(len, Counter(map(str, places.values())))) >= {9}  # both splits have some


def test_what_looks_alike_is_in_one_split(sharded: Sharded) -> None:
    """Where near-duplicates are only measured, each is in the split of its representative, whatever the seed."""
    for seed in range(3):
        links = {"near_duplicate": {"hamming_distance": 4}, "caption_frequency": {}}
        split = sharded({"splits": {"train": "rest", "test": 0.5}, "seed": seed}, links=links)
        alike = split.sql(
            "SELECT split_part(one.part, '-', 1) AS one, split_part(other.part, '-', 1) AS other FROM manifest AS one "
            "JOIN scores USING (key) JOIN manifest AS other ON other.key = near_duplicate_of"
        ).to_pylist()
        assert len(alike) > 1
        assert all(row["one"] == row["other"] for row in alike)


def test_splits_that_want_too_much(sharded: Sharded) -> None:
    """More than there is cannot be had, and the numbers are told."""
    with pytest.raises(ConfigError, match=r"shard.splits: test want 1000 samples together; \d+ are kept"):
        sharded({"splits": {"train": "rest", "test": 1000}})


def test_going_back_leaves_nothing(sharded: Sharded, demo_run: Run, published: Callable[[str], dict[str, str]]) -> None:
    """After splits, pictures of another size and indexes, the first settings give the first files, and no other."""
    sharded({"splits": SPLITS, "resize": {"mode": "border", "side": 64}, "index": ["wids", "dali"], "scores": ["language"]})
    assert published(sharded({}).store.root) == published(demo_run.store.root)


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_resized(sharded: Sharded, demo_run: Run, kind: str, tmp_path: Path) -> None:
    """Trainers read pictures of the new size in the new format; the manifest tells what came and what is published."""
    settings = {"resize": {"mode": "center_crop", "side": 96, "format": kind}}
    made = sharded(settings)
    before = {row["key"]: row for row in demo_run.manifests().to_pylist()}
    manifest = {row["key"]: row for row in made.manifests().to_pylist()}
    extension = {"jpeg": "jpg"}.get(kind, kind)
    for sample in made.webdataset().decode("pil"):
        row, came = manifest[sample["__key__"]], before[sample["__key__"]]
        assert sample[extension].size == (row["width"], row["height"]) == (96, 96)
        assert sample["json"]["sha256"] == row["sha256"] != row["original_sha256"] == came["sha256"]
        assert (row["original_width"], row["original_height"]) == (came["width"], came["height"])
        assert row["format"] == extension
    assert manifest.keys() == before.keys()
    loaded = load_dataset(str(Path(made.store.root, "shards")), split="train", cache_dir=str(tmp_path / "cache"))
    assert {row["__key__"]: row[extension].size for row in loaded} == dict.fromkeys(before, (96, 96))
    again = sharded(settings, "again", workers=2)
    assert [Path(shard).read_bytes() for shard in again.shards] == [Path(shard).read_bytes() for shard in made.shards]


def test_what_cannot_be_decoded_stays(sharded: Sharded, demo_run: Run) -> None:
    """Where the chain lets it pass, it is published as it came: what is kept is what is published."""
    resize = {"mode": "center_crop", "side": 96, "format": "webp"}
    made = sharded({"resize": resize}, links={"decodable": None, "phash": None, "near_duplicate": None})
    broken = demo_run.sql("SELECT key FROM ledger WHERE dropped_by = 'decodable'")["key"].to_pylist()
    rows = {row["key"]: row for row in made.manifests().to_pylist()}
    as_they_came = {key for key, row in rows.items() if row["sha256"] == row["original_sha256"]}
    assert set(broken) == as_they_came != set()
    assert {rows[key]["format"] for key in broken} <= {"jpg", "png"}
    assert made.funnel()["left"][-1].as_py() == len(rows)


def test_metadata_stripped(sharded: Sharded, demo_run: Run) -> None:
    """Pictures keep their pixels; the manifest tells the digest of what is published, and of what came."""
    made = sharded({"strip_metadata": True})
    before = {row["key"]: row for row in demo_run.manifests().to_pylist()}
    for row in made.manifests().to_pylist():
        came = before[row["key"]]
        assert (row["width"], row["height"], row["original_sha256"]) == (came["width"], came["height"], came["sha256"])
        assert row["image_bytes"] <= came["image_bytes"]
    for sample in made.webdataset().decode("pil"):
        assert isinstance(sample["jpg"], Image.Image)
        assert not sample["jpg"].getexif()


def test_scores_in_the_record(sharded: Sharded, tmp_path: Path) -> None:
    """The `.json` has the scores that are named, as the manifest has them; HF datasets reads it by the card."""
    made = sharded({"scores": ["aspect_ratio", "language"]})
    manifest = {row["key"]: row for row in made.manifests().to_pylist()}
    for sample in made.webdataset().decode():
        row = manifest[sample["__key__"]]
        assert (sample["json"]["aspect_ratio"], sample["json"]["language"]) == (row["aspect_ratio"], row["language"])
    loaded = load_dataset(str(Path(made.store.root, "shards")), split="train", cache_dir=str(tmp_path / "cache"))
    assert {row["__key__"]: row["json"]["aspect_ratio"] for row in loaded} == {
        key: row["aspect_ratio"] for key, row in manifest.items()
    }


def test_readers_of_splits(sharded: Sharded, tmp_path: Path) -> None:
    """HF datasets finds the splits by the card, webdataset and this program by the name."""
    made = sharded({"splits": SPLITS, "samples": 10})
    folder = Path(made.store.root, "shards")
    loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    for name in SPLITS:
        shards = sorted(map(str, folder.glob(f"{name}-*.tar")))
        keys = [key for shard in shards for key in keys_of(shard)]
        assert sorted(loaded[name]["__key__"]) == sorted(keys)
        assert [sample["__key__"] for sample in made.webdataset(split=name)] == keys
        assert [sample["__key__"] for sample in wds.WebDataset(shards, shardshuffle=False)] == keys


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_of_a_trainer_share_the_shards(sharded: Sharded, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Each sample comes to exactly one of the workers of a loader, as webdataset tells them apart."""
    made = sharded({"samples": 5})
    seen: Counter[str] = Counter()
    for worker in range(workers):
        monkeypatch.setenv("WORKER", str(worker))
        monkeypatch.setenv("NUM_WORKERS", str(workers))
        seen.update(sample["__key__"] for sample in made.webdataset())
    assert seen == Counter(made.manifests()["key"].to_pylist())


def test_indexes(sharded: Sharded) -> None:
    """Wids counts every shard of a split; a line of DALI's leads to each member's bytes."""
    made = sharded({"splits": SPLITS, "samples": 10, "index": ["wids", "dali"]})
    folder = Path(made.store.root, "shards")
    for split in SPLITS:
        for told in json.loads((folder / f"{split}-wids.json").read_text())["shardlist"]:
            tar = folder / told["url"]
            assert told["url"].startswith(f"{split}-")
            assert (told["nsamples"], told["filesize"]) == (len(keys_of(str(tar))), tar.stat().st_size)
    for shard in made.shards:
        version, *lines = Path(shard).with_suffix(".idx").read_text().splitlines()
        with tarfile.open(shard) as tar:
            members = {info.name: (info.offset_data, info.size) for info in tar}
        assert version == f"v1.2 {len(members) // 3}"
        found: dict[str, tuple[int, int]] = {}
        for line in lines:
            words = line.split(" ")
            for extension, place, size, name in zip(*(words[first::4] for first in range(4)), strict=True):
                assert name.partition(".")[2] == extension
                found[name] = (int(place), int(size))
        assert found == members


def test_keys_have_no_dots(demo_run: Run) -> None:
    """So that no reader takes a part of one for an extension; each is there once, and short enough for USTAR."""
    keys = demo_run.manifests()["key"].to_pylist()
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}
    assert not any("." in key or "/" in key for key in keys)
