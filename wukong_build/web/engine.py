"""How a search engine is asked for images, and where in its answers they stand: recipes, which are data and not code.

Engines change; a recipe says when the shape of their answers was last known, and anybody can write another one. Knows no network.
"""

from __future__ import annotations

import datetime as dt
import functools
import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote, unquote

import fsspec
import jsonpath
import msgspec
from msgspec import Meta
from turbohtml import Element

from wukong_build.errors import ConfigError, explain_mismatch, listed, nearest
from wukong_build.web.extract import AT_MOST_CANDIDATE
from wukong_build.web.fetch import Answer
from wukong_build.web.html import collapse, parsed, text_of
from wukong_build.web.page import decode_page
from wukong_build.web.url import canonical
from wukong_build.yaml_file import read_mapping

FOLDER = Path(__file__).parent.parent / "resources" / "engines"

AT_MOST_LAYERS = 3
"""How many proxies' addresses are taken off one another."""

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\')
_PLACES = re.compile(r"\{(\w+)\}")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One mapping of a recipe."""


class At(_Part, frozen=True, kw_only=True):
    """Where something stands, and what of it is meant."""

    at: str | tuple[str, ...]
    pattern: str | None = None
    """A regular expression, whose first group is meant."""


Place = str | tuple[str, ...] | At
"""A JSONPath (`$.title`), a CSS selector with an attribute (`img@src`, `@m`), both one after the other (`@m $.murl`); of several
the first that finds something."""


class Fields(_Part, frozen=True, kw_only=True):
    """Where in one of the items what stands."""

    url: Place
    """The image itself."""
    caption: Place
    page_url: Place
    """The page on which the engine found it."""
    width: Place | None = None
    height: Place | None = None


class Cipher(_Part, frozen=True, kw_only=True):
    """How addresses are hidden: words that stand for signs, then letters for letters."""

    begins: str
    """How a hidden address begins."""
    words: dict[str, str] = {}
    letters: str = ""
    mean: str = ""


class Captcha(_Part, frozen=True, kw_only=True):
    """Regular expressions that tell a question whether a person asks from an answer."""

    location: tuple[str, ...] = ()
    """Of where it redirects to."""
    body: tuple[str, ...] = ()


class Found(NamedTuple):
    """One image that an engine found."""

    url: str
    caption: str
    page_url: str | None
    width: int | None
    height: int | None


class Engine(_Part, frozen=True, kw_only=True):
    """One recipe; its fields are the keys of the file."""

    title: str
    known: dt.date
    """When the shape of the answers was last publicly known."""
    verified: dt.date | None = None
    """When somebody last tried it against the engine."""
    base: str | None
    """Scheme and host; null where everybody has an engine of their own."""
    request: str
    """What follows the base, with `{query}`, `{page}` (from 1), `{offset}` (results before it) or `{rank}` (offset + 1)."""
    headers: dict[str, str] = {}
    """With the same places, and `{base}`."""
    results_per_page: Annotated[int, Meta(ge=1)]
    at_most_pages: Annotated[int, Meta(ge=1)]
    answers: Literal["json", "html"] = "json"
    cut: str | None = None
    """A regular expression whose first group is the JSON of the answer, where that is only a part of it."""
    items: str
    """The JSONPath or CSS selector of the images."""
    fields: Fields
    ciphers: tuple[Cipher, ...] = ()
    unwrap: tuple[str, ...] = ()
    """Regular expressions of addresses at the engine that hold the image's own, percent-encoded, as their first group."""
    captcha: Captcha = Captcha()
    delay_seconds: Annotated[float, Meta(ge=0)] = 3.0

    @classmethod
    def load(cls, name_or_path: str) -> Engine:
        """A recipe that ships, or one of your own. ConfigError where it is none."""
        return _loaded(name_or_path)

    def url(self, query: str, page: int, base: str | None = None) -> str:
        """The address of one page of results, counted from 0. ConfigError where nobody says where the engine is."""
        where = base or self.base
        if where is None:
            raise ConfigError(
                f"crawl.sources: search: {self.title}: everybody has one of their own; `base: https://…` is meant, where yours is"
            )
        url = canonical(where.rstrip("/") + self._filled(self.request, query, page))
        if url is None:
            raise ConfigError(f"crawl.sources: search: {self.title}: {where!r} is no address; `base: https://…` is meant")
        return url

    def headers_of(self, query: str, page: int, base: str | None = None) -> dict[str, str]:
        """What is said with the request for one page of results."""
        where = (base or self.base or "").rstrip("/")
        return {name: self._filled(text.replace("{base}", where), query, page) for name, text in self.headers.items()}

    def is_captcha(self, answer: Answer) -> bool:
        """Whether the engine asks if a person asks."""
        location = answer.location or ""
        if any(re.search(pattern, location) for pattern in self.captcha.location):
            return True
        text = _text(answer) if self.captcha.body else ""
        return any(re.search(pattern, text) for pattern in self.captcha.body)

    def read(self, answer: Answer) -> list[Found]:
        """The images of an answer, in its order. ValueError where it is not what the recipe expects at all."""
        found = (self._found(item, answer.url) for item in self.items_of(self.document(answer)))
        return [image for image in found if image is not None]

    def document(self, answer: Answer) -> Any:
        """The answer as it is looked into. ValueError where it is no JSON and should be."""
        text = _text(answer)
        if self.cut is not None:
            cut = re.search(self.cut, text, re.DOTALL)
            if cut is None:
                raise ValueError(f"has nothing like {self.cut!r}")
            text = cut[1]
        return parsed(text).root if self.answers == "html" else _json(text)

    def items_of(self, document: Any) -> list[Any]:
        """The images of a document, as it has them."""
        return list(document.select(self.items)) if isinstance(document, Element) else _json_path(self.items).findall(document)

    def texts(self, item: Any, name: str) -> Iterator[str]:
        """What an item has for a field, as it stands there: the first is meant."""
        place = getattr(self.fields, name)
        if place is None:
            return
        at = place if isinstance(place, At) else At(at=place)
        for selector in (at.at,) if isinstance(at.at, str) else at.at:
            for text in _selected(item, selector):
                if at.pattern is None:
                    yield text
                elif match := re.search(at.pattern, text):
                    yield match[1]

    def _found(self, item: Any, base: str) -> Found | None:
        """An item as an image; None where it has no address of one."""
        urls = (self.true_url(text, base) for text in self.texts(item, "url"))
        pages = (self.true_url(text, base) for text in self.texts(item, "page_url"))
        url = next(filter(None, urls), None)
        if url is None:
            return None
        captions = (collapse(html.unescape(_TAG.sub("", text)))[:AT_MOST_CANDIDATE] for text in self.texts(item, "caption"))
        sides = (next(map(_whole_number, self.texts(item, name)), None) for name in ("width", "height"))
        return Found(url, next(filter(None, captions), ""), next(filter(None, pages), None), *sides)

    def true_url(self, text: str, base: str) -> str | None:
        """The canonical URL that an address means: deciphered, and without the engine's own proxies around it."""
        for cipher in self.ciphers:
            if text.startswith(cipher.begins):
                for word, sign in cipher.words.items():
                    text = text.replace(word, sign)
                text = text.translate(str.maketrans(cipher.letters, cipher.mean))
        text = html.unescape(text)
        for _ in range(AT_MOST_LAYERS):
            inner = next((match[1] for pattern in self.unwrap if (match := re.search(pattern, text))), None)
            if inner is None:
                break
            text = unquote(inner)
        return canonical(text, base)

    def _filled(self, template: str, query: str, page: int) -> str:
        offset = page * self.results_per_page
        values = {
            "query": quote(query, safe=""),
            "page": page + 1,
            "offset": offset,
            "rank": offset + 1,
            "count": self.results_per_page,
        }
        return _PLACES.sub(lambda place: str(values[place[1]]), template)


def shipped() -> list[str]:
    """Names of the recipes that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def recipe_text(name_or_path: str) -> str:
    """A recipe as it is written, to start one of your own from. ConfigError where it is none."""
    _loaded(name_or_path)
    with fsspec.open(_path(name_or_path), "rt", encoding="utf-8") as file:
        return str(file.read())


def _path(name_or_path: str) -> str:
    is_path = "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))
    if not is_path and name_or_path not in shipped():
        raise ConfigError(
            f"no search engine is called {name_or_path!r}{nearest(name_or_path, shipped())}; there are {listed(shipped())}, "
            "and recipes of your own by their path, such as ./my.yaml"
        )
    return name_or_path if is_path else str(FOLDER / f"{name_or_path}.yaml")


@functools.lru_cache(maxsize=32)
def _loaded(name_or_path: str) -> Engine:
    """A recipe, read once by a process, and checked whole."""
    path = _path(name_or_path)
    values = read_mapping(path, "a recipe is a mapping that begins with `title:`")
    try:
        engine = msgspec.convert(values, Engine)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {explain_mismatch(error, values, Engine)}") from None
    _check(engine, path)
    return engine


def _check(engine: Engine, path: str) -> None:
    """ConfigError where a place, a pattern or a selector means nothing."""
    known = {"query", "page", "offset", "rank", "count"}
    for template in (engine.request, *engine.headers.values()):
        for place in _PLACES.findall(template.replace("{base}", "")):
            if place not in known:
                raise ConfigError(
                    f"{path}: {template!r}: nothing is called {{{place}}}{nearest(place, known)}; there are {listed(known)}"
                )
    patterns = [engine.cut, *engine.unwrap, *engine.captcha.location, *engine.captcha.body]
    places: list[str] = [engine.items]
    for place in filter(None, (getattr(engine.fields, name) for name in engine.fields.__struct_fields__)):
        at = place if isinstance(place, At) else At(at=place)
        patterns.append(at.pattern)
        places += (at.at,) if isinstance(at.at, str) else at.at
    nothing: Any = parsed("").root if engine.answers == "html" else {}
    try:
        for pattern in filter(None, patterns):
            re.compile(pattern)
        for selector in places:
            list(_selected(nothing, selector))
    except re.error as error:
        raise ConfigError(f"{path}: {error.pattern!r} is no regular expression: {error}") from error
    except (jsonpath.JSONPathError, ValueError) as error:
        raise ConfigError(f"{path}: {selector!r} is neither JSONPath nor CSS with an attribute: {error}") from error


def _selected(item: Any, selector: str) -> Iterator[str]:
    """The texts that a selector means, in their order; numbers as text, and nothing for what is neither."""
    css, mark, path = selector.partition("$")
    if not isinstance(item, Element):
        found = _json_path(selector).findall(item)
    else:
        css, _, attribute = css.strip().rpartition("@") if "@" in css else (css.strip(), "", "")
        elements: Sequence[Element] = item.select(css) if css.strip() else [item]
        texts = ((element.attr(attribute) or "") if attribute else text_of(element) for element in elements)
        found = [value for text in texts if text for value in (_json_path(mark + path).findall(_json(text)) if mark else [text])]
    return (str(value) for value in found if isinstance(value, (str, int, float)) and value != "" and not isinstance(value, bool))


@functools.lru_cache(maxsize=256)
def _json_path(path: str) -> Any:
    return jsonpath.compile(path)


def _json(text: str) -> Any:
    """What a text means as JSON, escapes that JSON does not know and control characters forgiven, as engines write them."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(_ESCAPE.sub(lambda escape: escape[0] if escape[1] else "", text), strict=False)


def _text(answer: Answer) -> str:
    return decode_page(answer.body, answer.header("Content-Type"))


def _whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,7}", text.strip()) else None
