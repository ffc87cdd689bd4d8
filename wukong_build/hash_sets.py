"""Hash sets: the hashes of pictures that somebody has already, of earlier runs or in Parquet files. Knows no link.

A set is a Parquet file or a folder of them, with a column for each kind of hash; or a run, whose kept samples are meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.errors import ConfigError, listed
from wukong_build.schema import FORGOTTEN
from wukong_build.store import Store

FORGOTTEN_WITHIN = 4
"""Hamming distance of two pHashes up to which one is taken for that of a forgotten picture; `near_duplicate`'s by default."""

_LEDGER, _SCORES = "filter/ledger", "filter/scores"


def is_run(path: str) -> bool:
    """True where a run's ledger lies there."""
    return bool(Store(path).parts(_LEDGER))


def files_of(path: str) -> list[str]:
    """The files that a set lies in; of a run its tombstones, and what says of what its ledger was made for all else."""
    store = Store(path)
    if is_run(path):
        tombstones = [store.part_path(FORGOTTEN.name, part) for part in store.parts(FORGOTTEN.name)]
        return [store.url_of(name) for name in (store.path("filter/finished.json"), *tombstones)]
    if not store.fs.isdir(store.root):
        return [path]
    return [store.url_of(name) for name in sorted(store.fs.ls(store.root, detail=False)) if name.endswith(".parquet")]


def read_hash_set(path: str, columns: Sequence[str]) -> pa.Table:
    """The columns of every picture of a set that has a value in each of them.

    ConfigError where the set cannot be read, or lacks one of the columns.
    """
    try:
        tables = [table.select(columns).drop_null() for table in (_kept if is_run(path) else _rows)(path, columns)]
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"hash set {path!r} cannot be read: {error}") from error
    if not tables:
        raise ConfigError(f"hash set {path!r} holds no Parquet file; a file, a folder of files or a filtered run is meant")
    return pa.concat_tables(tables)


def forgotten_in(path: str) -> pa.Table:
    """Of a run's tombstones that have a pHash, `phash` and the `key` of the sample, or "forgotten" where they name none."""
    store = Store(path)
    columns = pa.schema([FORGOTTEN.arrow.field("key"), FORGOTTEN.arrow.field("phash")])
    tables = [store.read(FORGOTTEN.name, part, columns.names) for part in store.parts(FORGOTTEN.name)]
    rows = pa.concat_tables([columns.empty_table(), *tables])
    rows = rows.filter(rows["phash"].is_valid())
    return rows.set_column(0, "key", rows["key"].fill_null("forgotten"))


def _rows(path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    for name in files_of(path):
        store = Store(name)
        with store.fs.open(store.root, "rb") as file:
            parquet = pq.ParquetFile(file)
            _require(columns, parquet.schema_arrow.names, name)
            yield parquet.read(columns=list(columns)).replace_schema_metadata(None)


def _kept(path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """What a run kept, with what its links measured; scores and ledger have the same rows."""
    store = Store(path)
    passes = [f"{_SCORES}/{name.rsplit('/', 1)[-1]}" for name in store.fs.ls(store.path(_SCORES), detail=False)]
    for part in store.parts(_LEDGER):
        ledger = store.read(_LEDGER, part, ["key", "kept"])
        table = ledger.select(["key"])
        for folder in passes:
            with store.open_part(folder, part) as file:
                names = [name for name in columns if name in file.schema_arrow.names and name not in table.column_names]
                for name, values in zip(names, file.read(columns=names).columns, strict=True):
                    table = table.append_column(name, values)
        _require(columns, table.column_names, path)
        yield table.filter(ledger["kept"])


def _require(columns: Sequence[str], there: Sequence[str], where: str) -> None:
    missing = [name for name in columns if name not in there]
    if missing:
        raise ConfigError(f"hash set {where!r} has no column {listed(missing)}; it has {listed(there)}")
