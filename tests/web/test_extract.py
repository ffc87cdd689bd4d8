"""What a page offers.

A quirk of a site is a folder of `tests/pages`: `page.html`, `pairs.json`, and `url.txt` where the URL matters.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.web.caption import choose
from wukong_build.web.extract import (
    AT_MOST_CANDIDATE,
    AT_MOST_LINKS,
    AT_MOST_METAS,
    AT_MOST_PAIRS,
    AT_MOST_REFERENCES,
    Text,
    extract,
    read_page,
)
from wukong_build.web.page import decode_page

PAGES = sorted((Path(__file__).parents[1] / "pages").iterdir())
URL = "https://pages.example/a/b.html"


def read_case(case: Path) -> list[dict[str, object]]:
    """What is found on a saved page, as `pairs.json` has it."""
    url_file = case / "url.txt"
    url = url_file.read_text("utf-8").strip() if url_file.exists() else URL
    pairs = extract(decode_page((case / "page.html").read_bytes(), None), url)
    choices = [choose(pair.texts) for pair in pairs]
    return [
        {"url": pair.url, "caption": choice and choice.text, "origins": [text.origin for text in pair.texts]}
        | ({"chrome": pair.chrome} if pair.chrome else {})
        for pair, choice in zip(pairs, choices, strict=True)
    ]


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
def test_saved_page(case: Path) -> None:
    """Each saved page gives its pairs: the picture a reader sees, the caption chosen, and where its texts stood."""
    assert read_case(case) == json.loads((case / "pairs.json").read_text("utf-8"))


def test_a_pair_knows_its_place() -> None:
    """A pair has the page's URL, its position on it, and each text with its distance in steps between parents and children."""
    first, second = extract("<title>页</title><div><p><img src=1.jpg></p><p>说明</p></div><img src=2.jpg alt=二>", URL)
    assert (first.page_url, first.position, second.position) == (URL, 0, 1)
    assert first.texts == (Text("说明", "nearest", 4), Text("页", "page_title", 0))
    assert second.texts == (Text("二", "alt", 0), Text("页", "page_title", 0))


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ("<a href=/x>x</a><a href=y#z>y</a><a href=/x>again</a>", ["https://pages.example/x", "https://pages.example/a/y"]),
        ("<base href=/c/><map><area href=d></map><iframe src=e>", ["https://pages.example/c/d", "https://pages.example/c/e"]),
        ("<link rel='next' href=?p=2><link rel=stylesheet href=s.css>", ["https://pages.example/a/b.html?p=2"]),
        ("<a href=x rel='ugc NoFollow'>x</a><a>no target</a><a href='javascript:void(0)'>x</a>", []),
        ("<meta name=robots content='noindex, NOFOLLOW'><a href=x>x</a>", []),
        ("<meta http-equiv=Refresh content=\"0; URL='x'\"><meta http-equiv=refresh content=60>", ["https://pages.example/a/x"]),
        ("<META HTTP-EQUIV=refresh content='3;/y'><meta http-equiv=robots content='0;url=/z'>", ["https://pages.example/y"]),
        ("<a href=big.JPG>x</a><a href=//pages.example/w.pdf>x</a>", []),
        (
            "<a href='/w/File:Tea.jpg'></a><a href='/w/%E6%96%87%3ATea.jpg'></a><a href='v.php?f=tea.jpg'></a><a href=//a.zip>",
            [
                "https://pages.example/w/File:Tea.jpg",
                "https://pages.example/w/%E6%96%87%3ATea.jpg",
                "https://pages.example/a/v.php?f=tea.jpg",
                "https://a.zip/",
            ],
        ),
        ("<meta name=robots content=none><a href=x>x</a>", []),
        ("<meta name=robots content='index,follow'><a href=x>x</a>", ["https://pages.example/a/x"]),
    ],
)
def test_links(html: str, links: list[str]) -> None:
    """Links are canonical, distinct and in page order; what the page asks robots not to follow is not among them."""
    assert list(read_page(html, URL).links) == links


@pytest.mark.parametrize(
    ("html", "metas"),
    [
        (
            "<meta name=Robots content='noai, noimageai'><meta name=robots content=nofollow>",
            {"robots": ["noai, noimageai", "nofollow"]},
        ),
        (
            "<meta name=tdm-reservation content=1><meta name=wukong-test content=noml>",
            {"tdm-reservation": ["1"], "wukong-test": ["noml"]},
        ),
        ("<meta property=og:title content=x><meta name=twitter:title content=y><meta name=robots>", {}),
        ("<meta http-equiv=refresh content=1><meta charset=utf-8>", {}),
        (f"<meta name=robots content={'x' * 10_000}>", {"robots": ["x" * 2_000]}),
    ],
)
def test_metas(html: str, metas: dict[str, list[str]]) -> None:
    """What a page says to crawlers is kept by name, in its order and cut; what it says to those who share it is not."""
    assert read_page(html, URL).metas == metas


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title> 花园\n日记 </title>", "花园 日记"),
        ("<title></title>", None),
        ("<p>no title", None),
        ("<body><svg><title>图标</title></svg>", None),
    ],
)
def test_title(html: str, title: str | None) -> None:
    """The title is the page's, not a drawing's."""
    assert read_page(html, URL).title == title


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<div><a href=/p><img data-src=/i.jpg></a><h5>名字</h5></div>" * 20_000, AT_MOST_PAIRS),
        ("<a href=/p title=" + "长" * 100_000 + ">" + "<img src=/i.jpg>" * 20_000, AT_MOST_PAIRS),
        ("<figure><figcaption>" + "长" * 500_000 + "</figcaption>" + "<img src=/i.jpg>" * 20_000, AT_MOST_PAIRS),
        ("<p id=d>" + "长" * 100_000 + "</p>" + "<img src=/i.jpg aria-describedby=d>" * 20_000, AT_MOST_PAIRS),
        ("<h2>题</h2>" * 20_000 + "<img src=/i.jpg>" * 20_000, AT_MOST_PAIRS),
        ("<div><img src=/i.jpg>" * 4_000, 4_000),
        ("<img src=/i.jpg>" + "<div>" * 200_000, 1),
        ("<img src=/i.jpg>" + "".join(f"<p><b id={number}>" for number in range(40_000)), 1),
        ('<img src=/i.jpg srcset="' + "," * 300_000 + '">' + '<img srcset="' + "a " * 300_000 + '">', 2),
        ("<img src=/i.jpg>" + "<" * 1_000_000, 1),
        ("<picture>" + "<source srcset=/i.jpg>" * 10_000 + "<img src=/i.jpg>" * 10_000, AT_MOST_PAIRS),
        ("<meta property=og:image content=/i.jpg>" * 100_000 + "<img src=/i.jpg>" * 200_000, AT_MOST_PAIRS),
        ("".join(f"<meta property=og:image content=/{number}>" for number in range(5_000)), AT_MOST_METAS),
    ],
    ids=[
        "cards",
        "one link",
        "one figure",
        "one description",
        "headings",
        "nested",
        "deep",
        "copied",
        "srcset",
        "brackets",
        "one picture",
        "images",
        "shared",
    ],
)
def test_the_cost_is_bounded(html: str, count: int) -> None:
    """Endless images, and pages made to be slow, are work for a moment."""
    assert len(extract(html, URL)) == count


def test_a_page_offers_so_much_and_no_more() -> None:
    """Its first links are looked at, and its first `meta` elements; what comes after them is a list made by a machine."""
    links = "".join(f"<a href=/{number}></a>" for number in range(AT_MOST_LINKS + 1))
    page = read_page("<meta name=robots content=noai>" * (AT_MOST_METAS + 1) + links, URL)
    assert (len(page.links), page.links[-1]) == (AT_MOST_LINKS, f"https://pages.example/{AT_MOST_LINKS - 1}")
    assert len(page.metas["robots"]) == AT_MOST_METAS


def test_a_text_is_cut_where_no_caption_reaches() -> None:
    """Ten thousand images may share each of them: the title most of all, and the elements that one image names are few."""
    image = "<img src=/i.jpg alt=" + "长" * 10_000 + " aria-describedby='" + "d " * 1_000 + "'>"
    (pair,) = extract("<title>" + "题" * 10_000 + "</title><p id=d>" + "文" * 10_000 + "</p><div>" + image + "</div>", URL)
    found = [(text.origin, text.text) for text in pair.texts if text.origin != "nearest"]
    described = [("described_by", "文" * AT_MOST_CANDIDATE)] * AT_MOST_REFERENCES
    assert found == [("alt", "长" * AT_MOST_CANDIDATE), *described, ("page_title", "题" * 200)]


PIECES = st.sampled_from(
    """
    <p> </p> <a/href=x> </a> <img> <img/src=a.jpg> <img/data-src=b.jpg/alt=图> <noscript> </noscript> <figure> <figcaption>
    </figure> <picture> <source/srcset=c.jpg> <table> <tr> <td> <h2> </h2> <svg> <title> </title> <base/href=//[> <br> 字 &#0;
    <!-- <frameset> \ud800
    """.split()  # noqa: SIM905  words read better than a list of strings
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=30))
def test_any_text_is_a_page(pieces: list[str]) -> None:
    """No text raises; positions count up, and no text is empty."""
    page = read_page("".join(pieces), URL)
    assert [pair.position for pair in page.pairs] == list(range(len(page.pairs)))
    assert all(text.text and text.distance >= 0 for pair in page.pairs for text in pair.texts)
