"""The shards: kept samples in a seeded shuffle, as tars with a Parquet manifest beside each.

A shard is published when its manifest is there. Shards of an older dataset go, manifest first, before the first new one comes;
a new one's manifest comes last. So no reader ever finds a manifest beside another tar, or a sample in two shards. A shard that
keeps its samples keeps its tar until another one takes its place, and for good if no member changes.
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
    """Remove every shard that is not one of the dataset to come: old and new ones side by side would double samples.

    Of a shard that will have the same samples only the manifest goes: perhaps the tar stays as it is.
    """
    parts = stage.parts(store)
    planned = {part.name for part in parts if store.made_from(stage.name, part.name) == part.fingerprint}
    alike = {part.name for part in parts if store.note(stage.name, part.name, "samples") == _samples_of(store, part.name)}
    if store.fs.isdir(store.path(stage.name)):
        names = (path.rsplit("/", 1)[-1] for path in store.fs.ls(store.path(stage.name), detail=False))
        numbers = {name: re.split(r"[._]", name, maxsplit=1)[0] for name in names if name[:5].isdigit()}
        kept = {name for name, number in numbers.items() if number in (planned if name.endswith(".parquet") else planned | alike)}
        old = numbers.keys() - kept
        for name in sorted(old, key=lambda name: not name.endswith(".parquet")):  # manifests first
            store.delete(stage.name, name)


def _samples_of(store: Store, name: str) -> str:
    """One short name for the samples that a shard is to have, in their order."""
    return store.note(_SELECTION, name, "samples")


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
            notes = {"published": digest_of(rows.select(schema.names)), "samples": digest_of(rows.select(["key"]))}
            store.write(_SELECTION, f"{number:05d}", rows, notes=notes)


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
        """Write tar, statistics and manifest, in this order; a tar that would have the same members stays as it is."""
        selection = store.read(_SELECTION, part.name)
        rows = selection.to_pylist()
        texts = [text_members(row) for row in rows]
        members = fingerprint_of(VERSION, self, [[image_member(row), row["sha256"]] for row in rows], texts)
        told = f"{part.name}_stats.json"
        before = self._statistics(store, told)
        if before.get("members") == members:
            sha256 = before["tar_sha256"]
        else:
            store.delete(self.name, told)  # so that wherever there are statistics they are those of the tar beside them
            with store.replacing(f"shards/{part.name}.tar") as file:
                sha256 = _write_tar(file, rows, texts, store)
        manifest = selection.drop_columns(_PLACE.names)
        statistics = shard_statistics(manifest) | {"members": members, "tar_sha256": sha256}
        with store.replacing(f"shards/{told}") as file:
            file.write(msgspec.json.format(msgspec.json.encode(statistics)))
        notes = {"tar_sha256": sha256, "samples": _samples_of(store, part.name)}
        store.write(self.name, part.name, manifest, part.fingerprint, notes, looked_up_by=LOOKED_UP_BY)
        return f"{len(manifest)} samples, {statistics['image_bytes']} bytes of images"

    def _statistics(self, store: Store, name: str) -> dict[str, Any]:
        """What was said of the tar that is there; empty where nothing was, or there is no tar."""
        path, tar = store.path(self.name, name), store.path(self.name, name.replace("_stats.json", ".tar"))
        there = store.fs.exists(path) and store.fs.exists(tar)
        return msgspec.json.decode(store.fs.cat_file(path), type=dict[str, Any]) if there else {}


def _write_tar(file: IO[bytes], rows: list[dict[str, Any]], texts: list[dict[str, bytes]], store: Store) -> str:
    """Write the tar of a selection; returns its sha256."""
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
