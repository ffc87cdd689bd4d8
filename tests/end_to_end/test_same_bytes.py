"""Same input, same config, same bytes: however many workers, however the work is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run


@pytest.mark.parametrize(
    ("workers", "pages_per_part", "images_per_part"),
    [(1, 3, 7), (2, 100, 1000), (2, 1, 1), (4, 5, 20)],
)
def test_workers_and_parts(
    workers: int,
    pages_per_part: int,
    images_per_part: int,
    demo_run: Run,
    demo_server: Server,
    demo_values: Callable[..., dict[str, Any]],
    published: Callable[[str], dict[str, str]],
    tmp_path: Path,
) -> None:
    """A crawl of its own, cut into other parts and worked on by other processes, ends with the same shards."""
    values = demo_values(demo_server, tmp_path / "run", workers)
    values["crawl"] |= {"pages_per_part": pages_per_part, "images_per_part": images_per_part}
    other = run(values)
    assert published(other.store.root) == published(demo_run.store.root)
    assert other.funnel().equals(demo_run.funnel())
