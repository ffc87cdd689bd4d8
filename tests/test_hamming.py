"""The all-pairs join against the plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wukong_build import hamming
from wukong_build.hamming import AT_MOST_DISTANCE, distances, hashes_of, pairs_within

WORD = st.integers(0, 2**64 - 1)
FLIPS = st.lists(st.integers(0, 63), max_size=12)
DISTANCES = st.integers(0, AT_MOST_DISTANCE)


@st.composite
def clustered_hashes(draw: st.DrawFn) -> list[int]:
    """Distinct hashes, many of them a few bits from another one, in chains and clusters."""
    hashes = draw(st.lists(WORD, min_size=1, max_size=8))
    for flips in draw(st.lists(FLIPS, max_size=40)):
        near = draw(st.sampled_from(hashes))
        for bit in flips:
            near ^= 1 << bit
        hashes.append(near)
    return list(dict.fromkeys(hashes))


def plain_pairs(hashes: list[int], distance: int) -> list[tuple[int, int]]:
    """Every pair, compared."""
    return [
        (low, high)
        for low in range(len(hashes))
        for high in range(low + 1, len(hashes))
        if (hashes[low] ^ hashes[high]).bit_count() <= distance
    ]


def joined_pairs(hashes: list[int], distance: int) -> list[tuple[int, int]]:
    """What the join gives, as plain pairs."""
    lower, higher = pairs_within(np.array(hashes, np.uint64), distance)
    return list(zip(lower.tolist(), higher.tolist(), strict=True))


@given(clustered_hashes(), DISTANCES)
@settings(deadline=None)
def test_the_join_finds_every_pair_once(hashes: list[int], distance: int) -> None:
    """All pairs within the distance, each once and sorted, and no others, for every distance."""
    assert joined_pairs(hashes, distance) == plain_pairs(hashes, distance)


@pytest.mark.parametrize("chosen", [1, 2, 3, 4])
@pytest.mark.parametrize("distance", range(AT_MOST_DISTANCE + 1))
def test_every_cut_into_blocks_is_exact(chosen: int, distance: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many blocks must agree, and however small the chunks, no pair is lost or found twice."""
    random = np.random.default_rng(distance)
    hashes = [int(word) for word in random.integers(0, 2**64, 20, np.uint64)]
    for word in hashes[:20] * 2:
        flips = random.choice(64, random.integers(1, distance + 3), replace=False)
        hashes.append(word ^ sum(1 << int(bit) for bit in flips))
    hashes = list(dict.fromkeys(hashes))
    monkeypatch.setattr(hamming, "_blocks_to_agree", lambda count, distance: chosen)
    monkeypatch.setattr(hamming, "_CHUNK", 7)
    assert joined_pairs(hashes, distance) == plain_pairs(hashes, distance)


@pytest.mark.parametrize("hashes", [[], [5]])
def test_few_hashes_have_no_pairs(hashes: list[int]) -> None:
    """Nothing, or a single hash, has no pairs."""
    assert joined_pairs(hashes, 4) == []


@pytest.mark.parametrize(
    ("digits", "expected"),
    [([], []), (["0000000000000001", "8000000000000000"], [1, 1 << 63]), (["ffffffffffffffff"], [2**64 - 1])],
)
def test_hashes_are_read_from_hex(digits: list[str], expected: list[int]) -> None:
    """Sixteen hex digits, the highest first."""
    assert hashes_of(digits).tolist() == expected


def test_distances_count_the_differing_bits() -> None:
    """Bit by bit, pair by pair."""
    left, right = hashes_of(["00000000000000ff", "0000000000000001"]), hashes_of(["ffffffffffffffff", "0000000000000001"])
    assert distances(left, right).tolist() == [56, 0]
