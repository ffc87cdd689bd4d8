"""Which of many 64-bit hashes are near to each other, exactly, and which of them stand for the others. Knows no images.

Cut into `distance + k` blocks, two hashes within the distance agree in at least k of them (pigeonhole; Manku, Jain and Das
Sarma, "Detecting near-duplicates for web crawling", 2007). So hashes are sorted into groups that agree on one block after
another, for every choice of k blocks, and only members of a group are compared. The first block of a choice takes a pass over
all hashes; the others are sorted within a group that fits into the processor's cache.

The loops are in `hamming_compiled`, which is loaded when there are many hashes.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
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

FEW = 4096
"""So many hashes are compared each with all sooner than compiled code is loaded."""

_PAIRS = 1 << 24  # each thread remembers so many, 128 MB; where there are more, hashes are decided in rounds
_PIECE = 1 << 26  # hashes of a piece, for which its blocks are chosen
_STREAMED = 1 << 23
_THREADS = 8  # at most: each has an index for every hash
_SLICES = 32  # of the groups, for each thread: the fuller ones even out
_BLOCK_BITS = 13  # at most: the counters of a block stay in the processor's cache
_COMPARED_AT_ONCE = 12
_SORTED, _COMPARED = 5.0, 0.4  # measured: nanoseconds to sort one hash into a group, and to compare it with another


class Items(NamedTuple):
    """What is compared: each item's hash and, in `words`, a longer one that confirms a likeness; there may be no words."""

    hashes: Hashes
    words: Words

    @classmethod
    def of(cls, hashes: Hashes) -> Items:
        """Items without a second hash."""
        return cls(hashes, np.empty((len(hashes), 0), np.uint64))

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
        """Which items are near to the one; arrays of one row are an item as well."""
        differing = np.bitwise_count(items.words ^ item.words).sum(axis=1, dtype=np.int64)
        near = (np.bitwise_count(items.hashes ^ item.hashes) <= self.distance) & (differing <= self.words_distance)
        return np.asarray(near)


class Joined(NamedTuple):
    """What a join found out."""

    first: npt.NDArray[np.uint32]
    """For each hash the first one before it that it is near to, or NONE."""
    has_near: npt.NDArray[np.bool_]
    """True where a later hash is near to it."""
    pairs: npt.NDArray[np.uint64] | None
    """All pairs once, in no order: the later one, shifted by 32 bits, and the earlier one. None where they are too many."""


def hashes_of(hex_digits: list[str]) -> Hashes:
    """64-bit hashes from strings of 16 hex digits each."""
    return np.frombuffer(bytes.fromhex("".join(hex_digits)), ">u8").astype(np.uint64)


def distances(left: Hashes, right: Hashes) -> npt.NDArray[np.uint8]:
    """In how many bits they differ, one by one."""
    counts: npt.NDArray[np.uint8] = np.bitwise_count(left ^ right)
    return counts


def first_kept(items: Items, near: Near) -> Indices:
    """For each item, in order of rank: the first kept one that it is near to, or itself where it is kept.

    An item is kept unless one kept before it is near. So no two kept ones are near to each other, and every other one is near to
    the kept one that it names.
    """
    if len(items.hashes) <= FEW:
        return _first_kept_of_few(items, near)
    equal = first_equal(items)
    rest = np.flatnonzero(equal == np.arange(len(equal)))  # equal ones share one fate
    of_rest: Indices = rest[_first_kept_in_rounds(items.take(rest), near)]
    return of_rest[np.searchsorted(rest, equal)]


def first_near(items: Items, others: Items, near: Near) -> Indices:
    """For each item the first of the others that it is near to, or -1."""
    found = np.full(len(items.hashes), -1)
    count = len(others.hashes)
    if count <= FEW:
        for index in reversed(range(count)):
            found[near.of(others.take(slice(index, index + 1)), items)] = index
        return found
    step = max(len(items.hashes), _STREAMED)  # a chunk of the others is sorted together with the items
    for start in range(0, count, step):
        missing = np.flatnonzero(found < 0)
        chunk = others.take(slice(start, start + step))
        since = len(chunk.hashes)
        first = _join(chunk + items.take(missing), near, since=since, first_only=True).first[since:]
        found[missing] = np.where(first == NONE, -1, start + first.astype(np.int64))
    return found


def first_equal(items: Items) -> Indices:
    """For each item the first one that has the very same hashes."""
    mixed = items.hashes.copy()
    for column in items.words.T:
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) ^ column
    whole = np.column_stack([items.hashes, items.words]) if items.words.shape[1] else items.words
    first = _join(Items(mixed, whole), Near(0), first_only=True).first.astype(np.int64)
    return np.where(first == NONE, np.arange(len(first)), first)


def pieces_of(hashes: Hashes, near: Near, pieces: int) -> Indices:
    """Numbers of the pieces that each hash comes into, one for every block that a pair may first agree in: blocks × hashes.

    Near items are together in the piece of the first block that they agree in, whose number is `block * pieces` or so much more
    as the block's highest bits say; `pieces` is a power of two.
    """
    edges = _edges(near.distance, _blocks_to_agree(_PIECE, near.distance))
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
            kept[near.of(items.take(slice(index, index + 1)), items) & (kept < 0)] = index
    return kept


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
            settled[:] = True
        else:
            compiled.decide_some(joined.first, settled, owner)
        kept[rows] = rows[owner]
        going_on = (owner == np.arange(len(rows))) & (joined.has_near | ~settled)
        rows, settled = rows[going_on], settled[going_on]
    return kept


def _join(
    items: Items,
    near: Near,
    *,
    since: int = 0,
    settled: npt.NDArray[np.bool_] | None = None,
    first_only: bool = False,
    room: int = 0,
    blocks: Iterable[int] | None = None,
    chosen: int | None = None,
) -> Joined:
    """Every pair of near items whose later one is not settled; with `since`, only of those before it with the others.

    `blocks` are those in which a pair may first agree, if not all are asked for; `chosen` is in how many it must agree.
    """
    from wukong_build import hamming_compiled as compiled

    hashes, distance = items.hashes, near.distance
    count = len(hashes)
    chosen = chosen or _blocks_to_agree(count, distance)
    edges = _edges(distance, chosen)
    rule = compiled.Rule(
        distance=distance,
        to_choose=chosen,
        shifts=np.array(edges[:-1], np.uint64),
        widths=np.minimum(np.diff(edges), _BLOCK_BITS),
        masks=np.array([(1 << end) - (1 << start) for start, end in pairwise(edges)], np.uint64),
        words=items.words,
        words_distance=near.words_distance,
        since=since,
        settled=np.zeros(count, bool) if settled is None else settled,
        first_only=first_only,
    )
    threads = min(_THREADS, _processors())
    has_near = np.zeros(count, bool)
    found = [
        compiled.Found(np.full(count, NONE, np.uint32), has_near, np.empty(room, np.uint64), np.zeros(1, np.int64))
        for _ in range(threads)
    ]
    with ThreadPoolExecutor(threads) as pool:
        for block in range(distance + 1) if blocks is None else blocks:
            _search(hashes, block, rule, found, pool)
    counts = [int(thread.pair_count[0]) for thread in found]
    remembered = max(counts) <= room
    return Joined(
        np.minimum.reduce([thread.first for thread in found]),
        has_near,
        np.concatenate([thread.pairs[:pairs] for thread, pairs in zip(found, counts, strict=True)]) if remembered else None,
    )


def _edges(distance: int, chosen: int) -> list[int]:
    """Where blocks begin, and the last one ends: of as equal a length as can be."""
    return [BITS * block // (distance + chosen) for block in range(distance + chosen + 1)]


def _search(hashes: Hashes, block: int, rule: Any, found: list[Any], pool: ThreadPoolExecutor) -> None:
    """Find the pairs that first agree in this block: sort all hashes by it, then search the groups that come of it."""
    from wukong_build import hamming_compiled as compiled

    count, threads, values = len(hashes), len(found), 1 << int(rule.widths[block])
    shift, mask = rule.shifts[block], np.uint64(values - 1)
    chunks = [slice(count * thread // threads, count * (thread + 1) // threads) for thread in range(threads)]
    counts = np.zeros((threads, values), np.int64)
    _all(pool, lambda thread: compiled.histogram(hashes[chunks[thread]], shift, mask, counts[thread]), threads)
    places = np.cumsum(np.append(0, counts.T)[:-1]).reshape(values, threads).T.copy()  # chunk after chunk within each value
    groups, items = np.empty(count, np.uint64), np.empty(count, np.uint32)
    _all(
        pool,
        lambda thread: compiled.scatter(hashes[chunks[thread]], chunks[thread].start, shift, mask, places[thread], groups, items),
        threads,
    )
    ends = places[-1]
    cuts = np.unique(np.append(np.searchsorted(ends, np.linspace(0, count, _SLICES * threads)), values))
    free: SimpleQueue[Any] = SimpleQueue()
    for one in found:
        free.put(one)

    def search(index: int) -> None:
        mine = free.get()
        begin = ends[cuts[index] - 1] if cuts[index] else 0
        group_ends = ends[cuts[index] : cuts[index + 1]] - begin
        stop = begin + int(group_ends[-1])
        compiled.search(groups[begin:stop], items[begin:stop], group_ends, block, rule, mine)
        free.put(mine)

    _all(pool, search, len(cuts) - 1)


def _all(pool: ThreadPoolExecutor, work: Callable[[int], None], count: int) -> None:
    """Do the work for every number below `count`; an exception of any is raised."""
    for _ in pool.map(work, range(count)):
        pass


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
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
