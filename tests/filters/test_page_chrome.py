"""Furniture of pages."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.page_chrome import PageChrome


@pytest.mark.parametrize(("chrome", "expected"), [("logo", 1), ("navigation", 1), (None, 0)])
def test_page_chrome(chrome: str | None, expected: int) -> None:
    """Whatever kind of furniture it is, it counts one; content has no kind."""
    batch = Batch(pa.table({"chrome": pa.array([chrome], pa.string())}))
    assert PageChrome().score(batch).to_pylist() == [expected]
