"""Text in a terminal: what it takes, what it shows, and what it must not do."""

from __future__ import annotations

import pytest

from wukong_build.inspect.terminal import cut, lines, plain, width


@pytest.mark.parametrize(("text", "cells"), [("", 0), ("cat", 3), ("猫", 2), ("一只cat", 7), ("，", 2), ("e\u0301", 1)])
def test_width(text: str, cells: int) -> None:
    """A wide character takes two cells, a mark upon another character none."""
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [("一只猫", "一只猫"), ("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("\u202eabc", "\\u202eabc"), ("a\u3000b", "a\u3000b")],
)
def test_plain(text: str, shown: str) -> None:
    """Nothing that moves the cursor, colours the text or turns its direction reaches the terminal."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("cat", 3, "cat"),
        ("cats", 3, "ca…"),
        ("一只猫", 6, "一只猫"),
        ("一只猫", 5, "一只…"),
        ("一只猫", 4, "一…"),
        ("e" + "\u0301" * 9, 4, "e\u0301\u0301…"),
    ],
)
def test_cut(text: str, cells: int, shown: str) -> None:
    """A text that does not fit ends with an ellipsis, within the cells given."""
    assert cut(text, cells) == shown
    assert width(shown) <= cells


def test_lines() -> None:
    """Columns line up though Chinese is two cells wide; numbers end together."""
    assert lines([("caption", "n"), ("猫", "10"), ("一只猫和狗", "2")], right=[1]) == [
        "caption      n",
        "猫          10",
        "一只猫和狗   2",
    ]
