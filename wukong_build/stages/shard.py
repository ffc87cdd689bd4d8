"""The shards: kept samples in a seeded shuffle, as tars with a Parquet manifest beside each.

A shard is published when its manifest is there. Shards of an older dataset go, manifest first, before the first new one comes;
a new one's manifest comes last. So no reader ever finds a manifest beside another tar, or a sample in two shards.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import IO, Any, ClassVar

import msgspec
import pyarrow as pa

from wukong_build.config import Config
from wukong_build.errors import StoreError
from wukong_build.executors import Executor, Part
from wukong_build.schema import LOOKED_UP_BY, MANIFEST
from wukong_build.shards.members import image_member, text_members
from wukong_build.shards.statistics import shard_statistics
from wukong_build.shards.tar import Tar
from wukong_build.sql import connect
from wukong_build.stages import filter as filter_stage
from wukong_build.stages import run_stage
from wukong_build.stages.card import write_card
from wukong_build.store import Store, digest_of, fingerprint_of

VERSION = 2
"""Raised when the same samples would give other bytes than before."""

_SELECTION = "shard/selection"
_PLACE = pa.schema([("part", pa.string()), ("image_row", pa.int64())])
"""Where the bytes of a selected sample lie; part of no shard's fingerprint."""

_SAID = {"caption": "coalesce(ledger.caption, '')", "text_length": "length(coalesce(ledger.caption, ''))"}
"""Columns of the manifest that are no columns of the samples, in SQL."""


def shard(config: Config, store: Store, executor: Executor) -> None:
    """Bring the shards up to date with the ledger."""
    if store.finished("filter") != filter_stage.made_from(config, store):
        raise StoreError(f"{store.url}: the ledger is not that of this config; run `wukong-build filter` with it first")
    store.unfinish("shard")
    _select(config, store)
    stage = ShardStage()
    _unpublish(stage, store)
    run_stage(stage, store, executor)
    write_card(config, store)
    store.finish("shard", filter_stage.made_from(config, store))


def _unpublish(stage: ShardStage, store: Store) -> None:
    """Remove every shard that is not one of the dataset to come: old and new ones side by side would double samples."""
    planned = {part.name for part in stage.parts(store) if store.made_from(stage.name, part.name) == part.fingerprint}
    if store.fs.isdir(store.path(stage.name)):
        names = (path.rsplit("/", 1)[-1] for path in store.fs.ls(store.path(stage.name), detail=False))
        old = [name for name in names if name[:5].isdigit() and re.split(r"[._]", name, maxsplit=1)[0] not in planned]
        for name in sorted(old, key=lambda name: not name.endswith(".parquet")):  # manifests first
            store.delete(stage.name, name)


def _select(config: Config, store: Store) -> None:
    """The kept samples in their shuffled order, with the place of their bytes: one part a shard."""
    scores = config.filter.published()
    schema = MANIFEST._replace(columns=(*MANIFEST.columns, *scores)).arrow
    selection = pa.unify_schemas([schema, _PLACE])
    recorded = [f"samples.{name}" for name in MANIFEST.arrow.names if name not in _SAID]
    said = [f"{expression} AS {name}" for name, expression in _SAID.items()]
    measured = [f'scores."{column.name}"' for column in scores]
    store.delete_stage(_SELECTION)
    with connect(store) as connection:
        reader = connection.sql(
            f"SELECT {', '.join([*recorded, *said, *measured])}, samples.part, samples.image_row "  # noqa: S608  ours
            f"FROM ledger JOIN samples USING (key) {'JOIN scores USING (key)' if scores else ''} WHERE kept "
            "ORDER BY md5(? || samples.key), samples.key",
            params=[f"{config.shard.seed}:"],
        ).to_arrow_reader(config.shard.samples)
        for number, table in enumerate(_chunks(reader, config.shard.samples)):
            rows = table.select(selection.names).cast(selection)
            store.write(_SELECTION, f"{number:05d}", rows, notes={"published": digest_of(rows.select(schema.names))})


def _chunks(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
    """The rows of a reader, `size` at a time."""
    waiting = reader.schema.empty_table()
    for batch in reader:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while len(waiting) >= size:
            yield waiting.slice(0, size)
            waiting = waiting.slice(size)
    if len(waiting):
        yield waiting


class ShardStage(msgspec.Struct, frozen=True):
    """One shard from one part of the selection."""

    name: ClassVar[str] = "shards"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a shard, made from what is published and not from where it lay."""
        names = store.parts(_SELECTION)
        return [Part(name, fingerprint_of(VERSION, store.note(_SELECTION, name, "published"))) for name in names]

    def work(self, store: Store, part: Part) -> str:
        """Write tar, statistics and manifest, in this order."""
        selection = store.read(_SELECTION, part.name)
        with store.replacing(f"shards/{part.name}.tar") as file:
            sha256 = _write_tar(file, selection, store)
        manifest = selection.drop_columns(_PLACE.names)
        statistics = shard_statistics(manifest) | {"tar_sha256": sha256}
        with store.replacing(f"shards/{part.name}_stats.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(statistics)))
        store.write(self.name, part.name, manifest, part.fingerprint, {"tar_sha256": sha256}, looked_up_by=LOOKED_UP_BY)
        return f"{len(manifest)} samples, {statistics['image_bytes']} bytes of images"


def _write_tar(file: IO[bytes], selection: pa.Table, store: Store) -> str:
    """Write the tar of a selection; returns its sha256."""
    rows = selection.to_pylist()
    texts = [text_members(row) for row in rows]
    sizes = (
        {image_member(row): row["image_bytes"]} | {name: len(text) for name, text in sorted(members.items())}
        for row, members in zip(rows, texts, strict=True)
    )
    tar = Tar((name, size) for members in sizes for name, size in members.items())
    for members in texts:
        for name, content in members.items():
            tar.write(file, name, content)
    for row, image in _images(rows, store):
        tar.write(file, image_member(row), image)
    tar.finish(file)
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _images(rows: list[dict[str, Any]], store: Store) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The rows with their image bytes, in the order in which the bytes lie; one row group is in memory at a time."""
    wanted: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        wanted.setdefault(row["part"], {})[row["image_row"]] = row
    for part, places in sorted(wanted.items()):
        for place, image in store.rows_at("crawl/images", part, places, ["image"]):
            yield places[place], image["image"][0].as_py()
