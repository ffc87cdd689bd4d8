"""The table of all columns holds together."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.chain import STATE
from wukong_build.schema import FETCH_FACTS, IMAGES, LEDGER, LEDGER_FACTS, MANIFEST, SAMPLES, TABLES, TableSchema
from wukong_build.sql import FOLDERS
from wukong_build.store import NOT_CONTENT

every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


@every_table
def test_every_column_says_what_it_means(table: TableSchema) -> None:
    """A table and each of its columns have a meaning, on one line, and no column stands twice."""
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert table.meaning
    assert table.written_by in ("crawl", "filter", "shard", "forget")
    for column in table.columns:
        assert column.meaning
        assert "\n" not in column.meaning


@every_table
def test_the_meaning_travels_with_the_file(table: TableSchema) -> None:
    """Whoever opens a Parquet file finds each column's meaning in it."""
    assert [field.metadata[b"description"].decode() for field in table.arrow] == [c.meaning for c in table.columns]


def test_tables_have_names_of_their_own() -> None:
    """No two tables are called the same, and each can be asked by SQL."""
    assert len({table.name for table in TABLES}) == len(TABLES)
    assert set(TABLES) == set(FOLDERS.values())


def test_samples_repeat_the_facts_of_the_fetch() -> None:
    """A column that two tables share has one type and one meaning."""
    images = {column.name: column for column in IMAGES.columns}
    samples = {column.name: column for column in SAMPLES.columns}
    assert [samples[name] for name in FETCH_FACTS] == [images[name] for name in FETCH_FACTS]


def test_the_ledger_is_the_state_after_the_chain() -> None:
    """The ledger has the key, what the chain says of a sample, and what was decided before there was anything to measure."""
    facts = {name: SAMPLES.arrow.field(name).type for name in LEDGER_FACTS}
    assert {field.name: field.type for field in LEDGER.arrow} == {"key": pa.string(), **STATE, **facts}


def test_what_a_digest_leaves_out_exists() -> None:
    """Bytes and clock times are columns of the crawl, and none of what is published."""
    assert set(NOT_CONTENT) <= {column.name for column in IMAGES.columns}
    assert not set(NOT_CONTENT) & {column.name for column in MANIFEST.columns}
