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
from collections.abc import Callable
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
_STREAMED = 1 << 23
_THREADS = 8  # at most: each has an index for every hash
_SLICES = 32  # of the groups, for each thread: the fuller ones even out
_BLOCK_BITS = 13  # at most: the counters of a block stay in the processor's cache
_COMPARED_AT_ONCE = 12
_SORTED, _COMPARED = 5.0, 0.4  # measured: nanoseconds to sort one hash into a group, and to compare it with another


class Second(NamedTuple):
    """Longer hashes of the same items, which confirm that two of them are near."""

    words: Words
    at_most: int
    """Bits in which they may differ."""

    def of(self, rows: Any) -> Second:
        """Those of some of the items."""
        return Second(self.words[rows], self.at_most)

    def confirmed(self, words: Words) -> npt.NDArray[np.bool_]:
        """Which of the items are near to the one with these words."""
        return np.asarray(np.bitwise_count(self.words ^ words).sum(axis=1, dtype=np.int64) <= self.at_most)


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


def first_kept(hashes: Hashes, distance: int, second: Second | None = None) -> Indices:
    """For each hash, in order of rank: the first kept one that it is near to, or itself where it is kept.

    A hash is kept unless one kept before it is near: within `distance` bits of it, and confirmed by the second hashes where
    there are any. So no two kept ones are near, and every other one is near to the kept one that it names.
    """
    second = second or _no_second(len(hashes))
    if len(hashes) <= FEW:
        return _first_kept_of_few(hashes, distance, second)
    first_equal = _first_equal(hashes, second)
    rest = np.flatnonzero(first_equal == np.arange(len(hashes)))  # equal ones share one fate
    of_rest: Indices = rest[_first_kept_in_rounds(hashes[rest], distance, second.of(rest))]
    return of_rest[np.searchsorted(rest, first_equal)]


def first_near(
    hashes: Hashes, others: Hashes, distance: int, second: Second | None = None, their_words: Words | None = None
) -> Indices:
    """For each hash the first of the others that it is near to, or -1; `their_words` are the second hashes of the others."""
    second = second or _no_second(len(hashes))
    their_words = _no_second(len(others)).words if their_words is None else their_words
    found = np.full(len(hashes), -1)
    if len(others) <= FEW:
        for index in reversed(range(len(others))):
            found[(np.bitwise_count(hashes ^ others[index]) <= distance) & second.confirmed(their_words[index])] = index
        return found
    step = max(len(hashes), _STREAMED)  # a chunk of the others is sorted together with the hashes
    for start in range(0, len(others), step):
        missing = np.flatnonzero(found < 0)
        chunk = others[start : start + step]
        words = np.concatenate([their_words[start : start + step], second.words[missing]])
        both = np.concatenate([chunk, hashes[missing]])
        first = _join(both, distance, Second(words, second.at_most), since=len(chunk), first_only=True).first[len(chunk) :]
        found[missing] = np.where(first == NONE, -1, start + first.astype(np.int64))
    return found


def _no_second(count: int) -> Second:
    return Second(np.empty((count, 0), np.uint64), 0)


def _first_kept_of_few(hashes: Hashes, distance: int, second: Second) -> Indices:
    """The rule as it reads."""
    kept = np.full(len(hashes), -1)
    for index in range(len(hashes)):
        if kept[index] < 0:
            near = (np.bitwise_count(hashes ^ hashes[index]) <= distance) & second.confirmed(second.words[index])
            kept[near & (kept < 0)] = index
    return kept


def _first_equal(hashes: Hashes, second: Second) -> Indices:
    """For each item the first one that has the very same hashes."""
    mixed = hashes.copy()
    for column in second.words.T:
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) ^ column
    first = _join(mixed, 0, Second(np.column_stack([hashes, second.words]), 0), first_only=True).first.astype(np.int64)
    return np.where(first == NONE, np.arange(len(hashes)), first)


def _first_kept_in_rounds(hashes: Hashes, distance: int, second: Second) -> Indices:
    """`first_kept` of distinct items.

    An item with no near one before it is kept, and one whose first near one is kept is not. Others wait for the next round, in
    which those not kept are left out. A round in which all pairs can be remembered is the last.
    """
    from wukong_build import hamming_compiled as compiled

    kept, rows, settled = np.arange(len(hashes)), np.arange(len(hashes)), np.zeros(len(hashes), bool)
    while not settled.all():
        joined = _join(hashes[rows], distance, second.of(rows), settled=settled, room=_PAIRS)
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
    hashes: Hashes,
    distance: int,
    second: Second,
    *,
    since: int = 0,
    settled: npt.NDArray[np.bool_] | None = None,
    first_only: bool = False,
    room: int = 0,
) -> Joined:
    """Every pair within the distance whose later one is not settled; with `since`, only of those before it with the others."""
    from wukong_build import hamming_compiled as compiled

    count = len(hashes)
    chosen = _blocks_to_agree(count, distance)
    edges = [BITS * block // (distance + chosen) for block in range(distance + chosen + 1)]
    rule = compiled.Rule(
        distance=distance,
        shifts=np.array(edges[:-1], np.uint64),
        widths=np.minimum(np.diff(edges), _BLOCK_BITS),
        masks=np.array([(1 << end) - (1 << start) for start, end in pairwise(edges)], np.uint64),
        words=second.words,
        at_most=second.at_most,
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
        for block in range(distance + 1):
            _search(pool, hashes, block, chosen, rule, found)
    counts = [int(thread.count[0]) for thread in found]
    remembered = max(counts) <= room
    return Joined(
        np.minimum.reduce([thread.first for thread in found]),
        has_near,
        np.concatenate([thread.pairs[:pairs] for thread, pairs in zip(found, counts, strict=True)]) if remembered else None,
    )


def _search(pool: ThreadPoolExecutor, hashes: Hashes, block: int, chosen: int, rule: Any, found: list[Any]) -> None:
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
        lambda thread: compiled.scatter(
            hashes[chunks[thread]], chunks[thread].start, shift, mask, places[thread], groups, items
        ),
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
        compiled.search(groups[begin:stop], items[begin:stop], group_ends, block, chosen, rule, mine)
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
