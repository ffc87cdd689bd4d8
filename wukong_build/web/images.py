"""Many images at once: each asked for as its host's manners allow, recognised by its bytes, kept as it came.

A failure is a row with an error class, never a lost pair. Knows no files; rows leave in the order in which answers come.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from wukong_build.picture import Picture
from wukong_build.web.embedded import image_signals
from wukong_build.web.fetch import Answer, Fetcher, Note, conditions
from wukong_build.web.manners import Limits
from wukong_build.web.optout import OptOut, Withheld, header_signals
from wukong_build.web.robots import Robots
from wukong_build.web.url import canonical, key_of, origin_of, without_user

log = logging.getLogger("wukong_build")

AT_MOST_HOPS = 5
"""Redirects followed for one image."""

_OF_IMAGE = ("format", "width", "height", "orientation", "image_bytes", "sha256", "image")
"""Columns that are null where there is no image."""

MOVED = "moved"
"""The class of an answer that is not the last word: the image is asked for again, at another host."""


class Rules(msgspec.Struct, frozen=True):
    """What decides whether an image may be asked for and kept, and what it may cost."""

    limits: Limits
    robots: Robots
    product: str
    """The crawler's name, which scoped signals address."""
    opt_out: OptOut = OptOut()
    withheld: Withheld = Withheld()

    def known_signals(self, row: Mapping[str, Any], url: str) -> list[str]:
        """The signals that withhold an image, as far as they are known before it is asked for, by wherever it was sought."""
        listed = self.withheld.signals((row["page_url"],))
        return [*(row.get("page_opt_out") or ()), *self.site_signals(row["url"]), *self.site_signals(url), *listed]

    def site_signals(self, url: str) -> list[str]:
        """The signals by which the site of a URL, and the user's lists, withhold it."""
        return [*self.robots.opt_out(url), *self.withheld.signals((url,))]

    def answered_signals(self, answer: Answer, sha256: str | None) -> list[str]:
        """The signals in the answer itself: its headers, the bytes of the image, and what a list says of those."""
        said = header_signals(answer.headers.items(), self.product, answer.at)
        return [*said, *image_signals(answer.body), *self.withheld.signals((), sha256)]

    def may_follow(self, url: str, target: str) -> bool:
        """True for a redirect within an origin, which another round needs not look at."""
        same_site = origin_of(target) == origin_of(url)
        return same_site and self.robots.refusal(target) is None and not self.opt_out.obeyed(self.site_signals(target))


def archived_row(answer: Answer, rules: Rules, place: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `IMAGES` for an answer that an archive holds, at a place (`archive, archive_offset`); a redirect has moved."""
    row = {"key": key_of(answer.url), "url": answer.url, "page_url": None, **place}
    if answer.error is None and answer.location is not None:
        return _image_row(row, msgspec.structs.replace(answer, error=MOVED, hops=1))
    return _answered_row(row, answer, None, rules.known_signals(row, answer.url), rules)


def copied_row(row: Mapping[str, Any], held: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The row of an image that has moved to where another answer is known, which is the answer for it as well."""
    hops = (row.get("hops") or 0) + held["hops"]
    signals = list(dict.fromkeys([*rules.known_signals(row, row["location"]), *held["opt_out"]]))
    copy = {**held, "key": row["key"], "url": row["url"], "hops": hops, "opt_out": signals}
    if held["error"] == MOVED and hops > AT_MOST_HOPS:
        copy |= {"error": "redirects", "location": None}
    if held["error"] is None and rules.opt_out.obeyed(signals):
        copy |= {"error": "opted_out", **dict.fromkeys(_OF_IMAGE)}
    return copy


def not_archived_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an image that nobody is asked for, and that no archive holds."""
    return _image_row(row, Answer(row["url"], "not_archived", hops=row.get("hops") or 0))


async def fetch_images(rows: Sequence[dict[str, Any]], fetcher: Fetcher, rules: Rules) -> AsyncIterator[dict[str, Any]]:
    """A row of `IMAGES` for every row given: `key, url, page_url`, and what the plan knows of it besides."""
    answered: asyncio.Queue[asyncio.Task[dict[str, Any]]] = asyncio.Queue()
    asking = {asyncio.create_task(_fetched(row, fetcher, rules)) for row in rows}
    for task in asking:
        task.add_done_callback(asking.discard)  # so that an image is held no longer than until it is taken
        task.add_done_callback(answered.put_nowait)
    try:
        for _ in rows:
            yield (await answered.get()).result()
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _fetched(row: dict[str, Any], fetcher: Fetcher, rules: Rules) -> dict[str, Any]:
    """The answer for one image, whatever it is that went wrong: none shall cost its neighbours."""
    try:
        return await _fetch(row, fetcher, rules)
    except Exception as error:  # noqa: BLE001  as above
        log.warning("crawl: %s cannot be fetched: %r", row["url"], error)
        return _image_row(row, Answer(row["url"], "protocol", at=dt.datetime.now(dt.UTC), attempts=1))


async def _fetch(row: dict[str, Any], fetcher: Fetcher, rules: Rules) -> dict[str, Any]:
    """The answer for one image.

    A redirect within a host is followed here; one to another host is left to the next round, which asks that host's
    robots.txt first and has it in its own lane.
    """
    url, hops = row.get("location") or row["url"], row.get("hops") or 0
    if canonical(url) != url:
        return _image_row(row, Answer(url, "bad_url"))
    decision, signals = rules.robots.decision(url), rules.known_signals(row, url)
    refusal = rules.robots.refusal(url) or ("opted_out" if rules.opt_out.obeyed(signals) else None)
    if refusal is not None:
        return _image_row(row, Answer(url, refusal, hops=hops), decision, signals)
    answer = await fetcher.fetch(
        url,
        rules.limits,
        headers=_headers(row, url),
        redirects=AT_MOST_HOPS - hops,
        may_follow=lambda target: rules.may_follow(url, target),
        delay_seconds=rules.robots.delay_seconds(url),
        note=Note("image"),
    )
    if hops:
        answer = msgspec.structs.replace(answer, hops=answer.hops + hops)
    return _answered_row(row, answer, decision, signals, rules)


def _headers(row: dict[str, Any], url: str) -> dict[str, str]:
    """What a request says besides who asks: the page where the image stands, and which version of it is there already."""
    page_url = canonical(row["page_url"] or "")  # a list's word for the page may be no URL, and no header could hold it
    if page_url is None or (page_url.startswith("https:") and url.startswith("http:")):  # RFC 9110, 10.1.3
        return conditions(row)
    return conditions(row) | {"Referer": without_user(page_url)}


def _answered_row(
    row: Mapping[str, Any], answer: Answer, decision: str | None, signals: list[str], rules: Rules
) -> dict[str, Any]:
    """The row of an image that was asked for."""
    location = answer.location
    signals = [*signals, *rules.site_signals(location or answer.url)]
    if answer.error is None and location is not None:
        answer = _not_followed(answer, location, rules)
    sha256 = hashlib.sha256(answer.body).hexdigest() if answer.error is None and answer.body else None
    if sha256 is not None or answer.error == "not_modified":
        signals += rules.answered_signals(answer, sha256)
        if rules.opt_out.obeyed(signals):
            answer, sha256 = msgspec.structs.replace(answer, error="opted_out"), None
    return _image_row(row, answer, decision, signals, sha256)


def _not_followed(answer: Answer, location: str, rules: Rules) -> Answer:
    """A redirect with the class that says why it was not followed."""
    hops = answer.hops + 1
    if hops > AT_MOST_HOPS:
        error = "redirects"
    elif origin_of(location) != origin_of(answer.url):
        error = MOVED
    else:
        error = rules.robots.refusal(location) or "opted_out"
    return msgspec.structs.replace(answer, error=error, hops=hops)


def _image_row(
    row: Mapping[str, Any], answer: Answer, decision: str | None = None, signals: Sequence[str] = (), sha256: str | None = None
) -> dict[str, Any]:
    """A row of `IMAGES`; with the digest come the bytes, where they are an image."""
    header = Picture(answer.body).header if sha256 is not None else None
    found = header is not None
    return {
        "key": row["key"],
        "url": row["url"],
        "error": answer.error or (None if found else "not_an_image" if answer.body else "empty"),
        "http_status": answer.status,
        "final_url": answer.url if answer.status is not None else None,
        "location": answer.location if answer.error == MOVED else None,
        "hops": answer.hops,
        "robots": decision,
        "opt_out": list(dict.fromkeys(signals)),
        "attempts": answer.attempts,
        "etag": answer.header("ETag"),
        "last_modified": answer.header("Last-Modified"),
        "content_type": answer.header("Content-Type"),
        "archive": row.get("archive"),
        "archive_offset": row.get("archive_offset"),
        "fetched_at": answer.at if answer.attempts else None,
        "format": header.format if header else None,
        "width": header.width if header else None,
        "height": header.height if header else None,
        "orientation": header.orientation if header else None,
        "image_bytes": len(answer.body) if found else None,
        "sha256": sha256 if found else None,
        "image": answer.body if found else None,
    }
