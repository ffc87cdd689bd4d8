"""The length of a caption."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.caption_length import CaptionLength


def _scores(captions: list[str | None]) -> pa.Array:
    return CaptionLength().score(Batch(pa.table({"caption": pa.array(captions, pa.string())})))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [("红烧肉", 3), ("iPhone 手机壳！", 11), ("𠮷野家", 3), ("e\u0301", 2), ("👨\u200d👩", 3), (" \0", 2), ("", 0), (None, None)],
)
def test_caption_length(caption: str | None, expected: int | None) -> None:
    """Code points are counted, whatever they are, on all planes; null where there is no caption."""
    assert _scores([caption]).equals(pa.array([expected], pa.int32()))


@given(st.lists(st.one_of(st.none(), st.text()), max_size=5))
def test_any_text(captions: list[str | None]) -> None:
    """It is Python's length of the text."""
    assert _scores(captions).to_pylist() == [None if caption is None else len(caption) for caption in captions]
