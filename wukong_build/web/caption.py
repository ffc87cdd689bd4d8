"""Which of an image's candidate texts becomes its caption, and why. Decides nothing else: filters drop, this only prefers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from wukong_build.web.extract import Text

NEAR = ("caption", "figcaption", "alt", "title", "aria_label", "labelled_by", "described_by", "og_alt", "nearest", "link")
"""Origins that speak of this image, in order: what a list or an editor wrote for it before what merely stands beside it."""

FAR = ("heading", "og_title", "page_title", "og_description")
"""Origins that speak of more than this image, in order; taken only where none of `NEAR` says anything."""

AT_MOST_CHARACTERS = 64
"""A longer text that merely stands beside the image is cut where a sentence ends."""

_RANK = {origin: rank for rank, origin in enumerate(NEAR + FAR)}
_HAN = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_URL = re.compile(r"((https?:)?//|www\.)\S+", re.IGNORECASE)
_FILE_NAME = re.compile(r".{0,200}\.(avif|bmp|gif|heic|jpe?g|png|svg|tiff?|webp)|(?=.*\d)[A-Za-z0-9_=-]{16,}", re.IGNORECASE)
_PRICE = re.compile(r"([现原售特市场会员到手参考]{0,4}[售价格]{1,2}[:：]?\s*)?([¥￥$]\s*[\d.,]+|[\d.,]+\s*元).{0,4}")
_SENTENCE_END = re.compile(r"[。！？!?；;…]+[”’」』）)]*|\.(?=\s)")
_CLAUSE_END = re.compile(r"(?=[，、,：])")
_FAULTS = {"is a URL": _URL, "is a file name": _FILE_NAME, "is a price": _PRICE}
# Compared with the letters of a text alone, so that 图片（3）, IMG_0042 and 5月1日 are found too.
_GENERIC = frozenset(
    """
    alt alttext avatar banner cardimage cardimagecap cover firstslide icon image imagealt imagedescription images loading logo
    noimage null photo photos picture pictures placeholder secondslide slide thirdslide thumb thumbnail undefined untitled
    dsc dscf dscn img mmexport pic screenshot snipaste wechatimg wximage 截图 屏幕截图 微信图片 微信截图 qq图片 qq截图
    图 图片 图像 图标 照片 相片 配图 插图 缩略图 头像 封面 图片描述 图片说明 加载中 图片加载中
    在这里插入图片描述 这里写图片描述 请输入图片描述 输入图片描述 输入图片说明
    点击放大 点击看大图 点击查看大图 点击图片查看大图 查看大图 查看原图 更多 查看更多 详情 查看详情 阅读全文 上一篇 下一篇
    元 起 元起 年月日 年月 月日 天前 小时前 分钟前
    """.split()  # noqa: SIM905  words read better than a list of strings
)


class Choice(msgspec.Struct, frozen=True):
    """The caption chosen, and why it was preferred to the others."""

    text: str
    origin: str
    reason: str


def choose(texts: Sequence[Text]) -> Choice | None:
    """The text that most likely tells what the image shows; None only where there is no text at all.

    In the order of origins, less the texts that say nothing of any picture. Of texts about this image, one with Han characters
    comes before one without.
    """
    if not texts:
        return None
    ordered = sorted(texts, key=lambda text: (_RANK.get(text.origin, len(_RANK)), text.distance))
    saying = [text for text in ordered if _fault(text.text) is None]
    if not saying:
        return _choice(ordered[0], f"{ordered[0].origin} {_fault(ordered[0].text)}, and no text says more")
    chosen = min(saying, key=lambda text: (text.origin not in NEAR, not _HAN.search(text.text)))
    passed_over = ordered[: ordered.index(chosen)]
    faults = dict.fromkeys(f"{text.origin} {_fault(text.text) or 'has no Han characters'}" for text in passed_over)
    return _choice(
        chosen, f"{', '.join(faults)}; {chosen.origin}: next in order" if faults else f"{chosen.origin}: first in order"
    )


def _choice(text: Text, reason: str) -> Choice:
    return Choice(_cut(text.text) if text.origin == "nearest" else text.text, text.origin, reason)


def _fault(text: str) -> str | None:
    """Why a text says nothing of its picture; None where it may say something."""
    letters = "".join(filter(str.isalpha, text)).casefold()
    if not letters:
        return "has no letters"
    if letters in _GENERIC:
        return "would fit any picture"
    return next((fault for fault, pattern in _FAULTS.items() if pattern.fullmatch(text)), None)


def _cut(text: str) -> str:
    """The text up to the last sentence end, else clause end, within `AT_MOST_CHARACTERS`; whole where it has neither."""
    if len(text) <= AT_MOST_CHARACTERS:
        return text
    for mark in (_SENTENCE_END, _CLAUSE_END):
        ends = [match.end() for match in mark.finditer(text) if 0 < match.end() <= AT_MOST_CHARACTERS]
        if ends:
            return text[: ends[-1]]
    return text
