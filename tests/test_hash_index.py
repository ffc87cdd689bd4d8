"""Known hashes, and those near to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.hash_index import HashIndex, Words


def words(numbers: list[int], count: int) -> Words:
    """Numbers of 64 × `count` bits as rows."""
    return np.array([[number >> 64 * word & 2**64 - 1 for word in range(count)] for number in numbers], np.uint64).reshape(
        -1, count
    )


@st.composite
def numbers(draw: st.DrawFn, bits: int) -> list[int]:
    """Hashes in clusters and chains, some twice."""
    found = [draw(st.integers(0, 2**bits - 1))]
    for flips in draw(st.lists(st.lists(st.integers(0, bits - 1), max_size=bits // 4), max_size=20)):
        near = draw(st.sampled_from(found))
        for bit in flips:
            near ^= 1 << bit
        found.append(near)
    return found


@pytest.mark.parametrize("count", [1, 4])
@given(data=st.data())
def test_the_nearest_is_the_plain_one(count: int, data: st.DataObject) -> None:
    """For every distance it is what comparing with each known one says: the nearest, and of equally near ones the first."""
    everything = data.draw(numbers(64 * count))
    cut = data.draw(st.integers(0, len(everything)))
    known, asked = everything[:cut], everything[cut:]
    distance = data.draw(st.integers(0, 16 * count))
    found = HashIndex(words(known, count)).nearest(words(asked, count), distance)
    for number, index, difference in zip(asked, found.indices.tolist(), found.distances.tolist(), strict=True):
        differences = [((number ^ other).bit_count(), place) for place, other in enumerate(known)]
        assert (difference, index) == min((each for each in differences if each[0] <= distance), default=(-1, -1))


def test_more_candidates_than_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where many known hashes share a block, they are compared in several goes, with the same result."""
    rng = np.random.default_rng(0)
    known = rng.integers(0, 1 << 20, (2000, 1), np.uint64)
    asked = known[:50] ^ np.uint64(1 << 40)
    whole = HashIndex(known).nearest(asked, 4)
    monkeypatch.setattr("wukong_build.hash_index._AT_ONCE", 64)
    in_goes = HashIndex(known).nearest(asked, 4)
    assert (whole.distances == 1).all()
    assert np.array_equal(whole, in_goes)
