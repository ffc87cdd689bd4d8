"""Text as a terminal shows it: columns that line up where Chinese is two cells wide, and nothing that moves the cursor."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence


def plain(text: str) -> str:
    """The text on one line: what a terminal would act on, or not show at all, stands there as an escape."""
    return "".join(char if char.isprintable() or unicodedata.category(char) == "Zs" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode()


def width(text: str) -> int:
    """Cells that a line takes: two for a wide character, none for a mark upon another."""
    if text.isascii():
        return len(text)
    return sum(_CELLS.get(unicodedata.east_asian_width(char), 1) for char in text if not unicodedata.combining(char))


_CELLS = {"W": 2, "F": 2}


def cut(text: str, cells: int) -> str:
    """The text, or as much of it as fits with an ellipsis behind it; here a mark upon another character counts as one too."""
    if max(len(text), width(text)) <= cells:
        return text
    text = text[: cells - 1]
    while width(text) >= cells:
        text = text[:-1]
    return f"{text}…"


def lines(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """The rows with their columns lined up; those whose numbers are in `right` end together, the others begin together."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(cell, widths[at], right=at in right) for at, cell in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, cells: int, *, right: bool) -> str:
    space = " " * (cells - width(cell))
    return space + cell if right else cell + space
