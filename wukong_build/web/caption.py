"""Which of an image's candidate texts becomes its caption, and why. Decides nothing else: filters drop, this only prefers."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Annotated

import msgspec

from wukong_build.web.extract import Text

NEAR = (
    *("caption", "figcaption", "marked", "alt", "title", "aria_label", "labelled_by", "described_by", "json_ld", "og_alt"),
    *("search_title", "caption_line", "title_of_page", "nearest", "link"),
)
"""Kinds of texts that speak of this image, in order: what a list or an editor wrote for it before what merely stands beside it.

A text is of the kind that its origin names, with these exceptions: a line beside the image is `marked` where it says that it is
a caption (图1, 图为, ▲ …) and a `paragraph` where it reads like a part of a story; an alt text or a title that the page's title
has too is `title_of_page`, for some sites give it to all their images.
"""

FAR = ("heading", "json_ld_title", "og_title", "paragraph", "page_title", "og_description")
"""Kinds that speak of more than this image, in order."""

KINDS = NEAR + FAR

AT_MOST_CHARACTERS = 64
"""A longer text that merely stands beside the image is cut where a sentence ends."""

TITLE_CHARACTERS = 6
"""So many characters in common with the page's title are no chance."""

_STORIES = {"nearest": (60, 12), "caption_line": (120, 60)}
"""Origin → how many characters a caption has at most, and how many if it ends as a statement does; longer ones tell a story."""

_OWN = ("alt", "title", "aria_label")
_TITLES = ("page_title", "og_title")


class Captions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How captions are chosen; part of the config."""

    order: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = KINDS
    """Kinds of texts: the first that says something is taken. Those that are not named come last, in their usual order."""


def _either(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


_DEFAULT = Captions()
_HAN = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_COUNTED = _either("阅读 浏览 播放 评论 点赞 赞 回复 收藏 分享 转发 付款 观看 看过 人气 点击 销量 月销 views? comments? likes?")
_SIGNED = _either(
    "作者 来源 编辑 责编 责任编辑 记者 摄影 供图 图源 图片来源 文 译者 发布 发表 更新 标签 分类 关键词 上一篇 下一篇 "
    "by posted photo.by author source tags? (?:photo|image|picture).credits? credits?"
)
_DAY = r"(?:(?:19|20)\d\d\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}\s*日?)?|\d{1,2}\s*月\s*\d{1,2}\s*日)"
_TIME = r"(?:\s*(?:星期|周)[一二三四五六日天])?(?:\s*T?\d{1,2}[:：]\d{2}(?:[:：]\d{2})?)?"
_FAULTS = {
    "is a URL": r"(?:(?:https?:)?//|www\.)\S+",
    "is a file name": r".{0,200}\.(?:avif|bmp|gif|heic|jpe?g|png|svg|tiff?|webp)|(?=.*\d)[A-Za-z0-9_=-]{16,}",
    "is a price": r"(?:[现原售特市场会员到手参考]{0,4}[售价格]{1,2}[:：]?\s*)?(?:[¥￥$]\s*[\d.,]+|[\d.,]+\s*元).{0,4}",
    "is a date": rf".{{0,8}}?{_DAY}{_TIME}.{{0,8}}",
    "is a byline": rf"[\[【（(]?\s*{_SIGNED}\s*[:：/|丨\s].{{0,60}}",
    "is a count": rf"(?:{_COUNTED}[\s(（:：]*[\d.,]+|[\d.,]+\s*[万kK+]*\s*(?:次|人|条|个)?\s*{_COUNTED})\s*[万kK+]*.{{0,6}}",
}
_PATTERNS = {fault: re.compile(pattern, re.IGNORECASE) for fault, pattern in _FAULTS.items()}
_MARK = re.compile(
    r"[（(【\[\s]*(?:[▲△↑↓▼]|[上下左右]?图(?:[\d一二三四五六七八九十为注：:说示片]|\s|$)|照片|photo:|fig(?:ure|\.)\s*\d)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[。！？!?；;…]+[”’」』）)]*|\.(?=\s)")
_STATEMENT_END = re.compile(r"[。；;]+[”’」』）)]*|[a-z]\.(?=\s|$)")
_CLAUSE_END = re.compile(r"(?=[，、,：])")
# Compared with the letters of a text alone, so that 图片（3）, IMG_0042 and 5月1日 are found too.
_GENERIC = frozenset(
    """
    alt alttext avatar banner cardimage cardimagecap cover firstslide icon image imagealt imagedescription images loading logo
    noimage null photo photos picture pictures placeholder refertocaption secondslide seecaption slide thirdslide thumb thumbnail
    undefined untitled
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


def choose(texts: Sequence[Text], captions: Captions = _DEFAULT) -> Choice | None:
    """The text that most likely tells what the image shows; None only where there is no text at all.

    In the order of kinds, less the texts that say nothing of any picture. Of texts about this image, one with Han characters
    comes before one without.
    """
    if not texts:
        return None
    titles = " ".join([text.text for text in texts if text.origin in _TITLES])
    ranks = _ranks(captions.order)
    ranked = [(_kind(text, titles), text) for text in texts]
    ranked.sort(key=lambda each: (ranks.get(each[0], len(ranks)), each[1].distance))
    saying = [(kind, text) for kind, text in ranked if _fault(text.text) is None]
    if not saying:
        kind, text = ranked[0]
        return _choice(text, f"{kind} {_fault(text.text)}, and no text says more")
    chosen = saying[0]
    if not _HAN.search(chosen[1].text):
        chosen = next(((kind, text) for kind, text in saying if kind in NEAR and _HAN.search(text.text)), chosen)
    passed_over = ranked[: ranked.index(chosen)]
    faults = dict.fromkeys(f"{kind} {_fault(text.text) or 'has no Han characters'}" for kind, text in passed_over)
    return _choice(chosen[1], f"{', '.join(faults)}; {chosen[0]}: next in order" if faults else f"{chosen[0]}: first in order")


def _choice(text: Text, reason: str) -> Choice:
    return Choice(_cut(text.text) if text.origin in _STORIES else text.text, text.origin, reason)


@functools.cache
def _ranks(order: tuple[str, ...]) -> dict[str, int]:
    return {kind: rank for rank, kind in enumerate(dict.fromkeys(order + KINDS))}


def _kind(text: Text, titles: str) -> str:
    """What a text is to the image, given what the page calls itself."""
    if text.origin in _OWN:
        return "title_of_page" if len(text.text) >= TITLE_CHARACTERS and text.text in titles else text.origin
    at_most = _STORIES.get(text.origin)
    if at_most is None:
        return text.origin
    if _MARK.match(text.text):
        return "marked"
    return "paragraph" if _is_of_a_story(text.text, *at_most) else text.origin


def _is_of_a_story(text: str, at_most: int, at_most_statement: int) -> bool:
    """Whether a text beside an image reads like a part of something longer, not like a caption or a title."""
    if len(text) > at_most or text[-1] in ":：，,":
        return True
    end = _STATEMENT_END.search(text)
    return end is not None and (end.end() < len(text) or len(text) > at_most_statement)


def _fault(text: str) -> str | None:
    """Why a text says nothing of its picture; None where it may say something."""
    letters = "".join(filter(str.isalpha, text)).casefold()
    if not letters:
        return "has no letters"
    if letters in _GENERIC:
        return "would fit any picture"
    return next((fault for fault, pattern in _PATTERNS.items() if pattern.fullmatch(text)), None)


def _cut(text: str) -> str:
    """The text up to the last sentence end, else clause end, within `AT_MOST_CHARACTERS`; whole where it has neither."""
    if len(text) <= AT_MOST_CHARACTERS:
        return text
    for mark in (_SENTENCE_END, _CLAUSE_END):
        ends = [match.end() for match in mark.finditer(text) if 0 < match.end() <= AT_MOST_CHARACTERS]
        if ends:
            return text[: ends[-1]]
    return text
