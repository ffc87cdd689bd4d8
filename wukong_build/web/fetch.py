"""One request, from whatever part of the crawl: it keeps the manners, ends in time, and never raises.

Whatever a server does, the answer is an `Answer`: a status and a body, or the class of the failure. Knows nothing of
pages, images or files.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import re
import types
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Annotated, Any, Literal, Self

import aiohttp
import msgspec
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from wukong_build.web import encoding
from wukong_build.web.guard import BlockedAddress, GuardedResolver
from wukong_build.web.manners import Learnt, Limits, Manners, Retries, Turn, Turns
from wukong_build.web.url import canonical

AT_ONCE = 128
"""Requests of one worker under way at once, over all hosts: with `at_most_bytes` it bounds the memory bodies take."""

_NOTHING: Mapping[str, Any] = types.MappingProxyType({})
_NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_MODIFIED = 304
_CONDITIONS = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
_NEEDS_PROXY_PASSWORD = 407
_A_DAY_SECONDS = 86_400.0
_OWN_CLASS = {403, 404, 410, 429}
_CLASSES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), "proxy"),
    ((aiohttp.ClientConnectorDNSError,), "dns"),
    ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch), "tls"),
    ((aiohttp.ClientPayloadError, encoding.Broken), "truncated"),
    ((encoding.Oversized,), "too_large"),
    ((aiohttp.ClientConnectorError,), "connect"),
    ((aiohttp.ClientConnectionError, OSError), "disconnected"),
    ((aiohttp.ClientResponseError,), "protocol"),
    ((aiohttp.InvalidURL, ValueError), "bad_url"),
)
"""What raised a failure → its class; the first that fits, as some of them are others too."""
_RAW_BYTE = re.compile("[\udc80-\udcff]")
"""A byte of a header that is no UTF-8, as aiohttp hands it over; no column of text could hold it."""


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is noted of a request where its answer is recorded: as what the answer is to be read, and whatever that takes."""

    reads: Literal["page", "rendered_page", "sitemap", "results", "image", "robots"] | None = None
    """Null where nothing is read from it by itself."""
    depth: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)] = 0
    engine: str | None = None
    query: str | None = None
    at_most_pairs: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Answer(msgspec.Struct, frozen=True):
    """What a request came to. `error` is null exactly where a whole body came with a 2xx status, or a redirect not followed.

    The class `redirects` is one redirect too many, or one that leads nowhere a crawler goes: no Location, or no http(s) URL.
    """

    url: str
    """After redirects."""
    error: str | None = None
    status: int | None = None
    headers: CIMultiDictProxy[str] = _NO_HEADERS
    body: bytes = b""
    hops: int = 0
    """Redirects followed."""
    attempts: int = 0
    """Requests made, redirects aside."""
    seconds: float = 0.0
    """Spent on requests and their answers, without waiting for turns."""
    at: dt.datetime = dt.datetime.min  # noqa: DTZ901  replaced by `fetch`

    def header(self, name: str) -> str | None:
        """The first header of a name, as any column of text can hold it; null where there is none."""
        value = self.headers.get(name)
        return None if value is None else _RAW_BYTE.sub(_escaped, value)

    @property
    def location(self) -> str | None:
        """Where a redirect points, canonical."""
        target = self.header("Location") if self.status in _REDIRECTS else None
        return canonical(target, self.url) if target else None


class Fetcher:
    """Asks servers, each in its turn. Used as an async context manager."""

    def __init__(
        self, manners: Manners, learnt: Mapping[str, Learnt] = _NOTHING, record: Callable[[Answer, Note], None] | None = None
    ) -> None:
        """`record` is told of every answer, redirects among them, and of what is noted with the request."""
        self._manners = manners
        self._record = record
        self._resolver = GuardedResolver(manners)
        self._learnt = learnt

    async def __aenter__(self) -> Self:
        self._turns = Turns(self._manners.per_host, AT_ONCE, self._learnt)
        self._clock = asyncio.get_running_loop().time
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_begin)
        self._session = aiohttp.ClientSession(
            trace_configs=[trace],
            connector=aiohttp.TCPConnector(resolver=self._resolver, limit=0, ttl_dns_cache=300, keepalive_timeout=5),
            headers={"User-Agent": self._manners.user_agent, "Accept-Encoding": encoding.ACCEPTED},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            max_line_size=16_384,
            max_field_size=16_384,
        )
        self._session._retry_connection = False  # noqa: SLF001  aiohttp would ask again at once, and there is no public way to say so
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    @property
    def learnt(self) -> dict[str, Learnt]:
        """What the answers of hosts taught, for whoever asks them next."""
        return self._turns.learnt

    async def fetch(
        self,
        url: str,
        limits: Limits,
        *,
        headers: Mapping[str, str] = _NOTHING,
        redirects: int = 5,
        may_follow: Callable[[str], bool] = lambda _: True,
        delay_seconds: float = 0.0,
        retries: Retries | None = None,
        note: Note = Note(),  # noqa: B008  frozen
    ) -> Answer:
        """The answer to a GET of `url`, following at most so many redirects, and those only that may be followed.

        Every hop has its turn, and all of them together one deadline. `retries` are the manners' if nothing else is said.
        """
        hops = attempts = 0
        seconds = 0.0
        while True:
            left = msgspec.structs.replace(limits, timeout_seconds=limits.timeout_seconds - seconds) if hops else limits
            answer = await self._repeatedly(url, left, headers, delay_seconds, retries or self._manners.retries)
            answer = msgspec.structs.replace(answer, at=dt.datetime.now(dt.UTC))
            if self._record is not None:
                self._record(answer, note)
            attempts += answer.attempts
            seconds += answer.seconds
            target = answer.location
            if target is None or hops == redirects or not may_follow(target):
                break
            url, hops = target, hops + 1
        error = "redirects" if target is not None and hops == redirects > 0 else answer.error
        return msgspec.structs.replace(answer, error=error, hops=hops, attempts=attempts - hops, seconds=seconds)

    def let_alone(self, url: str, failure: str, seconds: float) -> None:
        """Ask the host of a URL for nothing more for so long: what waits for it is given up."""
        self._turns.heard(URL(url, encoded=True).raw_host or "", failure, seconds)

    async def _repeatedly(
        self, url: str, limits: Limits, headers: Mapping[str, str], delay_seconds: float, retries: Retries
    ) -> Answer:
        """The answer of one host, asked again while it fails in a way that may pass."""
        try:
            asked = URL(url, encoded=True)
        except ValueError as error:
            return Answer(url, error_class(error))
        host = asked.raw_host or ""
        answer = Answer(url, "given_up")
        while answer.attempts <= retries.times:
            async with self._turns.turn(host, delay_seconds) as turn:
                if not turn.may_ask:
                    break
                attempts, answer = answer.attempts + 1, await self._ask(asked, url, limits, headers, turn)
                pause = _pause_seconds(answer)
                self._turns.heard(host, answer.error, pause, answer.seconds)
            answer = msgspec.structs.replace(answer, attempts=attempts)
            if answer.error not in retries.classes:
                break
            if pause is None and attempts <= retries.times:
                await asyncio.sleep(retries.wait(attempts))
        return answer

    async def _ask(self, asked: URL, url: str, limits: Limits, headers: Mapping[str, str], turn: Turn) -> Answer:
        start = self._clock()
        try:
            async with asyncio.timeout(limits.timeout_seconds):
                refusal = await self._refusal(asked)
                answer = Answer(url, refusal) if refusal else await self._get(asked, url, limits.at_most_bytes, headers, turn)
        except Exception as error:  # noqa: BLE001  whatever a server makes a client raise, it is a row with a class
            answer = Answer(url, error_class(error))
        return msgspec.structs.replace(answer, seconds=self._clock() - start)

    async def _refusal(self, asked: URL) -> str | None:
        """The class of a request that must not be made."""
        host = asked.raw_host or ""
        if not self._manners.allows_port(host, asked.port or 0):
            return "blocked_port"
        is_direct = self._manners.proxy_of(host) is None
        may_ask = self._resolver.allows(host) if is_direct else await self._resolver.allows_through_proxy(host)
        return None if may_ask else "blocked_address"

    async def _get(self, asked: URL, url: str, at_most_bytes: int, headers: Mapping[str, str], turn: Turn) -> Answer:
        """The answer to one request."""
        proxy = self._manners.proxy_of(asked.raw_host or "")
        async with self._session.get(
            asked, headers=headers, proxy=proxy, allow_redirects=False, trace_request_ctx=turn
        ) as response:
            answer = Answer(url, status_class(response.status), response.status, response.headers)
            if response.status == _NOT_MODIFIED and not headers.keys() & _CONDITIONS:
                return msgspec.structs.replace(answer, error="protocol")  # nobody asked whether it was
            if answer.error is not None or answer.location is not None:
                return answer
            if response.status >= 300:  # noqa: PLR2004  as HTTP cuts its statuses
                return msgspec.structs.replace(answer, error="redirects")
            try:
                return msgspec.structs.replace(answer, body=await _body(response, at_most_bytes))
            except (encoding.Oversized, encoding.Broken) as error:
                return msgspec.structs.replace(answer, error=error_class(error))


async def _begin(_: aiohttp.ClientSession, context: types.SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams) -> None:
    """A request has left."""
    context.trace_request_ctx.begin()


def conditions(row: Mapping[str, Any]) -> dict[str, str]:
    """The headers that ask for something only if it is no longer as the row (`etag, last_modified`) has it."""
    return {name: row[column] for name, column in _CONDITIONS.items() if row.get(column)}


async def _body(response: aiohttp.ClientResponse, at_most_bytes: int) -> bytes:
    """The whole body, read no further than the cap."""
    if (response.content_length or 0) > at_most_bytes:
        raise encoding.Oversized
    if response.content_length is not None:
        body = await response.read()
    else:
        gathered = bytearray()
        async for chunk in response.content.iter_any():
            gathered += chunk
            if len(gathered) > at_most_bytes:
                raise encoding.Oversized
        body = bytes(gathered)
    packed = response.headers.get("Content-Encoding")
    return body if packed is None else encoding.unpacked(body, packed, at_most_bytes)


def _pause_seconds(answer: Answer) -> float | None:
    """How long a server that is asked too much wishes to be let alone (RFC 9110, 10.2.3); null where it says nothing."""
    if answer.status not in (429, 503):
        return None
    wish = answer.headers.get("Retry-After", "").strip()
    if wish.isdecimal():
        return float(min(int(wish[:9]), _A_DAY_SECONDS))
    try:
        seconds = (email.utils.parsedate_to_datetime(wish) - dt.datetime.now(dt.UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):  # no date, or one without a zone, or of no calendar
        return None
    return min(max(seconds, 0.0), _A_DAY_SECONDS)


def _escaped(byte: re.Match[str]) -> str:
    """As browsers send it back: a Location in GB18030 leads where its server meant."""
    return f"%{ord(byte[0]) - 0xDC00:02X}"


def status_class(status: int) -> str | None:
    """The error class of a status; null for success and for redirects, which have no body of interest."""
    if status in _OWN_CLASS:
        return str(status)
    if status == _NOT_MODIFIED:
        return "not_modified"
    if status == _NEEDS_PROXY_PASSWORD:
        return "proxy"
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
