"""Evidence of a licence on a page: what it links to, declares or embeds as one. Judges neither whether it holds, nor for what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from turbohtml import Element

from wukong_build.web.html import collapse, text_of
from wukong_build.web.json_ld import Node
from wukong_build.web.url import canonical

AT_MOST_LICENCES = 16
"""How many a page may name; one that lists more is about licences."""

AT_MOST_CHARACTERS = 200
"""How much is kept of a licence that is no URL."""

AT_MOST_URL = 500
"""A longer address of a licence counts as words."""

METAS = frozenset({"dc.rights", "dc.rights.license", "dcterms.license", "dcterms.rights", "license", "licence"})
"""Names of `meta` elements that name one."""

ITEMS = "[itemprop~=license]"
"""Elements that name one as an item."""

_RELS = frozenset({"license", "licence", "dc.rights", "dcterms.license", "dcterms.rights"})
_COMMONS = re.compile(r"https?://([a-z-]+\.)?creativecommons\.org/(licenses|publicdomain)/.")


class Licence(msgspec.Struct, frozen=True):
    """A licence that a page names, for itself or for something on it."""

    url: str
    """Canonical URL; where the page gives none, its words."""
    origin: str
    """Where it stood: rel_license, link, itemprop, meta, json_ld."""


def may_be_licence(href: str, rel: str) -> bool:
    """Whether a link, by its address and its `rel` in lower case, may name one."""
    return "creativecommons.org/" in href or ("s" in rel and not _RELS.isdisjoint(rel.split()))


def licences(candidates: Iterable[Element], blocks: Sequence[tuple[Element, list[Node]]], base: str) -> tuple[Licence, ...]:
    """The licences that some elements of a page and its blocks of JSON-LD name, distinct, in page order.

    `base` is what addresses are relative to.
    """
    places: list[tuple[Element, Iterable[Licence]]] = [(element, _of_element(element, base)) for element in candidates]
    places += [(script, _of_block(nodes, base)) for script, nodes in blocks]
    places.sort(key=lambda place: place[0].position or (0, 0))
    found: dict[Licence, None] = {}
    for licence in (licence for _, named in places for licence in named):
        if licence.url:
            found[licence] = None
        if len(found) == AT_MOST_LICENCES:
            break
    return tuple(found)


def _of_element(element: Element, base: str) -> list[Licence]:
    """What an element names as a licence by its `rel`, `itemprop`, name or address."""
    href, rel, itemprop = element.attr("href"), element.attr("rel"), element.attr("itemprop")
    if rel and not _RELS.isdisjoint(rel.lower().split()):
        return [Licence(_url(href or element.attr("content"), base), "rel_license")]
    if itemprop and "license" in itemprop.lower().split():
        return [Licence(_url(href or element.attr("content") or text_of(element), base), "itemprop")]
    name = element.attr("name") or element.attr("property")
    if name and not METAS.isdisjoint(name.lower().split()):
        return [Licence(_url(href or element.attr("content"), base), "meta")]
    if href and "creativecommons.org/" in href and _COMMONS.match(_url(href, base)):
        return [Licence(_url(href, base), "link")]
    return []


def _of_block(nodes: Sequence[Node], base: str) -> Iterator[Licence]:
    """Every `license` in a block of JSON-LD, at whatever depth: of the page, or of an image on it."""
    return (Licence(_url(value, base), "json_ld") for node in nodes for value in _named(node.get("license")))


def _url(value: str | None, base: str) -> str:
    """A licence in its one spelling: a URL, or, where there are spaces or no path, the words."""
    words = collapse(value or "")[:AT_MOST_CHARACTERS].encode(errors="replace").decode()  # JSON may hold half a character
    is_address = " " not in words and re.match(r"https?:|/|\.{1,2}/|[\w./-]+\.html?$", words, re.IGNORECASE)
    url = canonical(value or "", base) if is_address else None
    return url if url and len(url) <= AT_MOST_URL else words


def _named(value: Any) -> Iterator[str]:
    """The licences a `license` names: an address, a node with one, or a list of either."""
    for one in value[:AT_MOST_LICENCES] if isinstance(value, list) else [value]:
        address = one.get("@id") or one.get("url") or one.get("name") if isinstance(one, dict) else one
        if isinstance(address, str):
            yield address
