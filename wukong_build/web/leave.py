"""Whether a URL may be asked for that only turns up while others are asked for. Knows nothing of what it is for."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import pyarrow as pa

from wukong_build.schema import ROBOTS
from wukong_build.web.fetch import Fetcher
from wukong_build.web.robots import Robots, fetch_robots
from wukong_build.web.url import origin_of


class Leave:
    """Asks the hosts it meets for their robots.txt first, each once."""

    def __init__(self, known: Callable[[str], Robots], product: str) -> None:
        """What is known of an origin's robots.txt is looked up when the origin is met; what is too old counts as nothing."""
        self._known = known
        self._product = product
        self._robots: dict[str, asyncio.Task[Robots]] = {}
        self._found: list[pa.Table] = []

    @property
    def found(self) -> pa.Table:
        """What was asked for here, rows of `ROBOTS`."""
        return pa.concat_tables([ROBOTS.table([]), *self._found])

    async def to_ask(self, url: str, fetcher: Fetcher) -> float | None:
        """The delay in seconds that the host of a canonical URL wishes; None where the URL must not be asked for."""
        origin = origin_of(url)
        if origin not in self._robots:
            self._robots[origin] = asyncio.create_task(self._robots_of(origin, fetcher))
        robots = await asyncio.shield(self._robots[origin])
        return robots.delay_seconds(url) if robots.refusal(url) is None else None

    async def _robots_of(self, origin: str, fetcher: Fetcher) -> Robots:
        known = self._known(origin)
        if known.knows(origin) and not known.stale(dt.datetime.now(dt.UTC)):
            return known
        rows = await fetch_robots([origin], fetcher, self._product)
        self._found.append(rows)
        return Robots(rows, self._product)
