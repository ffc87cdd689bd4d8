"""What a page offers: every image a reader would see, with every text near enough to tell of it, and the pages it links to.

A pure function of the page and its URL; knows nothing of crawling, and chooses no caption.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

import msgspec

from wukong_build.web.address import Attributes, addresses, is_placeholder, is_tiny
from wukong_build.web.licence import Licence, licences
from wukong_build.web.outline import (
    AT_MOST_CHARACTERS,
    AT_MOST_CHILDREN,
    AT_MOST_TEXT,
    HEADINGS,
    Counts,
    Line,
    Outline,
    Path,
    collapse,
)
from wukong_build.web.url import canonical

AT_MOST_PAIRS = 10_000
"""How many images of one page are taken; real galleries have some hundred."""

AT_MOST_LINKS = 20_000
"""How many links of one page are looked at."""

AT_MOST_METAS = 1_000
"""How many `meta` elements of one page are read."""

AT_MOST_CANDIDATE = 500
"""How much of a candidate text is kept: twice what a caption has, and every image of a page may share one."""

AT_MOST_REFERENCES = 4
"""How many elements an image may name as its label, and as its description."""

NEAREST_COUNT = 2
"""How many lines on either side of an image are looked at."""

AT_MOST_STEPS = 12
"""A text further from the image than this, in steps between parents and children, is not near it."""

AT_MOST_STEPS_TO_HEADING = 64
"""A heading speaks for its whole section, so it may be further."""

_TARGETS = {"a": "href", "area": "href", "link": "href", "iframe": "src", "frame": "src"}
_SHARED = ("og:image", "og:image:url", "twitter:image", "twitter:image:src")
_SHARED_TEXTS = {
    "og_alt": ("og:image:alt", "twitter:image:alt"),
    "og_title": ("og:title", "twitter:title"),
    "og_description": ("og:description", "twitter:description"),
}


class Text(msgspec.Struct, frozen=True):
    """One candidate text of an image."""

    text: str
    """The page's own characters, whitespace collapsed; never empty, and cut only where no caption would reach."""
    origin: str
    """Where it stood: alt, title, aria_label, figcaption, described_by, nearest, link, heading, og_title, page_title …"""
    distance: int
    """Steps between parents and children from the image to the block of the text; 0 for its own attributes and the page's."""


class Pair(msgspec.Struct, frozen=True):
    """One occurrence of an image on a page, with all the texts the page offers for it."""

    url: str
    """Canonical URL of the picture shown. Where the image links to a larger one, still that of the one shown."""
    page_url: str
    position: int
    """Which image of the page, from 0."""
    texts: tuple[Text, ...]


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
    named = licences(html, reading.outline, reading.base)
    return Page(page_url, reading.title, tuple(reading.pairs()), tuple(reading.links()), reading.to_crawlers(), named)


def extract(html: str, page_url: str) -> list[Pair]:
    """The pairs of a page, in page order."""
    return list(read_page(html, page_url).pairs)


class _Reading:
    """One page while it is read."""

    def __init__(self, html: str, page_url: str) -> None:
        self.page_url = page_url
        self.outline = Outline(html)
        self.tags = self.outline.tags
        self.base = self._base()
        self.title = self._title()
        self.metas = self._metas()
        self.urls = self._urls()
        self.images = Counts(list(self.urls), len(self.tags))

    def pairs(self) -> Iterator[Pair]:
        """Every image in page order, then those that only `og:image` names."""
        images = [(url, [*self._own_texts(image), *self._texts_around(image)]) for image, url in sorted(self.urls.items())]
        first, shared_texts = dict(reversed(images)), list(self._shared_texts())
        for url in self._shared():
            if url in first:
                first[url].extend(shared_texts)
            else:
                images.append((url, shared_texts))
        page_texts = tuple(_texts("page_title", self.title))
        for position, (url, texts) in enumerate(images[:AT_MOST_PAIRS]):
            yield Pair(url, self.page_url, position, (*texts, *page_texts))

    def links(self) -> dict[str, None]:
        """The pages linked to, in page order; none where the page asks robots not to follow."""
        wishes = {wish.strip().lower() for content in self.metas.get("robots", ()) for wish in content.split(",")}
        if not wishes.isdisjoint({"nofollow", "none"}):
            return {}
        targets = (target for index, tag in enumerate(self.tags) if (target := self._target(index, tag)))
        urls = (canonical(target, self.base) for target in islice(targets, AT_MOST_LINKS))
        return dict.fromkeys(url for url in urls if url is not None)

    def to_crawlers(self) -> dict[str, list[str]]:
        """What `meta` elements say under plain names, as `robots` is one; `og:title` and its like are for others."""
        plain = ((name, contents) for name, contents in self.metas.items() if ":" not in name)
        return {name: [content[:AT_MOST_TEXT] for content in contents] for name, contents in plain}

    def _target(self, index: int, tag: str) -> str | None:
        """What an element links to as another page."""
        if tag not in _TARGETS:
            return None
        attributes = self.outline.attributes(index)
        rel = (attributes.get("rel") or "").lower().split()
        if "nofollow" in rel or (tag == "link" and "next" not in rel):
            return None
        return attributes.get(_TARGETS[tag])

    def _all(self, tag: str) -> Iterator[Attributes]:
        return (self.outline.attributes(index) for index, found in enumerate(self.tags) if found == tag)

    def _base(self) -> str:
        """What relative addresses are relative to."""
        hrefs = (attributes["href"] for attributes in self._all("base") if attributes.get("href"))
        return canonical(next(hrefs, None) or "", self.page_url) or self.page_url

    def _title(self) -> str | None:
        parents, nodes = self.outline.parents, self.outline.nodes
        titles = (index for index, tag in enumerate(self.tags) if tag == "title" and self.tags[parents[index]] != "svg")
        found = next((collapse(nodes[title].text()) for title in titles), "")
        return found[:AT_MOST_CHARACTERS].rstrip() or None

    def _metas(self) -> dict[str, list[str]]:
        """What the page's `meta` elements say, by property or name."""
        metas: dict[str, list[str]] = {}
        for attributes in islice(self._all("meta"), AT_MOST_METAS):
            name, content = attributes.get("property") or attributes.get("name"), collapse(attributes.get("content") or "")
            if name and content:
                metas.setdefault(name.strip().lower(), []).append(content)
        return metas

    def _urls(self) -> dict[int, str]:
        """The picture of every image a reader sees; one in `noscript` counts where nothing outside shows it."""
        around = self.outline.around
        found = {image: url for image in self.outline.images[:AT_MOST_PAIRS] if (url := self._url(image)) is not None}
        outside = {image: url for image, url in found.items() if around[image].noscript < 0}
        shown, urls = list(outside), set(outside.values())
        inside = ((image, url) for image, url in found.items() if image not in outside and url not in urls)
        return outside | {image: url for image, url in inside if not self._has_twin(around[image].noscript, shown)}

    def _url(self, image: int) -> str | None:
        """Where the picture of an `img` is; None where a reader would see none."""
        attributes = self.outline.attributes(image)
        if is_tiny(attributes):
            return None
        real = (address for address in addresses(attributes, self._sources(image)) if not is_placeholder(address))
        return next((url for address in real if (url := canonical(address, self.base)) is not None), None)

    def _sources(self, image: int) -> list[Attributes]:
        """The `source` elements beside an `img` in a `picture`."""
        picture = self.outline.parents[image]
        if self.tags[picture] != "picture":
            return []
        children = islice(self.outline.nodes[picture].iter(), AT_MOST_CHILDREN)
        return [child.attributes for child in children if child.tag == "source"]

    def _has_twin(self, noscript: int, shown: list[int]) -> bool:
        """Whether the image just before or after a `noscript` stands beside it, at most one element deep."""
        parents = self.outline.parents
        here = bisect_left(shown, noscript)
        neighbours = shown[max(0, here - 1) : here + 1]
        return any(parents[noscript] in (parents[image], parents[parents[image]]) for image in neighbours)

    def _own_texts(self, image: int) -> Iterator[Text]:
        """What the image says of itself, and the elements it names as its label and description."""
        attributes = self.outline.attributes(image)
        for origin, name in (("alt", "alt"), ("title", "title"), ("aria_label", "aria-label")):
            yield from _texts(origin, attributes.get(name))
        for origin, name in (("labelled_by", "aria-labelledby"), ("described_by", "aria-describedby")):
            for target in (attributes.get(name) or "").split(None, AT_MOST_REFERENCES)[:AT_MOST_REFERENCES]:
                element = self.outline.with_id(target)
                if element is not None:
                    yield from _texts(origin, self.outline.text(element))

    def _texts_around(self, image: int) -> Iterator[Text]:
        """What the elements around the image say."""
        depths, around = self.outline.depths, self.outline.around[image]
        figure, link = around.figure, around.link
        caption = self.outline.figcaptions.get(figure)
        if caption is not None:
            yield from _texts("figcaption", self.outline.text(caption), depths[image] + depths[caption] - 2 * depths[figure])
        yield from sorted(self._nearest(image), key=lambda text: text.distance)
        if link >= 0:
            yield from _texts("link", self.outline.attributes(link).get("title"), depths[image] - depths[link])
            if self._image_count(link) == 1:
                yield from _texts("link", self.outline.text(link), depths[image] - depths[link])
        yield from self._heading(image)

    def _image_count(self, index: int) -> int:
        return self.images.between(index, self.outline.ends[index])

    def _nearest(self, image: int) -> Iterator[Text]:
        """The visible lines beside the image that belong to no other; of two as near, what follows comes first."""
        yield from self._below(image)
        for line in self.outline.lines_near(image, NEAREST_COUNT):
            block = self.outline.around[line.start].block
            place = line.start if self.outline.holds(block, image) else block
            path = self.outline.path(image, place, AT_MOST_STEPS)
            if path is not None and self._is_its_own(image, line, path):
                yield Text(line.text, "nearest", path.steps)

    def _below(self, image: int) -> Iterator[Text]:
        """The text of the table cell under the image's, where a row of images has its captions in the next."""
        cell = self.outline.around[image].cell
        if cell < 0 or self._image_count(cell) != 1 or self._image_count(self.outline.parents[cell]) == 1:
            return
        below = self.outline.cell_below(cell)
        if below is not None and not self._image_count(self.outline.parents[below]):
            path = self.outline.path(image, below, AT_MOST_STEPS)
            if path is not None:
                yield from _texts("nearest", self.outline.text(below)[:AT_MOST_CHARACTERS], path.steps)

    def _is_its_own(self, image: int, line: Line, path: Path) -> bool:
        """Whether a line is this image's: no other image lies on the way to it, or shares a box with either of them.

        Where their common box holds other images too, a heading opens what follows it, and another line closes what precedes it.
        """
        start, end = sorted((image, line.start))
        if self.images.between(start + 1, end) or self._image_count(path.far) or self._image_count(path.near) > 1:
            return False
        if self._image_count(path.common) <= 1:
            return True
        is_heading = self.tags[self.outline.around[line.start].block] in HEADINGS
        if line.start > image:
            return not is_heading
        return is_heading or not self.images.between(path.common, image)

    def _heading(self, image: int) -> Iterator[Text]:
        """The nearest heading before the image in its sections, unless it stands in a box with another image."""
        for heading in self.outline.headings_before(image):
            path = self.outline.path(image, heading, AT_MOST_STEPS_TO_HEADING)
            text = self.outline.text(heading)
            if path is not None and text and not self._image_count(path.far):
                yield Text(text, "heading", path.steps)
                return

    def _shared(self) -> dict[str, None]:
        """The pictures the page names for those who share it."""
        addresses = (address for name in _SHARED for address in self.metas.get(name, ()) if not is_placeholder(address))
        urls = (canonical(address, self.base) for address in addresses)
        return dict.fromkeys(url for url in urls if url is not None)

    def _shared_texts(self) -> Iterator[Text]:
        for origin, names in _SHARED_TEXTS.items():
            contents = (content for name in names for content in self.metas.get(name, ()))
            yield from _texts(origin, next(contents, None))


def _texts(origin: str, text: str | None, distance: int = 0) -> Iterator[Text]:
    """The text as a candidate, if there is any."""
    collapsed = collapse((text or "")[:AT_MOST_CANDIDATE])
    if collapsed:
        yield Text(collapsed, origin, distance)
