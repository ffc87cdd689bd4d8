"""Blocks of JSON-LD."""

from __future__ import annotations

import pytest

from wukong_build.web.html import parsed
from wukong_build.web.json_ld import AT_MOST_VALUES, blocks


def found(script: str, kind: str = "application/ld+json") -> list[dict[str, object]]:
    """The nodes of the blocks of a page with one script."""
    return [node for _, nodes in blocks(parsed(f"<script type='{kind}'>{script}</script>")) for node in nodes]


@pytest.mark.parametrize(
    ("script", "nodes"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('{"a": {"b": 2}}', [{"a": {"b": 2}}, {"b": 2}]),
        ('[{"a": 1}, {"b": [{"c": 3}]}]', [{"a": 1}, {"b": [{"c": 3}]}, {"c": 3}]),
        ('{"a": "line\nbreak"}', [{"a": "line\nbreak"}]),
        ('"text"', []),
        ("{broken", []),
        ("[" * 100_000, []),
    ],
)
def test_nodes(script: str, nodes: list[dict[str, object]]) -> None:
    """Every object at whatever depth, outer ones first; what is no JSON has none."""
    assert found(script) == nodes


def test_other_scripts() -> None:
    """Only what is said to be JSON-LD is read, in any case and with spaces around."""
    assert found('{"a": 1}', "application/json") == found('{"a": 1}', "text/javascript") == []
    assert found('{"a": 1}', " Application/LD+JSON ") == [{"a": 1}]


def test_endless() -> None:
    """Of a block so many values are looked at."""
    assert len(found("[" + ",".join(['{"a": 1}'] * (AT_MOST_VALUES + 10)) + "]")) < AT_MOST_VALUES
