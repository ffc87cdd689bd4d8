"""HashIndex: many known hashes, and for other hashes the nearest known one within a Hamming distance, exactly.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): of b blocks of 16 bits, two hashes within distance d differ in one by at
most ⌊d/b⌋ bits, so for each block a table tells which known ones have its bits, or nearly. Knows nothing of images or lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
"""One row a hash, 64 of its bits a column."""
Indices = npt.NDArray[np.int64]

_BLOCK = 16  # bits: a table of 65,536 places, 15 of a million hashes in each
_AT_ONCE = 1 << 21  # candidates compared together: 16 MB for each 64 bits


def words_of(hex_digits: list[str], bits: int) -> Words:
    """Hashes of so many bits from hex digits."""
    return np.frombuffer(bytes.fromhex("".join(hex_digits)), ">u8").astype(np.uint64).reshape(-1, bits // 64)


class Nearest(NamedTuple):
    """For each hash asked for, the known one that is nearest, and the first of equally near ones."""

    indices: Indices
    """-1 where none is within the distance."""
    distances: Indices
    """In bits; -1 where there is none."""


class HashIndex:
    """Known hashes of one length. What is asked for costs as much as there are known ones near its blocks."""

    def __init__(self, known: Words) -> None:
        """Take the hashes, which may hold some twice."""
        order = np.lexsort(known.T)
        new = np.append(True, (known[order[1:]] != known[order[:-1]]).any(axis=1))[: len(known)]
        self._known, self._first = known[order[new]], order[new]
        self._blocks = self._known.view(np.uint16)
        self._table = cache(self._table_of)

    def nearest(self, hashes: Words, distance: int) -> Nearest:
        """The nearest known hash of each that is within the distance."""
        found = Nearest(np.full(len(hashes), -1), np.full(len(hashes), -1))
        blocks = np.ascontiguousarray(hashes).view(np.uint16)
        count = self._blocks.shape[1] if len(self._known) else 0
        for block in range(count):
            radius = distance // count - (block > distance % count)  # were all blocks further apart, the hashes would be too
            for rows, known in self._candidates(blocks[:, block], block, radius) if radius >= 0 else ():
                self._compare(hashes, rows, known, distance, found)
        return found

    def _candidates(self, keys: npt.NDArray[np.uint16], block: int, radius: int) -> Iterator[tuple[Indices, Indices]]:
        """Row by row the known hashes whose block is within the radius of the key; some at a time."""
        order, starts = self._table(block)
        for mask in _masks(radius):
            near = (keys ^ mask).astype(np.int64)
            sizes = starts[near + 1] - starts[near]
            reach = np.cumsum(sizes)
            start = 0
            while start < len(keys):
                before = reach[start - 1] if start else 0
                stop = max(start + 1, int(np.searchsorted(reach, before + _AT_ONCE, "right")))
                rows = np.repeat(np.arange(start, stop), sizes[start:stop])
                runs = np.arange(len(rows)) - np.repeat(reach[start:stop] - sizes[start:stop] - before, sizes[start:stop])
                yield rows, order[starts[near[rows]] + runs]
                start = stop

    def _compare(self, hashes: Words, rows: Indices, known: Indices, distance: int, found: Nearest) -> None:
        differences = np.bitwise_count(hashes[rows] ^ self._known[known]).sum(axis=1, dtype=np.int64)
        close = np.flatnonzero(differences <= distance)
        rows, firsts, differences = rows[close], self._first[known[close]], differences[close]
        held = np.where(found.indices[rows] < 0, np.iinfo(np.int64).max, found.distances[rows])
        better = (differences < held) | ((differences == held) & (firsts < found.indices[rows]))
        order = np.flatnonzero(better)[np.lexsort((firsts[better], differences[better], rows[better]))[::-1]]
        found.indices[rows[order]], found.distances[rows[order]] = (
            firsts[order],
            differences[order],
        )  # the last written is the best

    def _table_of(self, block: int) -> tuple[Indices, Indices]:
        """The known hashes in order of one block's bits, and where those of each value begin."""
        bits = self._blocks[:, block]
        ends = np.cumsum(np.bincount(bits, minlength=1 << _BLOCK))
        return np.argsort(bits, kind="stable"), np.concatenate([[0], ends])


@cache
def _masks(radius: int) -> list[np.uint16]:
    """All 16-bit values with at most so many bits set."""
    chosen = (bits for count in range(radius + 1) for bits in combinations(range(_BLOCK), count))
    return [np.uint16(sum(1 << bit for bit in bits)) for bits in chosen]
