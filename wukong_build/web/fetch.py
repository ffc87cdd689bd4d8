"""One request, from whatever part of the crawl: it keeps the manners, ends in time, and never raises.

Whatever a server does, the answer is an `Answer`: a status and a body, or the class of the failure. Knows nothing of
pages, images or files.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from wukong_build.web.guard import BlockedAddress, GuardedResolver
from wukong_build.web.manners import Limits, Manners, Turns
from wukong_build.web.url import canonical

AT_ONCE = 64
"""Requests of one worker under way at once, over all hosts: with `at_most_bytes` it bounds the memory bodies take."""

_CHUNK = 65_536
_REDIRECTS = (301, 302, 303, 307, 308)
_OWN_CLASS = {403, 404, 410, 429}
_CLASSES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorDNSError,), "dns"),
    ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch), "tls"),
    ((aiohttp.ClientPayloadError,), "truncated"),
    ((aiohttp.ClientConnectorError,), "connect"),
    ((aiohttp.ClientConnectionError, OSError), "disconnected"),
    ((aiohttp.ClientResponseError,), "protocol"),
    ((aiohttp.InvalidURL, ValueError), "bad_url"),
)
"""What raised a failure → its class; the first that fits, as some of them are others too."""
_RAW_BYTE = re.compile("[\udc80-\udcff]")
"""A byte of a header that is no UTF-8, as aiohttp hands it over; no column of text could hold it."""


class Answer(msgspec.Struct, frozen=True):
    """What a request came to. `error` is null exactly where a whole body came with a 2xx status, or a redirect not followed.

    The class `redirects` is one redirect too many, or one that leads nowhere a crawler goes: no Location, or no http(s) URL.
    """

    url: str
    """After redirects."""
    error: str | None = None
    status: int | None = None
    headers: dict[str, str] = {}
    """Names in lower case."""
    body: bytes = b""
    at: dt.datetime = dt.datetime.min  # noqa: DTZ901  replaced by `fetch`

    @property
    def location(self) -> str | None:
        """Where a redirect points, canonical."""
        target = self.headers.get("location")
        return canonical(target, self.url) if target and self.status in _REDIRECTS else None


class Fetcher:
    """Asks servers, each in its turn. Used as an async context manager."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._resolver = GuardedResolver(manners)

    async def __aenter__(self) -> Self:
        self._turns = Turns(self._manners.per_host, AT_ONCE)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=self._resolver, limit=0, ttl_dns_cache=300),
            headers={"User-Agent": self._manners.user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=16_384,
            max_field_size=16_384,
        )
        self._session._retry_connection = False  # noqa: SLF001  aiohttp would ask again at once, and there is no public way to say so
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def fetch(
        self, url: str, limits: Limits, *, referer: str | None = None, redirects: int = 5, delay_seconds: float = 0.0
    ) -> Answer:
        """The answer to a GET of `url`, following at most so many redirects; every hop has its turn and its own deadline."""
        headers = {} if referer is None else {"Referer": referer}
        for _ in range(redirects + 1):
            answer = await self._hop(url, limits, headers, delay_seconds)
            if answer.location is None or redirects == 0:
                break
            url = answer.location
        else:
            answer = msgspec.structs.replace(answer, error="redirects")
        return msgspec.structs.replace(answer, at=dt.datetime.now(dt.UTC))

    async def _hop(self, url: str, limits: Limits, headers: dict[str, str], delay_seconds: float) -> Answer:
        """The answer of one host. One that hangs up is asked again: it may have closed a kept connection just as it was asked."""
        for _ in range(2):
            async with self._turns.turn(urlsplit(url).hostname or "", delay_seconds):
                answer = await self._ask(url, limits, headers)
            if answer.error != "disconnected":
                break
        return answer

    async def _ask(self, url: str, limits: Limits, headers: dict[str, str]) -> Answer:
        if not self._resolver.allows(urlsplit(url).hostname or ""):
            return Answer(url, "blocked_address")
        try:
            async with (
                asyncio.timeout(limits.timeout_seconds),
                self._session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response,
            ):
                return await _read(url, response, limits.at_most_bytes)
        except Exception as error:  # noqa: BLE001  whatever a server makes a client raise, it is a row with a class
            return Answer(url, error_class(error))


async def _read(url: str, response: aiohttp.ClientResponse, at_most_bytes: int) -> Answer:
    """The answer, its body read no further than the cap."""
    headers = {name.lower(): _RAW_BYTE.sub(_escaped, value) for name, value in response.headers.items()}
    answer = Answer(url, status_class(response.status), response.status, headers)
    if answer.error is not None or answer.location is not None:
        return answer
    if response.status >= 300:  # noqa: PLR2004  as HTTP cuts its statuses
        return msgspec.structs.replace(answer, error="redirects")
    if (response.content_length or 0) > at_most_bytes:
        return msgspec.structs.replace(answer, error="too_large")
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > at_most_bytes:
            return msgspec.structs.replace(answer, error="too_large")
    return msgspec.structs.replace(answer, body=bytes(body))


def _escaped(byte: re.Match[str]) -> str:
    """As browsers send it back: a Location in GB18030 leads where its server meant."""
    return f"%{ord(byte[0]) - 0xDC00:02X}"


def status_class(status: int) -> str | None:
    """The error class of a status; null for success and for redirects, which have no body of interest."""
    if status in _OWN_CLASS:
        return str(status)
    if status >= 500:  # noqa: PLR2004  as HTTP cuts its statuses
        return "5xx"
    if status >= 400 or status < 200:  # noqa: PLR2004  as above
        return "4xx"
    return None


def error_class(error: Exception) -> str:
    """The class of a failure without an answer, by what raised it."""
    if isinstance(error, aiohttp.ClientConnectorDNSError) and isinstance(error.os_error, BlockedAddress):
        return "blocked_address"
    return next((name for kinds, name in _CLASSES if isinstance(error, kinds)), "protocol")
