"""Hashes of 64 bits."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest

from wukong_build.hashing import mixed, repeated, text_hashes


def test_text_hashes() -> None:
    """The first eight bytes of BLAKE2b, the same for the same text; null where there is none."""
    texts = ["猫", None, "", "猫", "\x00" * 1000]
    expected = [t if t is None else int.from_bytes(blake2b(t.encode(), digest_size=8).digest(), "little") for t in texts]
    assert text_hashes(pa.array(texts, pa.string())) == pa.array(expected, pa.uint64())
    assert text_hashes(pa.nulls(2, pa.string())) == pa.nulls(2, pa.uint64())
    assert text_hashes(pa.array([], pa.string())) == pa.array([], pa.uint64())


def test_mixed_is_spread_evenly() -> None:
    """Neighbouring numbers come out as if by chance, each bit set in half of them, and no two alike; order matters."""
    numbers = np.arange(1 << 14, dtype=np.uint64)
    found = mixed(numbers, np.uint64(7))
    assert len(np.unique(found)) == len(found)
    bits = np.unpackbits(found.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert ((bits > 0.48) & (bits < 0.52)).all()
    assert (found == mixed(np.full_like(numbers, 7), numbers)).sum() == 1  # 7 with 7
    assert mixed(np.array([1], np.uint64)).tolist() == [0x910A2DEC89025CC1]  # what SplitMix64 gives for the seed 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], []), ([5], [False]), ([3, 1, 2], [False] * 3), ([3, 1, 3, 2**64 - 1, 1, 3], [True, True, True, False, True, True])],
)
def test_repeated(numbers: list[int], expected: list[bool]) -> None:
    """Every one of those that are there several times."""
    assert repeated(np.array(numbers, np.uint64)).tolist() == expected
