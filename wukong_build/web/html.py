"""A page as a tree, and what a reader sees of it as lines of text. Knows nothing of URLs, nor of what a picture is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

import turbohtml
from turbohtml import Document, Element, Node
from turbohtml import Text as TextNode

AT_MOST_COPIES = 3_000_000
"""A page is read up to where the parser might copy more unclosed `b`, `font` … into later blocks, as HTML has it: 650 MB."""

AT_MOST_UNCHECKED = 60_000
"""A page with so few characters has no room for more."""

AT_MOST_UNCLOSED = 512
"""So many unclosed elements the parser copies at most: it nests no deeper."""

AT_MOST_BLOCKS = 400
"""How many elements are looked at for one text, those within lines aside."""

AT_MOST_LINE = 200
"""How much of a line is kept."""

AT_MOST_TEXT = 2_000
"""How much of any other text is kept: far more than a caption has, and ten thousand images may share one text."""

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_OPENERS = frozenset({*HEADINGS, "dt", "legend", "summary"})
_UNREAD = frozenset({"head", "script", "style", "template", "noscript", "nav", "button", "select", "textarea", "time", "svg"})
INLINE = frozenset(
    """
    a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark q ruby s samp small span strike strong sub sup
    tt u var wbr
    """.split()  # noqa: SIM905  words read better than a list of strings
)
"""Elements that break no line."""
_STEP = {"": 1, "/": -1}
_FORMATTING = re.compile(r"<(/?)(?=[bcefistuBCEFISTU])(?i:b|big|code|em|font|i|s|small|strike|strong|tt|u)[\s/>]")


def parsed(html: str) -> Document:
    """The tree that a browser without scripts would make of it."""
    return turbohtml.parse(_bounded(html))


def collapse(text: str) -> str:
    """The text with every run of whitespace as one space, and none at its ends."""
    return " ".join(text.split())


def text_of(element: Element) -> str:
    """What a reader sees of an element, as far as `AT_MOST_BLOCKS`."""
    lines = Lines(at_most_characters=AT_MOST_TEXT)
    lines.take(element, 1)
    lines.end_line()
    return " ".join([line.text for line in lines.found])[:AT_MOST_TEXT]


class Line(NamedTuple):
    """A run of visible text that nothing breaks: neither a block, nor a picture, nor a `br`."""

    text: str
    distance: int
    is_heading: bool
    block: Element | None
    """What it stands in; None where that is the box in which the gathering began."""
    is_adjacent: bool
    """True where nothing breaks the line between where the gathering began and it."""


class Lines:
    """Visible lines, gathered node by node, in page order or against it, until there are enough of them."""

    __slots__ = (
        *("_at_most_characters", "_at_most_distance", "_backward", "_block", "_blocks_left", "_distance", "_has_broken"),
        *("_is_adjacent", "_is_heading", "_run", "_wanted", "found"),
    )

    def __init__(
        self,
        wanted: int = AT_MOST_BLOCKS,
        at_most_distance: int = AT_MOST_BLOCKS,
        at_most_characters: int = AT_MOST_LINE,
        *,
        backward: bool = False,
    ) -> None:
        self.found: list[Line] = []
        self._wanted = wanted
        self._at_most_distance = at_most_distance
        self._at_most_characters = at_most_characters
        self._backward = backward
        self._blocks_left = AT_MOST_BLOCKS
        self._run: list[str] = []
        self._distance = 0
        self._is_heading = False
        self._is_adjacent = False
        self._block: Element | None = None
        self._has_broken = False

    @property
    def is_within(self) -> bool:
        """True within a line."""
        return bool(self._run)

    def take(  # noqa: C901  every element of every page passes here, and a call costs as much as the rest
        self, nodes: Iterable[Node], distance: int, block: Element | None = None, is_heading: bool = False
    ) -> bool:
        """Nodes of one box, with all in them; true where the lines are enough. `distance` is that of the box's own text."""
        run, backward = self._run, self._backward
        for node in nodes:
            if type(node) is TextNode:
                text = node.data
                if run:
                    run.append(text[:AT_MOST_TEXT])
                elif not text.isspace():
                    run.append(text[:AT_MOST_TEXT])
                    self._distance, self._is_heading, self._block = distance, is_heading, block
                    self._is_adjacent = not self._has_broken
            elif type(node) is Element:
                tag = node.tag
                if tag in INLINE:
                    if self.take(reversed(node.children) if backward else node, distance, block, is_heading):
                        return True
                    continue
                self._has_broken = True
                self._blocks_left -= 1
                if (run and self.end_line()) or self._blocks_left <= 0:
                    return True
                if tag in _UNREAD or distance >= self._at_most_distance:
                    continue
                children = reversed(node.children) if backward else node
                if self.take(children, distance + 1, node, is_heading or tag in _OPENERS) or (run and self.end_line()):
                    return True
        return False

    def end_line(self) -> bool:
        """Something breaks the line here; true where the lines are enough."""
        self._has_broken = True
        if self._run:
            run = "".join(self._run[::-1] if self._backward else self._run) if len(self._run) > 1 else self._run[0]
            text = collapse(run)[: self._at_most_characters]
            self._run.clear()
            if text and len(self.found) < self._wanted:
                self.found.append(Line(text, self._distance, self._is_heading, self._block, self._is_adjacent))
        return len(self.found) >= self._wanted


def _bounded(html: str) -> str:
    """The page up to where parsing it would cost far more than its length: no page written for readers comes near."""
    if len(html) <= AT_MOST_UNCHECKED:
        return html
    tags = html.count("<")
    if tags * AT_MOST_UNCLOSED <= AT_MOST_COPIES or (tags - 2 * html.count("</")) * tags <= AT_MOST_COPIES:
        return html
    unclosed = list(accumulate(map(_STEP.__getitem__, _FORMATTING.findall(html))))
    if not unclosed or (max(unclosed) - min(0, *unclosed)) * tags <= AT_MOST_COPIES:
        return html
    copies = here = open_now = 0
    for tag in _FORMATTING.finditer(html):
        copies += min(open_now, AT_MOST_UNCLOSED) * html.count("<", here, tag.start())
        if copies > AT_MOST_COPIES:
            return html[:here]
        open_now, here = max(0, open_now + _STEP[tag[1]]), tag.start()
    copies += min(open_now, AT_MOST_UNCLOSED) * html.count("<", here)
    return html[:here] if copies > AT_MOST_COPIES else html
