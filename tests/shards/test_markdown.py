"""Pieces of Markdown."""

from __future__ import annotations

import pytest

from wukong_build.shards.markdown import cell, of, table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一只猫", "一只猫"),
        ("a | b\nc", "a \\| b c"),
        ("<b>[x](y)", "\\<b\\>\\[x\\](y)"),
        ("`*_\\", "\\`\\*\\_\\\\"),
    ],
)
def test_words_are_no_markup(text: str, expected: str) -> None:
    """Whatever strangers write stays on its line and is shown as it is."""
    assert cell(text) == expected


def test_shares() -> None:
    """Of nothing there is no share."""
    assert (of(1, 3), of(0, 0)) == ("1 of 3 (33.33%)", "0 of 0")


def test_a_table() -> None:
    """A header, a rule, and the rows."""
    assert table(("a", "b"), [(1, "c")]) == "| a | b |\n| --- | --- |\n| 1 | c |"
