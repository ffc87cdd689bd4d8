"""Published datasets become another one: merged, cut otherwise, shuffled otherwise. Nothing is decoded, encoded or decided anew.

The members of a sample lie together in a tar, so a sample is copied as one run of bytes. Knows nothing of crawls: a folder of
shards is enough, and where one lies in a run, the run's tombstones hold.
"""

from __future__ import annotations

import hashlib
import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import ClassVar

import fsspec
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.errors import StoreError
from wukong_build.executors import Executor, Part
from wukong_build.inspect.described import described_alone
from wukong_build.schema import FORGOTTEN, LOOKED_UP_BY, MANIFEST
from wukong_build.shards import ShardSettings
from wukong_build.shards.card import dataset_card
from wukong_build.shards.published import CHECKSUMS, FOLDER, files_of, remove_checksums, write_checksums
from wukong_build.shards.statistics import shard_statistics
from wukong_build.shards.tar_reading import BrokenTar, padded, spans
from wukong_build.sql import database
from wukong_build.stages import run_stage
from wukong_build.store import Store, digest_of, fingerprint_of

VERSION = 1
"""Raised when the same datasets would give other bytes than before."""

_SCRATCH = "republish"
_SPANS, _SELECTION = f"{_SCRATCH}/spans", f"{_SCRATCH}/selection"
_PLACES = pa.schema([("tar", pa.string()), ("first_byte", pa.int64()), ("bytes", pa.int64())])
_PLACE = _PLACES.names
"""Where the bytes of a selected sample lie; part of no shard's fingerprint."""

_SELECT = """
SELECT {columns}, tar, first_byte, bytes FROM (
    SELECT manifest.*, tar, first_byte, bytes, dataset, shard FROM (
        SELECT *, filename AS manifest_path FROM read_parquet($manifests, filename = true, union_by_name = true)
    ) AS manifest JOIN read_parquet($spans) AS spans USING (manifest_path, key)
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY dataset, shard) = 1
) AS samples
WHERE NOT EXISTS (
    FROM tombstones WHERE tombstones.key = samples.key OR tombstones.url = samples.url OR tombstones.sha256 IN ({digests})
    OR tombstones.host IN (host_name(samples.url), host_name(samples.page_url))
    OR suffix(host_name(samples.url), '.' || tombstones.host) OR suffix(host_name(samples.page_url), '.' || tombstones.host)
)
QUALIFY row_number() OVER (PARTITION BY sha256 ORDER BY dataset, shard, key) = 1
ORDER BY md5($seed || key), key
"""
"""Of a key, and of a picture, the first dataset that has it; whatever a tombstone of any of them means stays out.

A tombstone has the digest of a picture as it came, or of one as it was published, where that is what was asked for.
"""


def republish(sources: Sequence[str], into: str, settings: ShardSettings, executor: Executor) -> int:
    """Make one dataset of some; how many samples it has. What is done already is not done again.

    StoreError where a source has no shards, is damaged, or where something else lies in `into` already.
    """
    datasets, store = [_dataset(source) for source in sources], Store(into)
    manifests = {path: number for number, (dataset, folder) in enumerate(datasets) for path in _manifests(dataset, folder)}
    if not manifests:
        raise StoreError(f"{', '.join(sources)}: there are no samples here to make a dataset of")
    with store.locked():
        digests = [_sha256(path) for path in manifests]
        tombstones = pa.concat_tables([FORGOTTEN.arrow.empty_table(), *(_tombstones(dataset) for dataset, _ in datasets)])
        _begin(store, fingerprint_of(VERSION, digests, digest_of(tombstones), msgspec.to_builtins(settings)))
        run_stage(_SpanStage(manifests), store, executor)
        _select(store, manifests, tombstones, settings)
        remove_checksums(store)
        run_stage(_CopyStage(), store, executor)
        if len(tombstones):
            store.write("forgotten", "00000", tombstones)
        _write_card(store, sources)
        write_checksums(store)
        count = sum(store.row_count(FOLDER, name) for name in store.parts(FOLDER))
        for stage in (_SPANS, _SELECTION):
            store.delete_stage(stage)
    return count


def _dataset(path: str) -> tuple[Store, str]:
    """The store of a dataset, and its folder there: a run's, or the folder itself."""
    store = Store(path)
    if store.fs.isdir(store.path(FOLDER)):
        return store, FOLDER
    parent, _, name = path.rstrip("/").rpartition("/")
    return Store(parent or "."), name


def _manifests(store: Store, folder: str) -> list[str]:
    """Paths of the manifests of a dataset, none where all of it was taken out. StoreError where there never was any."""
    paths = [store.url_of(path) for path in store.part_paths(folder)]
    if not paths and not store.fs.exists(store.path(folder, CHECKSUMS)):
        raise StoreError(f"{store.path(folder)}: there are no shards here, such as 00000.tar and 00000.parquet")
    return paths


def _sha256(path: str) -> str:
    with fsspec.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _tombstones(store: Store) -> pa.Table:
    parts = [store.read("forgotten", name).cast(FORGOTTEN.arrow) for name in store.parts("forgotten")]
    return pa.concat_tables([FORGOTTEN.arrow.empty_table(), *parts])


def _begin(store: Store, made_from: str) -> None:
    """Note what is being made. StoreError where anything else is there, or was begun."""
    if store.finished(_SCRATCH) != made_from and files_of(store, ""):
        raise StoreError(f"{store.url}: something else is here already; name a new folder, or remove this one")
    store.finish(_SCRATCH, made_from)


class _SpanStage(msgspec.Struct, frozen=True):
    """Where in its tar every sample lies: one part for every tar."""

    manifests: dict[str, int]
    """Path → number of its dataset."""
    name: ClassVar[str] = _SPANS
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every manifest."""
        return [Part(f"{number:05d}", fingerprint_of(VERSION, path)) for number, path in enumerate(self.manifests)]

    def work(self, store: Store, part: Part) -> str:
        """Read the headers of one tar. StoreError where it is broken, or not that of its manifest."""
        number = int(part.name)
        path, dataset = list(self.manifests.items())[number]
        tar = f"{path.removesuffix('.parquet')}.tar"
        try:
            with fsspec.open(tar, "rb") as file:
                rows = [
                    {
                        "manifest_path": path,
                        "dataset": dataset,
                        "shard": number,
                        "tar": tar,
                        "key": key,
                        "first_byte": start,
                        "bytes": end - start,
                    }
                    for key, start, end in _samples(spans(file))
                ]
            with fsspec.open(path, "rb") as file:
                manifest = pq.ParquetFile(file, pre_buffer=False)
                keys = manifest.read(["key"], use_threads=False)["key"].to_pylist()  # no threads: see Store.open_part
        except (BrokenTar, OSError) as error:
            raise StoreError(f"{tar}: {error}; see what else is wrong with it: wukong-build verify") from error
        if [row["key"] for row in rows] != keys:
            raise StoreError(f"{tar}: its samples are not those of its manifest; see what is wrong: wukong-build verify")
        store.write(self.name, part.name, pa.Table.from_pylist(rows), part.fingerprint)
        return f"{len(rows)} samples in {tar}"


def _samples(members: Iterator[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Key and place of every sample, whose members follow each other."""
    for key, group in itertools.groupby(members, key=lambda member: member[0].partition(".")[0]):
        places = list(group)
        yield key, places[0][1], places[-1][2]


def _select(store: Store, manifests: dict[str, int], tombstones: pa.Table, settings: ShardSettings) -> None:
    """Which sample goes into which shard, and where its bytes lie: one part a shard."""
    store.delete_stage(_SELECTION)
    schema = pa.unify_schemas([_schema_of(path) for path in manifests])
    known = {field.name: field for field in MANIFEST.arrow}
    schema = pa.schema([known.get(field.name, field) for field in schema])
    columns = ", ".join(f'samples."{name}"' for name in schema.names)
    digests = ", ".join(f"samples.{name}" for name in ("sha256", "original_sha256") if name in schema.names)
    query = _SELECT.format(columns=columns, digests=digests)
    spans_of = [store.url_of(path) for path in store.part_paths(_SPANS)]
    with database(store) as connection:
        connection.register("tombstones", tombstones)
        found = {"manifests": list(manifests), "spans": spans_of, "seed": f"{settings.seed}:"}
        reader = connection.sql(query, params=found).to_arrow_reader(settings.samples)
        for number, table in enumerate(_cut(reader, settings.samples)):
            published = table.select(schema.names).cast(schema)
            selection = pa.table([*published.columns, *table.select(_PLACE).columns], pa.unify_schemas([schema, _PLACES]))
            store.write(_SELECTION, f"{number:05d}", selection, notes={"published": digest_of(published)})


def _cut(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
    """The rows of a reader, `size` at a time."""
    waiting = reader.schema.empty_table()
    for batch in reader:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while len(waiting) >= size:
            yield waiting.slice(0, size)
            waiting = waiting.slice(size)
    if len(waiting):
        yield waiting


def _schema_of(path: str) -> pa.Schema:
    with fsspec.open(path, "rb") as file:
        return pq.read_schema(file).remove_metadata()


class _CopyStage(msgspec.Struct, frozen=True):
    """One shard from one part of the selection."""

    name: ClassVar[str] = FOLDER
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a shard."""
        names = store.parts(_SELECTION)
        return [Part(name, fingerprint_of(VERSION, store.note(_SELECTION, name, "published"))) for name in names]

    def work(self, store: Store, part: Part) -> str:
        """Copy the samples of one shard, each to its place; a source is read in its order."""
        selection = store.read(_SELECTION, part.name)
        ends = np.cumsum(selection["bytes"].to_numpy())
        places = [
            row | {"to": int(end) - row["bytes"]} for row, end in zip(selection.select(_PLACE).to_pylist(), ends, strict=True)
        ]
        with store.replacing(f"{FOLDER}/{part.name}.tar") as file:
            for tar, group in itertools.groupby(
                sorted(places, key=operator.itemgetter("tar", "first_byte")), operator.itemgetter("tar")
            ):
                with fsspec.open(tar, "rb") as source:
                    for place in group:
                        source.seek(place["first_byte"])
                        file.seek(place["to"])
                        file.write(source.read(place["bytes"]))
            file.truncate(padded(int(ends[-1])))
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            store.delete_part(self.name, part.name)
        manifest = selection.drop_columns(_PLACE)
        statistics = shard_statistics(manifest) | {"tar_sha256": sha256}
        with store.replacing(f"{FOLDER}/{part.name}_stats.json") as stats_file:
            stats_file.write(msgspec.json.format(msgspec.json.encode(statistics)))
        notes = {"tar_sha256": sha256}
        store.write(self.name, part.name, manifest, part.fingerprint, notes, looked_up_by=LOOKED_UP_BY)
        return f"{len(manifest)} samples"


def _write_card(store: Store, sources: Sequence[str]) -> None:
    name, *_ = reversed(store.root.rstrip("/").split("/"))
    text = dataset_card(described_alone(name, [source.rstrip("/").rsplit("/", 1)[-1] for source in sources], store))
    with store.replacing(f"{FOLDER}/README.md") as file:
        file.write(text.encode())
