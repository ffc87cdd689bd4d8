"""What the page around an image says that is this image's: its figure, the lines beside it, its link, its heading.

A text belongs to an image if no other picture stands nearer to it. Knows no URLs, and chooses no caption.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import islice, takewhile
from typing import NamedTuple

from turbohtml import Axis, Document, Element, Node

from wukong_build.web.html import AT_MOST_LINE, AT_MOST_TEXT, HEADINGS, INLINE, Line, Lines, collapse, text_of

NEAREST_COUNT = 2
"""How many lines on either side of an image are looked at."""

AT_MOST_STEPS = 12
"""A text further from the image than this, in steps between parents and children, is not near it."""

AT_MOST_STEPS_TO_HEADING = 64
"""A heading speaks for its whole section, so it may be further."""

AT_MOST_HEADINGS = 8
"""How many headings back one is looked for."""

AT_MOST_GROUP = 8
"""So many pictures in a row may have one caption, which stands below the last."""

AT_MOST_CHILDREN = 256
"""A box with more children is no list of captions and pictures."""

AT_MOST_CELLS = 64
"""How much of a table row is looked at."""

_CAPTION_NAME = re.compile(
    r"caption|(^|[\s_-])((img|image|pic|photo|tu)[_-]?(desc|text|note|info|title|name|intro)|figtext)", re.IGNORECASE
)
_CENTRED = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)
_SECTIONS = "article, section, aside, main, body"
_CELLS = "td, th"
_CELL_TAGS = ("td", "th")


class Beside(NamedTuple):
    """A text near an image."""

    text: str
    distance: int
    """Steps between parents and children from the image to the text."""
    origin: str | None = None
    """What it is, if that can be told from how the page sets it: `caption_line`, `paragraph`."""


class Surroundings:
    """What stands around the pictures of a page, which are given in page order."""

    def __init__(self, document: Document, pictures: Sequence[Element]) -> None:
        self._document = document
        self._count: dict[Node, int] = {}
        """Element → how many pictures it holds; a picture itself holds one."""
        self._first: dict[Node, Element] = {}
        """Element → the first of them."""
        self._above: dict[Node, bool] = {}
        self._texts: dict[Element, str] = {}
        for picture in pictures:
            self._count[picture] = 1
            for holder in picture.ancestors:
                self._count[holder] = self._count.get(holder, 0) + 1
                self._first.setdefault(holder, picture)

    def count(self, element: Node) -> int:
        """How many pictures an element holds."""
        return self._count.get(element, 0)

    def text(self, element: Element) -> str:
        """What a reader sees of an element."""
        if element not in self._texts:
            self._texts[element] = text_of(element)
        return self._texts[element]

    def figcaption(self, image: Element) -> list[Beside]:
        """The caption of the figure the image is in."""
        figure = image.closest("figure")
        caption = figure.find("figcaption") if figure is not None else None
        if figure is None or caption is None or not (text := self.text(caption)):
            return []
        return [Beside(text, _depth_below(image, figure) + _depth_below(caption, figure))]

    def beside(self, image: Element) -> list[Beside]:
        """The visible lines beside the image that belong to no other; of two as near, what follows comes first."""
        after, before = self._lines(image), self._lines(image, backward=True)
        told = [Beside(line.text, line.distance, _caption_line(line)) for line in after]
        told += [Beside(line.text, line.distance, _caption_line(line, backward=True)) for line in before]
        if after and before and after[0].is_adjacent and before[0].is_adjacent and self.count(_block_of(image)) == 1:
            for index in (0, len(after)):  # the image stands in the midst of a line
                told[index] = told[index]._replace(origin="paragraph")
        return sorted([*self._below(image), *told], key=operator.itemgetter(1))

    def link(self, image: Element) -> list[Beside]:
        """What the link around the image says: its title, and its words where it holds no other picture."""
        link = image.closest("a")
        if link is None:
            return []
        title, distance = link.attr("title"), _depth_below(image, link)
        words = (collapse(title[:AT_MOST_TEXT]) if title else "", self.text(link) if self.count(link) <= 1 else "")
        return [Beside(text, distance) for text in words if text]

    def heading(self, image: Element) -> list[Beside]:
        """The nearest heading before the image in its sections, unless it stands in a box with another image."""
        holders = list(image.ancestors)
        places, headings = self._headings
        before = bisect_left(places, image.position or (0, 0))
        for heading in reversed(headings[max(0, before - AT_MOST_HEADINGS) : before]):
            if heading in holders or heading.closest(_SECTIONS) not in holders:
                continue
            box: Node = heading
            steps = 1
            while (parent := box.parent) is not None and parent not in holders:
                box, steps = parent, steps + 1
            if parent is None or box in self._count:
                continue
            steps += holders.index(parent) + 1
            if steps <= AT_MOST_STEPS_TO_HEADING and (text := self.text(heading)):
                return [Beside(text, steps)]
        return []

    @cached_property
    def _headings(self) -> tuple[list[tuple[int, int]], list[Element]]:
        """Where in the page its headings are, in its order, and which."""
        found = [heading for tag in HEADINGS for heading in self._document.find_all(tag)]
        places = [heading.position or (0, 0) for heading in found]
        order = sorted(range(len(found)), key=places.__getitem__)
        return [places[index] for index in order], [found[index] for index in order]

    def _below(self, image: Element) -> list[Beside]:
        """The text of the table cell under the image's, where a row of images has its captions in the next."""
        cell = image.closest(_CELLS)
        row = cell.parent if cell is not None and self.count(cell) == 1 else None
        if cell is None or not isinstance(row, Element) or self.count(row) == 1:
            return []
        below = row.find("tr", axis=Axis.NEXT_SIBLINGS)
        if below is None or self.count(below):
            return []
        cells, cells_below = _cells_of(row), _cells_of(below)
        if cell not in cells or len(cells) != len(cells_below):
            return []
        text = self.text(cells_below[cells.index(cell)])[:AT_MOST_LINE]
        return [Beside(text, _depth_below(image, row) + 3)] if text else []

    def _lines(self, image: Element, *, backward: bool = False) -> list[Line]:
        """The lines that follow the image, or precede it, up to the next picture.

        A box that holds other pictures too is the last one looked into: which of its lines are whose depends on how it begins.
        """
        lines = Lines(NEAREST_COUNT, AT_MOST_STEPS, backward=backward)
        here: Node = image
        for steps, parent in enumerate(islice(image.ancestors, AT_MOST_STEPS - 1), 2):
            if not isinstance(parent, Element):
                break
            before, siblings = len(lines.found), here.previous_siblings if backward else here.next_siblings
            if self._count[parent] > 1:
                self._take_shared(lines, siblings, steps, backward=backward)
                lines.found[before:] = filter(self._owned_by(image, parent, backward=backward), lines.found[before:])
                break
            is_enough = lines.take(siblings, steps) or (parent.tag not in INLINE and lines.end_line())
            if len(lines.found) > before and not backward and _opens_another(lines.found[before:], parent):
                lines.found[before:] = takewhile(lambda line: not line.is_heading, lines.found[before:])
                break
            if is_enough:
                break
            here = parent
        lines.end_line()
        return lines.found

    def _take_shared(self, lines: Lines, siblings: Iterable[Node], steps: int, *, backward: bool) -> None:
        """Take what stands between a picture and the next; pictures in a row may have one caption, below the last of them."""
        group, has_gap = 0, False
        for sibling in siblings:
            if sibling in self._count:
                group += self._count[sibling]
                if backward or has_gap or lines.found or lines.is_within or group > AT_MOST_GROUP or self._tells(sibling):
                    break
            elif lines.take((sibling,), steps + group):
                break
            elif not lines.found and _is_blank(sibling):
                if group:
                    break
                has_gap = True
        lines.end_line()

    def _tells(self, box: Node) -> bool:
        """Whether an element that holds pictures shows more than those."""
        return isinstance(box, Element) and self.text(box) != ""

    def _owned_by(self, image: Element, shared: Node, *, backward: bool) -> Callable[[Line], bool]:
        """Which lines beside an image are its own in a box that it shares.

        A heading opens what follows it. Of other lines those that follow are the image's, unless every picture of the box has
        its caption above.
        """
        if not backward:
            return lambda line: not (line.is_heading or self._captions_above(shared))
        return lambda line: line.is_heading or self._first[shared] is image or self._captions_above(shared)

    def _captions_above(self, box: Node) -> bool:
        """Whether a box with several pictures is nothing but lines, each followed by a picture."""
        if box not in self._above:
            self._above[box] = self._alternates(box)
        return self._above[box]

    def _alternates(self, box: Node) -> bool:
        awaits_picture = False
        for number, child in enumerate(box.children):
            if child in self._count:
                if not awaits_picture or self._tells(child) or number > AT_MOST_CHILDREN:
                    return False
                awaits_picture = False
                continue
            lines = Lines(2, AT_MOST_STEPS)
            lines.take((child,), 1)
            lines.end_line()
            if lines.found and (awaits_picture or len(lines.found) > 1):
                return False
            awaits_picture = awaits_picture or bool(lines.found)
        return not awaits_picture


def _is_blank(node: Node) -> bool:
    """Whether a node is an empty line, which keeps apart what stands above and below it."""
    return isinstance(node, Element) and node.tag in {"p", "div"} and not node.text.strip()


def _block_of(image: Element) -> Node:
    """The closest element around an image that breaks lines."""
    return next((holder for holder in image.ancestors if not (isinstance(holder, Element) and holder.tag in INLINE)), image)


def _caption_line(line: Line, *, backward: bool = False) -> str | None:
    """What a line is that is set as captions are: by the name of its element, or centred below the image."""
    if line.block is None or line.is_heading:
        return None
    classes = line.block.attr("class")
    if classes and _CAPTION_NAME.search(classes):
        return "caption_line"
    style, align = line.block.attr("style"), line.block.attr("align")
    is_centred = (classes and "center" in classes) or (style and _CENTRED.search(style)) or (align and align.lower() == "center")
    return "caption_line" if is_centred and not backward else None


def _opens_another(lines: list[Line], box: Element) -> bool:
    """Whether a heading among lines opens what comes next: where the box has several, as an article has and a card has not."""
    return any(line.is_heading for line in lines) and sum(len(box.find_all(tag, limit=2)) for tag in HEADINGS) > 1


def _cells_of(row: Element) -> list[Element]:
    return [child for child in islice(row, AT_MOST_CELLS) if isinstance(child, Element) and child.tag in _CELL_TAGS]


def _depth_below(node: Node, holder: Node) -> int:
    """Steps from a node up to an element that holds it."""
    depth = 0
    while node != holder and node.parent is not None:
        node, depth = node.parent, depth + 1
    return depth
