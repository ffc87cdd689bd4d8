"""Sitemaps and feeds."""

from __future__ import annotations

import gzip

import pytest

from wukong_build.web.sitemap import AT_MOST_LINKS, Sitemap, read_sitemap

URL = "https://a.test/sitemap.xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def read(text: str | bytes, *, is_expected: bool = False) -> Sitemap | None:
    """What an answer is."""
    return read_sitemap(text.encode() if isinstance(text, str) else text, URL, is_expected=is_expected)


@pytest.mark.parametrize(
    ("text", "kind", "links"),
    [
        (
            f"{HEAD}<urlset {SPACE}><url><loc>https://a.test/1</loc></url><url><loc>\n https://a.test/2?a=1&amp;b=2 \n</loc>",
            "sitemap",
            ("https://a.test/1", "https://a.test/2?a=1&b=2"),
        ),
        (
            f"{HEAD}<!-- made by a machine --><sitemapindex {SPACE}><sitemap><loc>/2.xml.gz</loc>",
            "sitemap_index",
            ("https://a.test/2.xml.gz",),
        ),
        (
            "<urlset><url><loc><![CDATA[https://a.test/1]]></loc><image:image><image:loc>https://a.test/i.jpg</image:loc>",
            "sitemap",
            ("https://a.test/1",),
        ),
        ('<s:urlset xmlns:s="x"><s:url><s:loc>https://a.test/1</s:loc>', "sitemap", ("https://a.test/1",)),
        ("<urlset></urlset>", "sitemap", ()),
        (
            '<rss version="2.0"><channel><link>https://a.test/</link><item><title>x</title><link>https://a.test/1</link></item>',
            "sitemap",
            ("https://a.test/", "https://a.test/1"),
        ),
        (
            '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/feed"/><entry><link href="/1"/></entry>',
            "sitemap",
            ("https://a.test/1",),
        ),
        ("\ufeff" + HEAD + "<urlset><url><loc>https://a.test/图</loc>", "sitemap", ("https://a.test/%E5%9B%BE",)),
        (
            "<urlset><loc>javascript:x</loc><loc>https://a.test/1</loc><loc>https://a.test/1</loc>",
            "sitemap",
            ("https://a.test/1",),
        ),
    ],
)
def test_what_it_names(text: str, kind: str, links: tuple[str, ...]) -> None:
    """Canonical, distinct, in order; pages of `urlset`, RSS and Atom, sitemaps of an index; whether it was expected or not."""
    for is_expected in (True, False):
        assert read(text, is_expected=is_expected) == Sitemap(kind, links)
    assert read(gzip.compress(text.encode()), is_expected=True) == Sitemap(kind, links)


def test_a_list_of_urls_is_one_where_a_sitemap_is_expected() -> None:
    """A line each; text that is none is none."""
    assert read("https://a.test/1\nhttps://a.test/2\n", is_expected=True) == Sitemap(
        "sitemap", ("https://a.test/1", "https://a.test/2")
    )
    assert read("https://a.test/1\nhttps://a.test/2\n") is None
    assert read("Not found", is_expected=True) is None


@pytest.mark.parametrize(
    "text", ["", "<html><body>urlset</body></html>", "<p><urlset>", b"\x1f\x8bbroken", b"\x00\xff", "<!--" * 2_000, "<?x" * 2_000]
)
def test_what_is_none(text: str | bytes) -> None:
    """A page of HTML, a broken file, nothing: none of them raises."""
    assert read(text) is None
    assert read(text, is_expected=True) is None


def test_endless() -> None:
    """So many links are taken as the protocol allows, and no more is unpacked."""
    found = read("<urlset>" + "".join(f"<loc>/{number}</loc>" for number in range(AT_MOST_LINKS + 5)), is_expected=True)
    assert found is not None
    assert len(found.links) == AT_MOST_LINKS
    assert read(gzip.compress(b"<urlset>" + b" " * 100_000_000), is_expected=True) == Sitemap("sitemap", ())
