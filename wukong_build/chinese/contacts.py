"""Where a caption tells how to reach somebody: addresses of the web and of mail, telephone numbers, names at QQ and WeChat.

Knows nothing of what becomes of them.
"""

from __future__ import annotations

import re

import pyarrow as pa

from wukong_build.chinese import spans
from wukong_build.chinese.spans import Pattern

KINDS = ("url", "email", "phone", "qq", "wechat")

_TOP = "com|cn|net|org|cc|top|xyz|vip|info|shop|club|site|gov|edu|wang|mobi|biz"
_HOST = r"(?:[a-z\d](?:[a-z\d\-]{0,62}[a-z\d])?\.){1,5}"
_REST = r"[\w\-./?%&=+#:;,~@!$*()'\[\]|]"
_NAME = r"[a-z][\w\-]{5,19}(?![\w\-])"
_WECHAT = (
    r"(?:微信|薇信|威信|徽信|微❤信|wechat|weixin|(?<![a-z\d])(?:vx|wx|v信)|(?:加|\+|➕)(?:v|微)(?![a-z]))"
    r"(?:公众)?(?:帐号|账号|号码?|id)?"
)
_SEPARATOR = r"\s*[:：=]?\s*"
_MOBILE = r"1[3-9]\d(?:(?P<gap>[\s\-])\d{4}(?P=gap)\d{4}|\d{8})(?!\d)"

_SCREEN = rf"(?i)@|://|\.(?:{_TOP})|\d{{3}}|微信|薇信|威信|徽信|❤信|wechat|weixin|vx|wx|v信|[加+➕][v微]"
"""No caption without a match of this holds a contact: a cheap look before the patterns'."""


def _pattern(kind: str, expression: str) -> Pattern:
    return Pattern(kind, re.compile(expression, re.ASCII | re.IGNORECASE))


_PATTERNS = (
    _pattern("url", rf"(?:https?|ftp)://{_REST}+"),
    _pattern("email", rf"(?<![\w.+\-])[\w.%+\-]{{1,64}}@{_HOST}(?!(?:png|jpe?g|gif|webp)\b)[a-z]{{2,12}}(?![a-z\-])"),
    _pattern("url", rf"(?<![a-z\d.@\-])(?:www\.{_HOST}[a-z]{{2,12}}|{_HOST}(?:{_TOP}))(?![a-z\d\-])(?:[/?:]{_REST}*)?"),
    _pattern("wechat", rf"{_WECHAT}\s*[:：=]\s*(?P<found>(?!wechat|weixin){_NAME}|{_MOBILE}|[1-9]\d{{4,11}}(?!\d))"),
    _pattern("wechat", rf"{_WECHAT}\s*(?P<found>(?=[a-z_\-]*\d){_NAME}|{_MOBILE}|[1-9]\d{{5,11}}(?![\d年]))"),
    _pattern(
        "qq",
        rf"(?:(?<![a-z\d])q ?q|扣扣|企鹅号)(?:交流|讨论|粉丝)?(?:群|号码?|账号)*{_SEPARATOR}(?P<found>[1-9]\d{{4,11}}(?![\d年]))",
    ),
    _pattern("phone", rf"(?<![a-z\d.])(?:\+?86[\s\-]?)?{_MOBILE}"),
    _pattern("phone", rf"(?:tel|phone|mobile|(?<![a-z])[tm]|手机|电话)(?:号码?)?{_SEPARATOR}(?P<found>{_MOBILE})"),
    _pattern(
        "phone",
        r"(?<![\d\-.])[48]00(?:[\s\-]\d{3}[\s\-]?\d{4}|[\s\-]\d{4}[\s\-]?\d{3})(?![\d\-])|(?<![a-z\d.\-])400\d{7}(?![\d\-])",
    ),
    _pattern(
        "phone",
        r"(?<![\d\-.])(?:\(0(?:10|2\d|[3-9]\d\d)\)\s?|（0(?:10|2\d|[3-9]\d\d)）\s?|0(?:10|2\d|[3-9]\d\d)[\s\-])"
        r"[2-9]\d{2,3}[\s\-]?\d{4}(?:\s?[转\-]\s?\d{1,5})?(?!\d)",
    ),
    _pattern(
        "phone",
        rf"(?:电话|热线|座机|传真|(?<![a-z])(?:tel|phone|fax))(?:号码?)?{_SEPARATOR}"
        r"(?P<found>(?:0\d{2,3})?[2-9]\d{2,3}[\s\-]?\d{4}(?:\s?[转\-]\s?\d{1,5})?(?!\d))",
    ),
)
"""The sooner ones take what the later ones would take a piece of."""


def found(captions: pa.Array) -> spans.Found:
    """The contacts of each caption; where a word announces one (QQ, 微信, 电话), the word is not part of it."""
    return spans.found(captions, _SCREEN, _PATTERNS)
