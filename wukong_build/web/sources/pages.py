"""Web pages, followed from link to link. Which pages that means is worked out by the frontier, not here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from wukong_build.web.sources.base import Source


class Pages(Source, frozen=True, kw_only=True):
    """Pages of the seeds' hosts, at most `depth` links away from a seed."""

    seeds: Annotated[tuple[str, ...], Meta(min_length=1)]
    depth: Annotated[int, Meta(ge=0)] = 3
    """0 means the seeds alone."""
    at_most_pages: Annotated[int, Meta(ge=1)] = 10_000
    """Pages asked for; pages that robots.txt forbids do not count."""

    @property
    def target(self) -> str:
        """The first seed."""
        return self.seeds[0]

    def starts(self) -> Sequence[str]:
        """The seeds."""
        return self.seeds
