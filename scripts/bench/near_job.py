"""One job of the whole-corpus benchmark, in this process: near_job.py JOB COUNT DISTANCE [REFERENCE]. Prints its cost as JSON."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from near_hashes import Planted, crowded, planted, spent

from wukong_build.batch import Batch
from wukong_build.corpus.caption_frequency import CaptionFrequency
from wukong_build.hamming import Items, Near, distances, first_kept, first_near

NEW = 100
"""One hash in so many is new."""

SURVEYED = 200_000
"""Captions that are surveyed as they are; a survey of more is made up."""

FREQUENT = 1000
"""Captions with a known count of images."""


def all_pairs(count: int, distance: int) -> dict[str, Any]:
    """Who stands for whom among evenly spread hashes."""
    return _kept(planted(count, distance), distance)


def skewed(count: int, distance: int) -> dict[str, Any]:
    """Who stands for whom where many are equal, and many near to these."""
    return _kept(crowded(count, distance), distance)


def _kept(made: Planted, distance: int) -> dict[str, Any]:
    first_kept(Items.of(made.hashes[:5000]), Near(distance))  # compiled code is loaded
    kept, cost = spent(lambda: first_kept(Items.of(made.hashes), Near(distance)))
    if not ((kept[kept] == kept).all() and (distances(made.hashes, made.hashes[kept]) <= distance).all()):
        sys.exit("a hash stands for another that it is not near to, or that another one stands for")
    found = (kept[made.copies] != made.copies) | (kept[made.sources] != made.sources)
    return cost | {"recall": made.recall(found, distance)}


def news(count: int, distance: int) -> dict[str, Any]:
    """Which of a hundredth as many new hashes are near to one of these."""
    made = planted(count + count // NEW, distance)
    old, new = Items.of(made.hashes[:count]), Items.of(made.hashes[count:])
    first_near(new.take(slice(5000)), old.take(slice(5000)), Near(distance))
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
    """On how many images captions stand, by surveys of 10,000 samples each; known counts are checked."""
    link = CaptionFrequency()
    numbers = np.arange(SURVEYED)
    texts = {"caption": [f"第{number}张照片的说明文字" for number in numbers], "sha256": [f"{number:064x}" for number in numbers]}
    batch = Batch(pa.table(texts))
    _, survey = spent(lambda: link.survey(batch))
    random = np.random.default_rng(count)
    captions, images = random.integers(0, 2**63, (2, count), np.uint64)
    captions[: count // 4] = captions[: count // 4] % np.uint64(count // 20)  # a quarter stand on five images each
    images_of = 2 + np.arange(FREQUENT) % 50
    known = np.repeat(np.arange(FREQUENT, dtype=np.uint64) | np.uint64(1 << 63), images_of)
    for start in (count // 2, count // 2 + len(known)):  # each pair is there twice
        captions[start : start + len(known)] = known
        images[start : start + len(known)] = np.arange(len(known))
    table = pa.table({"caption_hash": captions, "image_hash": images})
    surveys = pa.concat_tables(table.slice(start, 10_000) for start in range(0, count, 10_000))
    merged, cost = spent(lambda: link.merge(surveys))
    last = merged[link.name()].to_numpy()[-FREQUENT:]
    if not (last == images_of).all():
        sys.exit("captions were counted wrongly")
    return cost | {"survey_seconds": survey["cpu_seconds"] * count / SURVEYED}


JOBS = {job.__name__: job for job in (all_pairs, skewed, news, reference, caption_frequency)}


if __name__ == "__main__":
    job, count, distance, *script = sys.argv[1:]
    print(json.dumps(JOBS[job](int(count), int(distance), *map(Path, script))))
