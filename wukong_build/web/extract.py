"""What a page offers: every image a reader would see, with every text near enough to tell of it, and the pages it links to.

A pure function of the page and its URL; knows nothing of crawling, and chooses no caption.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

import msgspec
from turbohtml import Document, Element, Namespace

from wukong_build.web import json_ld
from wukong_build.web.address import Attributes, Sides, addresses, declared_sides, is_as_it_loads, is_placeholder, is_tiny
from wukong_build.web.chrome import Chrome
from wukong_build.web.html import AT_MOST_LINE, AT_MOST_TEXT, collapse, parsed, text_of
from wukong_build.web.licence import ITEMS, METAS, Licence, licences, may_be_licence
from wukong_build.web.pictures import attributes_of, pictures, sources
from wukong_build.web.sharing import Named, named_by_json_ld, named_by_metas
from wukong_build.web.surroundings import Beside, Surroundings
from wukong_build.web.url import canonical

AT_MOST_PAIRS = 10_000
"""How many images of one page are taken; real galleries have some hundred."""

AT_MOST_LINKS = 20_000
"""How many links of one page are looked at."""

FILES = frozenset(
    """
    jpg jpeg jpe jfif png gif webp avif bmp ico svg svgz tif tiff psd ai eps heic raw mp3 m4a wav ogg oga flac aac wma mp4 m4v
    mov avi wmv flv mkv webm mpg mpeg ogv rmvb swf zip rar 7z gz tgz bz2 xz tar iso dmg exe msi apk ipa deb rpm jar bin pdf
    doc docx xls xlsx ppt pptx odt ods odp epub mobi csv css js mjs json woff woff2 ttf otf eot torrent wasm
    """.split()  # noqa: SIM905  words read better than a list of strings
)
"""Extensions of what is no page."""

AT_MOST_METAS = 1_000
"""How many `meta` elements of one page are read."""

AT_MOST_CANDIDATE = 500
"""How much of a candidate text is kept: twice what a caption has, and every image of a page may share one."""

AT_MOST_REFERENCES = 4
"""How many elements an image may name as its label, and as its description."""

_NO_NAME_OF_FILE = re.compile(":|%3A", re.IGNORECASE)

_LEADS_TO = re.compile(r"[\d.]*\s*[;,\s]\s*(?:url\s*=\s*)?(?P<quote>[\"']?)(?P<url>[^\"'].*?)(?P=quote)", re.IGNORECASE)
"""What a `meta` says that leads to another page; so browsers read it."""

_REFRESH = "http-equiv:refresh"
"""Its name among the metas."""

_OWN = {"alt": "alt", "title": "title", "aria-label": "aria_label"}
_REFERENCES = {"aria-labelledby": "labelled_by", "aria-describedby": "described_by"}


class Text(msgspec.Struct, frozen=True, gc=False):
    """One candidate text of an image."""

    text: str
    """The page's own characters, whitespace collapsed; never empty, and cut only where no caption would reach."""
    origin: str
    """Where it stood: alt, title, figcaption, described_by, caption_line, nearest, link, json_ld, heading, page_title …"""
    distance: int
    """Steps between parents and children from the image to the block of the text; 0 for its own attributes and the page's."""


class Pair(msgspec.Struct, frozen=True, gc=False):
    """One occurrence of an image on a page, with all the texts the page offers for it."""

    url: str
    """Canonical URL of the picture shown. Where the image links to a larger one, still that of the one shown."""
    page_url: str
    position: int
    """Which image of the page, from 0."""
    texts: tuple[Text, ...]
    chrome: str | None = None
    """Which part of the page's furniture it is, if it is no content: logo, navigation, icon, avatar …"""


class Page(msgspec.Struct, frozen=True):
    """What one page offers."""

    url: str
    title: str | None
    pairs: tuple[Pair, ...]
    links: tuple[str, ...]
    """Canonical URLs the page links to and lets a crawler follow, distinct, in page order."""
    metas: dict[str, list[str]]
    """What its `meta` elements say to crawlers: contents by name in lower case, of those whose name has no colon."""
    licences: tuple[Licence, ...]
    """Distinct, in page order."""


def read_page(html: str, page_url: str) -> Page:
    """What the page offers; a broken page is read as a browser would read it."""
    reading = _Reading(html, page_url)
    return Page(
        page_url, reading.title, tuple(reading.pairs()), tuple(reading.links()), reading.to_crawlers(), reading.licences()
    )


def extract(html: str, page_url: str) -> list[Pair]:
    """The pairs of a page, in page order."""
    return list(_Reading(html, page_url).pairs())


class _Image:
    """An element whose picture a reader sees."""

    __slots__ = ("attributes", "element", "sides", "url")

    def __init__(self, element: Element, attributes: Attributes, sides: Sides, url: str) -> None:
        self.element = element
        self.attributes = attributes
        self.sides = sides
        self.url = url


class _Reading:
    """One page while it is read."""

    def __init__(self, html: str, page_url: str) -> None:
        self.page_url = page_url
        self.document: Document = parsed(html)
        self.base = self._base()
        self.title = self._title()
        self.metas = self._metas()
        self.blocks = json_ld.blocks(self.document)

    def pairs(self) -> Iterator[Pair]:
        """Every image in page order, then those that only the page's words to others name."""
        images, chrome = self._images(), Chrome()
        kinds = [chrome.kind(image.element, image.attributes, image.sides, image.url) for image in images]
        content = (image.element for image, kind in zip(images, kinds, strict=True) if kind is None)
        surroundings = Surroundings(self.document, list(content))
        shared = self._shared({image.url for image in images})
        page_texts = tuple(_texts("page_title", self.title))
        for position, (image, kind) in enumerate(zip(images, kinds, strict=True)):
            texts = [*self._own_texts(image.attributes), *_texts_around(image.element, kind, surroundings)]
            texts += shared.pop(image.url, ())
            yield Pair(image.url, self.page_url, position, (*texts, *page_texts), kind)
        for position, (url, texts) in enumerate(islice(shared.items(), AT_MOST_PAIRS - len(images)), len(images)):
            yield Pair(url, self.page_url, position, (*texts, *page_texts))

    def links(self) -> dict[str, None]:
        """The pages linked to, in page order; none where the page asks robots not to follow."""
        wishes = {wish.strip().lower() for content in self.metas.get("robots", ()) for wish in content.split(",")}
        if not wishes.isdisjoint({"nofollow", "none"}):
            return {}
        targets = dict.fromkeys([target.partition("#")[0] for target in islice(self._targets(), AT_MOST_LINKS)])
        targets.pop("", None)  # places on this page
        urls = (canonical(target, self.base) for target in targets)
        return dict.fromkeys(url for url in urls if url is not None and not _is_file(url))

    def to_crawlers(self) -> dict[str, list[str]]:
        """What `meta` elements say under plain names, as `robots` is one; `og:title` and its like are for others."""
        plain = ((name, contents) for name, contents in self.metas.items() if ":" not in name)
        return {name: [content[:AT_MOST_TEXT] for content in contents] for name, contents in plain}

    @cached_property
    def _links(self) -> list[tuple[Element, str, str]]:
        """Every element that links, with its address and what it says of that."""
        elements = (element for tag in ("a", "area", "link") for element in self.document.find_all(tag))
        return [(element, element.attr("href") or "", (element.attr("rel") or "").lower()) for element in elements]

    def _targets(self) -> list[str]:
        """What the elements of a page link to as other pages, and let crawlers follow; of `link` those to a next page alone."""
        found = [href for element, href, rel in self._links if href and (not rel or _may_follow(element, rel))]
        found += self.metas.get(_REFRESH, ())
        frames = (frame.attr("src", "") for tag in ("iframe", "frame") for frame in self.document.find_all(tag))
        return [*found, *filter(None, frames)]

    def licences(self) -> tuple[Licence, ...]:
        """The licences the page names."""
        linked = [element for element, href, rel in self._links if may_be_licence(href, rel)]
        metas = () if METAS.isdisjoint(self.metas) else self.document.find_all("meta")
        return licences([*linked, *metas, *self.document.select(ITEMS)], self.blocks, self.base)

    def _base(self) -> str:
        """What relative addresses are relative to."""
        hrefs = (href for base in self.document.find_all("base") if (href := base.attr("href")))
        return canonical(next(hrefs, ""), self.page_url) or self.page_url

    def _title(self) -> str | None:
        titles = (title for title in self.document.find_all("title") if title.namespace == Namespace.HTML)
        return collapse(next((title.text for title in titles), "")[:AT_MOST_TEXT])[:AT_MOST_LINE].rstrip() or None

    def _metas(self) -> dict[str, list[str]]:
        """What the page's `meta` elements say, by property or name."""
        metas: dict[str, list[str]] = {}
        for meta in islice(self.document.find_all("meta"), AT_MOST_METAS):
            name, content = meta.attr("property") or meta.attr("name"), collapse(meta.attr("content") or "")
            if name and content:
                metas.setdefault(name.strip().lower(), []).append(content)
            elif (target := _LEADS_TO.fullmatch(content)) and (meta.attr("http-equiv") or "").strip().lower() == "refresh":
                metas.setdefault(_REFRESH, []).append(target["url"])
        return metas

    def _images(self) -> list[_Image]:
        """The image of every picture a reader sees; one in `noscript` counts where nothing outside shows it."""
        outside: list[_Image] = []
        inside: list[tuple[Element, _Image]] = []
        for element in islice(pictures(self.document), AT_MOST_PAIRS):
            hidden = element.closest("noscript, template")
            image = self._image(element) if hidden is None or hidden.tag == "noscript" else None
            if image is None:
                continue
            if hidden is None:
                outside.append(image)
            else:
                inside.append((hidden, image))
        return self._with_those_of_noscript(outside, inside) if inside else outside

    def _image(self, element: Element) -> _Image | None:
        """An element with where its picture is; None where a reader would see none."""
        attributes = attributes_of(element)
        sides = declared_sides(attributes)
        if is_tiny(sides):
            return None
        for address in addresses(attributes, sources(element)):
            if not is_placeholder(address) and (url := canonical(address, self.base)) is not None:
                return _Image(element, attributes, sides, url)
        return None

    def _with_those_of_noscript(self, outside: list[_Image], inside: list[tuple[Element, _Image]]) -> list[_Image]:
        """All images in page order; of twins the one outside, which shows what is inside if a script has yet to load it."""
        places = [_place(image.element) for image in outside]
        shown = {image.url for image in outside}
        added: list[_Image] = []
        for noscript, image in inside:
            here = bisect_left(places, _place(noscript))
            twin = next((near for near in outside[max(0, here - 1) : here + 1] if _stands_beside(noscript, near.element)), None)
            if twin is None:
                added += [image] if image.url not in shown else []
            elif is_as_it_loads(twin.attributes):
                twin.url = image.url
        return sorted([*outside, *added], key=lambda image: _place(image.element))

    def _own_texts(self, attributes: Attributes) -> list[Text]:
        """What the image says of itself, and the elements it names as its label and description."""
        texts = [text for name, origin in _OWN.items() if name in attributes for text in _texts(origin, attributes[name])]
        for name, origin in _REFERENCES.items():
            if name in attributes:
                for target in (attributes[name] or "").split(None, AT_MOST_REFERENCES)[:AT_MOST_REFERENCES]:
                    texts += _texts(origin, text_of(self._by_id[target])) if target in self._by_id else ()
        return texts

    @cached_property
    def _by_id(self) -> dict[str, Element]:
        named = ((element.attr("id"), element) for element in self.document.iter_elements())
        return {name: element for name, element in reversed(list(named)) if name}

    def _shared(self, shown: set[str]) -> dict[str, list[Text]]:
        """The pictures that the page names to others, with its words; of several of one thing the first, or those shown."""
        named: Iterable[Named] = named_by_metas(self.metas)
        for _, nodes in self.blocks:
            named = (*named, *islice(named_by_json_ld(nodes), AT_MOST_PAIRS))
        found: dict[str, list[Text]] = {}
        for name in named:
            url = None if is_placeholder(name.address) else canonical(name.address, self.base)
            if url is not None and (name.stands_for_all or url in shown):
                texts = found.setdefault(url, [])
                texts += (told for told in _texts(name.origin, name.text) if told not in texts)
        return found


def _texts_around(element: Element, kind: str | None, surroundings: Surroundings) -> list[Text]:
    """What the elements around an image say; of furniture only what it is linked with."""
    link = _told("link", surroundings.link(element))
    if kind is not None:
        return link
    return [
        *_told("figcaption", surroundings.figcaption(element)),
        *_told("nearest", surroundings.beside(element)),
        *link,
        *_told("heading", surroundings.heading(element)),
    ]


def _told(origin: str, beside: list[Beside]) -> list[Text]:
    return [Text(text[:AT_MOST_CANDIDATE], told or origin, distance) for text, distance, told in beside]


def _texts(origin: str, text: str | None) -> list[Text]:
    """The text as a candidate, if there is any."""
    collapsed = collapse((text or "")[:AT_MOST_CANDIDATE])
    return [Text(collapsed, origin, 0)] if collapsed else []


def _is_file(url: str) -> bool:
    """Whether an address ends like a file that is no page. `/wiki/File:Tea.jpg` is one, of a wiki."""
    return url.rpartition(".")[2].lower() in FILES and _NO_NAME_OF_FILE.search(url.rpartition("/")[2]) is None and "?" not in url


def _may_follow(element: Element, rel: str) -> bool:
    words = rel.split()
    return "nofollow" not in words and (element.tag != "link" or "next" in words)


def _stands_beside(noscript: Element, image: Element) -> bool:
    """Whether an image stands beside a `noscript`, at most one element deep."""
    holder = image.parent
    return holder is not None and noscript.parent in {holder, holder.parent}


def _place(element: Element) -> tuple[int, int]:
    """Line and column of an element in the page's source."""
    return element.position or (0, 0)
