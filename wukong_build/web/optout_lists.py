"""A user's own lists of what is withheld: domains, and the sha256 of files. Knows nothing of what sites say themselves."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Self

import fsspec

from wukong_build.errors import ConfigError, shown
from wukong_build.store import fingerprint_of
from wukong_build.web.url import canonical, host_of

AT_MOST_CHARACTERS = 253
"""No name server knows a longer domain."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class Withheld:
    """The entries of a user's lists: a domain covers its subdomains, a sha256 the file with these bytes."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = frozenset(entries)

    @classmethod
    def load(cls, paths: Iterable[str]) -> Self:
        """The lists at some paths or URLs, one entry a line. ConfigError where one cannot be read or a line is no entry."""
        return cls(entry for path in paths for entry in _entries(path))

    @cached_property
    def digest(self) -> str:
        """Changes when an entry is added or removed; comments, order and spelling aside."""
        return fingerprint_of(sorted(self.entries))

    def signals(self, urls: Iterable[str | None], sha256: str | None = None) -> list[str]:
        """Entries that withhold a file which stands at these URLs and has this digest."""
        if not self.entries:
            return []
        names = {name for url in urls if url for name in _domains(url)} | ({sha256} if sha256 else set())
        return sorted(f"list:{name}" for name in names & self.entries)


def _domains(url: str) -> Iterator[str]:
    """The host of a canonical URL and every domain it lies in."""
    name = re.sub(r":\d*$", "", host_of(url)).rstrip(".")
    while 0 < len(name) <= AT_MOST_CHARACTERS:
        yield name
        name = name.partition(".")[2]


def _entries(path: str) -> Iterator[str]:
    """The entries of a list, as `Withheld` keeps them."""
    try:
        with fsspec.open(path, "rt", encoding="utf-8-sig", errors="replace", compression="infer") as lines:
            for number, line in enumerate(lines, 1):
                written = line.partition("#")[0].strip()
                if written:
                    yield _entry(written, f"{path}, line {number}")
    except (OSError, EOFError, ValueError, ImportError, zlib.error) as error:  # as for other lists
        raise ConfigError(f"crawl.opt_out.lists: {path}: cannot be read: {error}") from error


def _entry(written: str, place: str) -> str:
    """A digest in lower case, or a domain as URLs spell it. ConfigError where it is neither."""
    entry = written.lower()
    if _SHA256.fullmatch(entry):
        return entry
    domain = entry.removeprefix("*").removeprefix(".").removesuffix(".")
    if not _DOMAIN.fullmatch(domain):
        domain = _punycode(domain)
    # A lone word is more likely a digest of another kind, or a stray line, than a whole top-level domain.
    if not domain or ("." not in domain and not entry.startswith(("*.", "."))):
        raise ConfigError(
            f"crawl.opt_out.lists: {place}: found {shown(written)}; a domain (example.com) or a sha256 (64 hex digits) is meant"
        )
    return domain


def _punycode(domain: str) -> str:
    """A domain as URLs spell it; empty where it is none."""
    host = host_of(canonical(f"http://{domain}/") or "")
    return host if _DOMAIN.fullmatch(host) and not re.search(r"[/?#@:\s\\]", domain) else ""
