"""Many images at once: each asked for as its host's manners allow, recognised by its bytes, kept as it came.

A failure is a row with an error class, never a lost pair. Knows no files; rows leave in the order in which answers come.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from wukong_build.picture import Picture
from wukong_build.web.fetch import Answer, Fetcher
from wukong_build.web.manners import Limits, Manners
from wukong_build.web.robots import Robots
from wukong_build.web.url import canonical, origin_of

AT_MOST_HOPS = 5
"""Redirects followed for one image."""

MOVED = "moved"
"""The class of an answer that is not the last word: the image is asked for again, at another host."""


async def fetch_images(
    rows: Sequence[dict[str, Any]], manners: Manners, limits: Limits, robots: Robots
) -> AsyncIterator[dict[str, Any]]:
    """A row of `IMAGES` for every row given: `key, url, page_url`, and `location, hops` where it was found moved before."""
    answered: asyncio.Queue[asyncio.Task[dict[str, Any]]] = asyncio.Queue()
    async with Fetcher(manners) as fetcher:
        asking = {asyncio.create_task(_fetch(row, fetcher, limits, robots)) for row in rows}
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


async def _fetch(row: dict[str, Any], fetcher: Fetcher, limits: Limits, robots: Robots) -> dict[str, Any]:
    """The answer for one image.

    A redirect within a host is followed here; one to another host is left to the next round, which asks that host's
    robots.txt first and has it in its own lane.
    """
    url, hops = row.get("location") or row["url"], row.get("hops") or 0
    if canonical(url) != url:
        return _image_row(row, Answer(url, "bad_url"), hops)
    referer = canonical(row["page_url"] or "")  # a list's word for the page may be no URL, and no header could hold it
    while True:
        if refusal := robots.refusal(url):
            return _image_row(row, Answer(url, refusal), hops)
        answer = await fetcher.fetch(url, limits, referer=referer, redirects=0, delay_seconds=robots.delay_seconds(url))
        if answer.location is None:
            return _image_row(row, answer, hops)
        hops += 1
        if hops > AT_MOST_HOPS:
            return _image_row(row, msgspec.structs.replace(answer, error="redirects"), hops)
        if origin_of(answer.location) != origin_of(url):
            return _image_row(row, msgspec.structs.replace(answer, error=MOVED), hops)
        url = answer.location


def _image_row(row: dict[str, Any], answer: Answer, hops: int) -> dict[str, Any]:
    picture = Picture(answer.body)
    header = picture.header if answer.error is None else None
    found = header is not None
    return {
        "key": row["key"],
        "url": row["url"],
        "error": answer.error or (None if found else "empty" if not answer.body else "not_an_image"),
        "http_status": answer.status,
        "final_url": answer.url if answer.status is not None else None,
        "location": answer.location if answer.error == MOVED else None,
        "hops": hops,
        "etag": answer.headers.get("etag"),
        "last_modified": answer.headers.get("last-modified"),
        "content_type": answer.headers.get("content-type"),
        "fetched_at": answer.at if answer.status is not None else None,
        "format": header.format if header else None,
        "width": header.width if header else None,
        "height": header.height if header else None,
        "orientation": header.orientation if header else None,
        "image_bytes": len(answer.body) if found else None,
        "sha256": hashlib.sha256(answer.body).hexdigest() if found else None,
        "image": answer.body if found else None,
    }
