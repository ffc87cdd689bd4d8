"""The published dataset in the forms that other programs read, written whole into a folder of its own or not at all.

Knows manifests and tars, and nothing of how they were made. What a form has a column for and no manifest says is left out.
"""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.errors import ConfigError, StoreError, listed, nearest
from wukong_build.schema import LICENCE
from wukong_build.shards import CSV_FILES, FORMS
from wukong_build.shards.members import PUBLIC, image_member
from wukong_build.store import Store, new_folder

_ROWS = 100
"""Rows with images in one row group, as the Hub has it: one page of a viewer reads no more."""

Row = dict[str, Any]


def export(store: Store, form: str, into: str) -> int:
    """Write the published samples into the new folder `into`; returns how many there are.

    ConfigError where no form is called so or the folder is there already; StoreError where the shards are not finished, or
    the folder cannot be written. A command that is killed leaves a hidden folder beside it, and nothing under its name.
    """
    if form not in FORMS:
        raise ConfigError(f"--format: no form is called {form!r}{nearest(form, FORMS)}; there are {listed(FORMS)}")
    if store.finished("shard") is None:
        raise StoreError(f"{store.url}: the shards are not finished; run `wukong-build shard` with its config first")
    with new_folder(into) as folder:
        _WRITERS[form](store, folder)
    return sum(store.row_count("shards", name) for name in store.parts("shards"))


def _manifests(store: Store) -> Iterator[tuple[str, pa.Table]]:
    """Name and manifest of each shard."""
    return ((name, store.read("shards", name)) for name in store.parts("shards"))


def _wukong_csv(store: Store, folder: Path) -> None:
    """A pair's file is told by its key, so that it stays where it is when the dataset grows."""
    with ExitStack() as stack:
        files = [
            stack.enter_context((folder / f"wukong_{number}.csv").open("w", encoding="utf-8", newline=""))
            for number in range(CSV_FILES)
        ]
        # All quoted: of what else needs quotes, as a lone \r does, versions of Python think differently.
        writers = [csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL) for file in files]
        for writer in writers:
            writer.writerow(("url", "caption"))
        for _, manifest in _manifests(store):
            for key, *pair in zip(*(manifest[name].to_pylist() for name in ("key", "url", "caption")), strict=True):
                writers[int(key[:8], 16) * CSV_FILES >> 32].writerow(pair)


def _tables(columns: Mapping[str, str]) -> Callable[[Store, Path], None]:
    """Writes one Parquet file a shard: column of the form → column of the manifest; `licence` is the first that a page names."""

    def write(store: Store, folder: Path) -> None:
        for name, published in _manifests(store):
            manifest = published.append_column("licence", _first_licence(published["licences"]))
            there = {theirs: ours for theirs, ours in columns.items() if ours in manifest.column_names}
            table = pa.table({theirs: manifest[ours] for theirs, ours in there.items()})
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")

    return write


def _first_licence(licences: pa.ChunkedArray) -> pa.Array:
    """The address or the words of each row's first licence; `?`, as LAION has it, where there is none."""
    named = (row[0]["url"] if row else "?" for row in licences.to_pylist())
    return pa.array(named, LICENCE.field("url").type)


def _imagefolder(store: Store, folder: Path) -> None:
    """One folder a shard, so that none grows without bound, and one list of what each picture is."""
    with (folder / "metadata.jsonl").open("wb") as metadata:
        for name, manifest in _manifests(store):
            (folder / name).mkdir()
            for row, image in _samples(store, name, manifest):
                file = f"{name}/{image_member(row)}"
                (folder / file).write_bytes(image)
                metadata.write(msgspec.json.encode({"file_name": file, **{column: row[column] for column in PUBLIC}}) + b"\n")


def _hub_parquet(store: Store, folder: Path) -> None:
    """Pictures within the tables, under the schema by which `datasets` decodes them."""
    image = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    metadata = {"huggingface": msgspec.json.encode({"info": {"features": {"image": {"_type": "Image"}}}})}
    (folder / "data").mkdir()
    count = len(store.parts("shards"))
    for number, (name, manifest) in enumerate(_manifests(store)):
        columns = [field.remove_metadata() for field in manifest.schema]
        schema = pa.schema([image, *columns], metadata=metadata)
        path = folder / "data" / f"train-{number:05d}-of-{count:05d}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=True) as file:
            samples = _samples(store, name, manifest)
            for start in range(0, len(manifest), _ROWS):
                rows = manifest.slice(start, _ROWS)
                pictures = [{"bytes": next(samples)[1], "path": image_member(row)} for row in rows.to_pylist()]
                group = rows.add_column(0, image, pa.array(pictures, image.type)).cast(schema)
                file.write_table(group, row_group_size=_ROWS)


def _samples(store: Store, name: str, manifest: pa.Table) -> Iterator[tuple[Row, bytes]]:
    """The rows of a manifest with their images, which stand in the tar in the same order."""
    with store.fs.open(store.path("shards", f"{name}.tar"), "rb") as file, tarfile.open(fileobj=file, mode="r|") as tar:
        members = iter(tar)
        for row in manifest.to_pylist():
            wanted = image_member(row)
            member = next((member for member in members if member.name == wanted), None)
            content = member and tar.extractfile(member)
            if not content:
                raise StoreError(f"{store.url}: shards/{name}.tar has no {wanted} where its manifest has it")
            yield row, content.read()


def _uids(store: Store, folder: Path) -> None:
    """The keys as pairs of 64-bit numbers, sorted, in one array that is on the disk alone when it is large: 16 bytes a sample."""
    halves = [_halves(store.read("shards", name, ["key"])["key"]) for name in store.parts("shards")]
    high, low = np.concatenate(halves, axis=1) if halves else np.zeros((2, 0), np.uint64)
    order = np.lexsort((low, high))
    uids = np.empty(len(order), np.dtype("u8,u8"))
    uids["f0"], uids["f1"] = high[order], low[order]
    np.save(folder / "uids.npy", uids)


def _halves(keys: pa.ChunkedArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """The upper and the lower half of 128-bit keys in hex, shape (2, n)."""
    digits = np.frombuffer(bytes.fromhex("".join(keys.to_pylist())), ">u8").reshape(-1, 2)
    return digits.T.astype(np.uint64)


_COYO = {
    "id": "key",
    "url": "url",
    "text": "caption",
    "width": "width",
    "height": "height",
    "text_length": "text_length",
    "image_phash": "phash",
    "num_faces": "face_count",
}
_LAION = {"SAMPLE_ID": "key", "URL": "url", "TEXT": "caption", "HEIGHT": "height", "WIDTH": "width", "LICENSE": "licence"}
_IMG2DATASET = {name: name for name in ("url", "caption", "key", "page_url", "width", "height", "sha256")}

_WRITERS: dict[str, Callable[[Store, Path], None]] = {
    "wukong-csv": _wukong_csv,
    "img2dataset": _tables(_IMG2DATASET),
    "coyo": _tables(_COYO),
    "laion": _tables(_LAION),
    "hf-imagefolder": _imagefolder,
    "hf-parquet": _hub_parquet,
    "uids": _uids,
}
"""Form → what writes it into an empty folder."""
