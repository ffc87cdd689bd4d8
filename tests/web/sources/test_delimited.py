"""CSV and TSV: every row of a list is a pair, and what is no row is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.sources import Urls
from wukong_build.web.sources.delimited import LONGEST_ROW

Listed = Callable[..., Urls]
Pairs = Callable[[Urls], list[dict[str, Any]]]

ROWS = [("http://a.test/1.jpg", "红玫瑰"), ("http://a.test/2.jpg", "猫，在窗台上")]
HEADER = b"url,caption\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", "url,caption\nhttp://a.test/1.jpg,红玫瑰\nhttp://a.test/2.jpg,猫，在窗台上\n"),
        ("list.csv", "url,caption\r\nhttp://a.test/1.jpg,红玫瑰\r\nhttp://a.test/2.jpg,猫，在窗台上"),
        ("list.csv", "\ufeffurl,caption\nhttp://a.test/1.jpg,红玫瑰\n\nhttp://a.test/2.jpg,猫，在窗台上\n"),
        ("list.csv", "\r\n\nurl,caption\nhttp://a.test/1.jpg,红玫瑰\nhttp://a.test/2.jpg,猫，在窗台上\n"),
        ("list.csv", '"caption","width","url"\n红玫瑰,1,"http://a.test/1.jpg"\n猫，在窗台上,a,http://a.test/2.jpg\n'),
        ("list.csv", '"two\nlines",caption,url\n0,红玫瑰,http://a.test/1.jpg\n0,猫，在窗台上,http://a.test/2.jpg\n'),
        ("list.tsv", "url\tcaption\nhttp://a.test/1.jpg\t红玫瑰\nhttp://a.test/2.jpg\t猫，在窗台上\n"),
        ("a list,图.CSV", "url,caption\nhttp://a.test/1.jpg,红玫瑰\nhttp://a.test/2.jpg,猫，在窗台上\n"),
    ],
    ids=["csv", "CR LF", "byte order mark", "empty lines", "quoted, in another order", "two lines", "tsv", "odd name"],
)
def test_a_list_is_read(listed: Listed, pairs: Pairs, name: str, content: str) -> None:
    """CSV or TSV, as spreadsheets and data sets write them."""
    assert [(pair["url"], pair["texts"][0]["text"]) for pair in pairs(listed(name, content))] == ROWS


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
        (b"u,\xba\xec\r\xba\xec", "红\r红"),
        (b"u,\xe7\x8c", "\ufffd"),
        (b"u,a\0b", "a\0b"),
        (b"u,NULL", "NULL"),
        (b"u,1.50", "1.50"),
        (b"u, x ", " x "),
        (b"u," + b"a" * 1_000_000, "a" * 1_000_000),
    ],
)
def test_a_caption_keeps_its_characters(listed: Listed, pairs: Pairs, row: bytes, expected: str) -> None:
    """Line feeds where quoted, returns anywhere, numbers as they are written; only bytes that are no UTF-8 are replaced."""
    (pair, after) = pairs(listed("list.csv", HEADER + row + b"\nv,x\n"))
    assert "".join(text["text"] for text in pair["texts"]) == expected
    assert after["url"] == "v"


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_return_is_one_wherever_the_file_is_cut(listed: Listed, pairs: Pairs, shift: int) -> None:
    """A list is read in blocks; what follows a return may stand in the next one."""
    caption, count = "a\r\r" * 4000 + "b", 600
    found = pairs(listed("list.csv", HEADER + b"u," + b"c" * shift + f"{caption}\r\nu,".encode() * count + b"end\r"))
    assert [pair["texts"][0]["text"] for pair in found] == ["c" * shift + caption, *[caption] * (count - 1), "end"]


def test_malformed_rows_are_skipped_and_counted(listed: Listed, pairs: Pairs, caplog: pytest.LogCaptureFixture) -> None:
    """A row with more or fewer fields than the header costs neither its neighbours nor the list; a warning says how many."""
    source = listed("list.csv", HEADER + b"u,a\nv\nw,b,c\n" + b"x,d\n" * 3 + b"half a row\n")
    with caplog.at_level(logging.WARNING, logger="wukong_build"):
        assert [pair["url"] for pair in pairs(source)] == ["u", "x", "x", "x"]
    (record,) = caplog.records
    expected = "3 rows skipped; one of them has more or fewer fields than the header: v"
    assert record.getMessage() == f"{source.path}: {expected}"


def test_an_endless_row_ends_the_reading(listed: Listed, pairs: Pairs) -> None:
    """It is told, and never gathered."""
    source = listed("list.csv", HEADER + b"u,a\nu," + b"a" * (3 * LONGEST_ROW))
    with pytest.raises(ConfigError, match="cannot be read: "):
        pairs(source)


def test_a_column_twice(listed: Listed, pairs: Pairs) -> None:
    """The first of the two is read."""
    (pair,) = pairs(listed("list.csv", "url,caption,caption\nu,a,b\n"))
    assert pair["texts"][0]["text"] == "a"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("list.csv", b"url,captoin\nu,a\n", r"has no column 'caption' \(did you mean captoin\?\); it has captoin, url"),
        ("list.csv", b"url,captoin\n", r"has no column 'caption'"),
        ("list.csv", b"", "cannot be read: Empty CSV file"),
        ("list.csv", b"\n\n", "cannot be read: "),
        ("list.csv", b"\xba\xec,caption\nu,a\n", "cannot be read: "),
        ("list.csv", b'url,"caption\nu,a\n', "has no column 'caption'|cannot be read"),
    ],
)
def test_a_header_that_will_not_do(listed: Listed, name: str, content: bytes, expected: str) -> None:
    """A wrong column is told with the nearest name, before anything is read."""
    source = listed(name, content)
    with pytest.raises(ConfigError, match=f"^crawl.sources: .*{name}: ({expected})"):
        source.check()
