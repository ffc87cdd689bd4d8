"""Web pages as a source."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

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
        {"seeds": "http://a.test/"},
        {"seeds": ["http://a.test/"], "depth": -1},
        {"seeds": ["http://a.test/"], "at_most_pages": 0},
        {"seeds": ["http://a.test/"], "at_most_page": 1},
    ],
)
def test_pages_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    """There is a seed, and bounds stand in the types."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(values, Pages)
