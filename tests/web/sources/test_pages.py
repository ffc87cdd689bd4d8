"""Web pages as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.sources import SOURCES, Pages, labelled


def test_the_seeds_are_asked_for_and_name_the_source() -> None:
    """A source is called for its kind and its first seed, and starts at all of them."""
    pages = msgspec.convert({"seeds": ["http://a.test/", "http://b.test/"], "depth": 0}, Pages)
    assert list(labelled([pages, pages])) == ["0:pages:http://a.test/", "1:pages:http://a.test/"]
    assert tuple(pages.starts()) == ("http://a.test/", "http://b.test/")
    assert SOURCES["pages"] is Pages


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"seeds": []},
        {"seeds": 7},
        {"seeds": ["http://a.test/"], "stay_on": "page"},
        {"seeds": ["http://a.test/"], "at_most_pages_per_host": 0},
        {"seeds": ["http://a.test/"], "sitemaps": "all"},
        {"seeds": ["http://a.test/"], "depth": -1},
        {"seeds": ["http://a.test/"], "at_most_pages": 0},
        {"seeds": ["http://a.test/"], "at_most_page": 1},
    ],
)
def test_pages_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    """There is a seed, and bounds stand in the types."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(values, Pages)


def test_seeds_of_a_file(tmp_path: Path) -> None:
    """A URL in each line, remarks and blank lines aside; one URL alone is a seed."""
    path = tmp_path / "seeds.txt"
    path.write_text("\ufeff# sites\nhttp://a.test/\n\n  http://b.test/ \n", encoding="utf-8")
    assert Pages(seeds=str(path)).starts() == ("http://a.test/", "http://b.test/")
    assert Pages(seeds=str(path)).target == str(path)
    assert Pages(seeds="http://a.test/").starts() == ("http://a.test/",)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"seeds": "no/such/file.txt"}, "the file of seeds cannot be read"),
        ({"seeds": "{empty}"}, "has no seed; a URL in each line is meant"),
        ({"seeds": ("http://a.test/",), "allow": ("(",)}, r"'\(' is no regular expression: missing \)"),
        ({"seeds": ("http://a.test/",), "deny": ("a{2,1}",)}, "is no regular expression"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, settings: dict[str, Any], complaint: str) -> None:
    """Before anybody is asked for anything."""
    (tmp_path / "empty.txt").write_text("# nothing\n", encoding="utf-8")
    if settings["seeds"] == "{empty}":
        settings = {"seeds": str(tmp_path / "empty.txt")}
    with pytest.raises(ConfigError, match=complaint):
        Pages(**settings).check()
