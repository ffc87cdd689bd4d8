"""Whole columns at a time come to the same as one value after the other."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.schema import PAIRS
from wukong_build.web.sources.columns import as_json, as_text, candidate_texts, canonical_urls

BAIDU = (
    "https://gimg2.baidu.com/image_search/src=http%3A%2F%2Fa.test%2Fa.jpg&refer=http%3A%2F%2Fa.test&size=f9999,1&fmt=jpeg?sec=1"
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [(BAIDU, BAIDU), ("HTTP://A.test", "http://a.test/"), ("no URL", "no URL"), (None, "")],
)
def test_canonical_urls(written: str | None, expected: str) -> None:
    """A column of URLs in their one spelling; what is no URL stays as it is."""
    assert canonical_urls(pa.array([written], pa.string())).to_pylist() == [expected]


def test_candidate_texts() -> None:
    """A caption is a text of its own, less those that are empty; the type is that of pairs."""
    texts = candidate_texts(pa.array([None, "猫", "", "b", None]))
    assert texts.type == PAIRS.arrow.field("texts").type
    assert texts.to_pylist() == [[], [_text("猫")], [], [_text("b")], []]
    assert candidate_texts(pa.array([], pa.string())).to_pylist() == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([b"\xe7\x8c\xab", b"\xba\xec", b"\xe7\x8c", None]), ["猫", "红", "\ufffd", None]),
        (pa.array([b"\xba\xec"]).view(pa.string()), ["红"]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array(["a"], pa.string_view()), ["a"]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([7, None]), ["7", None]),
        (pa.nulls(1), [None]),
        (pa.array([1], pa.timestamp("s", "Nowhere/Nothing")), ["1970-01-01 00:00:01"]),
    ],
)
def test_as_text(column: pa.Array, expected: list[str | None]) -> None:
    """Whatever a column is stored as, its values are text."""
    assert as_text(column).to_pylist() == expected


def test_lists_are_no_text() -> None:
    """A column of lists is not taken for a caption."""
    with pytest.raises(ValueError, match="text is meant where there is list"):
        as_text(pa.array([["a"]]))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1.5, float("nan"), float("inf"), None]), ["1.5", "null", "null", "null"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([True, None]), ["true", "null"]),
        (pa.array([1.5], pa.float16()), ["1.5"]),
        (pa.array([Decimal("1.50")]), ['"1.50"']),
        (pa.array(['a"\n\\', "猫"]), [r'"a\"\n\\"', '"猫"']),
        (pa.array([b"\xba\xec"]).view(pa.string()), ['"红"']),
        (pa.array([b"ab", b"\xff\x00", None]), ['"ab"', '"ff00"', "null"]),
        (pa.array([b"\xffa"], pa.binary(2)), ['"ff61"']),
        (pa.array(["a", None]).dictionary_encode(), ['"a"', "null"]),
        (pa.array([1, None], pa.timestamp("ns", "Nowhere/Nothing")), ['"1970-01-01 00:00:00.000000001"', "null"]),
        (pa.array([2**62], pa.timestamp("us")), ['"<value out of range: 4611686018427387904>"']),
        (pa.array([dt.date(2024, 2, 29)]), ['"2024-02-29"']),
        (pa.array([[1, None], None]), ["[1,null]", "null"]),
        (pa.array([{"a": [float("nan")]}]), ['{"a":[null]}']),
        (pa.nulls(1), ["null"]),
    ],
)
def test_as_json(column: pa.Array, expected: list[str]) -> None:
    """A value is as JSON has it; what JSON has no type for is text, NaN is null, and bytes that are no text are hex."""
    assert as_json(["x"], [column]).to_pylist() == [f'{{"x":{value}}}' for value in expected]


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers(0, 9), st.none()), min_size=1))
def test_as_json_is_json(row: dict[str, str | int | None]) -> None:
    """Whatever the names and texts are, the columns come back in their order."""
    (text,) = as_json(list(row), [pa.array([value]) for value in row.values()]).to_pylist()
    assert list(json.loads(text).items()) == list(row.items())


def _text(text: str) -> dict[str, str | int]:
    return {"text": text, "origin": "caption", "distance": 0}
