"""Reads tars, also those of other programs: in one go and without seeking, or their headers alone. Knows nothing of samples."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Protocol

_BLOCK = 512
_RECORD = 20 * _BLOCK
_AT_ONCE = 1 << 20

_REGULAR, _EXTENDED, _LONG_NAME, _GLOBAL = (tarfile.REGTYPE, tarfile.AREGTYPE), tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, b"g"


class BrokenTar(Exception):
    """A file is no tar, or not from some place on; its message says what was found there."""


class Reader(Protocol):
    """What a tar is read from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or as many as are left."""


def padded(size: int) -> int:
    """The size of a tar whose members take so many bytes."""
    return -(-(size + 2 * _BLOCK) // _RECORD) * _RECORD


def spans(file: IO[bytes]) -> Iterator[tuple[str, int, int]]:
    """Name of every member, and where it begins, header included, and ends. BrokenTar for what is no tar as `Tar` writes it."""
    offset = 0
    while (block := file.read(_BLOCK)) and block != bytes(_BLOCK):
        info = _info(block, offset)
        if info.type not in _REGULAR:
            raise BrokenTar(f"the member {info.name!r} at byte {offset} is no plain file")
        end = offset + _BLOCK + -(-info.size // _BLOCK) * _BLOCK
        yield info.name, offset, end
        offset = file.seek(end)


def read_members(file: Reader) -> Iterator[tuple[str, bytes]]:
    """Name and content of every member, in order; read to the end of the file. BrokenTar where it cannot go on.

    Of what a tar may hold files are read, whose names may be extended (pax, GNU); anything else is no member of a shard.
    """
    name = None
    for info, content, offset in _entries(file):
        if info.type in _REGULAR:
            yield name or info.name, content
            name = None
        elif info.type == _LONG_NAME:
            name = content.rstrip(b"\0").decode("utf-8", "backslashreplace")
        elif info.type == _EXTENDED:
            name = _extended_name(content, offset) or name
        elif info.type != _GLOBAL:
            raise BrokenTar(f"the member {info.name!r} at byte {offset} is no file")


def _entries(file: Reader) -> Iterator[tuple[tarfile.TarInfo, bytes, int]]:
    """Header and content of everything in a tar, with the byte at which it begins."""
    offset = 0
    while (block := file.read(_BLOCK)) and block != bytes(_BLOCK):
        info = _info(block, offset)
        end = offset + _BLOCK + -(-info.size // _BLOCK) * _BLOCK
        content = file.read(end - offset - _BLOCK)
        if len(content) < end - offset - _BLOCK:
            raise BrokenTar(f"it ends within the member {info.name!r}, at byte {offset + _BLOCK + len(content)}")
        if content[info.size :].strip(b"\0"):
            raise BrokenTar(f"something follows the member {info.name!r} where zeros should, before byte {end}")
        yield info, content[: info.size], offset
        offset = end
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise BrokenTar(f"it lacks the two blocks of zeros that end a tar, at byte {offset}")
    while rest := file.read(_AT_ONCE):
        if rest.strip(b"\0"):
            raise BrokenTar(f"something follows its end, after byte {offset}, where zeros should")


def _info(block: bytes, offset: int) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "backslashreplace")
    except tarfile.HeaderError as error:
        raise BrokenTar(f"the header at byte {offset} is none: {error}") from error


def _extended_name(records: bytes, offset: int) -> str | None:
    """The name that pax records (`<length> <keyword>=<value>`) give to the next member; None where they give none."""
    while records:
        length = records.partition(b" ")[0]
        if not length.isdigit() or int(length) < len(b"5 k=\n"):
            raise BrokenTar(f"the pax records at byte {offset} are none")
        keyword, _, value = records[len(length) + 1 : int(length)].partition(b"=")
        if keyword == b"path":
            return value.removesuffix(b"\n").decode("utf-8", "backslashreplace")
        records = records[int(length) :]
    return None
