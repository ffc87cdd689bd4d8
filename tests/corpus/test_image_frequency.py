"""Under how many captions an image stands on one host."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.corpus.image_frequency import ImageFrequency

Row = tuple[str | None, str | None, str]
"""Caption, SHA-256, URL."""

A, B = "http://a.test/1.jpg", "http://b.test/1.jpg"


def frequencies(parts: list[list[Row]]) -> list[int | None]:
    """The counts of all rows, part by part."""
    names = ("caption", "sha256", "url")
    tables = [{name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(names)} for rows in parts]
    batches = [Batch(pa.table(table)) for table in tables]
    link = ImageFrequency()
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    return [count for batch in batches for count in link.measure(batch, merged)["image_frequency"].to_pylist()]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("猫", "1", A), ("狗", "1", A), ("鸟", "2", A)], [2, 2, 1]),
        ([("猫", "1", A), ("猫", "1", "http://a.test/2.jpg")], [1, 1]),
        ([("猫", "1", A), ("狗", "1", B)], [1, 1]),
        ([("猫", "1", A), ("狗", "1", A), ("鸟", "1", B)], [2, 2, 2]),
        ([("猫", "1", A), ("狗", "1", "https://a.test?x=http://b.test/")], [2, 2]),
        ([("猫", "1", A), ("狗", "1", "http://a.test:8080/1.jpg")], [1, 1]),
        ([("猫", None, A), (None, "1", A), ("", "1", A), ("\x00", "1", A)], [None, 2, 2, 2]),
        ([("猫", "1", "no URL"), ("狗", "1", "")], [1, 1]),
        ([], []),
    ],
)
def test_image_frequency(rows: list[Row], expected: list[int | None]) -> None:
    """Distinct captions on the host where it has most; no caption is none; null without an image."""
    assert frequencies([rows]) == expected


@given(
    st.lists(
        st.tuples(st.sampled_from(["猫", "狗", "", None]), st.sampled_from(["1", "2", None]), st.sampled_from([A, B])),
        max_size=20,
    ),
    st.data(),
)
def test_the_cut_into_parts_changes_nothing(rows: list[Row], data: st.DataObject) -> None:
    """Counts are those of the plain definition, however the corpus is cut."""
    cut = data.draw(st.integers(0, len(rows)))

    def plain(image: str | None) -> int | None:
        captions = ({c for c, s, u in rows if (s, u) == (image, url) and c is not None} for url in (A, B))
        return None if image is None else max(1, *map(len, captions))

    assert frequencies([rows[:cut], rows[cut:]]) == [plain(image) for _, image, _ in rows]


def test_a_survey_holds_each_triple_once() -> None:
    """An image that stands a thousand times under one caption on one host is one row of the survey."""
    batch = Batch(pa.table({"caption": ["广告"] * 1000, "sha256": ["1"] * 1000, "url": [A] * 1000}))
    assert ImageFrequency().survey(batch).num_rows == 1
