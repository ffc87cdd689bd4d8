"""What a page tells those who share it: the pictures that stand for it, and the texts it gives them.

Metas of Open Graph and Twitter speak of the page and name its pictures; JSON-LD names pictures with words of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wukong_build.web.json_ld import Node

_PICTURES = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
_TEXTS = {
    "og_alt": ("og:image:alt", "twitter:image:alt"),
    "og_title": ("og:title", "twitter:title"),
    "og_description": ("og:description", "twitter:description"),
}
_OWN_WORDS = ("caption", "description", "name", "headline", "alternateName")
_WORDS_OF_THE_WHOLE = ("name", "headline")
_IMAGES = ("image", "primaryImageOfPage", "thumbnail", "photo", "contentImage")
AT_MOST_IMAGES = 100
"""How many images of one node are looked at."""

Metas = Mapping[str, Sequence[str]]


class Named(NamedTuple):
    """A text that the page gives to a picture that it names."""

    address: str
    origin: str
    text: str
    stands_for_all: bool = True
    """False for one of several pictures of the same thing that is not the first."""


def named_by_metas(metas: Metas) -> Iterator[Named]:
    """What metas say of each picture they name."""
    texts = [(origin, text) for origin, names in _TEXTS.items() if (text := _first(metas, names))]
    addresses = dict.fromkeys(address for name in _PICTURES for address in metas.get(name, ()))
    for address in addresses:
        yield Named(address, "", "")
        yield from (Named(address, origin, text) for origin, text in texts)


def named_by_json_ld(nodes: Sequence[Node]) -> Iterator[Named]:
    """What JSON-LD says of each picture it names: its own words as `json_ld`, those of what it shows as `json_ld_title`."""
    for node in nodes:
        if "ImageObject" in _types(node):
            yield from _told(node)
        whole = _word(node, _WORDS_OF_THE_WHOLE)
        addresses = [_address(image) for name in _IMAGES for image in _several(node.get(name))]
        for number, address in enumerate(filter(None, addresses)):
            yield Named(address, "json_ld_title", whole, number == 0)


def _told(image: Node) -> Iterator[Named]:
    address = _address(image)
    if address is not None:
        yield Named(address, "json_ld", _word(image, _OWN_WORDS))


def _address(image: Any) -> str | None:
    """Where an image is: it is an address, or a node that has one."""
    if isinstance(image, dict):
        image = next((image[name] for name in ("contentUrl", "url", "@id") if isinstance(image.get(name), str)), None)
    return image if isinstance(image, str) else None


def _first(metas: Metas, names: Sequence[str]) -> str | None:
    return next((content for name in names for content in metas.get(name, ())), None)


def _word(node: Node, names: Sequence[str]) -> str:
    return next((node[name] for name in names if isinstance(node.get(name), str) and node[name].strip()), "")


def _several(value: Any) -> list[Any]:
    return value[:AT_MOST_IMAGES] if isinstance(value, list) else [] if value is None else [value]


def _types(node: Node) -> list[Any]:
    return _several(node.get("@type"))
