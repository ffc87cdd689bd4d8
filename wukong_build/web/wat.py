"""What a WAT file tells of a page: no longer the page, but its title, metas, links and images, from which one is made again.

The texts around the images are gone; `alt`, `title` and what the page says of itself are what is left. Knows no archives.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

_META = ("name", "property", "http-equiv")
_LINK = ("rel", "href", "type", "hreflang")


class Told(msgspec.Struct, frozen=True):
    """A page as a record of metadata tells it."""

    status: int
    headers: dict[str, str]
    html: bytes


def page_of(block: bytes) -> Told | None:
    """The page that the metadata of an answer, as JSON, tell of; None where they tell of none."""
    try:
        payload = msgspec.json.decode(block)["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]
        status = int(payload["Response-Message"]["Status"])
        headers = {str(name): str(value) for name, value in payload.get("Headers", {}).items()}
        page = "".join(_elements(payload["HTML-Metadata"]))
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, ValueError, AttributeError):
        return None
    if not 100 <= status <= 999:  # noqa: PLR2004  as HTTP has them
        return None
    headers |= {name: "text/html; charset=utf-8" for name in headers if name.lower() == "content-type"}
    return Told(status, {"Content-Type": "text/html; charset=utf-8"} | headers, page.encode("utf-8", "replace"))


def _elements(page: Any) -> Iterator[str]:
    """The page, element by element; each image stands alone, as nothing is known of what it stood beside."""
    head = page.get("Head") or {}
    yield "<!doctype html><html><head>"
    if isinstance(title := head.get("Title"), str):
        yield f"<title>{html.escape(title)}</title>"
    if isinstance(base := head.get("Base"), str):
        yield f'<base href="{html.escape(base)}">'
    for name, attributes in (("meta", (*_META, "content")), ("link", _LINK)):
        for entry in _entries(head.get("Metas" if name == "meta" else "Link")):
            yield _element(name, {each: entry.get("url" if each == "href" else each) for each in attributes})
    yield "</head><body>"
    links = _entries(page.get("Links"))
    yield "<nav>"
    for link in links:
        if _path(link)[0] == "A":
            yield f"{_element('a', {'href': link.get('url')})}{html.escape(str(link.get('text') or ''))}</a> "
    yield "</nav>"
    for link in links:
        name, attribute = _path(link)
        if name == "IMG":
            told = {attribute: link.get("url"), "alt": link.get("alt"), "title": link.get("title")}
            yield f"<div>{_element('img', told)}</div>"
    yield "</body></html>"


def _entries(found: Any) -> list[dict[str, Any]]:
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, Iterable) else []


def _path(link: dict[str, Any]) -> tuple[str, str]:
    """Element and attribute of a link: `IMG@/data-src`."""
    name, _, attribute = str(link.get("path")).partition("@/")
    return name.upper(), attribute.lower() if attribute.replace("-", "").isalnum() else "src"


def _element(name: str, attributes: dict[str, Any]) -> str:
    said = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items() if isinstance(value, str))
    return f"<{name}{said}>"
