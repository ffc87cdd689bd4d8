"""How long a crawl will take and how much of the disk, told from what a sample of it took. Knows nothing of what is fetched."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

import msgspec

from wukong_build.store import Store

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Sample(msgspec.Struct, frozen=True):
    """What some of the images took."""

    images: int
    stored_bytes: int
    seconds: float


class Forecast(msgspec.Struct, frozen=True):
    """What the images still to be asked for will take."""

    images: int
    stored_bytes: float
    """In `crawl/images`; the shards take as much again for what is kept."""
    seconds: float
    slowest_host: str
    """The host that alone takes longest, at the pace that manners allow."""
    slowest_seconds: float
    free_bytes: float | None = None
    """On the disk of the run; null where it is no local disk."""

    @classmethod
    def of(cls, hosts: Mapping[str, int], delay_seconds: float, sample: Sample, store: Store) -> Forecast:
        """The forecast for so many images of each host, asked for with a pause, from a sample that was fetched already."""
        images = max(sum(hosts.values()) - sample.images, 0)
        slowest = max(hosts, key=lambda host: (hosts[host], host))
        slowest_seconds = hosts[slowest] * delay_seconds
        share = images / max(sample.images, 1)
        return cls(
            images=images,
            stored_bytes=sample.stored_bytes * share,
            seconds=max(sample.seconds * share, slowest_seconds),
            slowest_host=slowest,
            slowest_seconds=slowest_seconds,
            free_bytes=shutil.disk_usage(store.root).free if store.is_local else None,
        )

    @property
    def fits(self) -> bool:
        """False where the disk will be full before the crawl is done."""
        return self.free_bytes is None or self.stored_bytes < self.free_bytes

    def told(self) -> str:
        """In a sentence or two."""
        free = "" if self.free_bytes is None else f"; {in_bytes(self.free_bytes)} are free"
        text = f"about {in_bytes(self.stored_bytes)}{free}, and {in_time(self.seconds)} for {self.images:,} more images"
        if self.slowest_seconds > self.seconds / 2:
            text += f" ({self.slowest_host} alone takes {in_time(self.slowest_seconds)} at the pace of crawl.per_host)"
        if not self.fits:
            text += ". The disk will be full before the crawl is done: free some of it, or let `run:` name a larger one"
        return text


def in_bytes(count: float) -> str:
    """A size as people say it."""
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:  # noqa: PLR2004  as disks are sold
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if count >= 10 or unit == 0 else f"{count:.1f} {_UNITS[unit]}"  # noqa: PLR2004  two digits are enough


def in_time(seconds: float) -> str:
    """A time as people say it."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
