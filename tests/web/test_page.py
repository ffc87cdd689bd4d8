"""The text of a page from its bytes."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.web.page import decode_page

TEXT = "<p>红玫瑰与白玫瑰，放在窗台上的花瓶里。</p>"
TRADITIONAL = "<p>紅玫瑰與白玫瑰，放在窗臺上的花瓶裡。</p>"


def said(charset: str) -> str:
    """A declaration as HTML5 writes it."""
    return f'<meta charset="{charset}">'


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (codecs.BOM_UTF8 + TEXT.encode(), "text/html; charset=gbk", TEXT),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), None, TEXT),
        (TEXT.encode("gb18030"), "text/html; charset=GB2312", TEXT),
        (TEXT.encode("gb18030"), 'text/html;charset="gbk"', TEXT),
        (TRADITIONAL.encode("big5"), "text/html; charset=big5", TRADITIONAL),
        (TEXT.encode(), "text/html", TEXT),
        (TEXT.encode(), None, TEXT),
        (TEXT.encode("gb18030"), None, TEXT),
        ("<p>㐀𠀀</p>".encode("gb18030"), "text/html; charset=gb2312", "<p>㐀𠀀</p>"),
        (b"", None, ""),
    ],
)
def test_the_mark_then_the_server_then_the_content(body: bytes, content_type: str | None, expected: str) -> None:
    """A byte order mark is believed before the server; where nobody says, UTF-8 and GB18030 are told by what fits."""
    assert decode_page(body, content_type) == expected


@pytest.mark.parametrize(
    "declaration",
    [
        said("gb2312"),
        '<meta http-equiv="Content-Type" content="text/html; charset=gbk">',
        '<?xml version="1.0" encoding="GB18030"?>',
    ],
)
def test_the_page_says_it(declaration: str) -> None:
    """`meta` in either form and the XML prolog are declarations."""
    assert decode_page((declaration + TEXT).encode("gb18030"), "text/html") == declaration + TEXT


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ((said("gb2312") + TEXT).encode(), None, said("gb2312") + TEXT),
        (TEXT.encode(), "text/html; charset=iso-8859-1", TEXT),
        (TEXT.encode("gb18030"), "text/html; charset=utf-8", TEXT),
        ((said("gb2312") + TEXT).encode("gb18030"), "text/html; charset=utf-8", said("gb2312") + TEXT),
        (TEXT.encode(), "text/html; charset=hex", TEXT),
        (TEXT.encode(), "text/html; charset=no-such-thing", TEXT),
        (TEXT.encode(), "text/html; charset=unicode_escape", TEXT),
    ],
)
def test_a_wrong_declaration_is_seen(body: bytes, content_type: str | None, expected: str) -> None:
    """A declaration that the bytes contradict gives way to the next that fits; one that names no text encoding is none."""
    assert decode_page(body, content_type) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_page_may_be_cut_anywhere(encoding: str) -> None:
    """A character cut through is left out and costs the rest nothing."""
    body = TEXT.encode(encoding)
    for length in range(12, len(body)):
        assert TEXT.startswith(decode_page(body[:length], f"text/html; charset={encoding}"))


def test_one_bad_byte_costs_one_character() -> None:
    """Where nothing fits, the declared encoding is kept, and U+FFFD stands for what it cannot read."""
    broken = TEXT.encode("gb18030") + b"\xff" + TEXT.encode("gb18030")
    assert decode_page(broken, "text/html; charset=gb2312") == TEXT + "\ufffd" + TEXT
    assert decode_page(TEXT.encode() + b"\xff", None).startswith(TEXT)


def test_no_nuls() -> None:
    """A page has no NUL characters."""
    assert decode_page(b"a\0b", None) == "ab"
    assert decode_page("a\0b".encode("utf-16"), None) == "ab"


@given(st.binary(max_size=60), st.none() | st.text(max_size=20) | st.text(max_size=12).map("text/html; charset={}".format))
def test_any_bytes_are_a_page(body: bytes, content_type: str | None) -> None:
    """No bytes and no header raise."""
    assert "\0" not in decode_page(body, content_type)
