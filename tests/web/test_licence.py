"""What on a page is evidence of a licence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.web.extract import read_page
from wukong_build.web.licence import AT_MOST_LICENCES, Licence

URL = "https://pages.example/a/b.html"
BY = "https://creativecommons.org/licenses/by/4.0/"


def json_ld(value: object) -> str:
    """A page with a block of JSON-LD."""
    return f"<script type='application/ld+json'>{json.dumps(value)}</script>"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f"<link rel=license href={BY}>", [(BY, "rel_license")]),
        (f"<a rel='nofollow LICENSE license' href={BY}>CC BY</a>", [(BY, "rel_license")]),
        ("<base href=/c/><a rel=license href=terms.html>", [("https://pages.example/c/terms.html", "rel_license")]),
        ("<a rel=license href='HTTPS://Example.org/a/../b'>", [("https://example.org/b", "rel_license")]),
        ("<link rel='DCTERMS.license' href=//example.org/l>", [("https://example.org/l", "rel_license")]),
        (f"<a href={BY}>CC</a>", [(BY, "link")]),
        (
            "<a href=http://creativecommons.org/publicdomain/zero/1.0/deed.zh>CC0</a>",
            [("http://creativecommons.org/publicdomain/zero/1.0/deed.zh", "link")],
        ),
        ("<a href=https://creativecommons.org/>CC</a><a href=https://creativecommons.org/licenses/>all</a>", []),
        ("<a href=https://evil.example/?creativecommons.org/licenses/by/>no</a>", []),
        (f"<a itemprop=license href={BY}>CC</a>", [(BY, "itemprop")]),
        (f"<meta itemprop=license content={BY}>", [(BY, "itemprop")]),
        ("<span itemprop='name license'>CC BY\n 4.0</span>", [("CC BY 4.0", "itemprop")]),
        ("<meta name=dc.rights content='版权所有  某报'>", [("版权所有 某报", "meta")]),
        (f"<meta name=DCTERMS.license content={BY}>", [(BY, "meta")]),
        ("<meta property=dcterms.rights content='CC BY/NC'>", [("CC BY/NC", "meta")]),
        ("<meta name=license content='CC-BY-4.0'>", [("CC-BY-4.0", "meta")]),
        ("<p>license: see creativecommons.org/licenses/by/4.0</p><a rel=licensed href=x>", []),
        ("<a rel=license>no target</a><meta name=dc.rights content=' '>", []),
        (f"<a rel=license href={BY}{'x' * 500}>", [(f"{BY}{'x' * 500}"[:200], "rel_license")]),
        ("<p>nothing", []),
    ],
)
def test_elements(html: str, expected: list[tuple[str, str]]) -> None:
    """A link, an item or a meta that is named as a licence, and any link to a Creative Commons deed; words where no URL is."""
    assert read_page(html, URL).licences == tuple(Licence(*found) for found in expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"@type": "ImageObject", "license": BY}, [BY]),
        ([{"license": BY}, {"license": "https://example.org/l"}], [BY, "https://example.org/l"]),
        ({"@graph": [{"@type": "WebPage"}, {"image": {"@type": "ImageObject", "license": BY}}]}, [BY]),
        ({"license": {"@type": "CreativeWork", "url": BY}}, [BY]),
        ({"license": {"@id": BY, "name": "CC BY"}}, [BY]),
        ({"license": {"name": "CC BY"}}, ["CC BY"]),
        ({"license": [BY, {"@id": "https://example.org/l"}, 7, None]}, [BY, "https://example.org/l"]),
        ({"license": "/terms"}, ["https://pages.example/terms"]),
        ({"license": "a\nb"}, ["a b"]),
        ({"license": "a\ud800"}, ["a?"]),
        ({"license": 7, "x": {"license": ["", {"url": 7}, []]}}, []),
        ("license", []),
    ],
)
def test_json_ld(value: object, expected: list[str]) -> None:
    """Every `license` in a block, of the page or of an image on it, at whatever depth."""
    assert read_page(json_ld(value), URL).licences == tuple(Licence(url, "json_ld") for url in expected)


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<script>{'license': 'x'}</script>", 0),
        ("<script type=application/ld+json>{'license': </script>", 0),
        ('<script type="application/ld+json; ">{"license": "x"}</script>', 0),
        ('<script type=" Application/LD+JSON ">{"license": "x\n"}</script>', 1),
        (f"<a rel=license href={BY}></a>" * 3 + f"<a href={BY}></a>", 2),
        ("".join(f"<a rel=license href=/{number}></a>" for number in range(100)), AT_MOST_LICENCES),
    ],
)
def test_what_counts(html: str, count: int) -> None:
    """Scripts of other kinds and broken ones name none; what is named twice counts once, and a page has some at most."""
    assert len(read_page(html, URL).licences) == count


def test_licences_stand_in_page_order() -> None:
    """A block of JSON-LD stands where its element does."""
    html = "<meta name=dc.rights content=a>" + json_ld({"license": "b"}) + "<a rel=license href=/c>c</a>"
    assert [licence.origin for licence in read_page(html, URL).licences] == ["meta", "json_ld", "rel_license"]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "html",
    [
        json_ld(["license"] * 200_000),
        "<script type=application/ld+json>" + '{"license":' * 100_000,
        "<script type=application/ld+json>" + "[" * 50_000 + '"license"' + "]" * 50_000 + "</script>",
        '<script type=application/ld+json>{"license": ' + "9" * 100_000 + "}</script>",
        json_ld({"license": [{"name": "x" * 100}] * 10_000}),
        json_ld([{"license": ["/x"] * 500_000}, {"license": [f"/{number}" for number in range(200_000)]}]),
        "".join(f"<a rel=license href=/{number}></a>" for number in range(100_000)),
        "<a rel=license href=/>" * 20_000,
        "<a rel='" + "license " * 100_000 + "' href=" + "/x" * 500_000 + ">",
        '<script type=application/ld+json>{"license": "\\ud800", "x": {"license": "http://\\ud800/"}}</script>',
    ],
)
def test_the_cost_is_bounded(html: str) -> None:
    """Pages made to be deep or endless are work for a moment, and raise nothing."""
    assert len(read_page(html, URL).licences) <= AT_MOST_LICENCES


@given(st.lists(st.sampled_from(["license", "{", "}", '"', ":", "[", "]", ",", "http://[", "\ud800", " ", "@id"]), max_size=20))
def test_any_block_is_survived(pieces: list[str]) -> None:
    """No block of JSON-LD and no address raises, and what is found is text, and not empty."""
    text = "".join(pieces)
    html = f'<script type=application/ld+json>{{"license": {text}}}</script><a rel=license href="{text}">x</a>'
    assert all(licence.url.encode() for licence in read_page(html, URL).licences)
