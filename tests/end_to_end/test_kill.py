"""Real processes killed at random moments: the same command again ends with the same bytes, and nobody is asked for all again."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run, open_run

KILLS = 16
FILES, HOSTS, IMAGES, IMAGES_PER_PART = 400, 8, 10_000, 500

pytestmark = pytest.mark.kill

Values = Callable[..., dict[str, Any]]


def _write(values: dict[str, Any], path: Path) -> Path:
    path.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def _stopped(config: Path, rng: random.Random, how: signal.Signals = signal.SIGKILL, command: str = "run") -> int:
    """Start a command and send its process a signal a random while after a random line; its exit status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wukong_build", command, str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for _ in range(rng.randrange(5)):
        if not process.stderr.readline():
            break
    timer = threading.Timer(rng.random() * 0.4, process.send_signal, [how])
    timer.start()
    process.stderr.read()
    timer.cancel()
    process.stderr.close()
    return process.wait()


def test_killed_and_resumed(
    demo_server: Server, demo_values: Values, demo_run: Run, published: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """However often the command is killed, in the end the shards are those of a run that nobody disturbed."""
    rng = random.Random(20220214)
    landed = 0
    runs = 0
    while landed < KILLS:
        runs += 1
        assert runs < 2 * KILLS, f"only {landed} kills landed"
        demo_server.requests.clear()
        values = demo_values(demo_server, tmp_path / f"run-{runs}", workers=2)
        values["crawl"] |= {"pages_per_part": 3, "images_per_part": 10}
        config = _write(values, tmp_path / "config.yaml")
        here = 0
        while _stopped(config, rng) == -signal.SIGKILL:
            here += 1
        landed += here
        assert published(values["run"]) == published(demo_run.store.root)
        assert open_run(values["run"]).funnel().equals(demo_run.funnel())
        assert not list(Path(values["run"]).rglob("*.tmp"))
        asked = Counter((request.host, request.path) for request in demo_server.requests)
        again = sum(asked.values()) - len(asked)
        assert again <= here * 6, f"{here} kills, {again} of {len(asked)} URLs asked for again"  # far less than a part each


def test_interrupted_and_resumed(
    demo_server: Server, demo_values: Values, demo_run: Run, published: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """An interrupt ends a command at once, whatever it is at, and is never taken for an answer of the network."""
    rng = random.Random(20220330)
    values = demo_values(demo_server, tmp_path / "run", workers=1)
    values["crawl"] |= {"pages_per_part": 5, "images_per_part": 10, "per_host": {"delay_seconds": 0.01, "connections": 2}}
    config = _write(values, tmp_path / "config.yaml")
    statuses = [_stopped(config, rng, signal.SIGINT) for _ in range(8)]
    assert statuses.count(130) >= 4
    assert set(statuses) <= {0, 130, -signal.SIGINT}  # the last before the program had begun
    run(values)
    assert published(values["run"]) == published(demo_run.store.root)


def test_another_config_in_between(
    demo_run: Run, demo_served: Server, demo_values: Values, published: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """Config A, then B killed at random moments, then A again: nothing of B is left, in the ledger or in the shards."""
    rng = random.Random(20220511)
    shutil.copytree(demo_run.store.root, tmp_path / "run")
    values = demo_values(demo_served, tmp_path / "run")
    other = demo_values(demo_served, tmp_path / "run")
    other["filter"]["shorter_side"]["at_least"] = 301
    other["filter"]["caption_frequency"]["at_most"] = 2
    other["shard"] = {"samples": 5, "seed": 7}
    config = _write(other, tmp_path / "other.yaml")
    landed = 0
    for _ in range(8):
        landed += _stopped(config, rng) == -signal.SIGKILL
        ((doubled,),) = (
            open_run(values["run"]).sql("SELECT count(*) - count(DISTINCT key) AS doubled FROM manifest").to_pydict().values()
        )
        assert doubled == 0
        assert run(values).funnel().equals(demo_run.funnel())
        assert published(values["run"]) == published(demo_run.store.root)
    assert landed >= 4


def test_killed_among_many_images(nginx: Callable[..., int], tmp_path: Path) -> None:
    """Every URL of a long list ends as one sample with its own bytes, and each kill costs a part for each worker at most."""
    rng = random.Random(20220607)
    (tmp_path / "served").mkdir()
    pixels = np.random.default_rng(0)
    for number in range(FILES):
        Image.fromarray(pixels.integers(0, 256, (64, 64), np.uint8)).save(tmp_path / f"served/{number}.jpg")
    log = tmp_path / "asked.log"
    port = nginx(tmp_path / "served", http="log_format asked '$request_uri';", server=f"access_log {log} asked;")
    urls = [f"http://h{number % HOSTS}.test/{number % FILES}.jpg?{number}" for number in range(IMAGES)]
    (tmp_path / "list.csv").write_text("url\n" + "\n".join(urls) + "\n")
    crawl = {
        "sources": [{"urls": {"path": str(tmp_path / "list.csv"), "caption": None}}],
        "resolve": {f"h{host}.test": f"127.0.0.1:{port}" for host in range(HOSTS)},
        "per_host": {"delay_seconds": 0, "connections": 8},
        "images_per_part": IMAGES_PER_PART,
    }
    values = {"run": str(tmp_path / "run"), "crawl": crawl, "executor": {"workers": 2}}
    config = _write(values, tmp_path / "config.yaml")
    statuses = [_stopped(config, rng, command="crawl") for _ in range(8)]
    done = run(values, ["crawl"])

    kills = statuses.count(-signal.SIGKILL)
    assert kills >= 4
    samples = done.sql("SELECT url, error FROM samples").to_pydict()
    assert sorted(samples["url"]) == sorted(urls)
    assert set(samples["error"]) == {None}
    assert _bytes_of_samples(done) == {url: _sha256(tmp_path / "served" / _file(url)) for url in urls}
    assert not list((tmp_path / "run").rglob("*.tmp"))
    asked = Counter(path for path in log.read_text().split() if "?" in path)
    assert len(asked) == IMAGES
    assert asked.total() <= IMAGES + kills * 2 * IMAGES_PER_PART


def _file(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bytes_of_samples(done: Run) -> dict[str, str]:
    """URL of every sample → sha256 of the bytes it points at."""
    found: dict[str, str] = {}
    for part in done.store.parts("crawl/samples"):
        images = done.store.read("crawl/images", part, ["image"])["image"]
        samples = done.store.read("crawl/samples", part, ["url", "image_row"]).to_pylist()
        found |= {row["url"]: hashlib.sha256(images[row["image_row"]].as_py()).hexdigest() for row in samples}
    return found
