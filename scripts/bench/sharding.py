"""One way of making shards from the samples of a run, and what its work costs; starting and importing aside.

`sharding.py wukong-build RUN CONFIG SETTING…` makes them; `sharding.py TarWriter RUN FOLDER SAMPLES` lets webdataset's writer
make tars of the same members, in the order of the crawl. Each prints a JSON object of CPU seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import webdataset

with contextlib.suppress(ImportError):
    import pandas as pd  # noqa: F401  DuckDB imports it where there is one

from wukong_build.config import load_config
from wukong_build.shards.members import PUBLIC
from wukong_build.stages import shard as shard_stage
from wukong_build.store import Store

Seconds = dict[str, float]


def wukong_build(run: str, config: str, *settings: str) -> Seconds:
    """The stage `shard` whole; of it, the card that stands beside the shards, and the digests of the tars."""
    loaded = load_config(config, [f"run={run}", "filter={}", "executor.workers=1", *settings])
    seconds = {"card": 0.0}
    write_card = shard_stage.write_card

    def measured(*told: Any) -> None:
        seconds["card"] += _cost(lambda: write_card(*told))

    shard_stage.write_card = measured
    seconds["all"] = _cost(lambda: shard_stage.shard(loaded, Store(run), loaded.executor.executor()))
    seconds["digests"] = _cost(lambda: [_sha256(path) for path in sorted(Path(run, "shards").glob("*.tar"))])
    return seconds


def tar_writer(run: str, folder: str, samples: str) -> Seconds:
    """Webdataset's TarWriter, given the images as Parquet has them, the records and the captions."""
    manifests = [pq.read_table(path, columns=[*PUBLIC]).to_pylist() for path in sorted(Path(run, "shards").glob("*.parquet"))]
    rows = {row["key"]: row for manifest in manifests for row in manifest}
    return {"all": _cost(lambda: _write(Path(run), Path(folder), rows, int(samples)))}


def _write(run: Path, folder: Path, rows: dict[str, dict[str, Any]], samples: int) -> None:
    writer = None
    for number, (key, image) in enumerate(_images(run, rows)):
        if number % samples == 0:
            if writer is not None:
                writer.close()
            writer = webdataset.TarWriter(str(folder / f"{number // samples:05d}.tar"))
        row = rows[key]
        writer.write({"__key__": key, row["format"]: image, "json": row, "txt": row["caption"]})
    writer.close()


def _images(run: Path, rows: dict[str, dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for path in sorted((run / "crawl" / "images").glob("*.parquet")):
        part = pq.ParquetFile(path)
        for group in range(part.num_row_groups):
            table = part.read_row_group(group, columns=["key", "image"])
            for key, image in zip(table["key"].to_pylist(), table["image"], strict=True):
                if key in rows:
                    yield key, image.as_py()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cost(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == "__main__":
    ways = {"wukong-build": wukong_build, "TarWriter": tar_writer}
    print(json.dumps(ways[sys.argv[1]](*sys.argv[2:])))
