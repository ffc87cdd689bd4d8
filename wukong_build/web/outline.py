"""A parsed page as flat lists in document order, so that every question about a place in it has a bounded cost.

Knows what a reader sees as text and where lines of it break; knows nothing of URLs, nor of what a picture is.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, islice
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

AT_MOST_NODES = 400
"""How much of an element is read for its text."""

AT_MOST_DEPTH = 5_000
"""A page is read up to where its elements nest deeper: the parser's time grows with the square of depth (0.2 s here)."""

AT_MOST_COPIES = 200_000
"""A page is read up to where the parser would have copied more unclosed `b`, `font` … into later blocks, as HTML has it."""

AT_MOST_CHARACTERS = 200
"""How much of a line is kept."""

AT_MOST_TEXT = 2_000
"""How much of any other text is kept: far more than a caption has, and twenty thousand images may share one text."""

AT_MOST_CHILDREN = 64
"""How much of a table row is looked at."""

AT_MOST_HEADINGS = 8
"""How many headings back one is looked for."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SECTIONS = frozenset({"article", "section", "aside", "main", "body"})
_UNREAD = frozenset({"head", "script", "style", "template", "noscript", "nav", "button", "select", "textarea", "time", "svg"})
_INLINE = frozenset(
    """
    a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark q ruby s samp small span strike strong sub sup
    tt u var wbr
    """.split()  # noqa: SIM905  words read better than a list of strings
)
_CELLS = frozenset({"td", "th"})
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())  # noqa: SIM905  as above
_UNNESTED = frozenset(
    "area base br col dd dt embed hr img input li link meta option p param source td th tr track wbr".split()  # noqa: SIM905  as above
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")


class Around(NamedTuple):
    """The closest elements of each kind that hold a node, by index; -1 where there is none."""

    section: int = -1
    figure: int = -1
    link: int = -1
    block: int = -1
    cell: int = -1
    noscript: int = -1
    unread: int = -1


class Line(NamedTuple):
    """A run of visible text that nothing breaks: neither a block, nor a picture, nor a `br`."""

    start: int
    """Index of its first text node."""
    text: str


class Path(NamedTuple):
    """The way between two places of a page."""

    common: int
    """The closest element that holds both."""
    near: int
    """Its child towards the first."""
    far: int
    """Its child towards the other."""
    steps: int
    """How many steps between parents and children it takes."""


class Outline:
    """The nodes of a page, from 0, with what holds them; text is as a reader sees it, whitespace collapsed."""

    def __init__(self, html: str) -> None:
        self.nodes: list[LexborNode] = []
        self.tags: list[str] = []
        self.parents: list[int] = []
        self.depths: list[int] = []
        self.around: list[Around] = []
        self._texts: dict[int, str] = {}
        self._attributes: dict[int, dict[str, str | None]] = {}
        tree = LexborHTMLParser(_shallow(html))
        if tree.root is not None:
            self._flatten(tree.root)
        self.ends = self._subtree_ends()
        self._words = list(self._visible())

    def _flatten(self, root: LexborNode) -> None:
        waiting = [(root, -1)]
        while waiting:
            node, parent = waiting.pop()
            index, tag = len(self.nodes), node.tag or ""
            self.nodes.append(node)
            self.tags.append(tag)
            self.parents.append(parent)
            self.depths.append(self.depths[parent] + 1 if parent >= 0 else 0)
            self.around.append(_around(tag, index, self.around[parent] if parent >= 0 else Around()))
            if tag != "-text":
                waiting.extend((child, index) for child in reversed(list(node.iter(include_text=True))))

    def _subtree_ends(self) -> list[int]:
        ends = [index + 1 for index in range(len(self.nodes))]
        for index in range(len(ends) - 1, 0, -1):
            parent = self.parents[index]
            ends[parent] = max(ends[parent], ends[index])
        return ends

    def _visible(self) -> Iterator[str]:
        """What each node adds to the text: its characters, or a space where something breaks the line."""
        block = -1
        for index, tag in enumerate(self.tags):
            around = self.around[index]
            if tag != "-text":
                yield "" if tag in _INLINE or tag == "-comment" else " "
            elif around.unread >= 0:
                yield ""
            else:
                text = self.nodes[index].text_content or ""
                yield text if around.block == block else " " + text
                block = around.block

    @cached_property
    def images(self) -> list[int]:
        """Indices of every `img`."""
        return [index for index, tag in enumerate(self.tags) if tag == "img"]

    @cached_property
    def lines(self) -> list[Line]:
        """The visible lines, in order, cut at `AT_MOST_CHARACTERS`."""
        starts: list[int] = []
        runs: list[list[str]] = []
        block = broken = None
        for index, words in enumerate(self._words):
            if self.tags[index] != "-text":
                broken = broken or words == " "
            elif not words.strip():
                if runs:
                    runs[-1].append(words)
            else:
                if broken or self.around[index].block != block:
                    starts.append(index)
                    runs.append([])
                runs[-1].append(words)
                broken, block = False, self.around[index].block
        return [Line(start, collapse("".join(run))[:AT_MOST_CHARACTERS]) for start, run in zip(starts, runs, strict=True)]

    @cached_property
    def _line_starts(self) -> list[int]:
        return [line.start for line in self.lines]

    @cached_property
    def _headings(self) -> list[int]:
        return [index for index, tag in enumerate(self.tags) if tag in HEADINGS]

    @cached_property
    def figcaptions(self) -> dict[int, int]:
        """Figure → its first caption."""
        found = [(self.around[index].figure, index) for index, tag in enumerate(self.tags) if tag == "figcaption"]
        return {figure: index for figure, index in reversed(found) if figure >= 0}

    @cached_property
    def _by_id(self) -> dict[str, int]:
        named = ((node.id, index) for index, node in enumerate(self.nodes) if self.tags[index][:1] != "-")
        return {name: index for name, index in reversed(list(named)) if name}

    def with_id(self, name: str) -> int | None:
        """The element that a reference points to."""
        return self._by_id.get(name)

    def attributes(self, index: int) -> dict[str, str | None]:
        """What an element's start tag says."""
        if index not in self._attributes:
            self._attributes[index] = self.nodes[index].attributes
        return self._attributes[index]

    def text(self, index: int) -> str:
        """What a reader sees of an element, as far as `AT_MOST_NODES`."""
        if index not in self._texts:
            words = self._words[index : min(self.ends[index], index + AT_MOST_NODES)]
            self._texts[index] = collapse("".join(word[:AT_MOST_TEXT] for word in words))[:AT_MOST_TEXT]
        return self._texts[index]

    def holds(self, outer: int, index: int) -> bool:
        """Whether a node is an element or lies within it."""
        return outer <= index < self.ends[outer]

    def path(self, one: int, other: int, at_most_steps: int) -> Path | None:
        """The way between two nodes, neither of which holds the other; None where it is longer."""
        near, far, steps = one, other, 2
        while not self.holds(self.parents[near], other):
            near, steps = self.parents[near], steps + 1
            if steps > at_most_steps:
                return None
        common = self.parents[near]
        while self.parents[far] != common:
            far, steps = self.parents[far], steps + 1
            if steps > at_most_steps:
                return None
        return Path(common, near, far, steps)

    def headings_before(self, index: int) -> Iterator[int]:
        """Headings of the sections a node lies in, nearest first."""
        before = bisect_left(self._headings, index)
        for heading in reversed(self._headings[max(0, before - AT_MOST_HEADINGS) : before]):
            section = self.around[heading].section
            if section >= 0 and self.holds(section, index):
                yield heading

    def _children(self, index: int) -> Iterator[int]:
        child = index + 1
        while child < self.ends[index]:
            yield child
            child = self.ends[child]

    def _cells(self, row: int) -> list[int]:
        return [child for child in islice(self._children(row), AT_MOST_CHILDREN) if self.tags[child] in _CELLS]

    def cell_below(self, cell: int) -> int | None:
        """The table cell under another, where its row has as many."""
        row = self.parents[cell]
        below = self.ends[row]
        while below < len(self.tags) and self.tags[below][:1] == "-":
            below += 1
        if below == len(self.tags) or self.tags[below] != "tr" or self.parents[below] != self.parents[row]:
            return None
        cells, cells_below = self._cells(row), self._cells(below)
        return cells_below[cells.index(cell)] if cell in cells and len(cells) == len(cells_below) else None

    def lines_near(self, index: int, count: int) -> list[Line]:
        """The lines that follow a node, then those that precede it, each nearest first."""
        here = bisect_right(self._line_starts, index)
        return self.lines[here : here + count] + self.lines[max(0, here - count) : here][::-1]


class Counts:
    """How many of some nodes lie in an element or between two places."""

    def __init__(self, indices: list[int], size: int) -> None:
        marks = [0] * (size + 1)
        for index in indices:
            marks[index + 1] = 1
        self._before = list(accumulate(marks))

    def between(self, start: int, end: int) -> int:
        """How many have start ≤ index < end."""
        return self._before[max(start, end)] - self._before[start]


def collapse(text: str) -> str:
    """The text with every run of whitespace as one space, and none at its ends."""
    return " ".join(text.split())


def _around(tag: str, index: int, parent: Around) -> Around:
    """What holds the children of an element; a text node passes on what it was given."""
    if tag in _INLINE:
        return parent._replace(link=index) if tag == "a" else parent
    if tag[:1] == "-":
        return parent
    return Around(
        section=index if tag in _SECTIONS else parent.section,
        figure=index if tag == "figure" else parent.figure,
        link=parent.link,
        block=index,
        cell=index if tag in _CELLS else parent.cell,
        noscript=index if tag == "noscript" else parent.noscript,
        unread=index if tag in _UNREAD and parent.unread < 0 else parent.unread,
    )


def _shallow(html: str) -> str:
    """The page up to where parsing it would cost far more than its length: no page written for readers comes near."""
    depth = unclosed = copies = 0
    for tag in _TAG.finditer(html) if html.count("<") > AT_MOST_DEPTH // 4 else ():
        name, step = tag[2].lower(), -1 if tag[1] else 1
        if name in _FORMATTING:
            unclosed = max(0, unclosed + step)
        else:
            copies += unclosed
            depth += 0 if name in _UNNESTED else max(step, -depth)
        if depth > AT_MOST_DEPTH or copies > AT_MOST_COPIES:
            return html[: tag.start()]
    return html
