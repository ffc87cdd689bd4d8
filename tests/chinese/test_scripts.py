"""Scripts, and captions folded for comparison."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.chinese import scripts


@pytest.mark.parametrize(
    ("characters", "kinds"),
    [
        ("込気畑働円桜", ["japanese"]),
        ("国学会", ["as_simplified"]),
        ("電語車東", ["as_traditional"]),
        ("们图车东", ["chinese"]),
        ("嗎你您她哋", ["chinese"]),
        ("喺嘅啲", ["chinese"]),
        ("中人大的", []),
        ("髙﨑噓", []),
        ("aあ가", []),
    ],
)
def test_kanji(characters: str, kinds: list[str]) -> None:
    """A character tells the languages apart where the standard of one has it and that of another lacks it."""
    for character in characters:
        assert [name for name, members in scripts.kanji()._asdict().items() if character in members] == kinds, character


@pytest.mark.parametrize(("text", "expected"), [("ＡbＣ", "abc"), ("红烧肉", "红烧肉"), ("ﬁ", "fi"), (None, None)])
def test_folded(text: str | None, expected: str | None) -> None:
    """Case and width do not count."""
    assert scripts.folded(pa.array([text], pa.string())).to_pylist() == [expected]
