"""Addresses that lead round in circles."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.web.traps import AT_MOST_PARAMETERS, AT_MOST_SEGMENTS, FAMILY_SQL, family, is_endless, without_session


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test/b?c=1", "http://a.test/b?c=1"),
        ("http://a.test/b?PHPSESSID=1", "http://a.test/b"),
        ("http://a.test/b?a=1&sid=2&b=3", "http://a.test/b?a=1&b=3"),
        ("http://a.test/b;jsessionid=1A2B?c=1", "http://a.test/b?c=1"),
        ("http://a.test/b;v=1/c;JSESSIONID=x", "http://a.test/b;v=1/c"),
        ("http://a.test/b?ASPSESSIONIDQQ=1&utm_source=x&spm=a.b", "http://a.test/b"),
        ("http://a.test/b?aside=1&sidebar=2", "http://a.test/b?aside=1&sidebar=2"),
        ("http://a.test/b?x=http://c.test/?sid=1", "http://a.test/b?x=http://c.test/?sid=1"),
    ],
)
def test_without_session(url: str, expected: str) -> None:
    """What tells visits apart goes, and nothing else."""
    assert without_session(url) == expected
    assert without_session(expected) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test/a/a/", False),
        ("http://a.test/a/a/a/", True),
        ("http://a.test/a/b/a/b/a/b", True),
        ("http://a.test/2024/11/11/11/", False),
        ("http://a.test///", False),
        ("http://a.test/" + "/".join(map(str, range(AT_MOST_SEGMENTS))), False),
        ("http://a.test/" + "/".join(map(str, range(AT_MOST_SEGMENTS + 1))), True),
        ("http://a.test/?" + "&".join(f"p{number}=1" for number in range(AT_MOST_PARAMETERS)), False),
        ("http://a.test/?" + "&".join(f"p{number}=1" for number in range(AT_MOST_PARAMETERS + 1)), True),
        ("http://a.test/" + "a" * 1_000, True),
    ],
)
def test_is_endless(url: str, expected: bool) -> None:
    """Segments that come back, very many of them, very many parameters, or very many characters."""
    assert is_endless(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test/2024/05/", "http://a.test/0/0/"),
        ("http://a.test/view?id=12&from=list", "http://a.test/view?id=&from="),
        ("http://a.test/t-1-2.html", "http://a.test/t-0-0.html"),
    ],
)
def test_family(url: str, expected: str) -> None:
    """Alike but for numbers and the values of the query."""
    assert family(url) == expected


@given(st.text(st.sampled_from("ab01=&?/%-.é٣"), max_size=30))
def test_families_are_the_same_in_sql(url: str) -> None:
    """Python and DuckDB agree."""
    ((found,),) = duckdb.execute(f"SELECT {FAMILY_SQL.format(url='$1')}", [url]).fetchall()
    assert found == family(url)
