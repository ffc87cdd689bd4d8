"""JSON lines and bare URLs: what is on a line, and what of it is no row."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.sources import Urls
from wukong_build.web.sources.lines import LONGEST_LINE

Listed = Callable[..., Urls]
Pairs = Callable[[Urls], list[dict[str, Any]]]

GOOD = b'{"url": "http://a.test/", "caption": "\xe7\x8c\xab", "page": "http://b.test/"}\n'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"caption": "a", "url": "u"}', ("u", "a", '{"x":null}')),
        (b'  {"url": "u", "caption": null} \r', ("u", None, '{"x":null}')),
        (b'{"url": "u"}', ("u", None, '{"x":null}')),
        (b'{"url": null, "caption": ""}', ("", None, '{"x":null}')),
        (b'{"url": 7, "caption": 1.5, "x": true}', ("7", "1.5", '{"x":true}')),
        (b'{"url": "u", "caption": ["a", "b"]}', ("u", '["a","b"]', '{"x":null}')),
        (b'{"url": "u", "caption": "\xba\xec"}', ("u", "红", '{"x":null}')),
        (b'{"url": "u", "x": NaN}', ("u", None, '{"x":null}')),
        (b'{"url": "u", "x": 1e999}', ("u", None, '{"x":null}')),
        (b'{"url": "u", "x": 123456789012345678901234567890}', ("u", None, '{"x":123456789012345678901234567890}')),
        (rb'{"url": "u", "caption": "a\ud83d"}', ("u", "a?", '{"x":null}')),
        (rb'{"url": "u", "caption": "\u0000"}', ("u", "\0", '{"x":null}')),
        (b'{"url": "u", "x": {"y": ["\xe7\x8c\xab", 1]}}', ("u", None, '{"x":{"y":["猫",1]}}')),
        (b'{"url": "u", "x": ' + b"[" * 500 + b"]" * 500 + b"}", ("u", None, '{"x":' + "[" * 500 + "]" * 500 + "}")),
        (b'{"url": "u", "caption": "' + b"a" * 1_500_000 + b'"}', ("u", "a" * 1_500_000, '{"x":null}')),
    ],
)
def test_a_json_line(listed: Listed, pairs: Pairs, line: bytes, expected: tuple[str, str | None, str]) -> None:
    """An object is a row, in whatever way its values are written, and costs its neighbours nothing."""
    with_x = GOOD.replace(b"}", b', "x": 1}')
    first, pair, last = pairs(listed("list.jsonl", with_x + line + b"\n\n" + GOOD[:-1], extra_columns=("x",)))
    text = pair["texts"][0]["text"] if pair["texts"] else None
    assert (pair["url"], text, pair["extra"]) == expected
    assert (first["url"], last["url"]) == ("http://a.test/", "http://a.test/")
    assert last["position"] == 2
    assert json.loads(pair["extra"]).keys() == {"x"}


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b'"u"',
        b"{",
        b'{"url": "u",}',
        b"\xff\xfe",
        b"[" * 1_000_000,
        b'{"url": "u", "caption": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"url": ' + b"1" * 10_000 + b"}",
        b'{"url": "' + b"a" * (3 * LONGEST_LINE) + b'"}',
    ],
)
def test_a_line_that_is_no_object(listed: Listed, pairs: Pairs, line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is skipped, counted and told; so is one that is too long, of which no more than the limit is ever in memory."""
    source = listed("list.ndjson", GOOD + line + b"\n" + GOOD + line)
    with caplog.at_level(logging.WARNING, logger="wukong_build"):
        assert [pair["position"] for pair in pairs(source)] == [0, 1]
    (record,) = caplog.records
    assert "list.ndjson: 2 rows skipped; one of them is " in record.getMessage()
    assert len(record.getMessage()) < 1000


def test_all_other_keys_are_carried(listed: Listed, pairs: Pairs) -> None:
    """Each row has keys of its own, in its own order; a row without any has nothing."""
    rows = b'{"w": 1, "url": "u", "caption": "a", "h": 2}\n{"url": "v", "z": 3}\n{"url": "w"}\n'
    found = pairs(listed("list.json", rows, extra_columns="*"))
    assert [pair["extra"] for pair in found] == ['{"w":1,"h":2}', '{"z":3}', None]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"URL": "u"}\n', "has no column 'url'.*; it has URL"),
        (b'[\n{"url":\n"u"}]\n', "no line is a JSON object"),
        (b"{}\n", "no line is a JSON object with keys"),
        (b"\x1f\x8b\n", "no line is a JSON object"),
    ],
)
def test_json_without_the_columns(listed: Listed, content: bytes, expected: str) -> None:
    """It is told before anything is read."""
    with pytest.raises(ConfigError, match=expected):
        listed("list.json", content).check()


@pytest.mark.parametrize("name", ["list.jsonl", "list.txt"])
def test_nothing_in_a_list(listed: Listed, pairs: Pairs, name: str) -> None:
    """A list may be empty."""
    assert pairs(listed(name, "\n")) == pairs(listed(name, "")) == []


def test_bare_urls(listed: Listed, pairs: Pairs) -> None:
    """A line is a URL without caption, whatever the config calls its columns; empty lines are none."""
    content = b"\xef\xbb\xbfhttp://a.test/1\r\n\nhttp://a.test/\xe5\x9b\xbe \nno url\n" + b"a" * (3 * LONGEST_LINE) + b"\nx"
    found = pairs(listed("list.txt", content, url="src"))
    assert [pair["url"] for pair in found] == ["http://a.test/1", "http://a.test/%E5%9B%BE", "no url", "x"]
    assert [pair["position"] for pair in found] == [0, 1, 2, 3]
    assert not any(pair["texts"] or pair["extra"] or pair["page_url"] for pair in found)
