"""Hashes among which near pairs are planted, always the same for the same count. Needs NumPy alone, as peers read them too."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

PER_DISTANCE = 2000
"""Pairs planted at each distance, where there are hashes enough."""

BITS = 64


class Planted(NamedTuple):
    """Hashes, and which of them are near to which."""

    hashes: Hashes
    sources: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int64]
    """Where the hashes lie that were made of the sources; they are the last ones."""
    distances: npt.NDArray[np.int64]
    """In how many bits each differs from its source."""

    def recall(self, found: npt.NDArray[np.bool_], distance: int) -> dict[str, float]:
        """The share of pairs found, for each distance that counts."""
        return {str(bits): round(float(found[self.distances == bits].mean()), 4) for bits in range(1, distance + 1)}


def planted(count: int, distance: int) -> Planted:
    """Evenly spread hashes with as many pairs at each distance up to this one."""
    random = np.random.default_rng(count)
    hashes = random.integers(0, 2**64, count, np.uint64)
    each = min(PER_DISTANCE, count // (4 * distance))
    distances = np.repeat(np.arange(1, distance + 1), each)
    sources = random.choice(count - len(distances), len(distances), replace=False)
    copies = np.arange(count - len(distances), count)
    hashes[copies] = hashes[sources] ^ flips(random, distances)
    return Planted(hashes, sources, copies, distances)


def crowded(count: int, distance: int) -> Planted:
    """The same, but a tenth of the others are one hash, and a hundredth lie 1 to 4 bits from it."""
    made = planted(count, distance)
    random = np.random.default_rng(count + 1)
    free = random.permutation(np.setdiff1d(np.arange(count - len(made.sources)), made.sources))
    popular = made.hashes[free[0]]
    around = free[count // 10 : count // 10 + count // 100]
    made.hashes[free[: count // 10]] = popular
    made.hashes[around] = popular ^ flips(random, random.integers(1, 5, len(around)))
    return made


def flips(random: np.random.Generator, distances: npt.NDArray[np.int64]) -> Hashes:
    """Words with so many bits set, anywhere."""
    words = np.zeros(len(distances), np.uint64)
    for start in range(0, len(distances), 1 << 16):
        some = slice(start, start + (1 << 16))
        ranks = random.random((len(distances[some]), BITS)).argsort(axis=1)
        words[some] = ((ranks < distances[some, None]) << np.arange(BITS, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return words


def spent(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work returns, and its seconds by the clock and by the processor, and the peak memory of this process till now."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return result, {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu, "peak_mb": peak}
