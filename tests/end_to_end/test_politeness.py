"""Manners as the server sees them: whatever the number of workers and parts, no host is asked more than the config allows."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from wukong_build import run

HOSTS = 4
IMAGES = 9
"""Of each host."""

CLOCK_SLACK_SECONDS = 0.1
"""A request may be some time on its way: it is then nearer to the one after it."""

LOG = """\
log_format spans '$host $msec $request_time $request_uri';
"""


class Span(NamedTuple):
    """When the server worked on one request, in seconds."""

    start: float
    end: float
    path: str


@pytest.mark.parametrize("workers", [1, 3])
def test_no_host_is_asked_more_than_the_config_allows(nginx: Callable[..., int], tmp_path: Path, workers: int) -> None:
    """Starts lie a delay apart, and so many requests are under way at most: robots.txt and all images of a host together."""
    values = crawl(nginx, tmp_path, workers, delay_seconds=0.1, connections=2)
    done = run(values, ["crawl"])
    assert done.sql("SELECT DISTINCT error FROM samples").to_pylist() == [{"error": None}]
    spans = served(tmp_path / "spans.log")
    assert len(spans) == HOSTS
    for of_host in spans.values():
        assert len(of_host) == IMAGES + 3  # robots.txt, ai.txt, tdmrep.json, each once
        assert_apart(of_host, seconds=0.1)
        assert most_at_once(of_host) <= 2
    assert most_at_once([span for of_host in spans.values() for span in of_host]) > 2  # hosts are asked side by side


def test_a_crawl_delay_counts_for_all_workers(nginx: Callable[..., int], tmp_path: Path) -> None:
    """What robots.txt wishes is longer than the config's delay, and holds."""
    values = crawl(nginx, tmp_path, workers=3, delay_seconds=0.05, connections=4)
    (tmp_path / "root" / "robots.txt").write_text("User-agent: *\nCrawl-delay: 0.2\n")
    run(values, ["crawl"])
    for of_host in served(tmp_path / "spans.log").values():
        assert_apart(of_host, seconds=0.2)


def assert_apart(spans: list[Span], seconds: float) -> None:
    """Fail where requests of a host began at a faster pace than one in so many seconds, anywhere among them."""
    for (first, earlier), (last, later) in combinations(enumerate(spans), 2):
        assert later.start - earlier.start > (last - first) * seconds - CLOCK_SLACK_SECONDS
    assert all(later.start - earlier.start > seconds / 4 for earlier, later in pairwise(spans))


def crawl(nginx: Callable[..., int], tmp_path: Path, workers: int, **per_host: float) -> dict[str, Any]:
    """The config of a crawl of images that take their time, on several hosts of one server."""
    root = tmp_path / "root"
    root.mkdir()
    Image.effect_noise((320, 320), 80).save(root / "slow.png")
    slowly = f"access_log {tmp_path / 'spans.log'} spans; location /slow.png {{ limit_rate 150k; }}"
    port = nginx(root, http=LOG, server=slowly)
    with (tmp_path / "list.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["url", "caption"])
        rows.writerows([f"http://h{host}.test/slow.png?{number}", "图"] for number in range(IMAGES) for host in range(HOSTS))
    return {
        "run": str(tmp_path / "run"),
        "crawl": {
            "sources": [{"urls": {"path": str(tmp_path / "list.csv")}}],
            "resolve": {f"h{host}.test": f"127.0.0.1:{port}" for host in range(HOSTS)},
            "per_host": per_host,
            "images_per_part": 5,
        },
        "executor": {"workers": workers},
    }


def served(log: Path) -> dict[str, list[Span]]:
    """What the server did for each host, by the starts."""
    spans = defaultdict(list)
    for line in log.read_text().splitlines():
        host, end, seconds, path = line.split(" ", 3)
        spans[host].append(Span(float(end) - float(seconds), float(end), path))
    return {host: sorted(of_host) for host, of_host in spans.items()}


def most_at_once(spans: list[Span]) -> int:
    """The most requests that were under way at one moment."""
    return max(
        sum(other.start <= span.start < other.end - 0.002 for other in spans) for span in spans
    )  # the log has milliseconds
