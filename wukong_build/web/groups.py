"""Which lines of a robots.txt, or of a file in its form, speak to a crawler. Knows no directive but that which begins a group."""

from __future__ import annotations

import re
from collections.abc import Iterator

_USER_AGENT = frozenset({"user-agent", "useragent", "user agent"})
_OF_NO_GROUP = frozenset({"sitemap", "host"})
_LINE_END = re.compile(r"\r\n|\r|\n")  # and none of the others that Python knows: they may stand in a path


def lines_for(text: str, product: str, *, headless: bool = False) -> list[tuple[str, str]]:
    """The lines that speak to a crawler, as name and value: of the groups that name it, else of those for all (RFC 9309, 2.2.1).

    A group names a crawler by its whole product token, in any case, whatever version or words follow. Lines before the first
    group speak to nobody, or, of a file that needs no groups, to all.
    """
    product = product.lower()
    found: dict[str, list[tuple[str, str]]] = {"*": []}
    addressed, is_head = {"*"} if headless else set[str](), False
    for name, value in _lines(text):
        if name in _USER_AGENT:
            token = re.split(r"[/\s]", value, maxsplit=1)[0].lower()
            addressed = addressed if is_head else set()
            is_head = True
            if token in {"*", product}:
                addressed.add(token)
                found.setdefault(token, [])
        elif name not in _OF_NO_GROUP:
            is_head = False
            for token in addressed:
                found[token].append((name, value))
    return found.get(product, found["*"])


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Name and value of every line that has both; people forget the colon."""
    for line in _LINE_END.split(text.removeprefix("\ufeff")):
        said = line.partition("#")[0].strip()
        name, mark, value = said.partition(":") if ":" in said else said.partition(" ")
        if mark:
            yield name.strip().lower(), value.strip()
