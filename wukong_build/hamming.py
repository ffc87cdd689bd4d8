"""All pairs of 64-bit hashes within a Hamming distance, exactly. Knows nothing of images or samples."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import comb

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

BITS = 64
AT_MOST_DISTANCE = 10
"""Up to here the join is exact at a bearable cost; pHashes farther apart are mostly of unlike pictures."""

_CHUNK = 1 << 22  # candidate pairs looked at together: 32 MB an array
_SORTED_AS_CANDIDATES = 7  # measured: to sort one hash costs as much as to compare seven pairs


def hashes_of(hex_digits: list[str]) -> Hashes:
    """64-bit hashes from strings of 16 hex digits each."""
    return np.frombuffer(bytes.fromhex("".join(hex_digits)), ">u8").astype(np.uint64)


def distances(left: Hashes, right: Hashes) -> npt.NDArray[np.uint8]:
    """In how many bits they differ, one by one."""
    counts: npt.NDArray[np.uint8] = np.bitwise_count(left ^ right)
    return counts


def pairs_within(hashes: Hashes, distance: int) -> tuple[Indices, Indices]:
    """Indices (lower, higher) of all pairs of the distinct hashes that differ in at most `distance` bits, sorted.

    Cut into `distance + k` blocks, two such hashes agree in at least k of them (pigeonhole; Manku et al. 2007). So for
    every choice of k blocks only hashes equal on them are compared, and a pair counts at the first choice it agrees on.
    """
    chosen = _blocks_to_agree(len(hashes), distance)
    blocks = _blocks(distance + chosen)
    empty = np.empty(0, np.int64)
    found = [(empty, empty)]
    for choice in combinations(range(len(blocks)), chosen):
        skipped = [blocks[block] for block in range(choice[-1]) if block not in choice]
        for left, right in _candidates(hashes & np.bitwise_or.reduce([blocks[block] for block in choice])):
            difference = hashes[left] ^ hashes[right]
            near = np.flatnonzero(np.bitwise_count(difference) <= distance)
            for mask in skipped:
                near = near[(difference[near] & mask) != 0]
            found.append((left[near], right[near]))
    first, second = (np.concatenate(side) for side in zip(*found, strict=True))
    lower, higher = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((higher, lower))
    return lower[order], higher[order]


def _blocks(count: int) -> list[np.uint64]:
    """Masks of `count` blocks of neighbouring bits, of as equal a length as can be."""
    edges = [BITS * block // count for block in range(count + 1)]
    return [np.uint64((1 << end) - (1 << start)) for start, end in pairwise(edges)]


def _blocks_to_agree(count: int, distance: int) -> int:
    """The k that makes the join of `count` evenly spread hashes cheapest: more tables to sort, or more pairs to compare."""

    def cost(chosen: int) -> float:
        compared = count * count / 2 / 2 ** (BITS * chosen / (distance + chosen))
        return comb(distance + chosen, chosen) * (count * _SORTED_AS_CANDIDATES + compared)

    return min(range(1, 5), key=cost)


def _candidates(keys: Hashes) -> Iterator[tuple[Indices, Indices]]:
    """All pairs of indices with equal keys, in chunks of bounded size."""
    order = np.argsort(keys)
    ordered = keys[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(keys))
    sizes = np.diff(ends, prepend=0)
    partners = np.repeat(ends, sizes) - np.arange(len(keys)) - 1  # how many of the same key stand behind each
    places = np.flatnonzero(partners)
    behind = np.cumsum(partners[places])
    start = 0
    while start < len(places):
        before = behind[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(behind, before + _CHUNK, side="right")))
        chunk = places[start:stop]
        left = np.repeat(chunk, partners[chunk])
        runs = np.repeat(behind[start:stop] - partners[chunk] - before, partners[chunk])
        yield order[left], order[left + 1 + np.arange(len(left)) - runs]
        start = stop
