"""A run as its users read it: config, funnel, ledger and manifests as Arrow, the shards as a webdataset. Changes nothing."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import webdataset
import yaml

from wukong_build.errors import DamagedRecord, StoreError
from wukong_build.inspect.funnel import SCHEMA, measured
from wukong_build.schema import LEDGER, MANIFEST, SCHEMA_VERSION
from wukong_build.sql import ask
from wukong_build.store import Store


class Run:
    """What one run holds."""

    def __init__(self, store: Store, record: dict[str, Any]) -> None:
        self.store = store
        self.record = record

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config it was made with."""
        return dict(self.record["config"])

    def funnel(self) -> pa.Table:
        """`step, seen, dropped, left`, one row a step, as of the last command."""
        return pa.Table.from_pylist(self.record["funnel"], schema=SCHEMA)

    def measured(self) -> pa.Table:
        """`step, measured, alone, microseconds`, one row a link: what it drops that no other does, and what measuring took."""
        return measured(self.store)

    def ledger(self) -> pa.Table:
        """One row for every sample ever seen, with `evidence`, what the links wrote beside their scores."""
        return self._table("filter/ledger", LEDGER.arrow)

    def manifests(self) -> pa.Table:
        """One row for every published sample, in the order of the shards."""
        return self._table("shards", MANIFEST.arrow)

    def _table(self, folder: str, schema: pa.Schema) -> pa.Table:
        parts = [self.store.read(folder, part) for part in self.store.parts(folder)]
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def sql(self, query: str) -> pa.Table:
        """The answer to one SELECT over the tables of the run: pages, pairs, images, samples, scores, ledger, manifest."""
        return ask(self.store, query)

    @property
    def shards(self) -> list[str]:
        """Paths of the published tars; URLs where the run is not local."""
        return [self.store.url_of(self.store.path("shards", f"{name}.tar")) for name in self.store.parts("shards")]

    def webdataset(self, split: str | None = None, **options: Any) -> webdataset.WebDataset:
        """The shards, or those of one split, as a `webdataset.WebDataset`; options are passed on to it."""
        shards = [shard for shard in self.shards if split is None or shard.rsplit("/", 1)[-1].startswith(f"{split}-")]
        return webdataset.WebDataset(shards, **{"shardshuffle": False, **options})


def open_run(path: str) -> Run:
    """The run in a directory or at an fsspec URL. StoreError where there is none."""
    store = Store(path)
    if not store.exists():
        raise StoreError(f"{path}: there is no run here (no run.yaml); `wukong-build run CONFIG` makes one")
    try:
        record = yaml.safe_load(store.fs.cat_file(store.path("run.yaml")))
    except yaml.YAMLError:
        record = None
    if not (isinstance(record, dict) and record.keys() >= {"schema_version", "config", "versions", "funnel"}):
        raise DamagedRecord(f"{path}: run.yaml is damaged; the run's last command, given again, writes it anew")
    if record["schema_version"] > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: has schema version {record['schema_version']}; this wukong-build knows {SCHEMA_VERSION}: upgrade it"
        )
    return Run(store, record)
