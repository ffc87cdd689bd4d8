"""Which of the pictures that look alike is kept."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.corpus.near_duplicate import NearDuplicate
from wukong_build.hamming import AT_MOST_DISTANCE


class Sample(NamedTuple):
    """What the rule looks at."""

    key: str
    phash: int | None
    width: int | None = 10
    height: int | None = 10
    caption: str | None = "猫"


Verdict = tuple[int | None, str | None, int | None]


def batch_of(samples: list[Sample]) -> Batch:
    """The samples as columns."""
    columns = {
        "key": pa.array([s.key for s in samples], pa.string()),
        "phash": pa.array([None if s.phash is None else f"{s.phash:016x}" for s in samples], pa.string()),
        "width": pa.array([s.width for s in samples], pa.int32()),
        "height": pa.array([s.height for s in samples], pa.int32()),
        "caption": pa.array([s.caption for s in samples], pa.string()),
    }
    return Batch(pa.table(columns))


def verdicts(parts: list[list[Sample]], distance: int) -> dict[str, Verdict]:
    """Score, representative and distance of every sample."""
    link = NearDuplicate(hamming_distance=distance)
    batches = [batch_of(samples) for samples in parts]
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    found: dict[str, Verdict] = {}
    for batch in batches:
        columns = link.measure(batch, merged)
        found.update(zip(batch["key"].to_pylist(), zip(*(c.to_pylist() for c in columns.values()), strict=True), strict=True))
    return found


def plain_verdicts(samples: list[Sample], distance: int) -> dict[str, Verdict]:
    """The rule as it reads: one sample after the other, each compared with every one kept before it."""

    def rank(sample: Sample) -> tuple[int, int, str]:
        return -(sample.width or 0) * (sample.height or 0), -len(sample.caption or ""), sample.key

    kept: list[Sample] = []
    found: dict[str, Verdict] = {sample.key: (None, None, None) for sample in samples if sample.phash is None}
    for sample in sorted((s for s in samples if s.phash is not None), key=rank):
        differences = ((other.key, (other.phash ^ sample.phash).bit_count()) for other in kept)
        near = next(((key, difference) for key, difference in differences if difference <= distance), None)
        found[sample.key] = (0, None, None) if near is None else (1, *near)
        if near is None:
            kept.append(sample)
    return found


@st.composite
def corpora(draw: st.DrawFn) -> list[Sample]:
    """Samples in clusters and chains, with equal hashes, equal sizes, and missing hashes, sizes and captions."""
    hashes: list[int | None] = [draw(st.integers(0, 2**64 - 1))]
    for flips in draw(st.lists(st.lists(st.integers(0, 63), max_size=8), max_size=30)):
        near = draw(st.sampled_from(hashes)) or 0
        for bit in flips:
            near ^= 1 << bit
        hashes.append(near)
    hashes += [None] * draw(st.integers(0, 2))
    side = st.sampled_from([None, 0, 1, 2, 3])
    caption = st.sampled_from([None, "", "猫", "狗", "一只猫"])
    samples = [Sample(f"{row:02d}", phash, draw(side), draw(side), draw(caption)) for row, phash in enumerate(hashes)]
    return draw(st.permutations(samples))


@given(corpora(), st.integers(0, AT_MOST_DISTANCE), st.data())
@settings(deadline=None)
def test_the_rule_is_the_plain_one(samples: list[Sample], distance: int, data: st.DataObject) -> None:
    """For every distance, order and cut into parts the result is that of comparing each sample with all kept before it."""
    cut = data.draw(st.integers(0, len(samples)))
    found = verdicts([samples[:cut], samples[cut:]], distance)
    assert found == plain_verdicts(samples, distance)
    hashes = {sample.key: sample.phash for sample in samples}
    kept = [hashes[key] or 0 for key, (score, _, _) in found.items() if score == 0]
    assert all((a ^ b).bit_count() > distance for a in kept for b in kept if a is not b)
    for key, (score, representative, difference) in found.items():
        if score == 1:
            assert found[representative or ""][0] == 0
            assert ((hashes[key] or 0) ^ (hashes[representative or ""] or 0)).bit_count() == difference <= distance


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([Sample("a", 0), Sample("b", 0b1111)], {"a": (0, None, None), "b": (1, "a", 4)}),
        ([Sample("a", 0), Sample("b", 0b11111)], {"a": (0, None, None), "b": (0, None, None)}),
        ([Sample("a", 0), Sample("b", 0, 20, 20)], {"a": (1, "b", 0), "b": (0, None, None)}),
        ([Sample("a", 0), Sample("b", 0, caption="一只猫")], {"a": (1, "b", 0), "b": (0, None, None)}),
        ([Sample("b", 0), Sample("a", 0)], {"a": (0, None, None), "b": (1, "a", 0)}),
        ([Sample("a", 0), Sample("b", 7), Sample("c", 63)], {"a": (0, None, None), "b": (1, "a", 3), "c": (0, None, None)}),
        ([Sample("a", None), Sample("b", None)], {"a": (None, None, None), "b": (None, None, None)}),
        ([Sample("a", 0, 70_000, 70_000), Sample("b", 0, 1, 1)], {"a": (0, None, None), "b": (1, "a", 0)}),
        ([], {}),
    ],
    ids=["near", "far", "larger", "longer caption", "smaller key", "chain", "no hash", "more pixels than 32 bits", "nothing"],
)
def test_who_represents_whom(samples: list[Sample], expected: dict[str, Verdict]) -> None:
    """The larger picture stays, then the longer caption, then the smaller key; a chain is not swallowed by its end."""
    assert verdicts([samples], 4) == expected


def test_a_crowd_of_equal_pictures_costs_no_pairs() -> None:
    """Fifty thousand copies of one logo are one hash to the join."""
    copies = [Sample(f"{row:05d}", 7) for row in range(50_000)]
    found = verdicts([copies], 4)
    assert sum(score == 0 for score, _, _ in found.values()) == 1


@pytest.mark.parametrize("distance", [-1, AT_MOST_DISTANCE + 1, 1.5])
def test_an_impossible_distance_is_refused(distance: float) -> None:
    """The config's distance is a whole number of bits that the join can serve."""
    with pytest.raises(msgspec.ValidationError, match="hamming_distance"):
        msgspec.convert({"hamming_distance": distance}, NearDuplicate)
