"""Small published datasets: one of our own, and one as img2dataset leaves it."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import webdataset
from PIL import Image

from wukong_build.schema import MANIFEST, SCHEMA_VERSION
from wukong_build.shards.members import image_member, text_members
from wukong_build.shards.published import write_checksums
from wukong_build.shards.tar import Tar
from wukong_build.store import Store


def picture(number: int) -> bytes:
    """A PNG of a few pixels."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (number, 2 * number, 3 * number)).save(file, "PNG")
    return file.getvalue()


def row(number: int) -> dict[str, Any]:
    """A row of the manifest."""
    content = picture(number)
    url = f"http://a.test/{number}.png"
    return {
        "key": hashlib.sha256(url.encode()).hexdigest()[:32],
        "url": url,
        "page_url": "http://a.test/",
        "caption": f"第{number}只猫",
        "width": 4,
        "height": 3,
        "format": "png",
        "image_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "opt_out": [],
    }


Members = dict[str, dict[str, bytes]]
"""Key → member → content."""


def publish(
    root: Path, shards: int = 2, samples: int = 3, change: Callable[[int, list[dict[str, Any]], Members], None] = lambda *_: None
) -> Path:
    """A dataset in `shards` below a root; `change` may change rows and members of a shard before they are written."""
    store = Store(str(root))
    for shard in range(shards):
        rows = [row(shard * samples + number) for number in range(samples)]
        members = {
            each["key"]: {image_member(each): picture(shard * samples + number), **text_members(each)}
            for number, each in enumerate(rows)
        }
        change(shard, rows, members)
        write_shard(store, f"{shard:05d}", rows, members)
    (root / "shards/README.md").write_text("# 猫\n", encoding="utf-8")
    write_checksums(store)
    return root / "shards"


def write_shard(store: Store, name: str, rows: list[dict[str, Any]], members: Members) -> None:
    """The three files of one shard."""
    contents = {member: content for sample in members.values() for member, content in sample.items()}
    tar = Tar((member, len(content)) for member, content in contents.items())
    with store.replacing(f"shards/{name}.tar") as file:
        tar.lay_out(file, contents)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    image_bytes = sum(each["image_bytes"] for each in rows)
    stats = {"schema_version": SCHEMA_VERSION, "count": len(rows), "image_bytes": image_bytes, "tar_sha256": digest}
    with store.replacing(f"shards/{name}_stats.json") as file:
        file.write(msgspec.json.encode(stats))
    store.write("shards", name, MANIFEST.table(rows), notes={"tar_sha256": digest})


def img2dataset_folder(folder: Path) -> Path:
    """Two shards as img2dataset leaves them: failures have rows and no samples; times in the tar are not whole seconds."""
    folder.mkdir()
    for shard in range(2):
        rows = []
        with webdataset.TarWriter(str(folder / f"{shard:05d}.tar"), mtime=time.time()) as tar:
            for number in range(4):
                said = {
                    "url": f"http://a.test/{shard}/{number}.png",
                    "caption": None if number == 2 else f"猫{number}",
                    "key": f"{shard:05d}{number:04d}",
                    "status": "failed_to_download" if number == 1 else "success",
                    "error_message": "HTTP Error 404" if number == 1 else None,
                    "width": None if number == 1 else 4,
                    "height": None if number == 1 else 3,
                    "exif": None if number == 1 else "{}",
                    "similarity": 0.25,
                    "sha256": None if number == 1 else "of the picture before it was resized",
                }
                rows.append(said)
                if said["status"] == "success":
                    sample = {
                        "__key__": said["key"],
                        "png": picture(number),
                        "txt": said["caption"] or "",
                        "json": json.dumps(said),
                    }
                    tar.write(sample)
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{shard:05d}.parquet")
        statistics = {"count": 4, "successes": 3, "failed_to_download": 1, "failed_to_resize": 0, "duration": 0.5}
        (folder / f"{shard:05d}_stats.json").write_text(json.dumps(statistics, indent=4))
    return folder
