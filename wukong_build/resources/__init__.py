"""Word lists: those that ship with the package, by name, and the user's own, by path. Knows nothing of what a list is for.

A name that ships wins over a file of the same relative path; `./name.txt` always means the file.
"""

from __future__ import annotations

import difflib
import hashlib
from functools import cache
from pathlib import Path

import fsspec

from wukong_build.errors import ConfigError

_FOLDER = Path(__file__).parent


@cache
def shipped() -> tuple[str, ...]:
    """Names of all lists that ship with the package, sorted: `surnames.txt`, `sensitive/drugs.txt`."""
    return tuple(sorted(path.relative_to(_FOLDER).as_posix() for path in _FOLDER.rglob("*.txt")))


def read_text(name_or_path: str) -> str:
    """The whole list as it is now; never cached, so that a changed file is seen as changed."""
    try:
        return _content(name_or_path).decode("utf-8-sig")
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
    """SHA-256 of the list's bytes, in hex: two lists with the same digest are the same list."""
    return hashlib.sha256(_content(name_or_path)).hexdigest()


def _content(name_or_path: str) -> bytes:
    if name_or_path in shipped():
        return (_FOLDER / name_or_path).read_bytes()
    try:
        with fsspec.open(name_or_path, "rb") as file:
            return bytes(file.read())
    except (OSError, ValueError, ImportError) as error:  # no such file, no such protocol, protocol not installed
        nearest = difflib.get_close_matches(name_or_path, shipped(), n=1)
        hint = f"; the nearest list that ships is {nearest[0]!r}" if nearest else ""
        raise ConfigError(f"word list {name_or_path!r} cannot be read: {error or type(error).__name__}{hint}") from error
