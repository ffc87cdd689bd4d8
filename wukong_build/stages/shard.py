"""The shards: kept samples in a seeded shuffle, as tars with a Parquet manifest beside each.

A shard is published when its manifest is there. Shards of an older dataset go, manifest first, before the first new one comes;
a new one's manifest comes last. So no reader ever finds a manifest beside another tar, or a sample in two shards. A shard that
keeps its samples keeps its tar until another one takes its place, and for good if no member changes. The digests of all files are
written down at the very end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.config import Config
from wukong_build.errors import StoreError
from wukong_build.executors import Executor, Part
from wukong_build.shards import ShardSettings
from wukong_build.shards.index import wids_index
from wukong_build.shards.published import files_of, remove_checksums, write_checksums
from wukong_build.stages import filter as filter_stage
from wukong_build.stages import run_stage
from wukong_build.stages.card import write_card
from wukong_build.stages.selection import SELECTION, samples_of, select, take_out
from wukong_build.stages.tars import VERSION, ShardStage
from wukong_build.store import Store, fingerprint_of

SIDE_BY_SIDE = 128
"""Tars that one worker fills at once, each an open file. Samples are shuffled, so that every shard has some of every part of the
crawl: so many shards cost one reading of it."""

_OF_A_SHARD = re.compile(r"((?:\w+-)?\d{5,})[._]|(?:\w+-)?wids\.json$")
"""Files of the folder that come and go with shards, and the shard's name where one belongs to a single one."""


def shard(config: Config, store: Store, executor: Executor) -> None:
    """Bring the shards up to date with the ledger."""
    if store.finished("filter") != filter_stage.made_from(config, store):
        raise StoreError(f"{store.url}: the ledger is not that of this config; run `wukong-build filter` with it first")
    store.unfinish("shard")
    select(config, store)
    planned = _planned(store, config.shard)
    stale = [part for part in planned if store.made_from(ShardStage.name, part.name) != part.fingerprint]
    remove_checksums(store)
    _unpublish(store, planned, stale)
    size = max(1, min(SIDE_BY_SIDE, -(-len(stale) // executor.workers)))
    groups = tuple(tuple(stale[first : first + size]) for first in range(0, len(stale), size))
    run_stage(ShardStage(config.shard, groups), store, executor)
    tell(config, store)
    store.finish("shard", filter_stage.made_from(config, store))


def publish_without(gone: Sequence[str], touched: AbstractSet[str], config: Config, store: Store, executor: Executor) -> None:
    """Make some shards anew without some samples, by their keys; every other shard stays as it is, byte for byte.

    A shard that is left without samples goes, and its number stays free.
    """
    remove_checksums(store)
    take_out(gone, config, store)
    planned = [part for part in _planned(store, config.shard) if part.name in touched]
    stale = [part for part in planned if store.made_from(ShardStage.name, part.name) != part.fingerprint]
    for name in sorted(touched - {part.name for part in planned}):
        for file in _files(store, name):
            store.delete(ShardStage.name, file)
    run_stage(ShardStage(config.shard, tuple((part,) for part in stale)), store, executor)


def tell(config: Config, store: Store) -> None:
    """Write what tells of all shards, as they and the ledger are now, and the digests of everything last."""
    _write_index(store, config.shard)
    write_card(config, store)
    write_checksums(store)


def shards_with(keys: Sequence[str], store: Store) -> dict[str, str]:
    """Key → shard, of those of the samples that are published. StoreError where such a shard cannot be made anew."""
    found: dict[str, str] = {}
    wanted = pa.array(keys, pa.string())
    selected = set(store.parts(SELECTION))
    for name in store.parts(ShardStage.name):
        published = store.read(ShardStage.name, name, ["key"])["key"]
        here = published.filter(pc.is_in(published, wanted)).to_pylist()
        if here and (name not in selected or not store.read(SELECTION, name, ["key"])["key"].equals(published)):
            raise StoreError(f"{store.url}: shards/{name} is not that of the last selection; run `wukong-build shard` first")
        found |= dict.fromkeys(here, name)
    return found


def _files(store: Store, shard: str) -> list[str]:
    """The files of one shard, manifest first."""
    names = [name for name in files_of(store, ShardStage.name) if (found := _OF_A_SHARD.match(name)) and found[1] == shard]
    return sorted(names, key=lambda name: not name.endswith(".parquet"))


def _planned(store: Store, settings: ShardSettings) -> list[Part]:
    """Every shard, made from what is published of its samples, and not from where that lay."""
    names, how = store.parts(SELECTION), settings.bytes_depend_on()
    return [Part(name, fingerprint_of(VERSION, store.note(SELECTION, name, "published"), how)) for name in names]


def _unpublish(store: Store, planned: Sequence[Part], stale: Sequence[Part]) -> None:
    """Remove every shard that is not one of the dataset to come: old and new ones side by side would double samples.

    Of a shard that will have the same samples only the manifest goes: perhaps the tar stays as it is.
    """
    done = {part.name for part in planned} - {part.name for part in stale}
    alike = {part.name for part in stale if store.note(ShardStage.name, part.name, "samples") == samples_of(store, part.name)}
    if store.fs.isdir(store.path(ShardStage.name)):
        names = (path.rsplit("/", 1)[-1] for path in store.fs.ls(store.path(ShardStage.name), detail=False))
        shards = {name: found[1] for name in names if (found := _OF_A_SHARD.match(name))}
        old = [name for name, of in shards.items() if of not in (done if name.endswith(".parquet") else done | alike)]
        for name in sorted(old, key=lambda name: not name.endswith(".parquet")):  # manifests first
            store.delete(ShardStage.name, name)


def _write_index(store: Store, settings: ShardSettings) -> None:
    """The index for webdataset's wids, of each split where there are any."""
    if "wids" not in settings.index:
        return
    for prefix in [f"{split}-" for split in settings.splits] or [""]:
        names = [name for name in store.parts(ShardStage.name) if name.startswith(prefix)]
        sizes = [int(store.fs.size(store.path(ShardStage.name, f"{name}.tar"))) for name in names]
        counts = [store.row_count(ShardStage.name, name) for name in names]
        with store.replacing(f"{ShardStage.name}/{prefix}wids.json") as file:
            file.write(wids_index(zip(names, counts, sizes, strict=True)))
