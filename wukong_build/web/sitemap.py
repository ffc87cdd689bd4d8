"""Sitemaps, and the feeds that serve as such: which pages, or which further sitemaps, they name. Asks for nothing.

https://www.sitemaps.org/protocol.html; RSS and Atom, and plain lists of URLs, are sitemaps too.
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Iterator
from itertools import islice

import msgspec

from wukong_build.web.page import decode_page
from wukong_build.web.url import canonical

AT_MOST_BYTES = 52_428_800
"""What the protocol allows, unpacked."""

AT_MOST_LINKS = 50_000
"""What the protocol allows."""

_GZIP = b"\x1f\x8b"
_ROOT_WITHIN = 4_096
_ROOT = re.compile(r"<(?P<prefix>[\w.-]+:)?(?P<name>urlset|sitemapindex|rss|feed|RDF)[\s>]")
_BEFORE_ROOT = re.compile(r"\s*(<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*", re.DOTALL)
_TEXT = r"\s*(?:<!\[CDATA\[)?\s*([^<\]]+?)\s*(?:\]\]>)?\s*<"
_RSS_LINK = re.compile(rf"<link>{_TEXT}")
_ATOM_LINK = re.compile(r"<link\b([^>]*)>")
_HREF = re.compile(r"\bhref\s*=\s*[\"']([^\"']+)")
_OTHER_REL = re.compile(r"\brel\s*=\s*[\"'](?!alternate)")


class Sitemap(msgspec.Struct, frozen=True):
    """What a sitemap names."""

    kind: str
    """`sitemap`, which names pages, or `sitemap_index`, which names sitemaps."""
    links: tuple[str, ...]
    """Canonical URLs, distinct, in their order."""


def read_sitemap(body: bytes, url: str, *, is_expected: bool) -> Sitemap | None:
    """What an answer names if it is a sitemap; a plain list of URLs is one where a sitemap is expected."""
    text = _unpacked(body)
    if text is None or not (is_expected or b"<" in text[:_ROOT_WITHIN]):
        return None
    if not is_expected and not _may_be_one(text):
        return None
    page = decode_page(text, None)
    begins = _BEFORE_ROOT.match(page)
    root = _ROOT.match(page, begins.end() if begins else 0)
    if root is not None:
        kind = "sitemap_index" if root["name"] == "sitemapindex" else "sitemap"
        return Sitemap(kind, _canonical(_named(page, root["name"], root["prefix"] or ""), url))
    lines = page.split()
    is_list = is_expected and lines and all(line.startswith(("http://", "https://")) for line in lines[:100])
    return Sitemap("sitemap", _canonical(iter(lines), url)) if is_list else None


def _named(page: str, root: str, prefix: str) -> Iterator[str]:
    """The addresses, as they are written."""
    if root in ("urlset", "sitemapindex"):
        return (found[1] for found in re.finditer(rf"<{re.escape(prefix)}loc>{_TEXT}", page))
    if root == "feed":
        links = (found[1] for found in _ATOM_LINK.finditer(page) if not _OTHER_REL.search(found[1]))
        return (href[1] for link in links if (href := _HREF.search(link)))
    return (found[1] for found in _RSS_LINK.finditer(page))


def _canonical(addresses: Iterator[str], base: str) -> tuple[str, ...]:
    urls = (canonical(html.unescape(address), base) for address in islice(addresses, AT_MOST_LINKS))
    return tuple(dict.fromkeys(url for url in urls if url is not None))


def _may_be_one(body: bytes) -> bool:
    """Whether it is worth decoding: the root of a page of HTML is none of a sitemap."""
    return any(name in body[:_ROOT_WITHIN] for name in (b"<urlset", b":urlset", b"sitemapindex", b"<rss", b"<feed", b"RDF"))


def _unpacked(body: bytes) -> bytes | None:
    """The file, unpacked if it is packed: no more than is allowed; None where it cannot be."""
    if body[:2] != _GZIP:
        return body
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        return inflate.decompress(body, AT_MOST_BYTES)
    except zlib.error:
        return None
