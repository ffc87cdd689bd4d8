"""Which sample is in which shard: the kept ones, shuffled by a seed, cut into splits and shards.

Works in SQL, which spills to disk: no more than one shard's rows are held. Knows nothing of tars, and reads no image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.config import Config
from wukong_build.errors import ConfigError
from wukong_build.schema import MANIFEST
from wukong_build.shards import REST, ShardSettings
from wukong_build.shards.members import PUBLIC, text_members
from wukong_build.shards.tar import END_SIZE, member_size
from wukong_build.sql import connect
from wukong_build.store import Store, digest_of

SELECTION = "shard/selection"
"""Where one part says which samples one shard holds."""

PLACE = pa.schema([("part", pa.string()), ("image_row", pa.int64())])
"""Where the bytes of a selected sample lie; part of no shard's fingerprint."""

_SAID = {
    "caption": "coalesce(ledger.caption, '')",
    "text_length": "length(coalesce(ledger.caption, ''))",
    "original_width": "samples.width",
    "original_height": "samples.height",
    "original_sha256": "samples.sha256",
}
"""Columns of the manifest that are no columns of the samples, in SQL."""

_SHUFFLED = "('0x' || left(md5(concat(?, ':', key)), 16))::UBIGINT"
"""A number for each key, by the seed."""

_PLACED = "(kept OR tombstones.shard IS NOT NULL)"
"""Of which samples the shuffle has a place: that of a forgotten one stays empty, so that no other sample moves."""
_BATCH = 10_000
"""Rows that are taken from SQL at a time."""

_TOGETHER = ("caption", "sha256", "representative")
"""Samples that have one of these in common go into the same split."""


def select(config: Config, store: Store) -> None:
    """Write a part for every shard: its samples in their order, with the place of their bytes."""
    scores = config.filter.published()
    schema = MANIFEST._replace(columns=(*MANIFEST.columns, *scores)).arrow
    selection = pa.unify_schemas([schema, PLACE])
    recorded = [f"samples.{name}" for name in MANIFEST.arrow.names if name not in _SAID]
    said = [f"{expression} AS {name}" for name, expression in _SAID.items()]
    measured = [f'scores."{column.name}"' for column in scores]
    store.delete_stage(SELECTION)
    with connect(store) as connection:
        _place_in_splits(connection, config)
        reader = connection.sql(
            f"SELECT {', '.join([*recorded, *said, *measured])}, samples.part, samples.image_row, coalesce(split, 0) AS split, "  # noqa: S608  ours
            f"kept AND tombstones.key IS NULL AS stays "
            f"FROM ledger JOIN samples USING (key) {'JOIN scores USING (key)' if scores else ''} LEFT JOIN splits USING (key) "
            f"LEFT JOIN tombstones USING (key) WHERE {_PLACED} ORDER BY split, md5(? || samples.key), samples.key",
            params=[f"{config.shard.seed}:"],
        ).to_arrow_reader(min(config.shard.samples, _BATCH))
        for name, table in _shards(reader, config.shard):
            _write(store, name, table.filter(table["stays"]).select(selection.names).cast(selection), config.shard)


def take_out(gone: Sequence[str], config: Config, store: Store) -> None:
    """Leave some samples, by their keys, out of the selection there is; a shard that has no others is none any more."""
    for name in store.parts(SELECTION):
        rows = store.read(SELECTION, name)
        kept = rows.filter(pc.invert(pc.is_in(rows["key"], pa.array(gone, pa.string()))))
        if len(kept) < len(rows):
            _write(store, name, kept, config.shard)


def _write(store: Store, name: str, rows: pa.Table, settings: ShardSettings) -> None:
    """Write what one shard is to hold; nothing where that is no sample."""
    if not len(rows):
        store.delete_part(SELECTION, name)
        return
    notes = {
        "published": digest_of(rows.drop_columns(PLACE.names)),
        "members": digest_of(rows.select([*dict.fromkeys((*PUBLIC, *settings.scores))])),
        "samples": digest_of(rows.select(["key"])),
    }
    store.write(SELECTION, name, rows, notes=notes)


def samples_of(store: Store, name: str) -> str:
    """One short name for the samples that a shard is to have, in their order."""
    return store.note(SELECTION, name, "samples")


def _shards(reader: pa.RecordBatchReader, settings: ShardSettings) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a reader, as many at a time as one shard takes, with the shard's name: numbered within its split."""
    names = _names(settings)
    waiting: list[pa.Table] = []
    split, count, size = 0, 0, END_SIZE
    number = 0
    for batch in reader:
        table = pa.Table.from_batches([batch])
        first = 0
        for row, (of, more) in enumerate(zip(table["split"].to_pylist(), _sizes(table, settings), strict=True)):
            full = count == settings.samples or (settings.at_most_bytes is not None and size + more > settings.at_most_bytes)
            if count and (full or of != split):
                yield f"{names[split]}{number:05d}", pa.concat_tables([*waiting, table.slice(first, row - first)])
                waiting, first, count, size = [], row, 0, END_SIZE
                number = number + 1 if of == split else 0
            split, count, size = of, count + 1, size + more
        waiting.append(table.slice(first))
    if count:
        yield f"{names[split]}{number:05d}", pa.concat_tables(waiting)


def _names(settings: ShardSettings) -> list[str]:
    """What stands before the number of a shard, for each split; the rest is split 0."""
    return [f"{name}-" for name in sorted(settings.splits, key=lambda name: settings.splits[name] != REST)] or [""]


def _sizes(table: pa.Table, settings: ShardSettings) -> list[int]:
    """What each sample takes of a tar, in bytes; zeros where nobody asks."""
    if settings.at_most_bytes is None:
        return [0] * len(table)
    rows = table.drop_columns(["split", "stays", *PLACE.names]).to_pylist()
    return [
        member_size(row["image_bytes"] or 0) + sum(member_size(len(text)) for text in text_members(row, settings.scores).values())
        for row in rows
    ]


def _place_in_splits(connection: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Make the table `splits`: key and number of the split, for samples that are not in the rest.

    Samples that have the bytes, the caption, or the representative of `near_duplicate` in common go together, also by way of
    others. Families are taken in the order of a seeded hash, each into the first split that has room for all of it, so that a
    split has exactly the size asked for unless a family stands in the way.
    """
    splits = {name: amount for name, amount in config.shard.splits.items() if amount != REST}
    connection.execute("CREATE TEMP TABLE splits (key VARCHAR, split INTEGER)")
    if not splits:
        return
    _find_families(connection, config)
    ((total,),) = connection.execute("SELECT count(*) FROM families").fetchall()
    room = [amount if isinstance(amount, int) else round(amount * total) for amount in splits.values()]
    if sum(room) > total:
        raise ConfigError(f"shard.splits: {', '.join(splits)} want {sum(room)} samples together; {total} are kept")
    families, numbers = [], []
    sizes = connection.sql("SELECT family, count(*) AS size FROM families GROUP BY family ORDER BY md5(family::VARCHAR), family")
    for batch in sizes.to_arrow_reader(_BATCH):
        if not any(room):
            break
        for family, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            fitting = next((number for number, left in enumerate(room) if size <= left), None)
            if fitting is not None:
                room[fitting] -= size
                families.append(family)
                numbers.append(fitting + 1)
    chosen = pa.table({"family": pa.array(families, pa.uint64()), "split": pa.array(numbers, pa.int32())})
    connection.register("chosen", chosen)
    connection.execute("INSERT INTO splits SELECT key, split FROM families JOIN chosen USING (family)")


def _find_families(connection: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Make the table `families`: key and family, the smallest number among the samples that go together."""
    compared = "near_duplicate" in config.filter.links
    connection.execute(
        f"CREATE TEMP TABLE families AS SELECT key, {_SHUFFLED} AS family, coalesce(nullif(ledger.caption, ''), key) AS caption, "  # noqa: S608  ours
        f"coalesce(sha256, key) AS sha256, coalesce({'near_duplicate_of, ' if compared else ''}key) AS representative "
        f"FROM ledger JOIN samples USING (key) {'JOIN scores USING (key)' if compared else ''} "
        f"LEFT JOIN tombstones USING (key) WHERE {_PLACED}",
        [config.shard.seed],
    )
    changed = True
    while changed:
        before = _sum_of_families(connection)
        for column in _TOGETHER:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE families AS SELECT families.* REPLACE (smallest AS family) "  # noqa: S608  as above
                f"FROM families JOIN (SELECT {column}, min(family) AS smallest FROM families GROUP BY ALL) USING ({column})"
            )
        changed = _sum_of_families(connection) != before


def _sum_of_families(connection: duckdb.DuckDBPyConnection) -> int:
    """It falls as long as any sample joins another family."""
    ((found,),) = connection.execute("SELECT sum(family::HUGEINT) FROM families").fetchall()
    return int(found or 0)
