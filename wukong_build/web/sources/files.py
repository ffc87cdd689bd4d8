"""Sources that are files: one, those in a folder, or those that a pattern matches. Opens none."""

from __future__ import annotations

import contextlib
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar

import fsspec
import pyarrow as pa
from msgspec import Meta

from wukong_build.errors import ConfigError
from wukong_build.store import fingerprint_of
from wukong_build.web.sources.base import Source

Files = dict[str, dict[str, Any]]
"""Path → what the file system says of it."""

_MAGIC = re.compile(r"[*?\[]")
_LEFT_OUT = re.compile(r"(^|/)(\.|_tmp(/|$))|_stats\.json$")  # hidden, or what img2dataset writes beside its tables
_SELDOM_LISTS = (".json", ".txt")  # folders hold them for other ends, such as cards and licences: they are to be named

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, ImportError, zlib.error, lzma.LZMAError, pa.ArrowException)
"""What fsspec, decompression and Arrow raise; KeyError where a column is there twice, ImportError where s3fs is missing."""


class Filed(Source, frozen=True, kw_only=True):
    """A source that reads files."""

    path: str | Annotated[tuple[str, ...], Meta(min_length=1)]
    """Files, folders of files or patterns such as `lists/*.csv.gz`, at any fsspec URL."""
    files_are: ClassVar[str]
    """What one of its files is called."""

    @property
    def target(self) -> str:
        """The path, or the first of them."""
        return self._paths[0]

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path

    def is_one(self, name: str) -> bool:
        """Whether a file of that name, in a folder or matching a pattern, is meant."""
        raise NotImplementedError

    def digests(self) -> dict[str, str]:
        """Path of every file → what changes when the file or how it is read changes. ConfigError where there is none."""
        return {
            file: fingerprint_of(*self._read_by(), sorted(map(str, there.items())))
            for path in self._paths
            for file, there in self._files(path).items()
        }

    def _read_by(self) -> tuple[Any, ...]:
        """What of the source decides how a file is read."""
        return ()

    def _files(self, path: str) -> Files:
        with readable(path):
            return files_of(path, self.is_one, self.files_are)


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Whatever keeps a file from being read is said with its path."""
    try:
        yield
    except _UNREADABLE as error:
        raise ConfigError(f"crawl.sources: {path}: cannot be read: {error}") from error


def files_of(path: str, is_one: Callable[[str], bool], files_are: str) -> Files:
    """The files in the order of their names, each with a path that is as relative as the one in the config.

    ConfigError where there is none. `is_one` says of the name of a file whether it is meant, unless it is named itself.
    """
    fs, address = fsspec.core.url_to_fs(path)
    fs.invalidate_cache()
    magic = _MAGIC.search(address)
    if magic and not fs.exists(address):
        folder = address[: magic.start()].rpartition("/")[0] + "/"
        found = _meant(fs.glob(address, detail=True), folder, is_one)
        written = path.partition("::")[0].removesuffix(address.removeprefix(folder))
    else:
        there = fs.info(address)
        if there["type"] != "directory":
            return {path: there}
        found = _meant({info["name"]: info for info in fs.ls(address, detail=True)}, address.rstrip("/") + "/", is_one)
        found = {name: info for name, info in found.items() if not name.endswith(_SELDOM_LISTS)}
        written = path.partition("::")[0].rstrip("/") + "/"
    if not found:
        raise ConfigError(f"crawl.sources: {path}: there is no {files_are}; a file, a folder of them or a pattern is meant")
    inside = "".join(path.partition("::")[1:])  # of an archive, say
    return {written + name + inside: found[name] for name in sorted(found)}


def _meant(found: Files, folder: str, is_one: Callable[[str], bool]) -> Files:
    """Those that are meant among some files, by their names below a folder."""
    named = {name.removeprefix(folder): info for name, info in found.items() if info["type"] != "directory"}
    return {name: info for name, info in named.items() if is_one(name) and not _LEFT_OUT.search(name)}
