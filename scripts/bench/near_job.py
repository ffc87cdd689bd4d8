"""One job of the whole-corpus benchmark, in this process: near_job.py JOB COUNT DISTANCE [REFERENCE]. Prints its cost as JSON."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from near_hashes import Planted, crowded, planted, spent

from wukong_build.batch import Batch
from wukong_build.corpus.caption_frequency import CaptionFrequency
from wukong_build.executors import LocalExecutor
from wukong_build.hamming import FEW, Items, Near, distances, first_kept, first_near
from wukong_build.stages.corpus import look_up, merge, survey_folder
from wukong_build.store import Store

NEW = 100
"""One hash in so many is new."""

SURVEYED = 200_000
"""Captions that are surveyed as they are; a survey of more is made up."""

FREQUENT = 1000
"""Captions with a known count of images."""

IMAGES_OF = 2 + np.arange(FREQUENT) % 50
"""How many images each of these stands on."""

ROWS = 100_000
"""Samples of one survey."""


def all_pairs(count: int, distance: int) -> dict[str, Any]:
    """Who stands for whom among evenly spread hashes."""
    return _kept(planted(count, distance), distance)


def skewed(count: int, distance: int) -> dict[str, Any]:
    """Who stands for whom where many are equal, and many near to these."""
    return _kept(crowded(count, distance), distance)


def _kept(made: Planted, distance: int) -> dict[str, Any]:
    first_kept(Items.of(made.hashes[: 2 * FEW]), Near(distance))  # compiled code is loaded
    kept, cost = spent(lambda: first_kept(Items.of(made.hashes), Near(distance)))
    if not ((kept[kept] == kept).all() and (distances(made.hashes, made.hashes[kept]) <= distance).all()):
        sys.exit("a hash stands for another that it is not near to, or that another one stands for")
    found = (kept[made.copies] != made.copies) | (kept[made.sources] != made.sources)
    return cost | {"recall": made.recall(found, distance)}


def news(count: int, distance: int) -> dict[str, Any]:
    """Which of a hundredth as many new hashes are near to one of these."""
    made = planted(count + count // NEW, distance)
    old, new = Items.of(made.hashes[:count]), Items.of(made.hashes[count:])
    first_near(new.take(slice(5000)), old.take(slice(2 * FEW)), Near(distance))
    first, cost = spent(lambda: first_near(new, old, Near(distance)))
    near = first >= 0
    if not (distances(new.hashes[near], old.hashes[first[near]]) <= distance).all():
        sys.exit("a hash is said to be near to one that it is far from")
    return cost | {"recall": made.recall(near[made.copies - count] | (made.sources >= count), distance)}


def reference(count: int, distance: int, script: Path) -> dict[str, Any]:
    """All pairs, as the function `pairs_within(hashes, distance)` of a script finds them."""
    specification = importlib.util.spec_from_file_location("reference", script)
    assert specification is not None and specification.loader is not None  # noqa: S101, PT018  a file that ends in .py has both
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    made = planted(count, distance)
    module.pairs_within(made.hashes[:5000], distance)
    pairs, cost = spent(lambda: module.pairs_within(made.hashes, distance))
    found = np.isin(made.sources << 32 | made.copies, pairs[:, 0] << 32 | pairs[:, 1])
    return cost | {"recall": made.recall(found, distance)}


def caption_frequency(count: int, _distance: int) -> dict[str, Any]:
    """On how many images captions stand: surveys on disk become a look-up there, in pieces; known counts are checked."""
    link = CaptionFrequency()
    numbers = np.arange(SURVEYED)
    texts = {"caption": [f"第{number}张照片的说明文字" for number in numbers], "sha256": [f"{number:064x}" for number in numbers]}
    batch = Batch(pa.table(texts))
    _, surveying = spent(lambda: link.survey(batch))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for number, start in enumerate(range(0, count, ROWS)):
            rows = _survey(number, min(ROWS, count - start), count // 20, is_last=start + ROWS >= count)
            store.write(survey_folder(link), f"{number:05d}", rows)
        _, cost = spent(lambda: merge(link, store, LocalExecutor(1)))
        merged = look_up(link, store)
    last = merged[link.name()].to_numpy()[-FREQUENT:]
    if not (last == IMAGES_OF).all():
        sys.exit("captions were counted wrongly")
    return cost | {"survey_seconds": surveying["cpu_seconds"] * count / SURVEYED}


def _survey(number: int, rows: int, frequent: int, *, is_last: bool) -> pa.Table:
    """A survey: a quarter of its captions are some of so many; those with a known count are in the first and the last one."""
    random = np.random.default_rng(number)
    captions, images = random.integers(0, 2**63, (2, rows), np.uint64)
    captions[: rows // 4] = (captions[: rows // 4] % np.uint64(frequent)) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(1)
    if number == 0 or is_last:
        known = np.repeat(np.arange(FREQUENT, dtype=np.uint64) | np.uint64(1 << 63), IMAGES_OF)
        captions = np.concatenate([captions, known])
        images = np.concatenate([images, np.arange(len(known), dtype=np.uint64)])
    return pa.table({"caption_hash": captions, "image_hash": images})


JOBS = {job.__name__: job for job in (all_pairs, skewed, news, reference, caption_frequency)}


if __name__ == "__main__":
    job, count, distance, *script = sys.argv[1:]
    print(json.dumps(JOBS[job](int(count), int(distance), *map(Path, script))))
