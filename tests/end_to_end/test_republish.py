"""Published datasets become another one, and no sample changes on the way."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.errors import StoreError
from wukong_build.executors import LocalExecutor
from wukong_build.inspect.run import Run
from wukong_build.inspect.verify import verify
from wukong_build.pipeline import Wish, forget
from wukong_build.shards import ShardSettings
from wukong_build.stages.republish import republish
from wukong_build.stages.tombstones import add
from wukong_build.store import Store

KILLS = 6

Published = Callable[[Path | str], dict[str, str]]


def _republished(sources: list[str | Path], into: Path, samples: int = 16, seed: int = 0) -> int:
    return republish(list(map(str, sources)), str(into), ShardSettings(samples=samples, seed=seed), LocalExecutor(1))


def _members(path: Path) -> dict[str, bytes]:
    """Name → content of all members of all tars."""
    found: dict[str, bytes] = {}
    for tar in sorted((path / "shards").glob("*.tar")):
        with tarfile.open(tar) as opened:
            for info in opened:
                file = opened.extractfile(info)
                assert file is not None
                assert info.name not in found
                found[info.name] = file.read()
    return found


def _tree(path: Path) -> dict[str, str]:
    files = [file for file in path.rglob("*") if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_settings_give_the_same_tars(demo_run: Run, published: Published, tmp_path: Path) -> None:
    """A dataset published again as it was is the same, byte for byte, but for what its manifests say of how they were made."""
    root = demo_run.store.root
    assert _republished([root], tmp_path / "again") == 40
    before, after = published(root), published(tmp_path / "again")
    assert {name: digest for name, digest in after.items() if name.endswith(".tar")} == {
        name: digest for name, digest in before.items() if name.endswith(".tar")
    }
    for path in sorted((tmp_path / "again/shards").glob("*.parquet")):
        assert pq.read_table(path).equals(pq.read_table(Path(root, "shards", path.name)))
        assert pq.read_schema(path).field("key").metadata == pq.read_schema(Path(root, "shards", path.name)).field("key").metadata
    assert not verify(str(tmp_path / "again"), deep=True).findings


def test_other_shards(demo_run: Run, tmp_path: Path) -> None:
    """Other sizes and another shuffle: the same samples, each as it was."""
    assert _republished([demo_run.store.root], tmp_path / "other", samples=7, seed=5) == 40
    assert len(list((tmp_path / "other/shards").glob("*.tar"))) == 6
    assert _members(tmp_path / "other") == _members(Path(demo_run.store.root))
    assert not verify(str(tmp_path / "other"), deep=True).findings
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == [".lock", "republish", "shards"]


def test_given_again_when_all_is_done(demo_run: Run, tmp_path: Path) -> None:
    """The same command ends as it did, for whoever cannot know whether it was killed before the end or behind it."""
    assert _republished([demo_run.store.root], tmp_path / "again") == 40
    before = _tree(tmp_path / "again")
    assert _republished([demo_run.store.root], tmp_path / "again") == 40
    assert _tree(tmp_path / "again") == before


def test_a_sample_of_two_datasets_stands_once(demo_run: Run, published: Published, tmp_path: Path) -> None:
    """Merged from parts that overlap, in whatever order they were cut, it is the dataset of all."""
    shards = Path(demo_run.store.root, "shards")
    for name, parts in (("one", ("00000", "00001")), ("two", ("00001", "00002"))):
        (tmp_path / name).mkdir()
        for path in shards.iterdir():
            if path.name[:5] in parts:
                shutil.copy(path, tmp_path / name)
    assert _republished([tmp_path / "one", tmp_path / "two"], tmp_path / "merged") == 40
    assert _members(tmp_path / "merged") == _members(Path(demo_run.store.root))
    assert not verify(str(tmp_path / "merged")).findings
    _republished([tmp_path / "two", tmp_path / "one"], tmp_path / "turned")
    assert published(tmp_path / "turned") == published(tmp_path / "merged")


def test_tombstones_hold(demo_run: Run, tmp_path: Path) -> None:
    """What one of the datasets has forgotten comes back by no other, and not by a merge of the merged."""
    copy = Path(shutil.copytree(demo_run.store.root, tmp_path / "run"))
    row = demo_run.manifests().slice(4, 1).to_pylist()[0]
    forget(str(copy), Wish(keys=(row["key"],)))
    assert _republished([demo_run.store.root, copy], tmp_path / "merged") == 39
    assert _republished([tmp_path / "merged", demo_run.store.root], tmp_path / "again") == 39
    assert f"{row['key']}.txt" not in _members(tmp_path / "again")


def test_tombstones_know_pictures_as_they_came(
    demo_run: Run, demo_served: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """What was forgotten stays out under another key as well, also where pictures were published smaller than they came."""
    small = demo_values(demo_served, shutil.copytree(demo_run.store.root, tmp_path / "small"))
    small["shard"] |= {"resize": {"mode": "keep_ratio", "side": 64}}
    row = run(small, ["shard"]).manifests().slice(4, 1).to_pylist()[0]
    assert row["sha256"] != row["original_sha256"]
    copy = Path(shutil.copytree(Path(demo_run.store.root, "shards"), tmp_path / "forgetful/shards")).parent
    tombstone = {"sha256": row["original_sha256"]}
    add([tombstone], Store(str(copy)))
    assert _republished([copy, tmp_path / "small"], tmp_path / "merged") == 39
    assert f"{row['key']}.txt" not in _members(tmp_path / "merged")


def test_a_source_of_which_all_is_forgotten(demo_run: Run, tmp_path: Path) -> None:
    """Its tombstones hold, and alone it makes no dataset."""
    copy = Path(shutil.copytree(demo_run.store.root, tmp_path / "run"))
    forget(str(copy), Wish(keys=tuple(demo_run.manifests()["key"].to_pylist())))
    assert not verify(str(copy)).findings
    assert _republished([copy, demo_run.store.root], tmp_path / "merged") == 0
    with pytest.raises(StoreError, match="no samples here"):
        _republished([copy], tmp_path / "nothing")
    with pytest.raises(StoreError, match="no samples here"):
        _republished([copy, copy / "shards"], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(("place", "message"), [(700, "wukong-build verify"), (None, "wukong-build verify")])
def test_damaged_sources(demo_run: Run, tmp_path: Path, place: int | None, message: str) -> None:
    """Nothing is made of a dataset that is not whole; the message says how to see what is wrong."""
    copy = Path(shutil.copytree(Path(demo_run.store.root, "shards"), tmp_path / "broken"))
    if place is None:
        (copy / "00001.tar").unlink()
    else:
        shutil.copy(copy / "00000.tar", copy / "00001.tar")
    with pytest.raises(Exception, match=message):
        _republished([copy], tmp_path / "into")
    assert not list((tmp_path / "into").glob("shards/*.parquet"))


def test_nothing_is_overwritten(demo_run: Run, tmp_path: Path) -> None:
    """A folder with something else in it, or begun with other settings, is refused."""
    copy = Path(shutil.copytree(demo_run.store.root, tmp_path / "run"))
    before = _tree(copy)
    with pytest.raises(StoreError, match="something else is here already"):
        _republished([demo_run.store.root], copy)
    assert _tree(copy) == before
    with pytest.raises(StoreError, match="something else is here already"):
        _republished([demo_run.store.root], copy / "crawl")
    assert _tree(copy) == before
    _republished([copy], tmp_path / "other")
    with pytest.raises(StoreError, match="something else is here already"):
        _republished([copy], tmp_path / "other", samples=7)
    with pytest.raises(StoreError, match="there are no shards here"):
        _republished([tmp_path], tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.kill
def test_killed_and_given_again(demo_run: Run, tmp_path: Path, give: Callable[..., int]) -> None:
    """However often it is killed, in the end the files are those of a command that nobody disturbed."""
    rng = random.Random(20221202)
    merge = ["merge", demo_run.store.root, "--samples", "5", "--workers", "1", "--into"]
    assert give([*merge, str(tmp_path / "quiet/merged")]) == 0
    expected, landed, rounds = _tree(tmp_path / "quiet/merged"), 0, 0
    while landed < KILLS:
        rounds += 1
        assert rounds < 2 * KILLS, f"only {landed} kills landed"
        into = tmp_path / f"{rounds}/merged"
        while give([*merge, str(into)], rng, lines=10, seconds=0.1) == -signal.SIGKILL:
            landed += 1
        assert _tree(into) == expected
