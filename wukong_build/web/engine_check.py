"""Tries a recipe against its engine, and says what is where the recipe has it, and what has moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from wukong_build.errors import ConfigError
from wukong_build.web.asking import Asker
from wukong_build.web.browser import Browser
from wukong_build.web.engine import Engine
from wukong_build.web.fetch import Answer, Fetcher
from wukong_build.web.leave import Leave
from wukong_build.web.manners import Manners
from wukong_build.web.robots import Robots, fetch_robots
from wukong_build.web.sources import Search
from wukong_build.web.url import host_of, origin_of

AT_LEAST_ITEMS = 3
"""So many objects in a list may be what an engine found."""

_SHOWN_CHARACTERS = 60
_SHOWN_KEYS = 40


class Tried(NamedTuple):
    """What came of it."""

    lines: list[str]
    is_well: bool
    """Whether images, captions and pages stand where the recipe has them."""


async def tried(search: Search, manners: Manners, query: str) -> Tried:
    """Ask an engine once, with manners. ConfigError where its robots.txt forbids it and nobody has allowed it."""
    engine, url = search.recipe, search.url(query, 0)
    async with Fetcher(manners) as fetcher:
        robots = Robots(await fetch_robots([origin_of(url)], fetcher, manners.product), manners.product)
        if robots.refusal(url) is not None and search.permission is None:
            raise ConfigError(
                f"robots.txt of {host_of(url)} says {robots.decision(url)} of {url}; with the engine's permission, say whose: "
                "--permission '…'"
            )
        leave = Leave(lambda _: robots, manners.product)
        async with Browser(fetcher, leave, manners.user_agent) as browser:
            row = {"url": url, "reads": "results", "source": "", "query": query, "depth": 0}
            answer = await Asker(fetcher, browser, robots, {"": search}).answer(row)
    lines = [f"GET {url}", f"    {answer.status or 'no answer'} {answer.header('Content-Type') or ''}, {len(answer.body)} bytes"]
    if answer.error is not None or answer.location is not None:
        return Tried([*lines, f"    {answer.error or 'leads to ' + str(answer.location)}"], is_well=False)
    return _looked_into(engine, answer, lines)


def _looked_into(engine: Engine, answer: Answer, lines: list[str]) -> Tried:
    """Whether an answer has everything where the recipe says."""
    try:
        document = engine.document(answer)
    except ValueError as error:
        beginning = answer.body[:200].decode("utf-8", "replace")
        return Tried([*lines, f"not what the recipe expects: {error}", f"it begins: {beginning!r}"], is_well=False)
    items = engine.items_of(document)
    lines.append(f"items     {len(items):4d}  at {engine.items}")
    if not items:
        return Tried([*lines, *(f"          found instead: {place}" for place in _lists(document))], is_well=False)
    is_well = True
    for name in engine.fields.__struct_fields__:
        found = [next(engine.texts(item, name), None) for item in items]
        count = sum(text is not None for text in found)
        example = next((text for text in found if text is not None), "")
        lines.append(f"{name:<9} {count:4d}  {example[:_SHOWN_CHARACTERS]}")
        is_well &= count > 0 or name in ("width", "height")
    images = engine.read(answer)
    lines.append(f"images    {len(images):4d}  {images[0].url if images else ''}")
    if not (is_well and images):
        lines += [f"          an item has: {key}" for key in list(_keys(items[0]))[:_SHOWN_KEYS]]
    return Tried(lines, is_well and bool(images))


def _lists(document: Any, path: str = "$") -> Iterator[str]:
    """Every list of objects in a JSON document, with the keys of the first."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _lists(value, f"{path}.{key}")
    elif isinstance(document, list) and len(document) >= AT_LEAST_ITEMS and isinstance(document[0], dict):
        yield f"{path}[*] ({len(document)}): {', '.join(list(document[0])[:_SHOWN_KEYS])}"
    elif isinstance(document, list):
        for place, value in enumerate(document[:AT_LEAST_ITEMS]):
            yield from _lists(value, f"{path}[{place}]")


def _keys(item: Any, path: str = "$") -> Iterator[str]:
    """Every value of a JSON item with its path."""
    if isinstance(item, dict):
        for key, value in item.items():
            yield from _keys(value, f"{path}.{key}")
    elif isinstance(item, list):
        for place, value in enumerate(item[:AT_LEAST_ITEMS]):
            yield from _keys(value, f"{path}[{place}]")
    elif item not in (None, ""):
        yield f"{path} = {str(item)[:_SHOWN_CHARACTERS]}"
