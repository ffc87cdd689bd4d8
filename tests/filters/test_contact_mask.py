"""Contacts, masked."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.contact_mask import ContactMask

PIECES = st.lists(
    st.sampled_from(
        ["a@b.com", "13800138000", "www.a.cn", "微信", "QQ", "10001", ":", "400-820-8820", "电话", "-", "1", "a", "转801", " "]
    ),
    max_size=8,
).map("".join)


def _masked(captions: list[str | None], link: ContactMask | None = None) -> list[str | None]:
    batch = Batch(pa.table({"caption": pa.array(captions, pa.string())}))
    return (link or ContactMask()).rewrite(batch).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("加微信abc123456看样品", "加微信<联系方式>看样品"),
        ("电话13800138000 QQ10001", "电话<联系方式> QQ<联系方式>"),
        ("a@b.com13800138000", "<联系方式><联系方式>"),
        ("http://a.cn/<13800138000>", "<联系方式><<联系方式>>"),
        ("红烧肉", "红烧肉"),
        ("", ""),
        (None, None),
    ],
)
def test_contact_mask(caption: str | None, expected: str | None) -> None:
    """The token stands for each contact; the word that announces it stays; no caption stays none."""
    assert _masked([caption]) == [expected]


def test_spans() -> None:
    """The spans tell kind and place in the caption before."""
    columns = ContactMask().measure(Batch(pa.table({"caption": ["看www.example.com", None]})))
    assert columns["contact_mask_spans"].to_pylist() == [[{"kind": "url", "start": 1, "end": 16}], None]


def test_token() -> None:
    """The config says what stands for a contact."""
    assert _masked(["QQ:10001"], ContactMask(token="[…]")) == ["QQ:[…]"]  # noqa: S106  no secret


@given(
    st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="13800-@.com微信vxQ:：/ +8a（）转tel电话w<>"), PIECES), max_size=5)
)
def test_masked_twice(captions: list[str | None]) -> None:
    """Whatever the captions, masking twice is masking once."""
    once = _masked(captions)
    assert _masked(once) == once
