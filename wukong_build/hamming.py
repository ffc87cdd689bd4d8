"""Which of many 64-bit hashes are near to each other, exactly, and which of them stand for the others. Knows no images.

Cut into `distance + k` blocks, two hashes within the distance agree in at least k of them (pigeonhole; Manku, Jain and Das
Sarma, "Detecting near-duplicates for web crawling", 2007). So hashes are sorted into groups that agree on one block after
another, for every choice of k blocks, and only members of a group are compared. The first block of a choice takes a pass over
all hashes; the others are sorted within a group that fits into the processor's cache. Where new hashes are held against old ones,
only the new ones of a group are sorted, and the old ones pass by.

The loops are in `hamming_compiled`, which is loaded when there are many hashes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial, reduce
from itertools import chain, combinations, pairwise
from math import comb
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Words = npt.NDArray[np.uint64]
"""n × words: longer hashes of the same items."""
Indices = npt.NDArray[np.int64]

BITS = 64
AT_MOST_DISTANCE = 10
"""Up to here the join is exact at a bearable cost; pHashes farther apart are mostly of unlike pictures."""

NONE = 0xFFFFFFFF
"""Stands for no index: four billion hashes at once are too many."""

FEW = 1 << 13
"""So many hashes are compared each with all sooner than compiled code is loaded."""

_PAIRS = 1 << 24  # each thread remembers so many, 128 MB; where there are more, hashes are decided in rounds
_PIECE = 1 << 26  # hashes of a piece, for which its blocks are chosen
_STREAMED = 1 << 25  # so many others at once are sorted into groups, 400 MB
_THREADS = 8  # at most: each has an index for every hash
_SLICES = 32  # of the groups, for each thread: the fuller ones even out
_BLOCK_BITS = 13  # at most: the counters of a block stay in the processor's cache
_HEADS = 64  # the first of so many equal parts tells where crowds are
_CROWD = 32  # so many in the first part are a crowd
_CROWDS = 64  # at most
_GROUP_BITS = 9  # in which others are sorted into groups: these fit into the cache, and so many are written to at once
_COMPARED_AT_ONCE = 12
_SORTED, _COMPARED, _ENTERED = (
    5.0,
    0.4,
    7.0,
)  # measured: nanoseconds to sort one hash, to compare it, to put it where a flip leads
_AT_MOST_DIFFERING = 3  # bits in chosen blocks: there are too many ways to differ in more
_MIXING = 0x9E3779B97F4A7C15  # a product with it has in its highest bits something of every bit


Room = tuple[Hashes, npt.NDArray[np.uint32]]
"""For hashes and their numbers."""


class Items(NamedTuple):
    """What is compared: each item's hash and, in `words`, a longer one that confirms a likeness; there may be no words.

    Where `hashes` are n × 2, each item has a second one, as of a mirror image, and half of its words are those of the first, half
    those of the second: items are near if the first hash of one is near to either of the other.
    """

    hashes: Hashes
    words: Words

    @classmethod
    def of(cls, hashes: Hashes) -> Items:
        """Items without a second hash."""
        return cls(hashes, np.empty((len(hashes), 0), np.uint64))

    def each(self) -> Items:
        """The hashes of items that have two, as items of their own: of each the first one and, behind it, the second."""
        return Items(self.hashes.reshape(-1), self.words.reshape(2 * len(self.hashes), self.words.shape[1] // 2))

    def sides(self) -> list[Items]:
        """The items by their first hashes; and by their second ones, if they have any."""
        if self.hashes.ndim == 1:
            return [self]
        return [Items(*map(np.ascontiguousarray, side)) for side in zip(self.hashes.T, np.hsplit(self.words, 2), strict=True)]

    def take(self, rows: Any) -> Items:
        """Some of them."""
        return Items(self.hashes[rows], self.words[rows])

    def __add__(self, others: Items) -> Items:  # type: ignore[override]
        """These and behind them the others."""
        return Items(np.concatenate([self.hashes, others.hashes]), np.concatenate([self.words, others.words]))


class Near(NamedTuple):
    """When two items are near to each other."""

    distance: int
    """Bits in which the hashes may differ."""
    words_distance: int = 0
    """Bits in which the second hashes may differ."""

    def of(self, item: Items, items: Items) -> npt.NDArray[np.bool_]:
        """Which items are near to the one, an array of one row; or one by one to as many."""
        if items.hashes.ndim > 1:
            return reduce(np.logical_or, (self.of(one, other) for one, other in ways(item, items)))
        near = np.asarray(distances(item.hashes, items.hashes) <= self.distance)
        if near.any():  # of few hashes the second ones are looked at
            words = item.words if len(item.words) == 1 else item.words[near]
            differing = np.bitwise_count(items.words[near] ^ words).sum(axis=1, dtype=np.int64)
            near[near] = differing <= self.words_distance
        return near


class Cut(NamedTuple):
    """How hashes are cut to be looked up."""

    blocks: int
    chosen: int
    """In so many of the blocks near ones agree …"""
    differing: int
    """… but for so many bits."""


class Joined(NamedTuple):
    """What a join found out."""

    first: npt.NDArray[np.uint32]
    """For each hash the first one before it that it is near to, or NONE."""
    has_near: npt.NDArray[np.bool_]
    """True where a later hash is near to it."""
    pairs: npt.NDArray[np.uint64] | None
    """All pairs once, in no order: the later one, shifted by 32 bits, and the earlier one. None where they are too many."""

    def of_items(self) -> Joined:
        """What that says of items, each of which has two of the hashes: a pair may be there by both of a hash."""
        first = np.where(self.first == NONE, NONE, self.first // 2).reshape(-1, 2).min(axis=1)
        pairs = None if self.pairs is None else self.pairs >> np.uint64(1) & ~np.uint64(1 << 31)
        return Joined(first, np.asarray(self.has_near.reshape(-1, 2).any(axis=1)), pairs)


def hashes_of(hex_digits: list[str]) -> Hashes:
    """64-bit hashes from strings of 16 hex digits each."""
    return np.frombuffer(bytes.fromhex("".join(hex_digits)), ">u8").astype(np.uint64)


def distances(left: Hashes, right: Hashes) -> npt.NDArray[np.uint8]:
    """In how many bits they differ, one by one."""
    counts: npt.NDArray[np.uint8] = np.bitwise_count(left ^ right)
    return counts


def ways(left: Items, right: Items) -> list[tuple[Items, Items]]:
    """By which of their hashes items are held against each other: the first ones, then the first ones of each by the second."""
    (first, *second), (other, *other_second) = left.sides(), right.sides()
    return [(first, other), *((first, each) for each in other_second), *((each, other) for each in second)]


def first_kept(items: Items, near: Near) -> Indices:
    """For each item, in order of rank: the first kept one that it is near to, or itself where it is kept.

    An item is kept unless one kept before it is near. So no two kept ones are near to each other, and every other one is near to
    the kept one that it names.
    """
    if len(items.hashes) <= FEW:
        return _first_kept_of_few(items, near)
    equal = first_equal(items)
    is_first = equal == np.arange(len(equal))
    if is_first.all():
        return _first_kept_but_crowds(items, near)
    rest = np.flatnonzero(is_first)  # equal ones share one fate
    of_rest = rest[_first_kept_but_crowds(items.take(rest), near)]
    kept: Indices = of_rest[(np.cumsum(is_first) - 1)[equal]]
    return kept


def first_near(items: Items, others: Items, near: Near) -> Indices:
    """For each item the first of the others that it is near to, or -1."""
    if items.hashes.ndim > 1 or others.hashes.ndim > 1:
        each = [first_near(one, other, near).view(np.uint64) for one, other in ways(items, others)]
        return reduce(np.minimum, each).view(np.int64)  # -1 is the greatest there
    found = np.full(len(items.hashes), -1)
    count = len(others.hashes)
    if count <= FEW:
        for index in reversed(range(count)):
            found[near.of(others.take(slice(index, index + 1)), items)] = index
        return found
    equal = first_equal(items)
    is_first = equal == np.arange(len(equal))  # the others are found with them
    for start in range(0, count, _STREAMED):
        missing = np.flatnonzero(is_first & (found < 0))
        first = _look_up(items.take(missing), others.take(slice(start, start + _STREAMED)), near)
        found[missing] = np.where(first == NONE, -1, start + first.astype(np.int64))
    found[:] = found[equal]
    return found


def first_equal(items: Items) -> Indices:
    """For each item the first one that has the very same hashes."""
    columns = [*np.atleast_2d(items.hashes.T), *items.words.T]
    mixed = columns[0].copy()
    for column in columns[1:]:
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) ^ column
    whole = np.column_stack(columns) if len(columns) > 1 else items.words
    first = _join(Items(mixed, whole), Near(0), first_only=True).first.astype(np.int64)
    return np.where(first == NONE, np.arange(len(first)), first)


def pieces_of(hashes: Hashes, near: Near, pieces: int) -> Indices:
    """Numbers of the pieces that each hash comes into, one for every block that a pair may first agree in: blocks × hashes.

    Near items are together in the piece of the first block that they agree in, whose number is `block * pieces` or so much more
    as the block's highest bits say; `pieces` is a power of two. Items of two hashes come into those of either, maybe twice into
    one.
    """
    if hashes.ndim > 1:
        return np.concatenate([pieces_of(side, near, pieces) for side in hashes.T])
    edges = _edges(near.distance + _blocks_to_agree(_PIECE, near.distance))
    numbers = []
    for block, (start, end) in enumerate(pairwise(edges[: near.distance + 2])):
        bits = min((pieces - 1).bit_length(), end - start)
        numbers.append((hashes >> np.uint64(end - bits) & np.uint64((1 << bits) - 1)).astype(np.int64) + block * pieces)
    return np.stack(numbers)


def in_pairs(items: Items, near: Near, block: int) -> npt.NDArray[np.bool_]:
    """Of the items in a block's piece those that are near to another one and agree with it there first, or are its equals."""
    equal = first_equal(items)
    rest = np.flatnonzero(equal == np.arange(len(equal)))
    joined = _join(items.take(rest), near, blocks=range(block, block + 1), chosen=_blocks_to_agree(_PIECE, near.distance))
    paired = joined.has_near | (joined.first != NONE) | (np.bincount(equal, minlength=len(equal))[rest] > 1)
    return np.asarray(paired[np.searchsorted(rest, equal)])


def _first_kept_of_few(items: Items, near: Near) -> Indices:
    """The rule as it reads."""
    kept = np.full(len(items.hashes), -1)
    for index in range(len(kept)):
        if kept[index] < 0:
            later = kept[index:]
            later[near.of(items.take(slice(index, index + 1)), items.take(slice(index, None))) & (later < 0)] = index
    return kept


def _first_kept_but_crowds(items: Items, near: Near) -> Indices:
    """`first_kept` of distinct items.

    Those in the crowd around one that is kept are left out before the others are compared with each other: all of a crowd make
    very many pairs. The first part of the items tells where crowds are.
    """
    from wukong_build import hamming_compiled as compiled

    count = len(items.hashes)
    kept = _first_kept_in_rounds(items.take(slice(count // _HEADS)), near)
    standing, sizes = np.unique(kept, return_counts=True)
    centres = standing[sizes > _CROWD][:_CROWDS]
    if not len(centres):
        return _first_kept_in_rounds(items, near)
    near_centre = np.zeros(items.hashes.size, bool)
    compiled.look_near(items.hashes.reshape(-1), items.hashes[centres].reshape(-1), near.distance, near_centre)
    in_crowd = np.asarray(near_centre.reshape(count, -1).any(axis=1))
    in_crowd[: len(kept)] = False
    crowd = np.flatnonzero(in_crowd)
    first = first_near(items.take(crowd), items.take(standing), near)
    owner = np.arange(count)
    owner[crowd[first >= 0]] = standing[first[first >= 0]]
    rest = np.flatnonzero(owner == np.arange(count))
    owner[rest] = rest[_first_kept_in_rounds(items.take(rest), near)]
    return owner


def _first_kept_in_rounds(items: Items, near: Near) -> Indices:
    """`first_kept` of distinct items.

    An item with no near one before it is kept, and one whose first near one is kept is not. Others wait for the next round, in
    which those not kept are left out. A round in which all pairs can be remembered is the last.
    """
    from wukong_build import hamming_compiled as compiled

    kept, rows, settled = np.arange(len(items.hashes)), np.arange(len(items.hashes)), np.zeros(len(items.hashes), bool)
    while not settled.all():
        joined = _join(items if len(rows) == len(kept) else items.take(rows), near, settled=settled, room=_PAIRS)
        owner = np.arange(len(rows))
        if joined.pairs is not None:
            compiled.decide_all(np.sort(joined.pairs), owner)
            kept[rows] = rows[owner]
            break
        compiled.decide_some(joined.first, settled, owner)
        kept[rows] = rows[owner]
        going_on = (owner == np.arange(len(rows))) & (joined.has_near | ~settled)
        rows, settled = rows[going_on], settled[going_on]
    return kept


def _join(
    items: Items,
    near: Near,
    *,
    settled: npt.NDArray[np.bool_] | None = None,
    first_only: bool = False,
    room: int = 0,
    blocks: Iterable[int] | None = None,
    chosen: int | None = None,
    two_each: bool = False,
) -> Joined:
    """Every pair of near items whose later one is not settled.

    `blocks` are those in which a pair may first agree, if not all are asked for; `chosen` is in how many it must agree.
    """
    from wukong_build import hamming_compiled as compiled

    if items.hashes.ndim > 1:
        settled = None if settled is None else np.repeat(settled, 2)
        return _join(
            items.each(), near, settled=settled, first_only=first_only, room=room, blocks=blocks, chosen=chosen, two_each=True
        ).of_items()
    count = len(items.hashes)
    chosen = chosen or _blocks_to_agree(count, near.distance)
    rule = compiled.Rule(
        distance=near.distance,
        to_choose=chosen,
        blocks=_blocks(near.distance, chosen),
        words=items.words,
        words_distance=near.words_distance,
        settled=np.zeros(count, bool) if settled is None else settled,
        first_only=first_only,
        two_each=int(two_each),
    )
    has_near = np.zeros(count, bool)
    found = [
        compiled.Found(np.full(count, NONE, np.uint32), has_near, np.empty(room, np.uint64), np.zeros(1, np.int64))
        for _ in range(_threads())
    ]
    space = _room(count)
    with ThreadPoolExecutor(len(found)) as pool:
        for block in range(near.distance + 1) if blocks is None else blocks:
            groups = _grouped(items.hashes, rule.blocks.shifts[block], 1 << int(rule.blocks.widths[block]), pool, space)
            _by_slices(groups.ends, partial(compiled.search, block, rule, groups), found, pool)
    counts = [int(thread.pair_count[0]) for thread in found]
    remembered = max(counts) <= room
    return Joined(
        np.minimum.reduce([thread.first for thread in found]),
        has_near,
        np.concatenate([thread.pairs[:pairs] for thread, pairs in zip(found, counts, strict=True)]) if remembered else None,
    )


def _look_up(items: Items, others: Items, near: Near) -> npt.NDArray[np.uint32]:
    """For each item the first of the others that it is near to, or NONE."""
    from wukong_build import hamming_compiled as compiled

    cut = _cut_to_look_up(len(items.hashes), len(others.hashes), near.distance)
    edges = _edges(cut.blocks)
    found = [np.full(len(items.hashes), NONE, np.uint32) for _ in range(_threads())]
    space, other_space = _room(len(items.hashes)), _room(len(others.hashes))
    with ThreadPoolExecutor(len(found)) as pool:
        for block in range(cut.blocks - cut.chosen + 1):
            shift, values = np.uint64(edges[block]), 1 << min(_GROUP_BITS, edges[block + 1] - edges[block])
            groups = _grouped(items.hashes, shift, values, pool, space)
            other_groups = _grouped(others.hashes, shift, values, pool, other_space)
            choices = _choices(edges, cut, block)
            work = partial(compiled.look_up, groups, other_groups, choices, shift, near, items.words, others.words)
            _by_slices(other_groups.ends, work, found, pool)
    first: npt.NDArray[np.uint32] = np.minimum.reduce(found)
    return first


def _choices(edges: list[int], cut: Cut, block: int) -> Any:
    """The choices of blocks of which one is the first."""
    from wukong_build import hamming_compiled as compiled

    places = [
        [place for one in (block, *rest) for place in range(edges[one], edges[one + 1])]
        for rest in combinations(range(block + 1, cut.blocks), cut.chosen - 1)
    ]
    flips = [[_bits(some) for count in range(cut.differing + 1) for some in combinations(chosen, count)] for chosen in places]
    to_the_top = [1 << BITS - 1 - chosen[-1] for chosen in places]
    return compiled.Choices(
        bits=np.array([_bits(chosen) for chosen in places], np.uint64),
        multipliers=np.array(to_the_top if cut.chosen == 1 else [_MIXING] * len(places), np.uint64),
        lengths=np.array([max(1, len(chosen) - _GROUP_BITS + (cut.chosen > 1)) for chosen in places]),  # mixed ones may collide
        flips=np.array(list(chain.from_iterable(flips)), np.uint64),
        flip_ends=np.cumsum([len(of_one) for of_one in flips]),
    )


def _bits(places: Iterable[int]) -> int:
    return sum(1 << place for place in places)


def _edges(blocks: int) -> list[int]:
    """Where blocks begin, and the last one ends: of as equal a length as can be."""
    return [BITS * block // blocks for block in range(blocks + 1)]


def _blocks(distance: int, chosen: int) -> Any:
    """How hashes are cut so that near ones agree in so many blocks."""
    from wukong_build import hamming_compiled as compiled

    edges = _edges(distance + chosen)
    return compiled.Blocks(
        shifts=np.array(edges[:-1], np.uint64),
        widths=np.minimum(np.diff(edges), _BLOCK_BITS),
        masks=np.array([(1 << end) - (1 << start) for start, end in pairwise(edges)], np.uint64),
    )


def _room(count: int) -> Room:
    """Where so many hashes and their numbers are sorted; memory that was used before costs less than fresh."""
    return np.empty(count, np.uint64), np.empty(count, np.uint32)


def _grouped(hashes: Hashes, shift: np.uint64, values: int, pool: ThreadPoolExecutor, room: Room) -> Any:
    """All hashes sorted by some bits from `shift` on, which have so many values."""
    from wukong_build import hamming_compiled as compiled

    count, threads, mask = len(hashes), _threads(), np.uint64(values - 1)
    chunks = [slice(count * thread // threads, count * (thread + 1) // threads) for thread in range(threads)]
    counts = np.zeros((threads, values), np.int64)
    _all(pool, lambda thread: compiled.histogram(hashes[chunks[thread]], shift, mask, counts[thread]), threads)
    places = np.cumsum(np.append(0, counts.T)[:-1]).reshape(values, threads).T.copy()  # chunk after chunk within each value
    groups = compiled.Grouped(room[0], room[1], places[-1])
    _all(
        pool,
        lambda thread: compiled.scatter(hashes[chunks[thread]], chunks[thread].start, shift, mask, places[thread], groups),
        threads,
    )
    return groups


def _by_slices(ends: Indices, work: Callable[..., None], found: list[Any], pool: ThreadPoolExecutor) -> None:
    """Do the work for all groups, that end there, some at once by each thread, which notes what it finds in one of `found`."""
    even = np.linspace(0, ends[-1], _SLICES * len(found))
    cuts = np.unique(np.append(np.searchsorted(ends, even), [0, len(ends)])).tolist()
    free: SimpleQueue[Any] = SimpleQueue()
    for one in found:
        free.put(one)

    def work_on(index: int) -> None:
        mine = free.get()
        try:
            work(cuts[index], cuts[index + 1], mine)
        finally:
            free.put(mine)

    _all(pool, work_on, len(cuts) - 1)


def _all(pool: ThreadPoolExecutor, work: Callable[[int], None], count: int) -> None:
    """Do the work for every number below `count`; an exception of any is raised."""
    for _ in pool.map(work, range(count)):
        pass


def _threads() -> int:
    return min(_THREADS, _processors())


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _blocks_to_agree(count: int, distance: int) -> int:
    """The k that makes the join of `count` evenly spread hashes cheapest: more groups to sort into, or more to compare."""

    def cost(chosen: int) -> float:
        sorted_into, choices, size = 0, 1, float(count)
        for depth in range(1, chosen + 1):
            if size <= _COMPARED_AT_ONCE:
                break
            choices = comb(distance + depth, depth)
            sorted_into += choices
            size /= 2 ** min(BITS / (distance + chosen), _BLOCK_BITS)
        return sorted_into * _SORTED + choices * size / 2 * _COMPARED

    return min(range(max(1, 5 - distance), 9), key=cost)


@cache
def _cut_to_look_up(count: int, others: int, distance: int) -> Cut:
    """The cut at which it costs least to look `count` evenly spread hashes up among others.

    More choices of blocks are more to sort, fewer leave more in a bucket to compare with, and more flips are more to put there.
    """

    def cost(cut: Cut) -> float:
        bits = BITS * cut.chosen // cut.blocks
        entries: float = count * sum(comb(bits, differing) for differing in range(cut.differing + 1))
        for_each_choice = 1.5 * _SORTED + entries / 2**bits * _COMPARED + entries / others * _ENTERED
        for_all: float = (cut.blocks - cut.chosen + 1) * _SORTED + comb(cut.blocks, cut.chosen) * for_each_choice
        return for_all

    return min(_cuts(distance), key=cost)


def _cuts(distance: int) -> list[Cut]:
    """Those that leave not too many ways to differ in the chosen blocks."""
    cuts = (
        Cut(blocks, chosen, _at_most_differing(blocks, chosen, distance))
        for blocks in range(1, distance + 9)
        for chosen in range(1, blocks + 1)
    )
    return [cut for cut in cuts if cut.differing <= _AT_MOST_DIFFERING]


def _at_most_differing(blocks: int, chosen: int, distance: int) -> int:
    """Bits that must differ in the best chosen blocks: as many as if all were spread as evenly as can be."""
    each, more = divmod(distance, blocks)
    return chosen * each + max(0, chosen - (blocks - more))
