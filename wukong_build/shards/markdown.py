"""Pieces of Markdown, in which the words of strangers are no markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; cells are taken as they are."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def cell(text: str) -> str:
    """Text on one line, every sign of Markdown escaped."""
    spaced = " ".join(text.split())
    return "".join(f"\\{char}" if char in "|<>[]*_`\\" else char for char in spaced)


def of(count: int, total: int) -> str:
    """`12 of 40 (30.00%)`."""
    return f"{count} of {total}" + (f" ({count / total:.2%})" if total else "")
