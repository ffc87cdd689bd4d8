"""A sample's whole story: found by key, prefix or URL, true to the ledger."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from wukong_build.errors import ConfigError
from wukong_build.inspect.explain import explain
from wukong_build.inspect.run import Run
from wukong_build.inspect.story import story

Name = Callable[[str], str]


def test_how_it_is_named(made: Run, key: Name, url: Name) -> None:
    """The key, its beginning, and the image's URL in any spelling mean the same sample."""
    for asked in (key("cat"), key("cat")[:6], key("cat").upper(), url("cat"), "HTTP://IMG.test:80/x/../cat.jpg#top"):
        assert explain(made, asked)["key"] == key("cat")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("abc", "too short"),
        ("ffff", "no key of this run begins so; the nearest are"),
        ("http://img.test/cats.jpg", "nearest are\n  http://img.test/cat.jpg"),
        ("http://nowhere.test/cat.jpg", "it has none like it"),
        ("javascript://x", "no sample of this run has this image URL"),
    ],
)
def test_unknown(made: Run, asked: str, said: str) -> None:
    """What means no sample is refused, with the nearest there are."""
    with pytest.raises(ConfigError) as error:
        explain(made, asked)
    assert said in str(error.value)


def test_json(made: Run) -> None:
    """The data are plain JSON for every sample, and the story can be told from what JSON brings back."""
    for row in made.ledger().to_pylist():
        told = explain(made, row["key"])
        assert story(json.loads(json.dumps(told))) == story(told)
        assert told["ledger"] == row


def test_states(made: Run, key: Name) -> None:
    """Unmeasured (out before) and unmeasurable (looked at, no number) are two states, and the chain's order is kept."""
    chain = explain(made, key("untold"))["chain"]
    assert [link["link"] for link in chain] == list(made.config["filter"])
    states = {link["link"]: link["state"] for link in chain}
    assert (states["aspect_ratio"], states["han_count"], states["decodable"]) == ("measured", "unmeasurable", "unmeasured")


def test_extract(made: Run, key: Name, tmp_path: Path) -> None:
    """The command told for a kept sample takes its members out of the shard."""
    told = explain(made, key("cat"))["shard"]
    subprocess.run(shlex.split(told["extract"]), cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(told["members"])
    assert (tmp_path / f"{key('cat')}.txt").read_text("utf-8") == "一只猫坐在窗台上"
