"""Evidence of a licence on a page: what it links to, declares or embeds as one. Judges neither whether it holds, nor for what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from wukong_build.web.outline import Outline, collapse
from wukong_build.web.url import canonical

AT_MOST_LICENCES = 16
"""How many a page may name; one that lists more is about licences."""

AT_MOST_CHARACTERS = 200
"""How much is kept of a licence that is no URL."""

AT_MOST_URL = 500
"""A longer address of a licence counts as words."""

AT_MOST_VALUES = 20_000
"""How many values of a JSON-LD block are looked at."""

_MENTIONS = ("icense", "icence", "creativecommons.org", ".rights")
"""A page that holds none of these names no licence (licenSe and licenCe, first letter of either case)."""

_RELS = frozenset({"license", "licence", "dc.rights", "dcterms.license", "dcterms.rights"})
_METAS = frozenset({"dc.rights", "dc.rights.license", "dcterms.license", "dcterms.rights", "license", "licence"})
_TAGS = frozenset({"a", "area", "link", "meta", "script", "span"})
_COMMONS = re.compile(r"https?://([a-z-]+\.)?creativecommons\.org/(licenses|publicdomain)/.")


class Licence(msgspec.Struct, frozen=True):
    """A licence that a page names, for itself or for something on it."""

    url: str
    """Canonical URL; where the page gives none, its words."""
    origin: str
    """Where it stood: rel_license, link, itemprop, meta, json_ld."""


def licences(html: str, outline: Outline, base: str) -> tuple[Licence, ...]:
    """The licences a page names, distinct, in page order; `base` is what its addresses are relative to."""
    if not any(mention in html for mention in _MENTIONS):
        return ()
    found: dict[Licence, None] = {}
    for licence in _all(outline, base):
        if licence.url:
            found[licence] = None
        if len(found) == AT_MOST_LICENCES:
            break
    return tuple(found)


def _all(outline: Outline, base: str) -> Iterator[Licence]:
    for index, tag in enumerate(outline.tags):
        if tag in _TAGS:
            attributes = outline.attributes(index)
            if tag != "script":
                yield from _of_element(outline, index, base)
            elif (attributes.get("type") or "").strip().lower() == "application/ld+json":
                values = _values(outline.nodes[index].text())
                yield from (Licence(_url(value, base), "json_ld") for value in values)


def _of_element(outline: Outline, index: int, base: str) -> Iterator[Licence]:
    """What an element names as a licence by its `rel`, `itemprop`, name or address."""
    attributes = outline.attributes(index)
    target = attributes.get("href") or attributes.get("content")
    if not _RELS.isdisjoint(_words(attributes.get("rel"))):
        yield Licence(_url(target, base), "rel_license")
    elif "license" in _words(attributes.get("itemprop")):
        yield Licence(_url(target or outline.text(index), base), "itemprop")
    elif not _METAS.isdisjoint(_words(attributes.get("name") or attributes.get("property"))):
        yield Licence(_url(target, base), "meta")
    elif "creativecommons.org/" in (attributes.get("href") or "") and _COMMONS.match(_url(target, base)):
        yield Licence(_url(target, base), "link")


def _words(text: str | None) -> list[str]:
    return text.lower().split() if text else []


def _url(value: str | None, base: str) -> str:
    """A licence in its one spelling: a URL, or, where there are spaces or no path, the words."""
    words = collapse(value or "")[:AT_MOST_CHARACTERS].encode(errors="replace").decode()  # JSON may hold half a character
    is_address = " " not in words and re.match(r"https?:|/|\.{1,2}/|[\w./-]+\.html?$", words, re.IGNORECASE)
    url = canonical(value or "", base) if is_address else None
    return url if url and len(url) <= AT_MOST_URL else words


def _values(text: str) -> Iterator[str]:
    """Every `license` in a block of JSON-LD, at whatever depth: of the page, or of an image on it."""
    try:
        waiting = [json.loads(text, strict=False)]  # line breaks within strings are common
    except (ValueError, RecursionError):
        return
    for _ in range(AT_MOST_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict):
            yield from _named(value.get("license"))
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _named(value: Any) -> Iterator[str]:
    """The licences a `license` names: an address, a node with one, or a list of either."""
    for one in value[:AT_MOST_LICENCES] if isinstance(value, list) else [value]:
        address = one.get("@id") or one.get("url") or one.get("name") if isinstance(one, dict) else one
        if isinstance(address, str):
            yield address
