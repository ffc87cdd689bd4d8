"""A tar whose layout is known before its bytes are: members may be written in any order, each at its own place.

So samples that lie scattered over the crawl go into their shuffled places without being held in memory. USTAR, with fixed mode,
owner and time: the same members give the same bytes. Knows nothing of samples.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Mapping
from typing import IO

_BLOCK = 512
_RECORD = 20 * _BLOCK
"""Tars are padded to whole records, as POSIX has it."""

END_SIZE = 2 * _BLOCK + _RECORD
"""What a tar has at most behind its members."""

_AT_MOST_NAME = 100
_AT_MOST_SIZE = 8**11 - 1
"""What USTAR has room for: 100 bytes of a name without a folder, eleven octal digits of a size."""

_SIZE, _CHECKSUM = slice(124, 135), slice(148, 156)
_BLANK = bytearray(tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT))
"""The header that all members share: tarfile's own mode, owner and time of a new member, which are fixed."""
_BLANK[_SIZE], _BLANK[_CHECKSUM] = bytes(11), b" " * 8
_BLANK_SUM = sum(_BLANK)


class Tar:
    """The places of members in one tar, given their names and sizes in order."""

    def __init__(self, members: Iterable[tuple[str, int]]) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        offset = 0
        for name, size in members:
            if name in self._places:
                raise ValueError(f"the member {name!r} stands twice")
            self._places[name] = (offset, size)
            offset += member_size(size)
        self.size = -(-(offset + 2 * _BLOCK) // _RECORD) * _RECORD

    def place(self, name: str) -> int:
        """Where the bytes of a member begin, behind its header."""
        return self._places[name][0] + _BLOCK

    def lay_out(self, file: IO[bytes], contents: Mapping[str, bytes]) -> None:
        """Write all headers, the given contents, and the end; bytes of other members are put in their places by whoever has them.

        What is never written is zeros, as padding must be. What lies side by side is written at once, which halves the cost.
        """
        run, begin = [], 0
        for name, (offset, size) in self._places.items():
            run.append(header(name, size))
            content = contents.get(name)
            if content is None:
                put(file, b"".join(run), begin)
                run, begin = [], offset + member_size(size)
            elif len(content) != size:
                raise ValueError(f"the member {name!r} has {len(content)} bytes, planned were {size}")
            else:
                run += (content, bytes(-size % _BLOCK))
        put(file, b"".join(run), begin)
        file.truncate(self.size)


def member_size(size: int) -> int:
    """What a member of so many bytes takes: its header, its bytes, and zeros up to a whole block."""
    return _BLOCK + -(-size // _BLOCK) * _BLOCK


def put(file: IO[bytes], content: bytes | memoryview, place: int) -> None:
    """Write bytes at a place of the file, all of them; what a full disk refuses is an OSError."""
    left = memoryview(content)
    while left:
        written = os.pwrite(file.fileno(), left, place)
        left, place = left[written:], place + written


def header(name: str, size: int) -> bytes:
    """The header of a file; ValueError where its name or its size does not fit. tarfile's own takes twenty times as long."""
    encoded = name.encode()
    if not name.isascii() or len(encoded) > _AT_MOST_NAME:
        raise ValueError(
            f"a member cannot be called {name!r}: USTAR, which every reader knows, has room for {_AT_MOST_NAME} ASCII letters"
        )
    if size > _AT_MOST_SIZE:
        raise ValueError(f"the member {name!r} has {size} bytes; USTAR has room for {_AT_MOST_SIZE}")
    digits = b"%011o" % size
    block = _BLANK.copy()
    block[: len(encoded)], block[_SIZE] = encoded, digits
    block[_CHECKSUM] = b"%06o\0 " % (_BLANK_SUM + sum(encoded) + sum(digits))
    return bytes(block)
