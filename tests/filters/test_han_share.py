"""The share of Han characters."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.han_share import HanShare


def _scores(captions: list[str | None]) -> pa.Array:
    return HanShare().score(Batch(pa.table({"caption": pa.array(captions, pa.string())})))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("红烧肉", 1.0),
        ("红 烧\u3000肉\n", 1.0),
        ("红烧肉！", 0.75),
        ("𠮷a", 0.5),
        ("T恤", 0.5),
        ("の花", 0.5),
        ("花123", 0.25),
        ("IMG 2041", 0.0),
        ("😀", 0.0),
        (" \t\u3000\x85\x0b", 0.0),
        ("", 0.0),
        (None, None),
    ],
)
def test_han_share(caption: str | None, expected: float | None) -> None:
    """Han characters by all that is no white space; 0 where nothing is written, null where there is no caption."""
    assert _scores([caption]).equals(pa.array([expected], pa.float64()))


@given(st.lists(st.text(), max_size=5))
def test_any_text(captions: list[str]) -> None:
    """Whatever the captions, a share is 0 to 1."""
    assert all(0 <= score <= 1 for score in _scores(captions).to_pylist())
