"""Word lists and other files that links read: those that ship, by name, and the user's own, by path.

Knows nothing of what a list is for.

A name that ships wins over a file of the same relative path; `./name.txt` always means the file.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from io import BufferedReader
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from wukong_build.errors import ConfigError

_FOLDER = Path(__file__).parent
_SMALL = 4096  # bytes, which cost no more to read than to look after; such a file may change within one tick of its clock


@cache
def shipped() -> tuple[str, ...]:
    """Names of all lists that ship with the package, sorted: `surnames.txt`, `sensitive/drugs.txt`."""
    return tuple(sorted(path.relative_to(_FOLDER).as_posix() for path in _FOLDER.rglob("*.txt")))


def read_text(name_or_path: str) -> str:
    """The whole list as it is now; never cached, so that a changed file is seen as changed."""
    try:
        return read_bytes(name_or_path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"word list {name_or_path!r}: byte {error.start} is not UTF-8; "
            "a list in another encoding is converted by `iconv -f gb18030 -t utf-8`"
        ) from error


def lines(name_or_path: str) -> tuple[str, ...]:
    """Its entries in order, one a line, stripped; blank lines and lines that begin with `#` are none."""
    stripped = (line.strip() for line in read_text(name_or_path).splitlines())
    return tuple(line for line in stripped if line and not line.startswith("#"))


def digest(name_or_path: str) -> str:
    """SHA-256 of the bytes, in hex: two files with the same digest are the same list.

    That of a large local file is remembered for as long as it stands as it is, by its place, size and times.
    """
    with _readable(name_or_path):
        file_system, path = fsspec.url_to_fs(str(_path(name_or_path)))
        large = isinstance(file_system, LocalFileSystem) and file_system.size(path) > _SMALL
        return _digest_of(name_or_path, file_system.ukey(path)) if large else _digest(name_or_path)


def read_bytes(name_or_path: str) -> bytes:
    """The whole file as it is now."""
    with opened(name_or_path) as file:
        return file.read()


@contextmanager
def opened(name_or_path: str) -> Iterator[BufferedReader]:
    """The file, to be read."""
    with _readable(name_or_path), fsspec.open(str(_path(name_or_path)), "rb") as file:
        yield file


@lru_cache(maxsize=1 << 17)
def _digest_of(name_or_path: str, stands: str) -> str:  # noqa: ARG001  by it the digest is remembered
    """The digest of a file that stands as `stands` says."""
    return _digest(name_or_path)


def _digest(name_or_path: str) -> str:
    with opened(name_or_path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _path(name_or_path: str) -> str | Path:
    return _FOLDER / name_or_path if name_or_path in shipped() else name_or_path


@contextmanager
def _readable(name_or_path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, ImportError) as error:  # no such file, no such protocol, protocol not installed
        nearest = difflib.get_close_matches(name_or_path, shipped(), n=1)
        hint = f"; the nearest list that ships is {nearest[0]!r}" if nearest else ""
        raise ConfigError(f"word list {name_or_path!r} cannot be read: {error or type(error).__name__}{hint}") from error
