"""Files by which readers find single samples in tars: webdataset's wids and NVIDIA DALI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


def wids_index(shards: Iterable[tuple[str, int, int]]) -> bytes:
    """The JSON that `wids.ShardListDataset` opens, to lie beside the tars: from name, count of samples and bytes of each."""
    shard_list = [{"url": f"{name}.tar", "nsamples": count, "filesize": size} for name, count, size in shards]
    index = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "shardlist": shard_list}
    return msgspec.json.format(msgspec.json.encode(index))


def dali_index(samples: Sequence[Sequence[tuple[str, int, int]]]) -> bytes:
    """The `.idx` that DALI's `fn.readers.webdataset` opens, version 1.2: from name, place and size of each member of each sample.

    One line a sample; of each member its extension, the place of its bytes in the tar, their number, and its name.
    """
    lines = (" ".join(f"{name.partition('.')[2]} {place} {size} {name}" for name, place, size in members) for members in samples)
    return "\n".join([f"v1.2 {len(samples)}", *lines, ""]).encode()
