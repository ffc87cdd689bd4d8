"""Web pages, followed from link to link. Which pages that means is worked out by the frontier, not here."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Annotated, Literal

import fsspec
from msgspec import Meta

from wukong_build.errors import ConfigError
from wukong_build.web.browser import require_browser
from wukong_build.web.sources.base import Source


class Pages(Source, frozen=True, kw_only=True):
    """Pages at most `depth` links away from a seed."""

    seeds: str | Annotated[tuple[str, ...], Meta(min_length=1)]
    """URLs, or a file with one in each line, at any path or fsspec URL."""
    depth: Annotated[int, Meta(ge=0)] = 3
    """0 means the seeds alone."""
    at_most_pages: Annotated[int, Meta(ge=1)] = 10_000
    """Pages asked for; pages that robots.txt forbids do not count."""
    at_most_pages_per_host: Annotated[int, Meta(ge=1)] | None = None
    """The same of each host."""
    stay_on: Literal["host", "domain", "web"] = "host"
    """How far links lead: the seeds' hosts; these and all below them, `www.` aside; anywhere."""
    allow: tuple[str, ...] = ()
    """Regular expressions, of which a page's URL must have one somewhere; seeds need not."""
    deny: tuple[str, ...] = ()
    """Regular expressions, none of which a page's URL may have; seeds may."""
    sitemaps: Literal["robots", "none"] | tuple[str, ...] = "robots"
    """Sitemaps whose pages count as links of a seed: those that robots.txt names, none, or these."""
    javascript: bool = False
    """Let a browser run the pages' scripts before they are read; needs the extra `javascript`, and Chromium."""
    avoid_traps: bool = True
    """Leave out addresses that grow without end, session ids, and families of pages that bring nothing new."""

    @property
    def target(self) -> str:
        """The first seed, or the file of seeds."""
        return self.seeds if isinstance(self.seeds, str) else self.seeds[0]

    def starts(self) -> Sequence[str]:
        """The seeds. ConfigError where their file cannot be read."""
        if not isinstance(self.seeds, str):
            return self.seeds
        return (self.seeds,) if re.match(r"https?://", self.seeds) else _lines_of(self.seeds)

    def check(self) -> None:
        """ConfigError where a pattern is none, the file of seeds cannot be read, or there is no browser that is needed."""
        for pattern in (*self.allow, *self.deny):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(f"crawl.sources: pages: {pattern!r} is no regular expression: {error}") from error
        self.starts()
        if self.javascript:
            require_browser()


@functools.lru_cache(maxsize=64)
def _lines_of(path: str) -> tuple[str, ...]:
    """The URLs of a file, read once by a command: blank lines and those that begin with # aside."""
    try:
        with fsspec.open(path, "rt", encoding="utf-8-sig") as file:
            lines = [line.strip() for line in file]
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"crawl.sources: pages: {path}: the file of seeds cannot be read: {error}") from error
    seeds = tuple(line for line in lines if line and line[0] != "#")
    if not seeds:
        raise ConfigError(f"crawl.sources: pages: {path}: has no seed; a URL in each line is meant")
    return seeds
