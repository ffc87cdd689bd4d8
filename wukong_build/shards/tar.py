"""A tar whose layout is known before its bytes are: members may be written in any order, each at its own place.

So samples that lie scattered over the crawl go into their shuffled places without being held in memory. USTAR; fixed mode,
owner and time: the same members give the same bytes. Knows nothing of samples.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from typing import IO

_BLOCK = 512
_RECORD = 20 * _BLOCK
"""Tars are padded to whole records, as POSIX has it."""


class Tar:
    """The places of members in one tar, given their names and sizes in order."""

    def __init__(self, members: Iterable[tuple[str, int]]) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        offset = 0
        for name, size in members:
            if name in self._places:
                raise ValueError(f"the member {name!r} stands twice")
            self._places[name] = (offset, size)
            offset += _BLOCK + -(-size // _BLOCK) * _BLOCK
        self.size = -(-(offset + 2 * _BLOCK) // _RECORD) * _RECORD

    def write(self, file: IO[bytes], name: str, content: bytes) -> None:
        """Put a member in its place."""
        offset, size = self._places[name]
        if len(content) != size:
            raise ValueError(f"the member {name!r} has {len(content)} bytes, planned were {size}")
        file.seek(offset)
        file.write(_header(name, size) + content)

    def finish(self, file: IO[bytes]) -> None:
        """Give the tar its full size; whatever was not written is zeros, as its end and its padding must be."""
        file.truncate(self.size)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.USTAR_FORMAT)
