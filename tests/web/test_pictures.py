"""Which elements show a picture."""

from __future__ import annotations

import pytest

from wukong_build.web.html import parsed
from wukong_build.web.pictures import attributes_of, pictures


@pytest.mark.parametrize(
    ("html", "addresses"),
    [
        ("<img src=a.jpg><img src=b.jpg>", ["a.jpg", "b.jpg"]),
        ("<video poster=a.jpg></video><img src=b.jpg><video src=c.mp4></video>", ["a.jpg", "b.jpg"]),
        ("<div style='background-image:url(a.jpg)'></div>", ["a.jpg"]),
        ("<a style=\"color:red;BACKGROUND: #fff url( 'a.jpg' ) 0 0\"> </a>", ["a.jpg"]),
        ("<div style='background:url(a.jpg)'>词</div>", []),
        ("<div style='background:url(a.jpg)'><img src=b.jpg></div>", ["b.jpg"]),
        ("<div style='background:url(a.jpg) -10px 0'></div><div style='mask:url(a.svg)'></div>", []),
        ("<html amp><amp-img src=a.jpg></amp-img>", ["a.jpg"]),
        ("<amp-img src=a.jpg></amp-img>", []),
    ],
)
def test_addresses(html: str, addresses: list[str | None]) -> None:
    """In page order: images, posters, backgrounds with nothing upon them, and the images of AMP where the page is one."""
    assert [attributes_of(picture).get("src") for picture in pictures(parsed(html))] == addresses


def test_sides_of_a_background() -> None:
    """The sizes that a style declares are as good as attributes."""
    (box,) = pictures(parsed("<div style='max-width: 900px; width:20px;height: 10%; background:url(a.jpg)'></div>"))
    assert attributes_of(box) == {"style": box.attr("style"), "src": "a.jpg", "width": "20"}
