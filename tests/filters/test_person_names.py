"""Names of persons, masked."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.person_names import PersonNames


@pytest.mark.parametrize(
    ("caption", "masked", "spans"),
    [
        ("孙悦和刘德华同台", "<人名>和<人名>同台", [(0, 2), (3, 6)]),
        ("演员汤姆·克鲁斯出席", "演员<人名>出席", [(2, 8)]),
        ("a𠮷王伟", "a𠮷<人名>", [(2, 4)]),
        ("红烧肉", "红烧肉", []),
        ("", "", []),
        (None, None, None),
    ],
)
def test_person_names(caption: str | None, masked: str | None, spans: list[tuple[int, int]] | None) -> None:
    """Each name becomes the token; the spans are characters of the caption before; no caption stays none."""
    link = PersonNames()
    columns = link.measure(Batch(pa.table({"caption": pa.array([caption], pa.string())})))
    assert {name: column.type for name, column in columns.items()} == link.columns()
    assert columns["person_names"].to_pylist() == [masked]
    found = columns["person_name_spans"][0].as_py()
    assert spans == (None if found is None else [(span["start"], span["end"]) for span in found])


def test_token() -> None:
    """The config says what stands for a name."""
    batch = Batch(pa.table({"caption": ["刘德华演唱会"]}))
    assert PersonNames(token="[PERSON]").rewrite(batch).to_pylist() == ["[PERSON]演唱会"]  # noqa: S106  no secret


def test_masked_twice() -> None:
    """Masking again changes nothing: the token is no name."""
    once = PersonNames().rewrite(Batch(pa.table({"caption": ["孙悦和刘德华同台"]})))
    assert PersonNames().rewrite(Batch(pa.table({"caption": once}))).equals(once)
