"""64 bits that stand for a text, or for several things together, the same on every machine.

Of a billion texts 0.03 pairs share theirs by chance.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]


def text_hashes(texts: pa.Array) -> pa.Array:
    """64 bits of each text, as uint64; null where there is none. Each distinct text is hashed once."""
    encoded = texts.dictionary_encode()
    digests = (blake2b(text.encode(), digest_size=8).digest() for text in encoded.dictionary.to_pylist())
    return pa.array(np.frombuffer(b"".join(digests), "<u8"), pa.uint64()).take(encoded.indices)


def mixed(first: Hashes, *others: Hashes | np.uint64) -> Hashes:
    """64 bits of several hashes together, row by row, evenly spread; in another order they are others.

    Between two of them, and at the end, stands the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    found = _finalised(first)
    for other in others:
        found = _finalised(found + other)
    return found


def repeated(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which of them are there more than once; costs a sort, and little memory where these are few."""
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return np.zeros(len(hashes), np.bool_)
    found: npt.NDArray[np.bool_] = twice[np.minimum(np.searchsorted(twice, hashes), len(twice) - 1)] == hashes
    return found


def _finalised(hashes: Hashes) -> Hashes:
    hashes = hashes + np.uint64(0x9E3779B97F4A7C15)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def places_in(ascending: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> pa.Array:
    """Where each of some values stands among many that ascend; null where it does not.

    A few are looked up by halving, where a table of the many would cost as much as these.
    """
    places = np.searchsorted(ascending, wanted)
    there = places < len(ascending)
    there[there] = ascending[places[there]] == wanted[there]
    return pa.array(places, mask=~there)


def pieces_of(hashes: Hashes, pieces: int) -> npt.NDArray[np.int64]:
    """In which piece each of evenly spread hashes is, where there are so many pieces, a power of two; small hashes come first."""
    return (hashes >> np.uint64(64 - (pieces - 1).bit_length())).astype(np.int64)[None]
