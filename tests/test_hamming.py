"""Who stands for whom among hashes, against the rule as it reads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wukong_build import hamming, hamming_compiled
from wukong_build.hamming import AT_MOST_DISTANCE, Items, Near, distances, first_kept, first_near, hashes_of, ways

WORD = st.integers(0, 2**64 - 1)
FLIPS = st.lists(st.integers(0, 63), max_size=12)
DISTANCES = st.integers(0, AT_MOST_DISTANCE)
CONFIRMED_WITHIN = 3
IsNear = Callable[[tuple[int, ...], tuple[int, ...], int], bool]


@st.composite
def clustered_hashes(draw: st.DrawFn) -> list[int]:
    """Hashes of which many are equal to another one or a few bits from it, in chains and clusters."""
    hashes = draw(st.lists(WORD, min_size=1, max_size=8))
    for flips in draw(st.lists(FLIPS, max_size=40)):
        near = draw(st.sampled_from(hashes))
        for bit in flips:
            near ^= 1 << bit
        hashes.append(near)
    return draw(st.permutations(hashes))


@pytest.fixture(
    params=[(hamming.FEW, 1, 1), (0, 1 << 10, 1 << 10), (0, 3, 1 << 10), (0, 0, 1 << 10), (0, 1 << 10, 2)],
    ids=["few", "pairs", "some pairs", "rounds", "crowds"],
)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way to come to the result.

    All with all; by all pairs; by all pairs after a round or two; in rounds to the end; after crowds are left out.
    """
    few, pairs, heads = request.param
    monkeypatch.setattr(hamming, "FEW", few)
    monkeypatch.setattr(hamming, "_PAIRS", pairs)
    monkeypatch.setattr(hamming, "_HEADS", heads)
    monkeypatch.setattr(hamming, "_CROWD", 1)
    monkeypatch.setattr(hamming, "_CROWDS", 2)
    monkeypatch.setattr(hamming, "_STREAMED", 5)


def plain_first_kept(items: list[tuple[int, ...]], distance: int, near_each_other: IsNear | None = None) -> list[int]:
    """One after the other, each compared with every one kept before it."""
    near_each_other = near_each_other or is_near
    kept: list[int] = []
    owner = []
    for index, item in enumerate(items):
        near = next((other for other in kept if near_each_other(item, items[other], distance)), index)
        if near == index:
            kept.append(index)
        owner.append(near)
    return owner


def is_near(left: tuple[int, ...], right: tuple[int, ...], distance: int) -> bool:
    """Within the distance, and confirmed by the words behind the first."""
    differing = sum((a ^ b).bit_count() for a, b in zip(left[1:], right[1:], strict=True))
    return (left[0] ^ right[0]).bit_count() <= distance and differing <= CONFIRMED_WITHIN


def is_near_to_either(left: tuple[int, ...], right: tuple[int, ...], distance: int) -> bool:
    """The first hash of one is within the distance of one of the two of the other, and the words behind both confirm it."""
    return any(
        (left[a] ^ right[b]).bit_count() <= distance and (left[2 + a] ^ right[2 + b]).bit_count() <= CONFIRMED_WITHIN
        for a, b in ((0, 0), (0, 1), (1, 0))
    )


def arrays(items: list[tuple[int, ...]], words: int = 0) -> Items:
    """Items as the module wants them."""
    table = np.array(items, np.uint64).reshape(len(items), 1 + words)
    return Items(table[:, 0].copy(), table[:, 1:].copy())


def alone(hashes: list[int]) -> Items:
    """Items without a second hash."""
    return Items.of(np.array(hashes, np.uint64))


def twofold(items: list[tuple[int, int, int, int]]) -> Items:
    """Items with two hashes, of which either may be near, and a word for each of them."""
    table = np.array(items, np.uint64).reshape(len(items), 4)
    return Items(table[:, :2].copy(), table[:, 2:].copy())


@st.composite
def twofold_items(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Two hashes each, of which many are near to each other, and words of which not all are."""
    hashes = draw(clustered_hashes())
    words = st.lists(st.sampled_from([0, 0, 0, 1, 15]), min_size=len(hashes), max_size=len(hashes))
    return list(zip(hashes, draw(st.permutations(hashes)), draw(words), draw(words), strict=True))


@pytest.mark.usefixtures("way")
class TestEveryWay:
    """What holds whichever way the result is come by."""

    @given(clustered_hashes(), DISTANCES)
    @settings(deadline=None)
    def test_the_first_kept_one_stands_for_each(self, hashes: list[int], distance: int) -> None:
        """Ties, chains and clusters, for every distance."""
        assert first_kept(alone(hashes), Near(distance)).tolist() == plain_first_kept([(h,) for h in hashes], distance)

    @given(clustered_hashes(), st.data(), DISTANCES)
    @settings(deadline=None)
    def test_second_hashes_confirm(self, hashes: list[int], data: st.DataObject, distance: int) -> None:
        """A pair that the second hashes do not confirm is none, also where the first ones are equal."""
        words = data.draw(st.lists(st.sampled_from([0, 1, 7, 15, 2**64 - 1]), min_size=len(hashes), max_size=len(hashes)))
        items = [(first, word, word >> 1) for first, word in zip(hashes, words, strict=True)]
        assert first_kept(arrays(items, 2), Near(distance, CONFIRMED_WITHIN)).tolist() == plain_first_kept(items, distance)

    @given(clustered_hashes(), st.integers(0, 48), DISTANCES, st.booleans())
    @settings(deadline=None)
    def test_the_first_of_others_is_found(self, hashes: list[int], cut: int, distance: int, confirmed: bool) -> None:
        """Or none, where none is near; the others may come in many chunks."""
        items = [(number, number & 255) if confirmed else (number,) for number in hashes]
        ours, others = items[cut:], items[:cut]
        expected = [next((i for i, other in enumerate(others) if is_near(item, other, distance)), -1) for item in ours]
        words = len(items[0]) - 1
        near = Near(distance, CONFIRMED_WITHIN)
        assert first_near(arrays(ours, words), arrays(others, words), near).tolist() == expected

    @given(twofold_items(), DISTANCES)
    @settings(deadline=None)
    def test_either_of_two_hashes_may_be_near(self, items: list[tuple[int, int, int, int]], distance: int) -> None:
        """Of one of the two items: neither the second hashes of both count, nor the two of one item."""
        expected = plain_first_kept([*items], distance, is_near_to_either)
        assert first_kept(twofold(items), Near(distance, CONFIRMED_WITHIN)).tolist() == expected

    @given(twofold_items(), st.integers(0, 48), DISTANCES)
    @settings(deadline=None)
    def test_the_first_of_others_is_found_by_either_hash(
        self, items: list[tuple[int, int, int, int]], cut: int, distance: int
    ) -> None:
        """Of one that has two, where others have one each; or of two each, but for both second ones."""
        near = Near(distance, CONFIRMED_WITHIN)
        ours, others = items[cut:], items[:cut]
        for kind, its_others in (
            (
                arrays([(first, word) for first, _, word, _ in others], 1),
                [(first, first, word, word) for first, _, word, _ in others],
            ),
            (twofold(others), others),
        ):
            found = [[i for i, other in enumerate(its_others) if is_near_to_either(item, other, distance)] for item in ours]
            assert first_near(twofold(ours), kind, near).tolist() == [some[0] if some else -1 for some in found]

    def test_a_long_chain_is_decided_link_by_link(self) -> None:
        """Each is near to the next alone: every second one is kept, and none stands for one that is far from it."""
        chain = [sum(1 << bit for bit in range(links)) for links in range(0, 64, 4)]
        assert first_kept(alone(chain), Near(4)).tolist() == [i - i % 2 for i in range(len(chain))]


@pytest.mark.parametrize("chosen", range(1, 6))
@pytest.mark.parametrize("distance", range(AT_MOST_DISTANCE + 1))
def test_every_cut_into_blocks_is_exact(chosen: int, distance: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many blocks must agree, and however few bits of them are sorted by, no pair is lost or found twice."""
    random = np.random.default_rng(distance)
    hashes = [int(word) for word in random.integers(0, 2**64, 20, np.uint64)]
    for word in hashes[:20] * 2:
        flips = random.choice(64, random.integers(1, distance + 3), replace=False)
        hashes.append(word ^ sum(1 << int(bit) for bit in flips))
    hashes = list(dict.fromkeys(hashes)) + [hashes[0] ^ low for low in range(1, 200)]
    hashes = list(dict.fromkeys(hashes))
    monkeypatch.setattr(hamming, "_blocks_to_agree", lambda count, distance: chosen)
    monkeypatch.setattr(hamming, "_BLOCK_BITS", 5)
    expected = sorted(
        high << 32 | low
        for low, high in itertools.combinations(range(len(hashes)), 2)
        if (hashes[low] ^ hashes[high]).bit_count() <= distance
    )
    joined = hamming._join(alone(hashes), Near(distance), room=1 << 16)
    assert joined.pairs is not None
    assert sorted(joined.pairs.tolist()) == expected


@pytest.mark.parametrize("distance", range(AT_MOST_DISTANCE + 1))
def test_many_items_of_two_hashes_are_decided_as_the_rule_reads(distance: int) -> None:
    """More than are compared each with all: clusters whose members are turned about at random, in random order."""
    random = np.random.default_rng(distance)
    hashes = random.integers(0, 2**64, (hamming.FEW, 2), np.uint64)
    copies = np.where(random.integers(0, 2, (1500, 1)), hashes[:1500, ::-1], hashes[:1500])
    for _ in range(distance // 2 + 1):
        copies ^= np.uint64(1) << random.integers(0, 64, copies.shape, np.uint64)
    items = random.permutation(np.concatenate([hashes, copies, copies[:500, ::-1], hashes[:100, ::-1]]))
    kept = first_kept(Items.of(items), Near(distance))
    assert kept.tolist() == hamming._first_kept_of_few(Items.of(items), Near(distance)).tolist()
    assert 100 < (kept != np.arange(len(kept))).sum() < 2200


@pytest.mark.parametrize("distance", range(AT_MOST_DISTANCE + 1))
def test_every_cut_finds_the_first_of_others(distance: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many blocks are chosen, and however many bits may differ there."""
    random = np.random.default_rng(distance)
    ours = random.integers(0, 2**64, 40, np.uint64)
    others = np.concatenate([random.integers(0, 2**64, 20, np.uint64), np.tile(ours[:30], 3)])
    for index in range(20, len(others)):
        for bit in random.choice(64, random.integers(max(0, distance - 1), distance + 2), replace=False):
            others[index] ^= np.uint64(1 << int(bit))
    differing = np.bitwise_count(ours[:, None] ^ others)
    expected = np.where((differing <= distance).any(axis=1), np.argmax(differing <= distance, axis=1), hamming.NONE)
    cuts = [cut for cut in hamming._cuts(distance) if math.comb(cut.blocks, cut.chosen) <= 100 and cut.differing <= 2]
    assert 0 < (expected != hamming.NONE).sum() < 40
    assert len(cuts) > 4
    for cut, bits in itertools.product(cuts, (3, 9)):
        monkeypatch.setattr(hamming, "_cut_to_look_up", lambda *_, cut=cut: cut)
        monkeypatch.setattr(hamming, "_GROUP_BITS", bits)
        assert hamming._look_up(Items.of(ours), Items.of(others), Near(distance)).tolist() == expected.tolist(), (cut, bits)


@pytest.mark.parametrize("processors", [1, 2, 5])
@pytest.mark.parametrize("sides", [1, 2])
def test_the_number_of_processors_changes_nothing(sides: int, processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds a pair first, by whichever hash."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, 20_000, np.uint64)
    hashes[::3] = hashes[1::3][: len(hashes[::3])] ^ (np.uint64(1) << random.integers(0, 64, len(hashes[::3]), np.uint64))
    items = Items.of(hashes if sides == 1 else np.stack([hashes, random.permutation(hashes)], axis=1))
    monkeypatch.setattr(hamming, "_processors", lambda: processors)
    kept = first_kept(items, Near(2))
    owners = kept[dropped := np.flatnonzero(kept != np.arange(len(kept)))]
    assert len(dropped) >= len(hashes[::3])
    assert (kept[owners] == owners).all()
    nearest = np.min([distances(a.hashes, b.hashes) for a, b in ways(items.take(dropped), items.take(owners))], axis=0)
    assert (nearest <= 2).all()
    monkeypatch.undo()
    assert first_kept(items, Near(2)).tolist() == kept.tolist()


def test_a_hundred_thousand_equal_hashes_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties are not compared with each other, and their neighbours find the first of them."""
    monkeypatch.setattr(hamming, "_PAIRS", 4)
    random = np.random.default_rng(0)
    hashes = np.concatenate([np.full(100_000, 77, np.uint64), random.integers(0, 2**64, 10_000, np.uint64), [np.uint64(76)]])
    kept = first_kept(Items.of(hashes), Near(1))
    assert set(kept[:100_000].tolist()) == {0}
    assert kept[-1] == 0
    assert (kept[100_000:-1] == np.arange(100_000, len(hashes) - 1)).all()


def test_a_hundred_thousand_equal_hashes_find_the_first_of_as_many() -> None:
    """Each leaves the search once it is found, and those near to none find none."""
    random = np.random.default_rng(0)
    others = np.concatenate([random.integers(0, 2**64, 1000, np.uint64), np.full(100_000, 77, np.uint64)])
    items = np.concatenate([np.full(100_000, 76, np.uint64), random.integers(0, 2**64, 1000, np.uint64)])
    assert set(first_near(Items.of(items), Items.of(others), Near(1)).tolist()) == {1000, -1}


@pytest.mark.parametrize("loop", ["search", "look_up"])
def test_an_error_in_a_thread_is_raised(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads do not wait for what the one that failed had in hand."""

    def fail(*_: object) -> None:
        raise MemoryError(loop)

    monkeypatch.setattr(hamming_compiled, loop, fail)
    items = Items.of(np.random.default_rng(0).integers(0, 2**64, 2 * hamming.FEW, np.uint64))
    with pytest.raises(MemoryError, match=loop):
        first_kept(items, Near(2)) if loop == "search" else first_near(items, items, Near(2))


def test_a_hundred_thousand_equal_items_of_two_hashes_are_two() -> None:
    """Those turned about are near to them, and equal to each other."""
    random = np.random.default_rng(0)
    equal = np.where(random.integers(0, 2, (100_000, 1)), [[76, 1 << 60]], [[1 << 60, 76]]).astype(np.uint64)
    kept = first_kept(Items.of(np.concatenate([equal, random.integers(0, 2**64, (10_000, 2), np.uint64)])), Near(1))
    assert set(kept[:100_000].tolist()) == {0}
    assert (kept[100_000:] == np.arange(100_000, len(kept))).all()


@pytest.mark.parametrize("hashes", [[], [5]])
def test_few_hashes_have_no_pairs(hashes: list[int]) -> None:
    """Nothing, or a single hash, stands for itself."""
    assert first_kept(alone(hashes), Near(4)).tolist() == list(range(len(hashes)))
    assert first_near(alone(hashes), alone([]), Near(4)).tolist() == [-1] * len(hashes)


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


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((0b1, 0b1111), (0b11, 0b1111), 1),
        ((0b1, 0b0), (0b1111, 0b11), 1),
        ((0b1, 0b111), (0b111, 0b11111), 0),
        ((0xF, 0xF00), (0xF0, 0xF00), 8),
    ],
    ids=["both first", "the other's second", "the own second", "not both second"],
)
def test_the_distance_of_two_hashes_each(left: tuple[int, int], right: tuple[int, int], expected: int) -> None:
    """The least is that of the first one to the nearer of the other's, whichever way; of an item with one hash, to it."""
    ours, others = twofold([(*left, 0, 0)]), twofold([(*right, 0, 0)])
    for one, other in ((ours, others), (others, ours)):
        assert min(int(distances(a.hashes, b.hashes)[0]) for a, b in ways(one, other)) == expected
    alone_apart = [int(distances(a.hashes, b.hashes)[0]) for a, b in ways(ours, arrays([(right[0], 0)], 1))]
    assert alone_apart == [(side ^ right[0]).bit_count() for side in left]
