"""What a crawl will take, as far as a sample tells."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from wukong_build.stages.forecast import Forecast, Sample, in_bytes, in_time
from wukong_build.store import Store


def test_the_rest_takes_what_the_sample_took_for_each(tmp_path: Path) -> None:
    """Bytes and seconds grow with the images that are left."""
    forecast = Forecast.of(
        {"a.test": 600, "b.test": 500}, 0.0, Sample(images=100, stored_bytes=5_000, seconds=2.0), store(tmp_path)
    )
    assert (forecast.images, forecast.stored_bytes, forecast.seconds) == (1000, 50_000, 20.0)
    assert forecast.fits


def test_manners_set_the_pace_of_the_largest_host(tmp_path: Path) -> None:
    """A crawl is no faster than the host with most images may be asked, and says which host that is."""
    forecast = Forecast.of(
        {"a.test": 600, "b.test": 7200}, 1.0, Sample(images=100, stored_bytes=5_000, seconds=2.0), store(tmp_path)
    )
    assert (forecast.slowest_host, forecast.seconds) == ("b.test", 7200.0)
    assert "b.test alone takes 2 hours" in forecast.told()


def test_a_disk_that_is_too_small_is_said(tmp_path: Path) -> None:
    """Before it is full."""
    forecast = Forecast.of({"a.test": 10**9}, 0.0, Sample(images=1, stored_bytes=10**12, seconds=1.0), store(tmp_path))
    assert not forecast.fits
    assert "The disk will be full before the crawl is done" in forecast.told()
    assert msgspec.structs.replace(forecast, free_bytes=None).fits


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (62_000, "62 kB"),
        (5_810_000_000, "5.8 GB"),
        (2e15, "2.0 PB"),
        (2e19, "20000 PB"),
    ],
)
def test_a_size_in_words(count: float, expected: str) -> None:
    """Two digits, in the units in which disks are sold."""
    assert in_bytes(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7199, "120 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_a_time_in_words(seconds: float, expected: str) -> None:
    """In the largest unit of which there are two."""
    assert in_time(seconds) == expected


def store(tmp_path: Path) -> Store:
    """A run on this machine's disk."""
    return Store(str(tmp_path))
