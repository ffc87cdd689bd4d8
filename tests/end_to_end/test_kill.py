"""Real processes killed at random moments: the same command again ends with the same bytes, and nobody is asked for all again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run, open_run

KILLS = 16

pytestmark = pytest.mark.kill


def _killed(config: Path, rng: random.Random) -> bool:
    """Start the command and kill its process, with SIGKILL, a random while after a random line; False if it ended first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wukong_build", "run", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for _ in range(rng.randrange(5)):
        if not process.stderr.readline():
            break
    timer = threading.Timer(rng.random() * 0.4, process.send_signal, [signal.SIGKILL])
    timer.start()
    process.stderr.read()
    timer.cancel()
    process.stderr.close()
    return process.wait() == -signal.SIGKILL


def test_killed_and_resumed(
    demo_server: Server,
    demo_values: Callable[..., dict[str, Any]],
    demo_run: Run,
    published: Callable[[str], dict[str, str]],
    tmp_path: Path,
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
        config = tmp_path / "config.yaml"
        config.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
        here = 0
        while _killed(config, rng):
            here += 1
        landed += here
        assert published(values["run"]) == published(demo_run.store.root)
        assert open_run(values["run"]).funnel().equals(demo_run.funnel())
        _asked_little(demo_server, kills=here)
        assert not list(Path(values["run"]).rglob("*.tmp"))


def _asked_little(server: Server, kills: int) -> None:
    """Every kill costs at most the parts that two workers had under way; everything else was asked for once."""
    asked = Counter((request.host, request.path) for request in server.requests)
    again = sum(asked.values()) - len(asked)
    assert again <= kills * 2 * 10
    assert len([count for count in asked.values() if count == 1]) > 0
