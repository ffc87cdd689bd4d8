"""Numbers of persons, masked."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.identity_numbers import IdentityNumbers


def _masked(captions: list[str | None], link: IdentityNumbers | None = None) -> list[str | None]:
    batch = Batch(pa.table({"caption": pa.array(captions, pa.string())}))
    return (link or IdentityNumbers()).rewrite(batch).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("11010519491231002X", "<证件号>"),
        ("身份证11010519491231002x号", "身份证<证件号>号"),
        ("440524188001010014", "<证件号>"),
        ("110105 19491231 002X", "<证件号>"),
        ("身份证号：110105491231002", "身份证号：<证件号>"),
        ("护照E12345678", "护照<证件号>"),
        ("护照号：EA1234567", "护照号：<证件号>"),
        ("港澳通行证 C12345678", "港澳通行证 <证件号>"),
        ("车牌京A12345的轿车", "车牌<车牌号>的轿车"),
        ("沪A·D12345 沪A·12345 沪A 12345", "<车牌号> <车牌号> <车牌号>"),
        ("京AD12345，粤BF12345，苏E12345D", "<车牌号>，<车牌号>，<车牌号>"),
        ("粤Z1234港", "<车牌号>"),
        ("鲁B8888学", "<车牌号>"),
        ("浙a12345", "<车牌号>"),
        ("粤A1B2C3", "<车牌号>"),
        ("WJ京12345", "<车牌号>"),
        ("4111111111111111", "<银行卡号>"),
        ("4111 1111 1111 1111", "<银行卡号>"),
        ("卡号6222020000000000000。", "卡号<银行卡号>。"),
        ("6222 0200 0000 0000 000", "<银行卡号>"),
        (None, None),
    ],
)
def test_masked(caption: str | None, expected: str | None) -> None:
    """Identity cards by check digit, day and province, cards by Luhn and issuer, plates by their form, passports by a word."""
    assert _masked([caption]) == [expected]


OTHERS = """
红烧肉||9787111123456|978-7-111-12345-6|ISBN 9787302123457|1614912345678|13800138000|20210305123456789|2021030512345678
110105194912310021
110105194913310025|990105194912310026|4111111111111112|4111 1111 1111 1112|0.4111111111111111|最新A12345型号|京ABCDEF
京A1234|京AI2345
京A123456789|京A1234567|E12345678|110105491231002|川E70|蒙D4|云A5B|苏K1234567|宁波A1234|新A4纸100张
第123456789012345678号|440524199902300019
1234567890123456|SKU 5512345678901234|京东A12345|护照夹A4|快递单号75312345678901|豫园|津津有味|6222020000000000001
3.14159265358979323846
"""


@pytest.mark.parametrize("caption", [caption for line in OTHERS.strip().splitlines() for caption in line.split("|")])
def test_other_numbers(caption: str) -> None:
    """Book numbers, times, telephones, orders, models, and what fails its check digit stay."""
    assert _masked([caption]) == [caption]


def test_spans_and_tokens() -> None:
    """The spans tell kind and place in the caption before; the config says what stands for each kind."""
    link = IdentityNumbers(identity_token="[证]", plate_token="[牌]", bank_card_token="[卡]")  # noqa: S106  no secrets
    batch = Batch(pa.table({"caption": ["𠮷京A12345，护照E12345678，4111111111111111", "花", None]}))
    columns = link.measure(batch)
    assert {name: column.type for name, column in columns.items()} == link.columns()
    assert columns["identity_numbers"].to_pylist() == ["𠮷[牌]，护照[证]，[卡]", "花", None]
    places = [None if row is None else [tuple(span.values()) for span in row] for row in columns["identity_spans"].to_pylist()]
    assert places == [[("plate", 1, 8), ("passport", 11, 20), ("bank_card", 21, 37)], [], None]


ANY_TEXT = st.one_of(
    st.text(),
    st.text(alphabet="京A1234567890Xx·- 护照身份证WJ挂"),
    st.lists(
        st.sampled_from(
            ["11010519491231002X", "京A12345", "4111111111111111", "1", "X", "新", "护照", "E12345678", " ", "WJ", "学"]
        ),
        max_size=8,
    ).map("".join),
)


@given(st.lists(st.one_of(st.none(), ANY_TEXT), max_size=5))
def test_masked_twice(captions: list[str | None]) -> None:
    """Whatever the captions, masking twice is masking once, and the spans lie within."""
    link = IdentityNumbers()
    columns = link.measure(Batch(pa.table({"caption": pa.array(captions, pa.string())})))
    once = columns["identity_numbers"].to_pylist()
    assert _masked(once) == once
    for caption, found in zip(captions, columns["identity_spans"].to_pylist(), strict=True):
        assert all(0 <= span["start"] < span["end"] <= len(caption or "") for span in found or ())


@pytest.mark.hostile
@pytest.mark.parametrize(
    "hostile", ["1" * 100_000, "京A1234" * 15_000, "4111 " * 20_000, "4111111111111111 " * 6_000, "护照" * 50_000, "京A" * 50_000]
)
def test_long(hostile: str) -> None:
    """A hundred kilobytes are work for a moment."""
    _masked([hostile])
