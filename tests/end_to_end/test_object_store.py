"""A run may lie at any fsspec URL; shown on fsspec's own file system in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wukong_build import open_run, run
from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run


def test_object_store(
    demo_server: Server,
    demo_values: Callable[..., dict[str, Any]],
    published: Callable[[str], dict[str, str]],
    demo_run: Run,
    tmp_path: Path,
) -> None:
    """The same shards, byte for byte; and nothing is done again by the same command."""
    values = demo_values(demo_server, tmp_path) | {"run": "memory://bucket/demo"}
    run(values)
    asked = len(demo_server.requests)
    run(values)
    assert len(demo_server.requests) == asked
    done = open_run("memory://bucket/demo")
    fs = done.store.fs
    digests = {url.rsplit("/", 1)[-1]: hashlib.sha256(fs.cat_file(url)).hexdigest() for url in done.shards}
    expected = {name: digest for name, digest in published(demo_run.store.root).items() if name.endswith(".tar")}
    assert digests == expected
    assert done.funnel().equals(demo_run.funnel())
