"""Contacts, counted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.contact_details import ContactDetails


@pytest.mark.parametrize(
    ("caption", "count", "found"),
    [
        ("𠮷野家 电话13800138000", 1, [("phone", 6, 17)]),
        ("QQ：10001，邮箱a@b.cn", 2, [("qq", 3, 8), ("email", 11, 17)]),
        ("红烧肉", 0, []),
        ("", 0, []),
        (None, None, None),
    ],
)
def test_contact_details(caption: str | None, count: int | None, found: list[tuple[str, int, int]] | None) -> None:
    """The number of contacts, and kind and place of each, in characters; null where there is no caption."""
    link = ContactDetails()
    batch = Batch(pa.table({"caption": pa.array([caption], pa.string())}))
    columns = link.measure(batch)
    assert {name: column.type for name, column in columns.items()} == link.columns()
    assert columns["contact_details"].to_pylist() == link.score(batch).to_pylist() == [count]
    spans = columns["contact_spans"][0].as_py()
    assert found == (None if spans is None else [(span["kind"], span["start"], span["end"]) for span in spans])
