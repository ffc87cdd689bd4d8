"""Prints what Ray Data reads by lines of docs/reading.md: as JSON, for each line its samples as (key, caption, sha256).

Run by test_reading.py in the folder of a run, by the Python of .venv-readers; the arguments are a folder for Ray's
temporary files, and the lines.
"""

from __future__ import annotations

import hashlib
import json
import sys
from glob import glob
from typing import Any

import ray

NAMES = {"ray": ray, "glob": glob}


def told(row: dict[str, Any]) -> tuple[str, str, str]:
    """Of a row of a manifest, or of a sample's members as bytes."""
    if "key" in row:
        return row["key"], row["caption"], row["sha256"]
    return row["__key__"], row["txt"].decode(), hashlib.sha256(row["jpg"]).hexdigest()


if __name__ == "__main__":
    folder, *lines = sys.argv[1:]
    ray.init(address="local", num_cpus=2, object_store_memory=100_000_000, include_dashboard=False, _temp_dir=folder)
    print(json.dumps([[told(row) for row in eval(line, dict(NAMES)).take_all()] for line in lines]))  # noqa: S307, T201
    ray.shutdown()
