"""On how many images a caption stands."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.corpus.caption_frequency import CaptionFrequency

Row = tuple[str | None, str | None]


def frequencies(parts: list[list[Row]]) -> list[int | None]:
    """The counts of all rows, part by part."""
    batches = [
        Batch(
            pa.table(
                {"caption": pa.array([c for c, _ in rows], pa.string()), "sha256": pa.array([s for _, s in rows], pa.string())}
            )
        )
        for rows in parts
    ]
    link = CaptionFrequency()
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    return [count for batch in batches for count in link.measure(batch, merged)["caption_frequency"].to_pylist()]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("点击放大", "a"), ("点击放大", "b"), ("猫", "c")], [2, 2, 1]),
        ([("同一张", "a"), ("同一张", "a"), ("同一张", "b")], [2, 2, 2]),
        ([("猫", "a"), ("狗", "a")], [1, 1]),
        ([("", "a"), ("", "b"), (None, "c"), (None, "d")], [2, 2, None, None]),
        ([("猫", None), ("猫", "a"), ("猫", "b"), ("没有", None)], [2, 2, 2, 1]),
        ([("猫", "a"), ("猫 ", "b"), ("\x00", "c"), ("😀" * 50_000, "d")], [1, 1, 1, 1]),
    ],
)
def test_caption_frequency(rows: list[Row], expected: list[int | None]) -> None:
    """Distinct images with the very same caption; 1 for one of its own; null without a caption."""
    assert frequencies([rows]) == expected


@given(
    st.lists(st.tuples(st.sampled_from(["猫", "狗", "", None]), st.sampled_from(["a", "b", "c", None])), max_size=20), st.data()
)
@settings(deadline=None)
def test_the_cut_into_parts_changes_nothing(rows: list[Row], data: st.DataObject) -> None:
    """Counts are those of the plain definition, however the corpus is cut."""
    cut = data.draw(st.integers(0, len(rows)))
    images = {caption: {sha256 for text, sha256 in rows if text == caption and sha256} for caption, _ in rows}
    plain = [None if caption is None else max(1, len(images[caption])) for caption, _ in rows]
    assert frequencies([rows[:cut], rows[cut:]]) == plain


def test_a_survey_holds_each_pair_once() -> None:
    """A caption that stands a thousand times on one image is one row of the survey."""
    batch = Batch(pa.table({"caption": ["广告"] * 1000, "sha256": ["a"] * 1000}))
    assert CaptionFrequency().survey(batch).num_rows == 1
