"""What one answer says of its use: in X-Robots-Tag, Content-Usage and TDMRep headers, and in the `meta` elements of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from wukong_build.web.url import canonical

AT_MOST_POLICY = 400
"""A policy whose address has more characters is not named: cut, it would lead elsewhere."""

_WITHHOLDING = frozenset({"noai", "noimageai", "noml", "noindex", "noimageindex", "none"})
_DIRECTIVES = _WITHHOLDING | {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
_SCOPE = re.compile(r"[a-z_*][\w.*/-]*")
"""A crawler's name before a colon; no date looks like one."""

_TRAINING = frozenset({"train-ai", "train-genai", "ai", "genai", "tdm", "bots", "ai-train"})
"""Labels of uses that training is, or is part of: `train-ai` of draft-ietf-aipref-vocab-08, those of its forerunners since -00,
and `ai-train` of Cloudflare's Content-Signal."""

_HEADERS = frozenset({"x-robots-tag", "content-usage", "content-signal", "tdm-reservation", "tdm-policy"})


def header_signals(headers: Iterable[tuple[str, str]], product: str, now: datetime) -> list[str]:
    """The signals in the headers of an answer that withhold it from the crawler of that name; `now` has a time zone."""
    said: dict[str, list[str]] = {}
    for name, value in headers:
        if (lower := name.lower()) in _HEADERS:
            said.setdefault(lower, []).append(value)
    if not said:
        return []
    usages = (*said.get("content-usage", ()), *said.get("content-signal", ()))
    return sorted(
        {
            *_robots_signals("x_robots_tag", said.get("x-robots-tag", ()), product, now),
            *(signal for usage in usages for signal in usage_signals(usage)),
            *_tdm_signals(said),
        }
    )


def meta_signals(metas: Mapping[str, Sequence[str]], product: str, now: datetime) -> list[str]:
    """The signals in a page's `meta` elements, by lower-case name, that withhold what is on it; `now` has a time zone."""
    directives = (*metas.get("robots", ()), *metas.get(product.lower(), ()))
    return sorted({*_robots_signals("meta_robots", directives, product, now), *_tdm_signals(metas)})


def usage_signals(usage: str) -> Iterator[str]:
    """The refusals in a statement of preferences: `train-ai=n`, or `ai-train=no`.

    Read more leniently than a structured field (RFC 9651), where one slip would make the whole statement void.
    """
    for member in usage.lower().split(","):
        label, _, value = member.partition(";")[0].partition("=")
        if label.strip() in _TRAINING and value.strip() in {"n", "no"}:
            yield f"content_usage:{label.strip()}={value.strip()}"


def reservation_signal(policy: str | None) -> str:
    """Reserved, and where that can be read, the URL of the policy by which a licence can be had."""
    url = canonical(policy) if policy else None
    return "tdmrep:reservation=1" + (f";policy={url}" if url and len(url) <= AT_MOST_POLICY else "")


def _tdm_signals(said: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Reserved where any of the reservations is 1; values other than 0 and 1 are none (TDMRep, 4.1)."""
    if any(value.strip() == "1" for values in said.get("tdm-reservation", ()) for value in values.split(",")):
        yield reservation_signal(next(iter(said.get("tdm-policy", ())), None))


def _robots_signals(signal: str, values: Iterable[str], product: str, now: datetime) -> Iterator[str]:
    return (f"{signal}:{found}" for value in values for found in _directives(value.lower(), product.lower(), now))


def _directives(value: str, product: str, now: datetime) -> Iterator[str]:
    """The withholding directives of one header or element; a crawler's name holds for all that follows, up to the next name."""
    pieces = re.split("[,;]", value)
    is_ours = True
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        name, directive = _scope(piece)
        if name is not None:
            is_ours = name.partition("/")[0] in {"*", product}
        if is_ours:
            yield from _withholding(directive, following, now)


def _scope(piece: str) -> tuple[str | None, str]:
    """The crawler a piece names, if any, and the rest of it."""
    name, colon, rest = piece.partition(":")
    name = name.strip()
    if colon and name not in _DIRECTIVES and _SCOPE.fullmatch(name):
        return name, rest
    return None, piece


def _withholding(directive: str, following: str, now: datetime) -> Iterator[str]:
    name, _, date = directive.partition(":")
    if name.strip() != "unavailable_after":
        yield from (word for word in directive.replace(":", " ").split() if word in _WITHHOLDING)
    elif _is_past(f"{date},{following}" if date.strip().isalpha() else date, now):  # "Fri" lost its date at the comma
        yield "unavailable_after"


def _is_past(date: str, now: datetime) -> bool:
    """Whether a date as of RFC 822, RFC 850 or ISO 8601 is past; False where it is none. Without a time zone it is UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(date.strip().upper())
            return now > (found if found.tzinfo else found.replace(tzinfo=UTC))
        except (ValueError, OverflowError, TypeError, IndexError):  # what the standard library has for dates that are none
            continue
    return False
