"""The statistics beside a shard add up to its manifest."""

from __future__ import annotations

from wukong_build.shards.statistics import shard_statistics
from wukong_build.store import Store


def test_statistics_of_a_manifest(dataset: Store) -> None:
    """Counts by what, sums, and least, mean and most; nothing of when."""
    manifest = dataset.read("shards", "00000")
    told = shard_statistics(manifest)
    assert (told["count"], told["successes"], told["status_dict"]) == (3, 3, {"success": 3})
    assert told["formats"] == {"jpg": 2, "png": 1}
    assert told["caption_origins"] == {"alt": 3}
    assert told["image_bytes"] == sum(manifest["image_bytes"].to_pylist())
    assert (told["opted_out"], told["licensed"]) == (0, 1)
    assert told["width"] == {"least": 200, "mean": 201, "most": 202}
    assert not [name for name in told if "time" in name or "duration" in name]
