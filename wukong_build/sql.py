"""SQL over the tables of a run: DuckDB, which spills to disk where a table does not fit into memory.

Knows where the tables of a run lie, and nothing of what is done with them.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable

import duckdb
import pyarrow as pa

from wukong_build.chain import MEASURED
from wukong_build.errors import ConfigError, StoreError
from wukong_build.schema import (
    FORGOTTEN,
    FRONTIER,
    IMAGES,
    LEDGER,
    MANIFEST,
    PAGES,
    PAIRS,
    ROBOTS,
    SAMPLES,
    SITE_FILES,
    TableSchema,
)
from wukong_build.store import SPILL, Store
from wukong_build.web.failures import TRANSIENT

MEMORY_LIMIT = "50%"
"""Of the memory of this machine or container, as DuckDB sees it; what does not fit is spilled to disk."""

FOLDERS: dict[str, TableSchema] = {
    "crawl/robots": ROBOTS,
    "crawl/site_files": SITE_FILES,
    "crawl/frontier": FRONTIER,
    "crawl/pages": PAGES,
    "crawl/pairs": PAIRS,
    "crawl/images": IMAGES,
    "crawl/samples": SAMPLES,
    "filter/ledger": LEDGER,
    "shards": MANIFEST,
    "forgotten": FORGOTTEN,
}
"""Folder of a run → the table its parts make up."""


# Parts with numbers were asked of servers one after the other; those of archives have none, and count by the clock, and last.
_NEWEST = "TRY_CAST(part AS INTEGER) DESC NULLS LAST, fetched_at DESC NULLS LAST, part DESC, part_row DESC"
# A redirect to another host is no answer either, until that host has answered.
_PASSING = ", ".join(f"'{name}'" for name in sorted(TRANSIENT | {"moved"}))

# An answer holds until another one comes: a request that failed for the moment is none, and "not modified" confirms the old one.
_VIEWS = f"""
CREATE VIEW tombstones AS SELECT key, max(shard) AS shard FROM forgotten WHERE key IS NOT NULL GROUP BY key;

CREATE VIEW latest AS
SELECT * EXCLUDE (image) FROM images QUALIFY row_number() OVER (PARTITION BY key ORDER BY {_NEWEST}) = 1;

CREATE VIEW answers AS
SELECT * EXCLUDE (image) FROM images WHERE error IS DISTINCT FROM 'not_modified'
QUALIFY row_number() OVER (PARTITION BY key ORDER BY coalesce(error IN ({_PASSING}), false), {_NEWEST}) = 1;

CREATE VIEW latest_visits AS
SELECT * FROM pages QUALIFY row_number() OVER (PARTITION BY url ORDER BY {_NEWEST}) = 1;

CREATE VIEW visits AS
SELECT * FROM pages WHERE error IS DISTINCT FROM 'not_modified'
QUALIFY row_number() OVER (PARTITION BY url ORDER BY decision <> 'asked', coalesce(error IN ({_PASSING}), false), {_NEWEST}) = 1;

-- Pairs of pages count as far as a source asks for the page and as its visit holds that found them; parts of lists are no visits.
CREATE VIEW occurrences AS
SELECT pairs.key, pairs.url, page_url, pairs.query, position, texts, chrome, coalesce(visit.depth, 0) AS depth,
       coalesce(pairs.source, visit.source) AS source, coalesce(visit.only_archived, false) AS only_archived,
       visit.opt_out, visit.licences, extra
FROM pairs LEFT JOIN (
    SELECT url, visits.part, visits.capture, frontier.depth, frontier.source, at_most_pairs, only_archived, visits.licences,
           list_distinct(list_concat(visits.opt_out, latest_visits.opt_out)) AS opt_out
    FROM visits JOIN frontier USING (url) JOIN latest_visits USING (url)
) AS visit
ON coalesce(found_at, page_url) = visit.url AND pairs.part = visit.part AND pairs.capture IS NOT DISTINCT FROM visit.capture
WHERE pairs.source IS NOT NULL OR (visit.url IS NOT NULL AND (at_most_pairs IS NULL OR position < at_most_pairs));
"""  # noqa: S608  classes of ours
"""`tombstones` has the shard of every forgotten sample.

`latest` (images) and `latest_visits` (pages) have the last row of each; `answers` and `visits` the row that holds.
"""

_MACROS = """
CREATE MACRO host_name(url) AS ltrim(regexp_extract(url, '^https?://(?:[^/?#]*@)?(\\[[^]/?#]*|[^:/?#]*)', 1), '[');

CREATE MACRO origin(url) AS
regexp_extract(url, '^https?://') || regexp_extract(url, '^https?://(?:[^/?#]*@)?([^/?#]*)', 1);

CREATE MACRO key_of(url) AS left(sha256(url), 32);
"""
"""Host (without user and port) and origin of a URL, empty for what is none; and the key of an image's URL."""

FIRST_OCCURRENCE = (
    "ORDER BY chrome IS NOT NULL, depth, page_url NULLS FIRST, position, TRY_CAST(split_part(source, ':', 1) AS INTEGER), source"
)
"""The order in which the occurrences of an image count: content, nearest to a seed, then as the page or the list has them."""


def database(store: Store) -> duckdb.DuckDBPyConnection:
    """A connection that knows no table; what does not fit into memory is spilled beside a local run, whose disk is large.

    DuckDB makes the folder for it when it must, and removes it when the connection is closed.
    """
    spill = f"{store.root if store.is_local else tempfile.gettempdir()}/{SPILL}{uuid.uuid4().hex}"
    connection = duckdb.connect(
        config={"threads": 2, "preserve_insertion_order": False, "memory_limit": MEMORY_LIMIT, "temp_directory": spill}
    )
    connection.execute(_MACROS)
    return connection


def connect(store: Store) -> duckdb.DuckDBPyConnection:
    """A connection with one view for every table of the run; a table that is not there yet has no rows.

    StoreError where a part is broken.
    """
    connection = database(store)
    if not store.is_local:
        connection.register_filesystem(store.fs)
    try:
        for folder, table in FOLDERS.items():
            refresh(connection, store, folder, table.name, table.arrow)
        _show_scores(connection, store)
        connection.execute(_VIEWS)
    except duckdb.Error as error:
        connection.close()
        raise StoreError(f"{store.url}: cannot be read: {error}") from error
    return connection


def ask(store: Store, query: str) -> pa.Table:
    """The answer to one SELECT over the tables of the run, which no query can change.

    ConfigError, with the tables there are, where it is anything else; StoreError where the run cannot be read.
    """
    with connect(store) as connection:
        tables = _described(connection)
        _confine(connection, store)
        try:
            statements = connection.extract_statements(query)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise ConfigError(f"--sql: found {query.strip()!r}; one SELECT is meant, over {tables}")
            return in_utc(connection.sql(query).to_arrow_table())
        except duckdb.OperationalError as error:
            raise StoreError(f"{store.url}: cannot be read: {error}") from error
        except duckdb.Error as error:
            raise ConfigError(f"--sql: {error}\nThere are {tables}") from error


def in_utc(table: pa.Table) -> pa.Table:
    """The table with its times told in UTC, where DuckDB tells them in the zone of this machine."""
    kinds = [pa.timestamp(kind.unit, "UTC") if pa.types.is_timestamp(kind) and kind.tz else kind for kind in table.schema.types]
    return table.cast(pa.schema(zip(table.column_names, kinds, strict=True)))


def refresh(connection: duckdb.DuckDBPyConnection, store: Store, folder: str, name: str, schema: pa.Schema) -> None:
    """Let the view `name` show the parts that `folder` holds now, with the part each row stands in and its place there."""
    paths = _paths(store, folder)
    if paths:
        connection.execute(
            f"CREATE OR REPLACE VIEW {name} AS SELECT * EXCLUDE (filename, file_row_number), "  # noqa: S608  names of ours
            "parse_filename(filename, true) AS part, file_row_number AS part_row "
            f"FROM read_parquet({_literal(paths)}, filename = true, file_row_number = true, union_by_name = true)"
        )
    else:
        connection.register(
            f"{name}_empty", schema.append(pa.field("part", pa.string())).append(pa.field("part_row", pa.int64())).empty_table()
        )
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {name}_empty")  # noqa: S608  as above


def _show_scores(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """The view `scores`: one row a sample, with what every link of every pass wrote; the state of passes is the ledger's."""
    tables = [f"read_parquet({_literal(_paths(store, folder))}, union_by_name = true)" for folder in score_folders(store)]
    if not tables:
        connection.execute("CREATE VIEW scores AS SELECT NULL::VARCHAR AS key WHERE false")
        return
    state = _literal(name for name in LEDGER.arrow.names if name != "key")
    joined = "".join(f" LEFT JOIN {table} AS pass{index} USING (key)" for index, table in enumerate(tables) if index)
    connection.execute(
        f"CREATE VIEW scores AS SELECT COLUMNS(lambda name: name NOT IN {state} AND NOT suffix(name, '{MEASURED}')) "  # noqa: S608  as above
        f"FROM {tables[0]} AS pass0{joined}"
    )


def score_folders(store: Store) -> list[str]:
    """Folders with the scores of each pass that has any, in the order of the chain."""
    folder = store.path("filter/scores")
    found = store.fs.ls(folder, detail=False) if store.fs.isdir(folder) else []
    passes = sorted((path.rstrip("/").rsplit("/", 1)[-1] for path in found), key=int)
    return [scores for name in passes if store.parts(scores := f"filter/scores/{name}")]


def _paths(store: Store, folder: str) -> list[str]:
    """The parts of a folder, as DuckDB names them."""
    return [store.url_of(path) for path in store.part_paths(folder)]


def _literal(texts: Iterable[str]) -> str:
    """A list of texts, as SQL writes it."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


def _described(connection: duckdb.DuckDBPyConnection) -> str:
    """Every table of the run with its columns, one a line."""
    columns = connection.execute(
        "SELECT table_name || '(' || string_agg(column_name, ', ' ORDER BY column_index) || ')' FROM duckdb_columns() "
        "WHERE NOT internal AND NOT suffix(table_name, '_empty') GROUP BY table_name ORDER BY table_name"
    ).fetchall()
    return "the tables\n  " + "\n  ".join(line for (line,) in columns)


def _confine(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Leave the connection no file but the parts it shows: a SELECT may call functions that write, as those for logs do."""
    allowed = [path for folder in (*FOLDERS, *score_folders(store)) for path in _paths(store, folder)]
    connection.execute(f"SET allowed_paths = {_literal(allowed)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
