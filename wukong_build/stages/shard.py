"""The shards: kept samples in a seeded shuffle, as tars with a Parquet manifest beside each.

A shard is published when its manifest is there. Shards of an older dataset go, manifest first, before the first new one comes;
a new one's manifest comes last. So no reader ever finds a manifest beside another tar, or a sample in two shards. The digests of
all files are written down at the very end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import IO, Any, ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.config import Config
from wukong_build.errors import StoreError
from wukong_build.executors import Executor, Part
from wukong_build.schema import MANIFEST, SCHEMA_VERSION
from wukong_build.shards import ShardSettings
from wukong_build.shards.card import dataset_card
from wukong_build.shards.members import image_member, text_members
from wukong_build.shards.published import remove_checksums, write_checksums
from wukong_build.shards.tar import Tar
from wukong_build.sql import connect
from wukong_build.stages import filter as filter_stage
from wukong_build.stages import run_stage
from wukong_build.store import Store, digest_of, fingerprint_of
from wukong_build.web.sources import Search

VERSION = 1
"""Raised when the same samples would give other bytes than before."""

_SELECTION = "shard/selection"
_PLACE = ["part", "image_row"]
"""Where the bytes of a selected sample lie; part of no shard's fingerprint."""


def shard(config: Config, store: Store, executor: Executor) -> None:
    """Bring the shards up to date with the ledger."""
    if store.finished("filter") != filter_stage.made_from(config, store):
        raise StoreError(f"{store.url}: the ledger is not that of this config; run `wukong-build filter` with it first")
    store.unfinish("shard")
    _select(config.shard, store)
    stage = ShardStage()
    remove_checksums(store)
    _unpublish(stage, store)
    run_stage(stage, store, executor)
    _write_card(store, config)
    write_checksums(store)
    store.finish("shard", filter_stage.made_from(config, store))


def publish_without(gone: Collection[str], touched: Collection[str], config: Config, store: Store, executor: Executor) -> None:
    """Make some shards anew without some samples, by their keys; every other shard stays as it is, byte for byte.

    A shard that is left without samples goes, and its number stays free.
    """
    for name in store.parts(_SELECTION):
        selection = store.read(_SELECTION, name)
        kept = selection.filter(pc.invert(pc.is_in(selection["key"], pa.array(gone, pa.string()))))
        if not len(kept):
            store.delete_part(_SELECTION, name)
        elif len(kept) < len(selection):
            _write_selection(store, name, kept)
    if not touched:
        return
    remove_checksums(store)
    _unpublish(_Some(tuple(touched)), store, of=touched)
    run_stage(_Some(tuple(touched)), store, executor)
    _write_card(store, config)
    write_checksums(store)


def shards_with(keys: Collection[str], store: Store) -> dict[str, str]:
    """Key → shard, of those of the samples that are published. StoreError where such a shard cannot be made anew."""
    found: dict[str, str] = {}
    wanted = pa.array(keys, pa.string())
    for name in store.parts("shards"):
        published = store.read("shards", name, ["key"])["key"]
        here = published.filter(pc.is_in(published, wanted)).to_pylist()
        if here and (name not in store.parts(_SELECTION) or not store.read(_SELECTION, name, ["key"])["key"].equals(published)):
            raise StoreError(f"{store.url}: shards/{name} is not that of the last selection; run `wukong-build shard` first")
        found |= dict.fromkeys(here, name)
    return found


def _unpublish(stage: ShardStage, store: Store, of: Collection[str] | None = None) -> None:
    """Remove every shard, of all or `of` some, that is not one of the dataset to come: beside those it would double samples."""
    planned = {part.name for part in stage.parts(store) if store.made_from(stage.name, part.name) == part.fingerprint}
    if store.fs.isdir(store.path(stage.name)):
        names = (path.rsplit("/", 1)[-1] for path in store.fs.ls(store.path(stage.name), detail=False))
        shards = {name: re.split(r"[._]", name, maxsplit=1)[0] for name in names if name[:5].isdigit()}
        old = [name for name, shard in shards.items() if shard not in planned and (of is None or shard in of)]
        for name in sorted(old, key=lambda name: not name.endswith(".parquet")):  # manifests first
            store.delete(stage.name, name)


def _write_card(store: Store, config: Config) -> None:
    manifests = [store.read("shards", name, ["format"]) for name in store.parts("shards")]
    formats = pc.unique(
        pa.chunked_array([pa.array([], pa.string()), *(chunk for table in manifests for chunk in table["format"].chunks)])
    )
    searches = [source for source in config.crawl.sources if isinstance(source, Search) and source.permission]
    text = dataset_card(
        config.run.rstrip("/").rsplit("/", 1)[-1],
        sum(map(len, manifests)),
        len(manifests),
        formats.to_pylist(),
        {search.recipe.title: search.permission for search in searches if search.permission},
    )
    with store.replacing("shards/README.md") as file:
        file.write(text.encode())


def _select(settings: ShardSettings, store: Store) -> None:
    """The kept samples in their shuffled order, with the place of their bytes: one part a shard."""
    columns = [name for name in MANIFEST.arrow.names if name != "caption"]
    store.delete_stage(_SELECTION)
    with connect(store) as connection:
        reader = connection.sql(
            f"SELECT {', '.join(f'samples.{name}' for name in columns)}, coalesce(ledger.caption, '') AS caption, "  # noqa: S608  ours
            "samples.part, samples.image_row, kept AND tombstones.key IS NULL AS stays "
            "FROM ledger JOIN samples USING (key) LEFT JOIN tombstones USING (key) WHERE kept OR tombstones.shard IS NOT NULL "
            "ORDER BY md5(? || samples.key), samples.key",
            params=[f"{settings.seed}:"],
        ).to_arrow_reader(settings.samples)
        for number, table in enumerate(chunks(reader, settings.samples)):
            kept = table.filter(table["stays"])  # the place of a forgotten sample stays empty, so that no other one moves
            if len(kept):
                _write_selection(store, f"{number:05d}", kept.select([*MANIFEST.arrow.names, *_PLACE]))


def _write_selection(store: Store, name: str, selection: pa.Table) -> None:
    """What one shard is to hold; its note is the digest of what is published of it."""
    store.write(_SELECTION, name, selection, notes={"published": digest_of(selection.drop_columns(_PLACE))})


def chunks(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
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
            store.delete_part(self.name, part.name)  # last, so that a shard made anew is away for no longer than it must
        manifest = selection.drop_columns(_PLACE).cast(MANIFEST.arrow)
        image_bytes = pc.sum(manifest["image_bytes"]).as_py()
        stats = {"schema_version": SCHEMA_VERSION, "count": len(manifest), "image_bytes": image_bytes, "tar_sha256": sha256}
        with store.replacing(f"shards/{part.name}_stats.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(stats)))
        store.write(self.name, part.name, manifest, part.fingerprint, notes={"tar_sha256": sha256})
        return f"{len(manifest)} samples, {image_bytes} bytes of images"


class _Some(ShardStage, frozen=True):
    """Some of the shards."""

    only: tuple[str, ...] = ()

    def parts(self, store: Store) -> list[Part]:
        """Those that the selection still has."""
        return [part for part in super().parts(store) if part.name in self.only]


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
