"""SQL over the tables of a run: DuckDB, which spills to disk where a table does not fit into memory.

Knows where the tables of a run lie, and nothing of what is done with them.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from wukong_build.schema import FRONTIER, IMAGES, LEDGER, MANIFEST, PAGES, PAIRS, ROBOTS, SAMPLES, TableSchema
from wukong_build.store import Store

FOLDERS: dict[str, TableSchema] = {
    "crawl/robots": ROBOTS,
    "crawl/frontier": FRONTIER,
    "crawl/pages": PAGES,
    "crawl/pairs": PAIRS,
    "crawl/images": IMAGES,
    "crawl/samples": SAMPLES,
    "filter/ledger": LEDGER,
    "shards": MANIFEST,
}
"""Folder of a run → the table its parts make up."""


def connect(store: Store) -> duckdb.DuckDBPyConnection:
    """A connection with one view for every table of the run; a table that is not there yet has no rows."""
    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    if not store.is_local:
        connection.register_filesystem(store.fs)
    for folder, table in FOLDERS.items():
        refresh(connection, store, folder, table.name, table.arrow)
    return connection


def refresh(connection: duckdb.DuckDBPyConnection, store: Store, folder: str, name: str, schema: pa.Schema) -> None:
    """Let the view `name` show the parts that `folder` holds now, with the part each row stands in and its place there."""
    paths = [path if store.is_local else store.fs.unstrip_protocol(path) for path in store.part_paths(folder)]
    if paths:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        connection.execute(
            f"CREATE OR REPLACE VIEW {name} AS SELECT * EXCLUDE (filename, file_row_number), "  # noqa: S608  names of ours
            "parse_filename(filename, true) AS part, file_row_number AS part_row "
            f"FROM read_parquet([{listed}], filename = true, file_row_number = true, union_by_name = true)"
        )
    else:
        connection.register(
            f"{name}_empty", schema.append(pa.field("part", pa.string())).append(pa.field("part_row", pa.int64())).empty_table()
        )
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {name}_empty")  # noqa: S608  as above
