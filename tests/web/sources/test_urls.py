"""Lists of images: every row of a list is a pair, and what is no row is told."""

from __future__ import annotations

import gzip
import logging
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build.errors import ConfigError
from wukong_build.schema import PAIRS
from wukong_build.web.sources import Urls
from wukong_build.web.sources.urls import ROWS_PER_ROW_GROUP
from wukong_build.web.url import key_of

ROWS = [("http://a.test/1.jpg", "红玫瑰"), ("http://a.test/2.jpg", "猫，在窗台上")]
HEADER = b"url,caption\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", "url,caption\nhttp://a.test/1.jpg,红玫瑰\nhttp://a.test/2.jpg,猫，在窗台上\n"),
        ("list.csv", "url,caption\r\nhttp://a.test/1.jpg,红玫瑰\r\nhttp://a.test/2.jpg,猫，在窗台上"),
        ("list.csv", "\ufeffurl,caption\nhttp://a.test/1.jpg,红玫瑰\n\nhttp://a.test/2.jpg,猫，在窗台上\n"),
        ("list.csv", '"caption","width","url"\n红玫瑰,1,"http://a.test/1.jpg"\n猫，在窗台上,a,http://a.test/2.jpg\n'),
        ("list.tsv", "url\tcaption\nhttp://a.test/1.jpg\t红玫瑰\nhttp://a.test/2.jpg\t猫，在窗台上\n"),
        ("a list,图.csv", "url,caption\nhttp://a.test/1.jpg,红玫瑰\nhttp://a.test/2.jpg,猫，在窗台上\n"),
    ],
    ids=["csv", "CR LF", "byte order mark", "quoted, in another order", "tsv", "odd name"],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_text_list_is_read(tmp_path: Path, name: str, content: str, zipped: bool) -> None:
    """CSV or TSV, as spreadsheets and data sets write them, gzipped or not."""
    path = tmp_path / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    assert [(pair["url"], pair["texts"][0]["text"]) for pair in pairs(Urls(path=str(path)))] == ROWS


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b'u,"two\nlines"', "two\nlines"),
        (b'u,"two\r\nlines"', "two\r\nlines"),
        (b"u,two\rhalves", "two\rhalves"),
        (b'u,"two\rhalves"', "two\rhalves"),
        (b"u,\r", ""),
        (b'u,"a ""word"", and more"', 'a "word", and more'),
        (b"u,\xba\xec", "红"),
        (b"u,\xe7\x8c", "\ufffd"),
        (b"u,a\0b", "a\0b"),
        (b"u,NULL", "NULL"),
        (b"u,1.50", "1.50"),
        (b"u, x ", " x "),
        (b"u," + b"a" * 1_000_000, "a" * 1_000_000),
    ],
)
def test_a_caption_keeps_its_characters(tmp_path: Path, row: bytes, expected: str) -> None:
    """Line feeds where quoted, returns anywhere, numbers as they are written; only bytes that are no UTF-8 are replaced."""
    (pair, after) = pairs(csv(tmp_path, HEADER + row + b"\nv,x\n"))
    assert "".join(text["text"] for text in pair["texts"]) == expected
    assert after["url"] == "v"


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_return_is_one_wherever_the_file_is_cut(tmp_path: Path, shift: int) -> None:
    """A list is read in blocks; what follows a return may stand in the next one."""
    caption, count = "a\r\r" * 4000 + "b", 600
    found = pairs(csv(tmp_path, HEADER + b"u," + b"c" * shift + f"{caption}\r\nu,".encode() * count + b"end\r"))
    assert [pair["texts"][0]["text"] for pair in found] == ["c" * shift + caption, *[caption] * (count - 1), "end"]


def test_a_pair_of_a_list(tmp_path: Path) -> None:
    """Its URL is canonical, its place is the row, its page is the list's word for it, and its caption is the only text."""
    source = csv(
        tmp_path,
        b"src,alt,page\nHTTP://A.test/\xe5\x9b\xbe.jpg#x,cat,http://a.test/\n",
        url="src",
        caption="alt",
        page_url="page",
    )
    assert pairs(source) == [
        {
            "key": key_of("http://a.test/%E5%9B%BE.jpg"),
            "url": "http://a.test/%E5%9B%BE.jpg",
            "page_url": "http://a.test/",
            "position": 0,
            "source": "0:urls",
            "texts": [{"text": "cat", "origin": "caption", "distance": 0}],
        }
    ]


def test_no_row_is_lost(tmp_path: Path) -> None:
    """A URL under two captions, a row twice, no caption, and what is no URL at all: a pair each, in the order of the list."""
    rows = b"http://a.test/1,a\nhttp://a.test/1,b\nhttp://a.test/1,b\nhttp://a.test/2,\n,c\nno url,d\nftp://a.test/,e\n"
    found = pairs(csv(tmp_path, HEADER + rows))
    assert [pair["url"] for pair in found] == [*["http://a.test/1"] * 3, "http://a.test/2", "", "no url", "ftp://a.test/"]
    assert [[text["text"] for text in pair["texts"]] for pair in found] == [["a"], ["b"], ["b"], [], ["c"], ["d"], ["e"]]
    assert [pair["position"] for pair in found] == list(range(7))
    assert len({pair["key"] for pair in found}) == 5


def test_malformed_rows_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A row with more or fewer fields than the header costs neither its neighbours nor the list; a warning says how many."""
    source = csv(tmp_path, HEADER + b"u,a\nv\nw,b,c\n" + b"x,d\n" * 3 + b"half a row\n")
    with caplog.at_level(logging.WARNING, logger="wukong_build"):
        assert [pair["url"] for pair in pairs(source)] == ["u", "x", "x", "x"]
    (record,) = caplog.records
    assert record.getMessage() == f"{source.path}: 3 rows skipped that have more or fewer fields than the header; one of them: v"


def test_a_list_without_fault_gives_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And one without rows gives no pairs."""
    assert pairs(csv(tmp_path, HEADER)) == []
    assert caplog.records == []


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_a_parquet_list_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    """Whatever its text columns are stored as, beside whatever other columns."""
    path = tmp_path / "list.parquet"
    urls, captions = (
        pa.array(column).cast(pa.binary() if kind == pa.binary() else pa.string()).cast(kind)
        for column in zip(*ROWS, strict=True)
    )
    pq.write_table(pa.table({"caption": captions, "other": [[1], [2]], "url": urls}), path)
    assert [(pair["url"], pair["texts"][0]["text"]) for pair in pairs(Urls(path=str(path)))] == ROWS


def test_a_parquet_list_with_odd_values(tmp_path: Path) -> None:
    """Nulls are no URL and no caption, numbers are captions, and bytes that are no UTF-8 are replaced."""
    path = tmp_path / "list.parquet"
    bad = pa.array([b"http://a.test/\xff", None], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"url": bad, "caption": [7, None]}), path)
    found = [(pair["url"], [text["text"] for text in pair["texts"]]) for pair in pairs(Urls(path=str(path)))]
    assert found[1:] == [("", [])]
    assert found[0][1] == ["7"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_long_list_comes_in_tables(tmp_path: Path, suffix: str) -> None:
    """Positions go on from table to table, so memory is bounded by a table and not by the list."""
    count = 2 * ROWS_PER_ROW_GROUP + 5
    path = tmp_path / f"list{suffix}"
    table = pa.table({"url": [f"http://a.test/{number}" for number in range(count)], "caption": ["猫" * 20] * count})
    if suffix == ".csv":
        path.write_bytes(HEADER + b"".join(f"{url.as_py()},{'猫' * 20}\n".encode() for url in table["url"]))
    else:
        pq.write_table(table, path)
    tables = list(Urls(path=str(path)).tables("0:urls"))
    assert len(tables) > 1
    assert all(table.schema.equals(PAIRS.arrow) for table in tables)
    assert pa.concat_tables(tables)["position"].to_pylist() == list(range(count))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("list.csv", b"url,captoin\nu,a\n", r"has no column 'caption' \(did you mean captoin\?\); it has captoin, url"),
        ("list.csv", b"url,captoin\n", r"has no column 'caption'"),
        ("list.csv", b"", "cannot be read: Empty CSV file"),
        ("list.csv", b"\xba\xec,caption\nu,a\n", "cannot be read: "),
        ("list.csv.gz", b"this is no gzip", "cannot be read: "),
        ("list.csv.gz", gzip.compress(HEADER * 99, mtime=0)[:-20], "cannot be read: "),
        ("list.parquet", b"this is no parquet", "cannot be read: "),
        (None, None, "cannot be read: .*No such file"),
    ],
)
def test_a_list_that_cannot_be_read_is_told_by_its_path(
    tmp_path: Path, name: str | None, content: bytes | None, expected: str
) -> None:
    """A wrong column with the nearest name, a broken file with what is wrong with it."""
    path = tmp_path / (name or "missing.csv")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^crawl.sources: {re.escape(str(path))}: {expected}"):
        pairs(Urls(path=str(path)))


def test_a_parquet_list_without_the_column(tmp_path: Path) -> None:
    """As in a CSV, the nearest name is told."""
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"URL": ["u"], "caption": ["a"]}), path)
    with pytest.raises(ConfigError, match=r"has no column 'url'.*; it has URL, caption"):
        pairs(Urls(path=str(path)))


@pytest.mark.parametrize("path", ["/nowhere/list.csv", "nowhere://list.csv", "memory://nowhere/list.csv"])
def test_a_missing_list_is_found_out_before_anything_runs(path: str) -> None:
    """Its digest cannot be had."""
    with pytest.raises(ConfigError, match=f"^crawl.sources: {re.escape(path)}: cannot be read: "):
        Urls(path=path).digest()


def test_the_digest_is_of_the_file_and_of_how_it_is_read(tmp_path: Path) -> None:
    """It changes with either, and with nothing else."""
    source = csv(tmp_path, HEADER)
    digests = [source.digest(), Urls(path=source.path).digest(), Urls(path=source.path, caption="alt").digest()]
    digests.append(csv(tmp_path, HEADER + b"u,a\n").digest())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def csv(folder: Path, content: bytes, **names: str) -> Urls:
    """A list with this content."""
    path = folder / "list.csv"
    path.write_bytes(content)
    return Urls(path=str(path), **names)


def pairs(source: Urls) -> list[dict[str, Any]]:
    """All pairs of a list."""
    return [pair for table in source.tables("0:urls") for pair in table.to_pylist()]
