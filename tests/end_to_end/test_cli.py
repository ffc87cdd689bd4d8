"""The commands as a user gives them: exit status, what goes to stdout and what to stderr, and what the messages say."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run

Command = Callable[..., "subprocess.CompletedProcess[str]"]

EXPLODES = '''
"""A filter that cannot stand one image."""

from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from wukong_build.links import Filter


class Explodes(Filter, frozen=True, kw_only=True):
    """1, but where the file `fuse` lies beside it, an exception for the cat."""

    reads: ClassVar[tuple[str, ...]] = ("url",)

    def score(self, batch):
        if Path("fuse").exists() and any(url.endswith("/animals/cat.jpg") for url in batch["url"].to_pylist()):
            raise RuntimeError("boom")
        return pa.array([1.0] * len(batch))
'''


@pytest.fixture
def config(demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> Path:
    """The demo's config as a file."""
    path = tmp_path / "my config.yaml"
    values = demo_values(demo_server, tmp_path / "我的 run")
    path.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def test_stages_one_by_one(command: Command, config: Path, demo_run: Run, published: Callable[[Path], dict[str, str]]) -> None:
    """crawl, filter, shard end with status 0 and the same bytes as `run`; stdout holds results only, stderr a line a part."""
    crawled = command("crawl", config)
    assert (crawled.returncode, crawled.stdout) == (0, "")
    filtered = command("filter", config)
    assert filtered.returncode == 0
    assert filtered.stdout.splitlines()[-1].startswith("kept 40 + dropped 51 = seen 91")
    assert "filter/ledger part 00000" in filtered.stderr
    assert "part" not in filtered.stdout
    sharded = command("shard", config, "--json")
    assert sharded.returncode == 0
    assert [json.loads(line) for line in sharded.stdout.splitlines()] == demo_run.funnel().to_pylist()
    assert published(config.parent / "我的 run") == published(Path(demo_run.store.root))


def test_overrides(command: Command, config: Path) -> None:
    """--set lays values over the config, and the run's record has them."""
    done = command("run", config, "--set", "filter.aspect_ratio.at_most=1.4", "--set", "shard.samples=7")
    assert done.returncode == 0, done.stderr
    record = yaml.safe_load((config.parent / "我的 run" / "run.yaml").read_text(encoding="utf-8"))
    assert (record["config"]["filter"]["aspect_ratio"]["at_most"], record["config"]["shard"]["samples"]) == (1.4, 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "filter.aspect_ration.at_most=3"], "did you mean aspect_ratio?"),
        (["--set", "filter.aspect_ratio.at_mots=3"], "did you mean at_most?"),
        (["--set", "shard.samples=none"], "shard.samples"),
        (["--set", "nonsense"], "key.path=value"),
        (["--frobnicate"], "unrecognized arguments"),
    ],
)
def test_wrong_config_or_usage(command: Command, config: Path, arguments: list[str], message: str) -> None:
    """A wrong config or usage ends with status 2 and a message that says what would be right; nothing has run."""
    done = command("run", config, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (config.parent / "我的 run").exists()


@pytest.mark.parametrize("name", ["inspect", "explain"])
def test_no_such_run(command: Command, tmp_path: Path, name: str) -> None:
    """Where there is no run, the message says so and how to make one."""
    done = command(name, tmp_path / "nowhere", *(["abcd"] if name == "explain" else []))
    assert done.returncode == 1
    assert "there is no run here" in done.stderr


def test_failed_part(command: Command, config: Path, demo_run: Run) -> None:
    """One failed part costs no other: status 1, the part named, and the same command goes on when the cause is mended."""
    folder = config.parent
    (folder / "my_filters.py").write_text(EXPLODES, encoding="utf-8")
    (folder / "fuse").touch()
    own = ["--set", "filter={my_filters:Explodes: {at_least: 1}}"]
    assert command("crawl", config, "--set", "crawl.images_per_part=10", cwd=folder).returncode == 0
    failed = command("filter", config, *own, cwd=folder)
    assert failed.returncode == 1
    assert re.search(r"filter/ledger: 1 of 1\d parts failed, first part \d+: RuntimeError: boom", failed.stderr)
    assert "run the same command again" in failed.stderr
    (folder / "fuse").unlink()
    mended = command("filter", config, *own, cwd=folder)
    assert mended.returncode == 0, mended.stderr
    assert mended.stderr.count("filter/ledger part") == 1
    funnel = command("filter", config, *own, "--json", cwd=folder).stdout.splitlines()
    assert json.loads(funnel[0])["seen"] == len(demo_run.ledger())


def test_init(command: Command, tmp_path: Path) -> None:
    """`init` writes a config that waits for sources and a contact, and never overwrites one."""
    assert command("init", "new/my.yaml", cwd=tmp_path).returncode == 0
    again = command("init", "new/my.yaml", cwd=tmp_path)
    assert again.returncode == 2
    assert "not overwritten" in again.stderr
    unfilled = command("run", "new/my.yaml", cwd=tmp_path)
    assert unfilled.returncode == 2
    assert "user_agent" in unfilled.stderr


def test_locked(command: Command, config: Path) -> None:
    """While one command works on a run, another is told to wait."""
    run = config.parent / "我的 run"
    run.mkdir()
    with (run / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = command("crawl", config)
    assert done.returncode == 1
    assert "another command works on this run" in done.stderr


def test_progress_on_a_terminal(config: Path) -> None:
    """On a terminal stderr shows a bar in place of a line a part."""
    terminal, child = pty.openpty()
    termios.tcsetwinsize(child, (24, 100))
    process = subprocess.Popen(
        [sys.executable, "-m", "wukong_build", "run", str(config)], stdout=subprocess.DEVNULL, stderr=child, close_fds=True
    )
    os.close(child)
    shown = b""
    try:
        while block := os.read(terminal, 65_536):
            shown += block
    except OSError:  # the way Linux says that nobody holds the other end any more
        pass
    finally:
        os.close(terminal)
    assert process.wait() == 0
    assert b"crawl/images: 100%" in shown
    assert b"crawl/images part 00000" not in shown


@pytest.mark.parametrize(
    "name", ["", "crawl", "filter", "shard", "run", "inspect", "explain", "export", "compliance", "init", "demo"]
)
def test_help(command: Command, name: str) -> None:
    """Every command says in a sentence what it is and what each of its arguments is."""
    done = command(*filter(None, [name]), "--help")
    assert done.returncode == 0
    assert "usage: wukong-build" in done.stdout
    options = [line for line in done.stdout.splitlines() if line.startswith("  -") and len(line) < 24]  # a line with no words
    following = done.stdout.splitlines()
    assert all(following[following.index(line) + 1].startswith("        ") for line in options)


def test_inspect_and_explain(command: Command, demo_run: Run, tmp_path: Path) -> None:
    """`inspect` and `explain` answer on stdout, for people and, with --json, for programs."""
    root = demo_run.store.root
    assert "kept 40 + dropped 51 = seen 91" in command("inspect", root).stdout
    rows = command("inspect", root, "--json", "--sql", "SELECT count(*) AS n FROM ledger WHERE kept").stdout
    assert json.loads(rows) == {"n": 40}
    assert "biggest clusters" in command("inspect", root, "--duplicates").stdout
    cluster, *_ = command("inspect", root, "--duplicates", "--json").stdout.splitlines()
    assert json.loads(cluster).keys() == {"representative", "url", "dropped", "duplicates"}
    sheet = tmp_path / "sheet.html"
    assert command("inspect", root, "--sheet", sheet).stdout.strip() == str(sheet)
    assert 'src="http' not in sheet.read_text(encoding="utf-8")
    story = command("explain", root, "http://img.demo.test/space/horizon.jpg").stdout
    assert "dropped by aspect_ratio" in story
    assert "at_most" in story
    told = json.loads(command("explain", root, "http://img.demo.test/space/horizon.jpg", "--json").stdout)
    assert told["key"] in demo_run.ledger()["key"].to_pylist()
    assert command("inspect", root, "--sql", "SELEKT 1").returncode == 2


def test_demo_command(command: Command, tmp_path: Path) -> None:
    """`wukong-build demo` runs the ordinary commands, says where everything is, and may be given twice."""
    for _ in range(2):
        done = command("demo", "--run", "data/demo", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "kept 40 + dropped 51 = seen 91" in done.stdout
        assert (tmp_path / "data" / "demo" / "sheet.html").is_file()
        assert "webdataset()" in done.stdout
