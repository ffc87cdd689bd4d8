"""Captions in simplified characters."""

from __future__ import annotations

import opencc
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.simplified import Simplified


def _simplified(captions: list[str | None]) -> list[str | None]:
    column = Simplified().measure(Batch(pa.table({"caption": pa.array(captions, pa.string())})))["simplified"]
    return column.to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("紅燒肉與蘿蔔湯", "红烧肉与萝卜汤"),
        ("繁體中文 iPhone 手機殼，新款！", "繁体中文 iPhone 手机壳，新款！"),
        ("頭髮 理髮店 出發", "头发 理发店 出发"),
        ("乾隆年間的乾燥花", "乾隆年间的干燥花"),
        ("瞭望塔 瞭解", "瞭望塔 了解"),
        ("臺灣的麵條", "台湾的面条"),
        ("𧝞", "䘛"),
        ("红烧肉", "红烧肉"),
        ("被打坏的窗户", "被打坏的窗户"),
        ("日本の桜", "日本の桜"),
        ("A\0B 😀 é", "A\0B 😀 é"),
        ("", ""),
        (None, None),
    ],
)
def test_simplified(caption: str | None, expected: str | None) -> None:
    """Traditional characters become simplified ones, by the word they stand in; all else stays; null for no caption."""
    assert _simplified([caption]) == [expected]


@given(st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="紅燒肉乾隆瞭\0\n中 a")), max_size=5))
def test_any_text(captions: list[str | None]) -> None:
    """Whatever the captions, each is itself, or what OpenCC makes of it."""
    convert = opencc.OpenCC("t2s").convert
    for caption, simplified in zip(captions, _simplified(captions), strict=True):
        assert simplified in ({None} if caption is None else {caption, convert(caption)})


def test_long() -> None:
    """A hundred thousand characters are one caption more."""
    assert _simplified(["紅" * 100_000, None]) == ["红" * 100_000, None]
