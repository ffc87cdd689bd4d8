"""Formats and how they are compressed; a list of any length is read a table at a time."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build.errors import ConfigError
from wukong_build.schema import PAIRS
from wukong_build.web.sources import Urls
from wukong_build.web.sources.tables import BYTES_AT_ONCE, ROWS_AT_ONCE

Listed = Callable[..., Urls]
Pairs = Callable[[Urls], list[dict[str, Any]]]

ROWS = [("http://a.test/1.jpg", "红玫瑰"), ("http://a.test/2.jpg", "猫，在窗台上")]
CSV = "url,caption\n" + "".join(f"{url},{caption}\n" for url, caption in ROWS)
JSON = "".join(f'{{"url": "{url}", "caption": "{caption}"}}\n' for url, caption in ROWS)


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".GZ": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
}


@pytest.mark.parametrize("suffix", COMPRESSED)
@pytest.mark.parametrize(("name", "content"), [("l.csv", CSV), ("l.tsv", CSV.replace(",", "\t")), ("l.jsonl", JSON)])
def test_text_is_read_compressed_or_not(listed: Listed, pairs: Pairs, name: str, content: str, suffix: str) -> None:
    """As the ending says; several streams one after the other are one file, as some tools write them."""
    middle = content.index("\n") + 1
    pieces = (content[:middle].encode(), content[middle:].encode())
    source = listed(name + suffix, b"".join(map(COMPRESSED[suffix], pieces)))
    assert [(pair["url"], pair["texts"][0]["text"]) for pair in pairs(source)] == ROWS


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_a_parquet_list_is_read(tmp_path: Path, pairs: Pairs, kind: pa.DataType) -> None:
    """Whatever its text columns are stored as, beside whatever other columns."""
    path = tmp_path / "list.parquet"
    urls, captions = (
        pa.array(column).cast(pa.binary() if kind == pa.binary() else pa.string()).cast(kind)
        for column in zip(*ROWS, strict=True)
    )
    pq.write_table(pa.table({"caption": captions, "other": [[1], [2]], "url": urls}), path)
    found = pairs(Urls(path=str(path), extra_columns=("other",)))
    assert [(pair["url"], pair["texts"][0]["text"], pair["extra"]) for pair in found] == [
        (*ROWS[0], '{"other":[1]}'),
        (*ROWS[1], '{"other":[2]}'),
    ]


def test_a_parquet_list_with_odd_values(tmp_path: Path, pairs: Pairs) -> None:
    """Nulls are no URL and no caption, numbers are captions, and bytes that are no UTF-8 are replaced."""
    path = tmp_path / "list.parquet"
    bad = pa.array([b"http://a.test/\xff", None], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"url": bad, "caption": [7, None]}), path)
    found = [(pair["url"], [text["text"] for text in pair["texts"]]) for pair in pairs(Urls(path=str(path)))]
    assert found == [("http://a.test/%EF%BF%BD", ["7"]), ("", [])]


@pytest.mark.parametrize("name", ["list.csv", "list.parquet", "list.jsonl", "list.txt"])
def test_a_long_list_comes_in_tables(tmp_path: Path, name: str) -> None:
    """Positions go on from table to table, so memory is bounded by a table and not by the list."""
    count = 2 * ROWS_AT_ONCE + 5
    path = tmp_path / name
    urls = [f"http://a.test/{number}" for number in range(count)]
    if name == "list.parquet":
        pq.write_table(pa.table({"url": urls, "caption": ["猫" * 20] * count}), path)
    else:
        before, after = {"list.csv": ("", ",猫"), "list.jsonl": ('{"caption": "猫", "url": "', '"}'), "list.txt": ("", "")}[name]
        header = "url,caption\n" * (name == "list.csv")
        path.write_text(header + "".join(f"{before}{url}{after}\n" for url in urls), encoding="utf-8")
    tables = list(Urls(path=str(path)).tables(str(path), "0:urls"))
    assert len(tables) > 1
    assert all(table.schema.equals(PAIRS.arrow, check_metadata=True) for table in tables)
    whole = pa.concat_tables(tables)
    assert whole["position"].to_pylist() == list(range(count))
    assert whole["url"].to_pylist() == urls


@pytest.mark.parametrize("name", ["list.csv", "list.parquet", "list.jsonl"])
def test_long_rows_come_in_more_tables(tmp_path: Path, name: str) -> None:
    """A table is bounded in bytes as well as in rows."""
    count, caption = 1800, "a" * 100_000
    path = tmp_path / name
    if name == "list.parquet":
        pq.write_table(pa.table({"url": ["u"] * count, "caption": [caption] * count}), path)
    else:
        row = f"u,{caption}\n" if name == "list.csv" else f'{{"url": "u", "caption": "{caption}"}}\n'
        path.write_text("url,caption\n" * (name == "list.csv") + row * count)
    sizes = [table.nbytes for table in Urls(path=str(path)).tables(str(path), "0:urls")]
    assert len(sizes) > 1
    assert max(sizes) < 2 * BYTES_AT_ONCE


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("list.csv.gz", b"this is no gzip", "cannot be read: "),
        ("list.csv.gz", gzip.compress(CSV.encode() * 99, mtime=0)[:-20], "cannot be read: "),
        ("list.csv.zst", b"this is no zstd", "cannot be read: "),
        ("list.csv.zst", COMPRESSED[".zst"](CSV.encode())[:-4], "cannot be read: "),
        ("list.jsonl.zst", COMPRESSED[".zst"](JSON.encode() * 99)[:-4], "cannot be read: "),
        ("list.txt.xz", b"this is no xz", "cannot be read: "),
        ("list.csv.bz2", bz2.compress(CSV.encode())[:-4], "cannot be read: "),
        ("list.parquet", b"this is no parquet", "cannot be read: "),
        ("list.xlsx", CSV.encode(), "cannot be read: its name ends like that of no list; .csv, "),
        ("list", CSV.encode(), "cannot be read: its name ends like that of no list; .csv, "),
    ],
)
def test_a_list_that_cannot_be_read(listed: Listed, pairs: Pairs, name: str, content: bytes, expected: str) -> None:
    """It is told by its path, with what is wrong with it."""
    source = listed(name, content)
    with pytest.raises(ConfigError, match=f"^crawl.sources: {source.path}: {expected}"):
        pairs(source)


def test_a_parquet_list_that_will_not_do(tmp_path: Path, pairs: Pairs) -> None:
    """A column that is not there is told with the nearest name; so is one that is there twice, and one of lists."""
    path = str(tmp_path / "list.parquet")
    text, lists = pa.array(["a"]), pa.array([["a"]])
    for names, columns, expected in (
        (["URL", "caption"], [text, text], r"has no column 'url'.*; it has URL, caption"),
        (["url", "caption", "caption"], [text, text, text], "exists 2 times"),
        (["url", "caption"], [text, lists], "text is meant where there is list"),
    ):
        pq.write_table(pa.table(columns, names=names), path)
        with pytest.raises(ConfigError, match=expected):
            pairs(Urls(path=path))
