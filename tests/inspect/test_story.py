"""A sample's whole story, told in the order in which it happened."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wukong_build.inspect.explain import explain
from wukong_build.inspect.run import Run
from wukong_build.inspect.story import story

Name = Callable[[str], str]


@pytest.fixture
def told(made: Run, key: Name) -> Name:
    """The story of an image by its name."""
    return lambda name: story(explain(made, key(name)))


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
        ("closed", "searched for “红茶”"),
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


def test_terminal_is_safe(told: Name) -> None:
    """No control character of a caption reaches the terminal."""
    assert "\x1b" not in told("hostile")
