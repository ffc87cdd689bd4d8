"""Bodies as they were before they were packed; what a server's answer makes of them is in `test_fetch`."""

from __future__ import annotations

import zlib

import pytest

from wukong_build.web.encoding import Broken, unpacked


def packed(body: bytes, times: int) -> bytes:
    """The body in as many layers."""
    for _ in range(times):
        body = zlib.compress(body)
    return body


@pytest.mark.parametrize(
    ("encoding", "times"), [("gzip", 1), ("deflate", 1), ("gzip, gzip", 2), ("Deflate,identity", 1), (", gzip", 1)]
)
def test_a_body_may_have_been_packed_twice(encoding: str, times: int) -> None:
    """Once is what servers do; twice is what one does behind another."""
    assert unpacked(packed(b"cat", times), encoding, 100) == b"cat"


@pytest.mark.parametrize(
    ("encoding", "times"),
    [("gzip, gzip, gzip", 3), (",".join(["gzip"] * 3_000), 3_000), ("," * 16_000 + "gzip", 1), ("br", 1), ("gzip", 0)],
)
def test_what_cannot_be_unpacked_is_broken(encoding: str, times: int) -> None:
    """Packed more often, as nobody asked for, or not at all: each layer would cost as much as the body."""
    with pytest.raises(Broken):
        unpacked(packed(b"cat", times), encoding, 100)
