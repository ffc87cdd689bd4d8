"""Signs that a caption is an offer or a catalogue entry."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.listing import Listing


def _measured(caption: str | None) -> tuple[int | None, list[str] | None]:
    columns = Listing().measure(Batch(pa.table({"caption": pa.array([caption], pa.string())})))
    return columns["listing"][0].as_py(), columns["listing_kinds"][0].as_py()


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("年度工作总结 共12页", (1, ["pages"])),
        ("第3页 教学设计.docx 12页", (2, ["pages"])),
        ("连衣裙￥199", (1, ["price"])),
        ("$12.5 手机壳", (1, ["price"])),
        ("女士大衣 99元", (1, ["price"])),
        ("售价：3,500元/台", (1, ["price"])),
        ("二手车 3.5万", (2, ["price", "second_hand"])),
        ("总价120万起", (1, ["price"])),
        ("3室2厅 89平米 南北通透", (3, ["area", "property", "rooms"])),
        ("三室两厅精装修", (2, ["property", "rooms"])),
        ("120㎡大平层", (1, ["area"])),
        ("连衣裙包邮", (1, ["trade"])),
        ("厂家直销不锈钢管批发", (3, ["trade"])),
        ("九成新iPhone", (1, ["second_hand"])),
        ("9成新相机 买一送一", (2, ["second_hand", "trade"])),
        ("红烧肉", (0, [])),
        ("", (0, [])),
        (None, (None, None)),
    ],
)
def test_listing(caption: str | None, expected: tuple[int | None, list[str] | None]) -> None:
    """Signals are counted, and their kinds named, sorted; null where there is no caption."""
    assert _measured(caption) == expected


NO_SIGNALS = """
2021元旦晚会|2021元宵节|一张100元纸币|1元硬币|5元素周期表|3万人|10万像素|1000平方公里|12小时|第3章|元代青花|一室阳光|会客厅|教室2楼|平面图|书页|水平仪
万里长城|三元桥|美元|500米|标着价格的水果摊|一间教室和两个大厅|12pm|第一页书|￥|3D|人民币|100人|九成熟的牛排|新厂房|专心的孩子|99朵玫瑰
"""


@pytest.mark.parametrize("caption", [caption for line in NO_SIGNALS.strip().splitlines() for caption in line.split("|")])
def test_no_signals(caption: str) -> None:
    """Dates, banknotes, crowds, countries and rooms that are looked at are no offers."""
    assert _measured(caption) == (0, [])


@given(st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="3.5万元室厅平￥$第页共 12，,")), max_size=5))
def test_any_text(captions: list[str | None]) -> None:
    """Whatever the captions, each has its own score, which is 0 just where there are no kinds."""
    columns = Listing().measure(Batch(pa.table({"caption": pa.array(captions, pa.string())})))
    rows = list(zip(columns["listing"].to_pylist(), columns["listing_kinds"].to_pylist(), strict=True))
    assert rows == [_measured(caption) for caption in captions]
    assert all(bool(score) == bool(kinds) for score, kinds in rows)
