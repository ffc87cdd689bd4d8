"""What pages tell those who share them."""

from __future__ import annotations

from typing import Any

import pytest

from wukong_build.web.sharing import named_by_json_ld, named_by_metas


def test_metas() -> None:
    """Every picture is named once, with the first text of each kind."""
    metas = {
        "og:image": ["/a.jpg", "/b.jpg"],
        "twitter:image": ["/a.jpg"],
        "og:image:alt": ["一只猫"],
        "og:title": ["猫"],
        "twitter:title": ["另一只"],
    }
    named = [(name.address, name.origin, name.text) for name in named_by_metas(metas) if name.origin]
    assert named == [(address, *text) for address in ("/a.jpg", "/b.jpg") for text in (("og_alt", "一只猫"), ("og_title", "猫"))]


@pytest.mark.parametrize(
    ("node", "named"),
    [
        ({"name": "壶", "image": "/a.jpg"}, [("/a.jpg", "json_ld_title", "壶", True)]),
        (
            {"name": "壶", "image": ["/a.jpg", {"url": "/b.jpg"}]},
            [("/a.jpg", "json_ld_title", "壶", True), ("/b.jpg", "json_ld_title", "壶", False)],
        ),
        ({"@type": "ImageObject", "contentUrl": "/a.jpg", "caption": "壶"}, [("/a.jpg", "json_ld", "壶", True)]),
        (
            {"@type": ["Thing", "ImageObject"], "url": "/a.jpg", "name": " ", "headline": "壶"},
            [("/a.jpg", "json_ld", "壶", True)],
        ),
        ({"headline": "壶", "image": {"@id": "/a.jpg"}}, [("/a.jpg", "json_ld_title", "壶", True)]),
        ({"@type": "ImageObject", "caption": "壶"}, []),
        ({"name": 7, "image": [7, None, {"url": 7}, []]}, []),
        ({"name": ["壶"], "image": "/a.jpg"}, [("/a.jpg", "json_ld_title", "", True)]),
    ],
)
def test_json_ld(node: dict[str, Any], named: list[tuple[str, str, str, bool]]) -> None:
    """A picture's own words, and those of what it shows; of several pictures of one thing the first stands for all."""
    assert list(map(tuple, named_by_json_ld([node]))) == named
