"""The JSON-LD of a page: what its blocks hold, node by node. Knows no vocabulary.

What a page says to search engines is data like any other: broken, endless or deep blocks cost little and raise nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from turbohtml import Document, Element

AT_MOST_VALUES = 20_000
"""How many values of a block are looked at."""

Node = dict[str, Any]


def blocks(document: Document) -> list[tuple[Element, list[Node]]]:
    """Every block that is JSON, in page order, with its nodes: each outer one before those in it."""
    scripts = (script for script in document.find_all("script") if "json" in (script.attr("type", "") or "").lower())
    typed = (script for script in scripts if (script.attr("type") or "").strip().lower() == "application/ld+json")
    return [(script, list(_nodes(script.text))) for script in typed]


def _nodes(text: str) -> Iterator[Node]:
    try:
        waiting = [json.loads(text, strict=False)]  # line breaks within strings are common
    except (ValueError, RecursionError):
        return
    for _ in range(AT_MOST_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))
