"""Word lists as automata."""

from __future__ import annotations

from pathlib import Path

import pytest

from wukong_build.chinese.words import WordList, word_list
from wukong_build.errors import ConfigError


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("", []),
        ("风景", []),
        ("网上赌场与赌场", [["a"], ["b"]]),
        ("赌场赌场", [["b"], ["b"]]),
        ("冰", [["a", "b"]]),
        ("av", [["a"]]),
        ("一av二", [["a"]]),
        ("java avenue", []),
    ],
)
def test_categories_of_hits(caption: str, expected: list[list[str]]) -> None:
    """Hits do not overlap, the longest counts, a word may have two categories, and a Latin word is hit only as a whole."""
    words = WordList({"a": ("网上赌场", "冰", "AV"), "b": ("赌场", "冰")})
    assert words.categories_of_hits(caption) == expected


def test_changed_list(tmp_path: Path) -> None:
    """A list that changed under the same name is read again."""
    path = tmp_path / "own.txt"
    for word in ("甲", "乙"):
        path.write_text(word, encoding="utf-8")
        assert word_list((str(path),)).categories_of_hits(word) == [["own"]]


def test_no_words(tmp_path: Path) -> None:
    """Lists without a word are the config's fault."""
    path = tmp_path / "own.txt"
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="own"):
        word_list((str(path),))
