"""Scripts, and captions folded for comparison."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from wukong_build.chinese import scripts


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("込", (True, False, False)),
        ("気", (True, False, False)),
        ("国", (False, True, False)),
        ("電", (False, False, True)),
        ("中", (False, False, False)),
        ("们", (False, False, False)),
        ("您", (False, False, False)),
    ],
)
def test_kanji(character: str, expected: tuple[bool, ...]) -> None:
    """A character of the Japanese standard is told by which of the Chinese standards lack it."""
    assert tuple(pc.match_substring_regex(pa.array([character]), kind)[0].as_py() for kind in scripts.kanji()) == expected


@pytest.mark.parametrize(("text", "expected"), [("ＡbＣ", "abc"), ("红烧肉", "红烧肉"), ("ﬁ", "fi"), (None, None)])
def test_folded(text: str | None, expected: str | None) -> None:
    """Case and width do not count."""
    assert scripts.folded(pa.array([text], pa.string())).to_pylist() == [expected]
