"""Bodies as they were before a server packed them for the way. Knows nothing of requests."""

from __future__ import annotations

import zlib

ACCEPTED = "gzip, deflate"
"""What requests say can be unpacked here."""

AT_MOST_CODINGS = 2
"""How often a body may have been packed: no server means to do it more than once, and each layer costs as much as the body."""


class Oversized(ValueError):
    """The body unpacks to more than was allowed."""


class Broken(ValueError):
    """The body ends before its time, was never packed as its server says, or too often."""


def unpacked(body: bytes, encoding: str, at_most_bytes: int) -> bytes:
    """The body without its `Content-Encoding`; no more than the bytes allowed (and one) are ever held. Oversized, Broken."""
    names = [name.strip().lower() for name in encoding.split(",")]
    if len(names) > AT_MOST_CODINGS:
        raise Broken(f"packed {len(names)} times")
    for name in reversed(names):
        if name in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body, at_most_bytes)
        elif name not in ("", "identity"):
            raise Broken(f"nobody asked for {name!r}")
    return body


def _inflated(body: bytes, at_most_bytes: int) -> bytes:
    """The one stream that the body begins with: gzip, zlib, or the bare deflate that some servers send for it."""
    is_gzip = body[:2] == b"\x1f\x8b"
    is_zlib = body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0  # RFC 1950
    window = zlib.MAX_WBITS | 16 if is_gzip else zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
    inflate = zlib.decompressobj(window)
    try:
        found = inflate.decompress(body, at_most_bytes + 1)
    except zlib.error as error:
        raise Broken(str(error)) from error
    if len(found) > at_most_bytes:
        raise Oversized
    if not inflate.eof and body:
        raise Broken("the stream has no end")
    return found
