"""A sample's whole story: found by key, prefix or URL, told in order, true to the ledger."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from wukong_build.errors import ConfigError
from wukong_build.inspect.explain import explain, story
from wukong_build.inspect.run import Run

Name = Callable[[str], str]


@pytest.fixture
def told(made: Run, key: Name) -> Name:
    """The story of an image by its name."""
    return lambda name: story(explain(made, key(name)))


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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cat", "http://site.test/   depth 0  position 0"),
        ("cat", "and 3 other places"),
        ("cat", "→  figcaption  distance 2  “一只猫坐在窗台上”"),
        ("cat", "chosen: figcaption: first in order"),
        ("cat", "http://img.test/robots.txt allows it (200, 2026-01-02T03:04:05Z)"),
        ("cat", "→ came, status 200, image/jpeg, 2026-01-02T03:04:05Z"),
        ("cat", "\n  5xx (the server failed), status 503, asked 3 times, 2026-01-02T03:04:05Z\n  → came"),
        ("cat", "\n  not_modified (as it was: the answer before holds), status 304"),
        ("cat", "·  content_usage:train-ai=n  recorded, not obeyed  said on http://site.test/1\n"),
        ("cat", "its page names the licence https://creativecommons.org/licenses/by/4.0/ (rel_license)"),
        ("cat", "jpg, 400 × 300 pixels, orientation 1"),
        ("cat", "·  shorter_side       300\n"),
        ("cat", "✓  aspect_ratio       1.333 (at_most=3)"),
        ("hostile", '\\x1b[31m\u3000好吃” → “红烧肉</p><script>alert("hostile")</script> 好吃”'),
        ("banner", "✗  aspect_ratio  4 — missed at_most=3"),
        ("banner", "not measured, as it was out before: normalise_caption, han_count"),
        ("banner", "dropped by aspect_ratio: 4 > at_most 3"),
        ("untold", "✗  han_count          unmeasurable — missed at_least=1"),
        ("untold", "nothing"),
        ("half", "dropped by decodable: 0 < at_least 1"),
        ("cat-small", "near_duplicate_distance: 0"),
        ("cat-small", "http://img.test/cat.jpg\n    “一只猫坐在窗台上”"),
        ("gone", "timeout (not complete in time), asked 3 times\n  → 404 (not found), 2026-01-02T03:04:05Z"),
        ("gone", "not measured, as it was out before: shorter_side"),
        ("private", "http://img.test/robots.txt allows it (200"),
        ("private", "moved, status 302, redirected to http://cdn.test/private.jpg, 2026-01-02T03:04:05Z\n"),
        ("private", "http://cdn.test/robots.txt forbids it (200"),
        ("private", "→ not asked for: robots (robots.txt says no)"),
        ("closed", "not asked for: opted_out (withheld by its owner"),
        ("closed", "✗  meta_robots:noai  obeyed"),
        ("closed", 'extra: {"评分":3}'),
    ],
)
def test_story(told: Name, name: str, said: str) -> None:
    """Pages, texts, every answer, owners' wishes, every link with its score and bound, and the end: each is told."""
    assert said in told(name)


def test_many_answers(made: Run, key: Name) -> None:
    """Of many answers those are told that came last, and the one that holds; the others are counted."""
    told = explain(made, key("cat"))
    _, holds, again = told["answers"]
    said = story({**told, "answers": [holds, *[again] * 8]})
    assert "\n  and 3 answers before\n  → came" in said
    assert said.count("not_modified") == 5


def test_order(told: Name) -> None:
    """It is told in the order in which it happened."""
    titles = ["It stood on", "What was said of it", "How it was fetched", "What its owners say of its use"]
    titles += ["What the chain made of it", "How it ended"]
    places = [told("cat").index(title) for title in titles]
    assert places == sorted(places)


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


def test_terminal_is_safe(told: Name) -> None:
    """No control character of a caption reaches the terminal."""
    assert "\x1b" not in told("hostile")
