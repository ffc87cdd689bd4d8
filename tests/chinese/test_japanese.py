"""The second opinion on characters that Chinese and Japanese share."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build import resources
from wukong_build.chinese import japanese
from wukong_build.chinese.letters import Letters


def _probabilities(*texts: str) -> list[float]:
    letters = Letters(pa.array(texts, pa.string()))
    return list(japanese.probability(letters, np.ones(len(texts), np.bool_)).tolist())


@pytest.mark.parametrize(
    ("text", "is_japanese"),
    [
        ("編集", True),
        ("削除", True),
        ("予約受付", True),
        ("佐々木", True),
        ("会社概要", True),
        ("山水画", False),
        ("故宮博物院", False),
        ("一个人在海上冲浪", False),
        ("阿里山日出", False),
        ("的", False),
        ("", False),
        ("abc", False),
    ],
)
def test_probability(text: str, is_japanese: bool) -> None:
    """Words of one language are told from those of the other, and what says nothing is taken for Chinese."""
    (probability,) = _probabilities(text)
    assert 0 <= probability <= 1
    assert (probability >= 0.5) == is_japanese


def test_only_those_asked_for() -> None:
    """The other texts get 0."""
    letters = Letters(pa.array(["編集", "編集"]))
    assert japanese.probability(letters, np.array([False, True])).tolist() == [0, _probabilities("編集")[0]]


def test_mixed() -> None:
    """Characters of both Chinese standards side by side are Japanese."""
    assert _probabilities("学", "習", "学 習")[2] > max(_probabilities("学", "習"))


def test_pairs_are_neighbours() -> None:
    """Characters of two texts, or with something between, are no pair."""
    apart = _probabilities("編", "集")
    assert _probabilities("編集")[0] > _probabilities("編 集")[0]
    assert _probabilities("編", "集") == apart == [*_probabilities("編"), *_probabilities("集")]


@given(st.lists(st.text("一的編集学習国電々𠮷 aの", max_size=6), max_size=4))
def test_each_text_for_itself(texts: list[str]) -> None:
    """What a text gets does not depend on the others."""
    assert _probabilities(*texts) == [probability for text in texts for probability in _probabilities(text)]


def test_a_long_text() -> None:
    """However long, it is no more than sure."""
    assert _probabilities("編集" * 50_000, "的" * 100_000) == [1, 0]


def test_the_list() -> None:
    """Leanings are whole numbers, each before what leans so: single characters, pairs, and two words."""
    entries = [entry for line in resources.lines(japanese.RESOURCE) for entry in line.split()[1:]]
    assert all(int(line.split()[0]) for line in resources.lines(japanese.RESOURCE))
    assert len(entries) == len(set(entries))
    assert sorted(entry for entry in entries if len(entry) > 2) == ["mixed", "prior"]
    assert len(resources.read_text(japanese.RESOURCE).encode()) < 200_000
