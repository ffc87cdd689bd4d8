"""Prints what PyTorch reads by lines of docs/reading.md: as JSON, for each line its samples as (key, caption, sha256).

Run by test_reading.py in the folder of a run, by the Python of .venv-readers; the lines are the arguments.
"""

from __future__ import annotations

import hashlib
import json
import sys
from glob import glob
from typing import Any

import webdataset as wds
import wids
from torch.utils.data import DataLoader

NAMES = {"DataLoader": DataLoader, "wds": wds, "wids": wids, "glob": glob}


def told(sample: dict[str, Any]) -> tuple[str, str, str]:
    """Of a sample: webdataset calls a member `txt` and gives its bytes, wids calls it `.txt` and gives a stream."""
    members = {name.lstrip("."): member.read() if hasattr(member, "read") else member for name, member in sample.items()}
    return members["__key__"], members["txt"].decode(), hashlib.sha256(members["jpg"]).hexdigest()


if __name__ == "__main__":
    print(json.dumps([[told(sample) for sample in eval(line, dict(NAMES))] for line in sys.argv[1:]]))  # noqa: S307, T201
