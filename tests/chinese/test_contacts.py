"""Where captions tell how to reach somebody."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.chinese import contacts

CONTACTS = [
    ("http://www.a.com/b?c=1", "url"),
    ("详情见[https://item.example.com/item.htm?id=12345]", "url"),
    ("见{ftp://a.b/c}，包邮", "url"),
    ("{www.example.com}", "url"),
    ("来自{example.com.cn}的图", "url"),
    ("{shop.example.top/a-b/1.html}有售", "url"),
    ("{abc.def@example.com}", "email"),
    ("联系邮箱：{a_b-c@mail.example.com.cn}谢谢", "email"),
    ("电话{13800138000}", "phone"),
    ("{138-0013-8000}", "phone"),
    ("{138 0013 8000}王经理", "phone"),
    ("{+86 13800138000}", "phone"),
    ("{+8613800138000}", "phone"),
    ("Tel:{13800138000}", "phone"),
    ("tel{13800138000}", "phone"),
    ("热线{400-820-8820}", "phone"),
    ("{400 820 8820}", "phone"),
    ("{4008208820}", "phone"),
    ("{400-1234-567}", "phone"),
    ("{800-820-8820}", "phone"),
    ("{010-88888888}", "phone"),
    ("{021-5555 6666}", "phone"),
    ("{(0571)88888888}", "phone"),
    ("{（0571）8888888}", "phone"),
    ("{0755-88888888转801}", "phone"),
    ("{0571-88888888-801}", "phone"),
    ("订餐电话：{88886666}", "phone"),
    ("热线:{8888666}", "phone"),
    ("电话{057188888888}", "phone"),
    ("微信同号{13800138000}", "phone"),
    ("QQ:{123456789}", "qq"),
    ("QQ群：{12345678}", "qq"),
    ("Q Q {12345678}", "qq"),
    ("qq号{12345}", "qq"),
    ("扣扣：{123456}", "qq"),
    ("加微信{abc123456}", "wechat"),
    ("微信号：{zhangsan}", "wechat"),
    ("微信:{wxid_abc123}", "wechat"),
    ("VX：{abc12345}", "wechat"),
    ("vx {abc12345}详聊", "wechat"),
    ("加V：{13800138000}", "wechat"),
    ("加v{13800138000}", "wechat"),
    ("+v {abc12345}", "wechat"),
    ("薇信{xyz999888}", "wechat"),
    ("微信公众号：{rmrbwx}", "wechat"),
    ("微信{13800138000}", "wechat"),
]
"""Captions with the contact in braces or brackets, and its kind."""

NONE = """
红烧肉|微信WeChat|微信logo|微信表情包|微信：WeChat|QQ飞车|QQ2021|QQ企鹅|QQ2008年版|iPhone 12 Pro|1614912345678
型号1380013800012|2021-03-05
2021-03-05 10:20|12345678|978-7-111-12345-6|尺寸1200*800|3.1415926535|Node.js教程|vivo X60 Pro|8000人|价格13800元
订单2021030512345678
SN13800138000|400米跑|400人|4K高清|WX-78检查井|wx小程序|京A12345|加微笑|加v领T恤|一加9|@小红书|@人民日报|a@b|Q版人物
微信8.0.1|vx3000
北京010|0755深圳|0-100km|1:1000000|微信支付100000元|No.12345|18-55mm|10086|12306|110|微信2021年新版|微信头像女生2021|电话亭
电话机 型号6082|传真机8050|世界第400-500名|1234567890|身份证110105194912310021|第1章.第2节|U.S.A|v2.0.1|a.b.c
icon@2x.png|红烧肉.jpg|www|http|cn
"""


@pytest.mark.parametrize(("marked", "kind"), CONTACTS)
def test_contacts(marked: str, kind: str) -> None:
    """A contact is found whole; the word that announces it is not part of it."""
    left, right = ("[", "]") if "[" in marked else ("{", "}") if "{" in marked else ("", "")
    text = marked.replace(left, "").replace(right, "") if left else marked
    start = marked.index(left) if left else 0
    end = marked.index(right) - 1 if left else len(text)
    assert contacts.found(pa.array([text])) == [[(kind, start, end)]]


@pytest.mark.parametrize("caption", [caption for line in NONE.strip().splitlines() for caption in line.split("|")])
def test_none(caption: str) -> None:
    """Words about QQ and WeChat, dates, sizes, models, prices, other numbers and files are no contacts."""
    assert contacts.found(pa.array([caption])) == [[]]


@given(st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="13800-@.com微信vxQ:：/ +8a（）转tel电话w")), max_size=5))
def test_any_text(captions: list[str | None]) -> None:
    """Whatever the captions, the spans lie within, in order, and do not overlap."""
    for caption, found in zip(captions, contacts.found(pa.array(captions, pa.string())), strict=True):
        assert (found is None) == (caption is None)
        edges = [edge for span in found or () for edge in (span.start, span.end)]
        assert edges == sorted(edges)
        assert all(0 <= edge <= len(caption or "") for edge in edges)
        assert all(span.kind in contacts.KINDS and span.start < span.end for span in found or ())


@pytest.mark.hostile
@pytest.mark.parametrize(
    "hostile",
    [
        "1" * 100_000,
        "a@" * 50_000,
        "a.b-" * 25_000,
        "13800138000 " * 8_000,
        "微信" * 30_000,
        "http://" * 14_000,
        "a.com" * 20_000,
        "1-" * 50_000,
        "QQ" * 50_000 + "1",
        "a" * 100_000 + "@",
        "-a" * 50_000,
        "加v:" * 30_000,
        "a@b.com13800138000" * 5_000,
    ],
)
def test_long(hostile: str) -> None:
    """A hundred kilobytes are work for a moment."""
    contacts.found(pa.array([hostile]))
