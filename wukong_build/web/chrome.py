"""Which pictures are part of a page's furniture rather than of what it tells: logos, icons, avatars, QR codes, advertisements.

Judges by landmarks, by names that pages everywhere give such things, and by declared sizes; knows no site. Drops nothing.
"""

from __future__ import annotations

import functools
import re
from itertools import islice

from turbohtml import Element, Node

from wukong_build.web.address import Attributes, Sides

AT_MOST_ICON_SIDE = 48
"""An image of which one side is declared no larger than this is an icon."""

AT_MOST_ALT = 30
"""A longer alt text tells of a picture."""

AT_MOST_NAMES = 200
"""How much of an element's classes is looked at."""

AT_MOST_HOLDERS = 12
"""How many elements around an image are looked at."""

_CONTENT = frozenset({"figure", "article", "main", "body"})
"""What holds content, whatever holds it."""

_LANDMARKS = {"nav": "navigation", "header": "header", "footer": "footer"}
_ROLES = {
    **dict.fromkeys(("navigation", "menu", "menubar", "toolbar", "tablist", "search"), "navigation"),
    "banner": "header",
    "contentinfo": "footer",
}

_NAMES = {
    "logo": "logo logos brand logotype",
    "navigation": "nav navi navbar navigation menu submenu topbar toolbar breadcrumb breadcrumbs crumb crumbs pager pagination",
    "share": "share sharing social socials sns bdshare jiathis",
    "avatar": "avatar avatars gravatar userpic usericon author authors profile touxiang",
    "code": "qr qrcode ewm erweima reward donate dashang",
    "advert": "ad ads adv advert adverts advertisement adbox adsbygoogle sponsor sponsored guanggao",
    "footer": "copyright beian",
    "icon": "icon icons ico mood toggle switch btn button arrow callout emoji emoticon smiley smilies badge sprite spinner",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_KINDS_OF_FILES = {name: _KINDS[name] for name in ("avatar", "gravatar")} | {
    name: kind for name, kind in _KINDS.items() if kind in {"logo", "code", "icon"}
}
"""A file called `context-menu.png` may well show one."""

_ICON_FILES = frozenset(
    """
    alert back caution close collapse down email expand home hint hot idea important info left mail menu minus more new next note
    play plus prev previous print right rss search tel tip top totop up warning
    """.split()  # noqa: SIM905  words read better than a list of strings
)
_WORD = re.compile(r"[A-Za-z]+")
_HUMP = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_EDGE_KINDS = {"header": "header", "masthead": "header", "footer": "footer"}
_EDGE = re.compile(r"(?:^|\s)(?:(?:site|page|global|main|top)[_-]?)?(header|masthead|footer)(?=\s|$)", re.IGNORECASE)
_ADDRESS = re.compile(
    r"/(?:(?P<avatar>g?r?avatars?)|(?P<icon>emojis?|emoticons?|smile?y|smilies|icons)|(?P<logo>logos?))/"
    r"|//(?:[^/]*\.)?(?:(?P<advert>ads?|adserver|adimg|afp|atanx|tanx|cpro)|(?P<share>bshare|jiathis)|(?P<badge>shields|badgen))\."
)
"""Folders that hold such things alone, and hosts that serve nothing else."""

_ESCAPE = re.compile(r"%[0-9a-f]{2}")
_HOME = re.compile(r"(https?://[^/?#]+)?/?((index|default|home)\.\w+)?|\./", re.IGNORECASE)
_ALT = re.compile(
    "(?P<code>二维码|qr code|扫码|扫一扫|打赏)"
    "|(?:(?P<logo>logo|标志|徽标)|(?P<avatar>头像|avatar)|(?P<icon>icon|图标|按钮|返回顶部))$"
)
"""Words that an alt text has somewhere, or ends with, if it says nothing of what its picture shows."""


class Chrome:
    """Tells of one page's images what they are, if they are no content."""

    def __init__(self) -> None:
        self._kinds: dict[Node, str | None] = {}

    def kind(self, image: Element, attributes: Attributes, sides: Sides, url: str) -> str | None:
        """Logo, navigation, icon …; None where the image is content, as far as can be told from its page."""
        if any(side is not None and side <= AT_MOST_ICON_SIDE for side in sides):
            return "icon"
        return _kind_by_words(image, attributes.get("alt"), url) or _kind_by_link(image) or self._kind_by_place(image)

    def _kind_by_place(self, image: Element) -> str | None:
        """What the nearest element says that says anything."""
        kinds = self._kinds
        for holder in islice(image.ancestors, AT_MOST_HOLDERS):
            if holder in kinds:
                kind = kinds[holder]
            elif not isinstance(holder, Element) or holder.tag in _CONTENT:
                return None
            else:
                kind = kinds[holder] = _kind_of_holder(holder)
            if kind is not None:
                return kind
        return None


def _kind_by_words(image: Element, alt: str | None, url: str) -> str | None:
    """What the image itself says it is: by its alt text, its address, its class or its id."""
    if alt and len(alt) <= AT_MOST_ALT and (said := _ALT.search(alt.strip().lower())) is not None:
        return said.lastgroup
    address = url.partition("?")[0].lower()
    file_name = address[address.rfind("/") + 1 :]
    if "%" in file_name:
        file_name = _ESCAPE.sub("%", file_name)
    if file_name.partition(".")[0] in _ICON_FILES:
        return "icon"
    for word in _WORD.findall(file_name):
        if word in _KINDS_OF_FILES:
            return _KINDS_OF_FILES[word]
    lies = _ADDRESS.search(address)
    return lies.lastgroup if lies else _kind_by_name(image)


def _kind_by_link(image: Element) -> str | None:
    """A picture alone in a link to where a site begins is its logo."""
    link = image.closest("a")
    href = link.attr("href") if link is not None else None
    if link is None or not href or not _HOME.fullmatch(href.strip()):
        return None
    return None if link.text.strip() else "logo"


def _kind_of_holder(holder: Element) -> str | None:
    role = holder.attr("role")
    landmark = _LANDMARKS.get(holder.tag) or (_ROLES.get(role) if role else None)
    if landmark == "navigation" or (landmark and holder.closest("article, main, section") is None):
        return landmark
    return _kind_by_name(holder)


def _kind_by_name(element: Element) -> str | None:
    """What an element's classes or its id call it."""
    classes, name = element.attr("class"), element.attr("id")
    return _named(f"{classes or ''} {name or ''}"[:AT_MOST_NAMES]) if classes or name else None


@functools.lru_cache(maxsize=16_384)
def _named(names: str) -> str | None:
    """What is called so: `site-logo`, `site_logo`, `siteLogo` and `logo2` are a logo; `catalogo` and `newsLogoArea` are none.

    Remembered, for the pages of a site name their elements alike.
    """
    words = _WORD.findall(names)
    for word in words:
        kind = _KINDS.get(word)
        if kind is None and not word.islower():
            humps = _HUMP.findall(word)
            kind = _KINDS.get(humps[0].lower()) or _KINDS.get(humps[-1].lower()) if humps else None
        if kind is not None:
            return kind
    edge = _EDGE.search(names) if not _EDGE_KINDS.keys().isdisjoint(words) else None
    return None if edge is None else _EDGE_KINDS[edge[1].lower()]
