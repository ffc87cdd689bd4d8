"""What the files of a site say of its URLs: Content-Usage lines of robots.txt, /.well-known/tdmrep.json, /ai.txt. Fetches none.

Protego reads no Content-Usage, lets Allow win a tie and tells `.JPG` from `.jpg`; here who withholds wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

from wukong_build.web.groups import lines_for
from wukong_build.web.optout_said import reservation_signal, usage_signals

AT_MOST_RULES = 2_000
"""How many rules of one file are read: a site needs a few, and each is tried for every image (0.5 µs each)."""


class SiteRules:
    """The files of one origin, read once; None where there is none."""

    def __init__(self, robots_txt: str | None, tdmrep: str | None, ai_txt: str | None, product: str) -> None:
        robots = lines_for(robots_txt or "", product, headless=True)
        ai = lines_for(ai_txt or "", product, headless=True)
        reservations = list(islice(_reservations(tdmrep or ""), AT_MOST_RULES))
        read = (
            (str, _usages(robots, "content-usage")),
            (str, _usages(robots, "content-signal")),
            # "The most specific match is the first in sequence", says TDMRep (4.2.1), and refers to robots.txt, where it is the
            # longest: both are asked, and either may withhold.
            (str, reservations),
            (str, [rule._replace(weight=-place) for place, rule in enumerate(reservations)]),
            (str.lower, list(islice(_disallowances(ai), AT_MOST_RULES))),  # `*.jpg` means a type of file: .JPG is meant too
        )
        self._files: list[tuple[Callable[[str], str], list[_Rule]]] = [
            (spelt, rules) for spelt, rules in read if any(rule.signals for rule in rules)
        ]

    def signals(self, url: str) -> list[str]:
        """The signals by which the site withholds a canonical URL of its own; of several policies, the last by spelling."""
        if not self._files:
            return []
        path = _path(url)
        said = sorted({signal for spelt, rules in self._files for signal in _said(rules, spelt(path))})
        return list({signal.partition(";")[0]: signal for signal in said}.values())


class _Pattern(NamedTuple):
    """A path with `*` for any characters and `$` for the end, as robots.txt has it; matching it never backtracks."""

    pieces: tuple[str, ...]
    is_anchored: bool

    @classmethod
    def read(cls, written: str) -> Self:
        """The pattern; percent-encoding is undone, but an encoded `*` or `$` stands for itself. A lone word gets its slash."""
        body = written.removesuffix("$")
        if not body.startswith(("/", "*")):
            body = "/" + body
        return cls(tuple(map(unquote, body.split("*"))), written.endswith("$"))

    def matches(self, path: str) -> bool:
        """Whether the path begins with it, or, anchored, is it."""
        first, *rest = self.pieces
        if not path.startswith(first):
            return False
        at = len(first)
        if not rest:
            return not self.is_anchored or at == len(path)
        for piece in rest[:-1]:  # the earliest place is the best: it leaves most to those that follow
            at = path.find(piece, at) + len(piece)
            if at < len(piece):
                return False
        return path.endswith(rest[-1]) and len(path) - len(rest[-1]) >= at if self.is_anchored else path.find(rest[-1], at) >= 0


class _Rule(NamedTuple):
    """What a site says of the paths that match: signals, or, where it allows, none."""

    pattern: _Pattern
    weight: int
    """Of the rules that match, the heaviest speak."""
    signals: tuple[str, ...]


def _said(rules: Iterable[_Rule], path: str) -> Iterator[str]:
    """The signals of the heaviest rules that match."""
    matching = [rule for rule in rules if rule.pattern.matches(path)]
    heaviest = max((rule.weight for rule in matching), default=0)
    return (signal for rule in matching if rule.weight == heaviest for signal in rule.signals)


def _path(url: str) -> str:
    """Path and query of a canonical URL, percent-encoding undone."""
    return unquote("/" + url.partition("://")[2].partition("/")[2])


def _usages(lines: Iterable[tuple[str, str]], name: str) -> list[_Rule]:
    """The rules of that name: a path, which may be missing, and a statement of preferences."""
    values = islice((value for found, value in lines if found == name), AT_MOST_RULES)
    return [_usage(value) for value in values]


def _usage(value: str) -> _Rule:
    path, *usage = value.split(None, 1) if value.startswith(("/", "*")) else ("", value)
    return _Rule(_Pattern.read(path), len(path), tuple(usage_signals("".join(usage))))


def _disallowances(lines: Iterable[tuple[str, str]]) -> Iterator[_Rule]:
    """The rules of an ai.txt, patterns in lower case."""
    for name, value in lines:
        if value and name in {"allow", "disallow"}:
            yield _Rule(_Pattern.read(value.lower()), len(value), ("ai_txt:disallowed",) if name == "disallow" else ())


def _reservations(text: str) -> Iterator[_Rule]:
    """The rules of a tdmrep.json; what is none is passed over."""
    for entry in _entries(text):
        location, reservation, policy = (entry.get(key) for key in ("location", "tdm-reservation", "tdm-policy"))
        if isinstance(location, str) and reservation in (0, 1, "0", "1"):
            signal = reservation_signal(policy if isinstance(policy, str) else None)
            yield _Rule(_Pattern.read(location), len(location), (signal,) if reservation in (1, "1") else ())


def _entries(text: str) -> list[dict[str, Any]]:
    """The objects of a JSON array; none where the text is no such thing."""
    try:
        found = json.loads(text.removeprefix("\ufeff")) if text else []
    except (ValueError, RecursionError):
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
