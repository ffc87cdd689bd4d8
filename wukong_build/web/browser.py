"""Pages as a browser has them once their scripts have run.

The browser asks nobody: documents, scripts and the data that these ask for come from the fetcher, with its manners and under
robots.txt, and everything else is made up or refused. Knows nothing of what is read from a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
import os
import shutil
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

from wukong_build.errors import ConfigError
from wukong_build.web.fetch import Answer, Fetcher
from wukong_build.web.leave import Leave
from wukong_build.web.manners import Limits
from wukong_build.web.page import decode_page
from wukong_build.web.url import canonical

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import Page, Request, Route

log = logging.getLogger("wukong_build")

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Names of browsers that do, in the order in which they are looked for; without any, the one that Playwright installs."""

PAGES_AT_ONCE = 4
"""How many pages one browser has open."""

AT_MOST_SECONDS = 60.0
"""A page that has not come to rest by then, waiting for turns included, is taken as it is."""

AT_MOST_SECONDS_TO_TELL = 10.0
"""A page that does not tell its content in this time never will: its script runs in circles."""

AT_MOST_REQUESTS = 200
"""How much the scripts of one page are given."""

AT_MOST_SCRIPT_BYTES = 64_000_000
"""Scripts held, so that the next page with them asks for none."""

_LIMITS = Limits(at_most_bytes=10_000_000, timeout_seconds=30)

VIEWPORT = {"width": 1280, "height": 8000}
"""Pixels. So tall that most of what waits to be scrolled to is in sight at once."""

_ARGUMENTS = (
    "--proxy-server=http://127.0.0.1:9",  # whatever were not given from here would go nowhere
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-web-security",  # what a page may read of other hosts is decided here, and it has nobody's cookies to abuse
    "--disable-gpu",
    "--no-first-run",
)

_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="900"/>'
"""What every image is to the scripts of a page: there, and of good size."""

_OWN_HEADERS = ("accept-encoding", "connection", "cookie", "host", "range", "user-agent")
_OWN_PREFIXES = ("sec-", "if-", "proxy-")
"""Of what the browser would send, what is the fetcher's to say, or nobody's."""

_NOT_AS_IT_CAME = ("content-encoding", "content-length", "transfer-encoding", "set-cookie", "content-security-policy")
"""Headers of an answer that do not hold for what the browser gets."""


class Browser:
    """Runs the scripts of pages. Used as an async context manager; Chromium is started with the first page."""

    def __init__(self, fetcher: Fetcher, leave: Leave, user_agent: str) -> None:
        self._fetcher = fetcher
        self._leave = leave
        self._user_agent = user_agent
        self._scripts: dict[str, asyncio.Task[Answer]] = {}
        self._script_bytes = 0
        self._places = asyncio.Semaphore(PAGES_AT_ONCE)
        self._starting = asyncio.Lock()
        self._chromium: Chromium | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()

    async def rendered(self, answer: Answer) -> Answer:
        """A page that came, as it is once its scripts have run, in UTF-8; an answer with the failure `script` where they fail.

        Where the scripts lead to another page, that is a refresh of this one, as HTML says it.
        """
        async with self._places:
            try:
                async with self._opened() as page:
                    content = await self._run(page, answer)
            except Exception as error:  # noqa: BLE001  whatever a page does to its browser costs no other page
                log.debug("crawl: %s: the browser failed: %r", answer.url, error)
                return msgspec.structs.replace(answer, error="script", body=b"")
        headers = CIMultiDict(answer.headers)
        headers["Content-Type"] = "text/html; charset=utf-8"
        return msgspec.structs.replace(answer, body=content.encode("utf-8", "replace"), headers=CIMultiDictProxy(headers))

    async def _run(self, page: Page, answer: Answer) -> str:
        """The content of a page when it has come to rest."""
        from playwright.async_api import Error
        from playwright.async_api import TimeoutError as Timeout

        asked = _Asked(answer)
        await page.route("**/*", lambda route: self._give(route, asked))
        await page.route_web_socket("**/*", lambda _: None)  # is there, and says nothing
        with contextlib.suppress(Timeout):
            try:
                await page.goto(answer.url, wait_until="networkidle", timeout=AT_MOST_SECONDS * 1000)
            except Error:
                if asked.moved_to is None:
                    raise
        async with asyncio.timeout(AT_MOST_SECONDS_TO_TELL):
            content = await page.content()
        if asked.moved_to is not None:
            content += f'<meta http-equiv="refresh" content="0;url={html.escape(asked.moved_to)}">'
        return content

    async def _give(self, route: Route, asked: _Asked) -> None:
        """What a page asks for: from here, from the fetcher, or not at all."""
        request = route.request
        if request.resource_type == "document":
            await self._give_document(route, asked)
        elif request.resource_type == "image":
            await route.fulfill(status=200, content_type="image/svg+xml", body=_PICTURE)
        elif request.resource_type == "stylesheet":
            await route.fulfill(status=200, content_type="text/css", body="")  # scripts wait for some, and break without them
        elif request.resource_type in {"script", "xhr", "fetch"} and request.method == "GET" and asked.may_ask():
            await _fulfil(route, await self._script(request) if request.resource_type == "script" else await self._ask(request))
        else:
            await route.abort()

    async def _give_document(self, route: Route, asked: _Asked) -> None:
        """The page itself, once; whatever other page the browser is led to is for the frontier to decide."""
        is_main = route.request.frame.parent_frame is None
        if is_main and not asked.is_given:
            asked.is_given = True
            text = decode_page(asked.answer.body, asked.answer.header("Content-Type") or "")
            await route.fulfill(status=200, content_type="text/html; charset=utf-8", body=text.encode("utf-8", "replace"))
            return
        if is_main:
            asked.moved_to = route.request.url
        await route.abort()

    async def _script(self, request: Request) -> Answer:
        """A script, asked for once whatever the number of pages that have it."""
        task = self._scripts.pop(request.url, None)
        if task is None:
            task = asyncio.create_task(self._ask(request))
        self._scripts[request.url] = task  # the last used last
        answer = await asyncio.shield(task)
        held = sum(len(task.result().body) for task in self._scripts.values() if task.done())
        while held > AT_MOST_SCRIPT_BYTES:
            first = next(iter(self._scripts))
            held -= len(self._scripts.pop(first).result().body)
        return answer

    async def _ask(self, request: Request) -> Answer:
        """The answer to a request of a page; `robots` where its host does not allow it."""
        url = canonical(request.url)
        headers = {name: value for name, value in request.headers.items() if not _is_own(name)}
        for _ in range(5):
            delay = None if url is None else await self._leave.to_ask(url, self._fetcher)
            if url is None or delay is None:
                return Answer(request.url, "robots")
            answer = await self._fetcher.fetch(url, _LIMITS, headers=headers, redirects=0, delay_seconds=delay)
            if answer.location is None:
                return answer
            url = answer.location
        return Answer(request.url, "redirects")

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Page]:
        """A page of its own, which has nothing of those before it. A browser that does not let go of it is done with."""
        chromium = await self._started()
        context = await chromium.new_context(
            user_agent=self._user_agent,
            viewport=VIEWPORT,  # type: ignore[arg-type]
            locale="zh-CN",
            accept_downloads=False,
            bypass_csp=True,
            service_workers="block",
        )
        try:
            yield await context.new_page()
        finally:
            try:
                async with asyncio.timeout(AT_MOST_SECONDS_TO_TELL):
                    await context.close()
            except Exception as error:  # noqa: BLE001  as above
                log.debug("crawl: the browser is started anew: %r", error)
                self._chromium = None

    async def _started(self) -> Chromium:
        async with self._starting:
            if self._chromium is None or not self._chromium.is_connected():
                self._chromium = await self._stack.enter_async_context(started())
            return self._chromium


class _Asked:
    """What a page has been given so far."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.is_given = False
        self.moved_to: str | None = None
        self._requests = 0

    def may_ask(self) -> bool:
        """Counts a request, and says whether it is one too many."""
        self._requests += 1
        return self._requests <= AT_MOST_REQUESTS


def require_browser() -> None:
    """ConfigError where no browser can be started."""

    async def starts() -> None:
        async with started():
            pass

    asyncio.run(starts())


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[Chromium]:
    """A browser. ConfigError where there is none."""
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError as error:
        raise ConfigError("crawl.sources: pages: javascript: needs the extra: pip install 'wukong-build[javascript]'") from error
    async with async_playwright() as playwright:
        try:
            chromium = await playwright.chromium.launch(
                executable_path=next(filter(None, map(shutil.which, PROGRAMS)), None),
                args=list(_ARGUMENTS),
                chromium_sandbox=os.geteuid() != 0,  # which Chromium refuses to root
            )
        except Error as error:
            said = str(error).strip().partition("\n")[0]
            raise ConfigError(
                f"crawl.sources: pages: javascript: no browser could be started: {said}; install one, such as Debian's "
                "`apt-get install chromium`, or `playwright install chromium`"
            ) from error
        try:
            yield chromium
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(AT_MOST_SECONDS_TO_TELL):
                    await chromium.close()


async def _fulfil(route: Route, answer: Answer) -> None:
    """Let the browser have an answer."""
    if answer.status is None:
        await route.abort()
        return
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in _NOT_AS_IT_CAME}
    await route.fulfill(status=answer.status, headers=headers, body=answer.body)


def _is_own(name: str) -> bool:
    return name in _OWN_HEADERS or name.startswith(_OWN_PREFIXES)
