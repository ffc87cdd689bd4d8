"""Indexes say where a reader finds each sample."""

from __future__ import annotations

import json

from wukong_build.shards.index import dali_index, wids_index


def test_wids() -> None:
    """Names beside the index, the samples and the bytes of each; the kind and the version that wids asks for."""
    index = json.loads(wids_index([("train-00000", 10, 20480), ("train-00001", 3, 10240)]))
    assert (index["__kind__"], index["wids_version"]) == ("wids-shard-index-v1", 1)
    assert index["shardlist"] == [
        {"url": "train-00000.tar", "nsamples": 10, "filesize": 20480},
        {"url": "train-00001.tar", "nsamples": 3, "filesize": 10240},
    ]


def test_dali() -> None:
    """The version and the count, then a line a sample: extension, place, size and name of every member."""
    samples = [[("0a.jpg", 512, 3), ("0a.json", 1536, 20)], [("0b.png", 2560, 7), ("0b.txt", 3584, 0)]]
    assert dali_index(samples) == b"v1.2 2\njpg 512 3 0a.jpg json 1536 20 0a.json\npng 2560 7 0b.png txt 3584 0 0b.txt\n"
