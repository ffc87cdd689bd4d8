"""Which of the files that are the same is kept."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.corpus.exact_duplicate import ExactDuplicate


class Sample(NamedTuple):
    """What the rule looks at."""

    key: str
    sha256: str | None
    caption: str | None = "猫"


Of = Literal["image", "pair"]
Verdict = tuple[int | None, str | None]


def verdicts(parts: list[list[Sample]], of: Of = "image") -> dict[str, Verdict]:
    """Score and representative of every sample."""
    link = ExactDuplicate(of=of)
    columns = [{name: [getattr(each, name) for each in part] for name in Sample._fields} for part in parts]
    batches = [Batch(pa.table({name: pa.array(values, pa.string()) for name, values in part.items()})) for part in columns]
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    found: dict[str, Verdict] = {}
    for batch in batches:
        scores, representatives = (column.to_pylist() for column in link.measure(batch, merged).values())
        found |= dict(zip(batch["key"].to_pylist(), zip(scores, representatives, strict=True), strict=True))
    return found


@pytest.mark.parametrize(
    ("samples", "of", "expected"),
    [
        ([Sample("a", "1"), Sample("b", "1"), Sample("c", "2")], "image", [(0, None), (1, "a"), (0, None)]),
        ([Sample("a", "1"), Sample("b", "1", "一只猫")], "image", [(1, "b"), (0, None)]),
        ([Sample("b", "1"), Sample("a", "1")], "image", [(1, "a"), (0, None)]),
        ([Sample("a", "1", None), Sample("b", "1", "")], "image", [(0, None), (1, "a")]),
        ([Sample("a", None), Sample("b", None)], "image", [(None, None), (None, None)]),
        ([Sample("a", "1"), Sample("b", "1", "狗"), Sample("c", "1")], "pair", [(0, None), (0, None), (1, "a")]),
        ([Sample("a", "1", None), Sample("b", "1", None), Sample("c", "2")], "pair", [(None, None), (None, None), (0, None)]),
        ([Sample("a", "1", "\x00"), Sample("b", "1", "😀" * 50_000)], "image", [(1, "b"), (0, None)]),
        ([], "image", []),
    ],
)
def test_who_represents_whom(samples: list[Sample], of: Of, expected: list[Verdict]) -> None:
    """The longer caption stays, then the smaller key; of pairs, only those with the same caption are copies."""
    assert list(verdicts([samples], of).values()) == expected


@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "3", None]), st.sampled_from(["", "猫", "狗", "一只猫", None])), max_size=20),
    st.sampled_from(["image", "pair"]),
    st.data(),
)
def test_the_rule_is_the_plain_one(rows: list[tuple[str | None, str | None]], of: Of, data: st.DataObject) -> None:
    """Whatever the order and the cut, each copy names the first of its equals in order of rank."""
    samples = data.draw(st.permutations([Sample(f"{row:02d}", *each) for row, each in enumerate(rows)]))
    cut = data.draw(st.integers(0, len(samples)))
    plain: dict[str, Verdict] = {}
    first: dict[tuple[str | None, ...], str] = {}
    for sample in sorted(samples, key=lambda each: (-len(each.caption or ""), each.key)):
        same = (sample.sha256,) if of == "image" else (sample.sha256, sample.caption)
        representative = first.setdefault(same, sample.key)
        plain[sample.key] = (0, None) if representative == sample.key else (1, representative)
        if None in same:
            plain[sample.key] = (None, None)
    assert verdicts([samples[:cut], samples[cut:]], of) == plain


def test_copies_of_what_else_is_refused() -> None:
    """The config says image or pair."""
    with pytest.raises(msgspec.ValidationError, match="caption"):
        msgspec.convert({"of": "caption"}, ExactDuplicate)
