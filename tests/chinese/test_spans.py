"""Stretches of captions."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from wukong_build.chinese import spans
from wukong_build.chinese.spans import Pattern, Span

NUMBER = Pattern("number", re.compile(r"(?<![a-z\d])\d+"), lambda text: text != "0")
LETTERS = Pattern("letters", re.compile(r":(?P<found>[a-z]+)"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("花 0 :", []),
        ("a12", []),
        ("花12", [Span("number", 1, 3)]),
        ("𠮷 7:ab", [Span("number", 2, 3), Span("letters", 4, 6)]),
        (":ab12", [Span("letters", 1, 3), Span("number", 3, 5)]),
    ],
)
def test_spans_of(text: str, expected: list[Span]) -> None:
    """The group `found` or the whole match, where it holds, and what only masking another lays bare; in characters, in order."""
    assert spans.spans_of(text, [NUMBER, LETTERS]) == expected


def test_columns() -> None:
    """Only captions with a match of the screen are looked at; null stays null; each kind has its token."""
    captions = pa.array(["花1 :b", None, "", "2 :c", "x"])
    found = spans.found(captions, "花", [NUMBER, LETTERS])
    assert found == [[Span("number", 1, 2), Span("letters", 4, 5)], None, [], [], []]
    column = spans.column(found)
    assert column.type == spans.TYPE
    first = [{"kind": "number", "start": 1, "end": 2}, {"kind": "letters", "start": 4, "end": 5}]
    assert column.to_pylist() == [first, None, [], [], []]
    masked = spans.masked(captions, found, {"number": "<N>", "letters": ""})
    assert masked.to_pylist() == ["花<N> :", None, "", "2 :c", "x"]


@pytest.mark.parametrize("captions", [[], [None], [""]])
def test_nothing_found(captions: list[str | None]) -> None:
    """No caption, no text or no row is no error."""
    column = pa.array(captions, pa.string())
    found = spans.found(column, "花", [NUMBER])
    assert spans.column(found).to_pylist() == [None if caption is None else [] for caption in captions]
    assert spans.masked(column, found, {}).equals(column)
