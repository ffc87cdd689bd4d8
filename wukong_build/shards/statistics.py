"""What the statistics beside a shard say, after img2dataset's: counts, by what, and sums; no clock times."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.schema import SCHEMA_VERSION

MEASURED = ("width", "height", "text_length")
"""Columns of a manifest that are told as least, mean and most."""


def shard_statistics(manifest: pa.Table) -> dict[str, Any]:
    """Of the samples of one manifest. `count`, `successes` and `status_dict` are what readers of img2dataset's files add up."""
    return {
        "schema_version": SCHEMA_VERSION,
        "count": len(manifest),
        "successes": len(manifest),
        "status_dict": {"success": len(manifest)},
        "image_bytes": pc.sum(manifest["image_bytes"]).as_py(),
        "formats": _counts(manifest["format"]),
        "caption_origins": _counts(manifest["caption_origin"]),
        "opted_out": pc.sum(pc.greater(pc.fill_null(pc.list_value_length(manifest["opt_out"]), 0), 0)).as_py(),
        "licensed": pc.sum(pc.greater(pc.fill_null(pc.list_value_length(manifest["licences"]), 0), 0)).as_py(),
        **{name: _range(manifest[name]) for name in MEASURED},
    }


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    """Value → how many rows have it, by the value's name."""
    counts = {row["values"] or "none": row["counts"] for row in values.value_counts().to_pylist()}
    return dict(sorted(counts.items()))


def _range(values: pa.ChunkedArray) -> dict[str, float]:
    """Least, mean to two decimals, and most."""
    return {"least": pc.min(values).as_py(), "mean": round(pc.mean(values).as_py(), 2), "most": pc.max(values).as_py()}
