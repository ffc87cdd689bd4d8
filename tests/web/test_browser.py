"""A real Chromium runs the scripts of pages that a real server sends."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from wukong_build.errors import ConfigError
from wukong_build.schema import ROBOTS
from wukong_build.web import browser as module
from wukong_build.web.browser import PROGRAMS, Browser
from wukong_build.web.extract import Page, read_page
from wukong_build.web.fetch import Answer, Fetcher
from wukong_build.web.leave import Leave
from wukong_build.web.manners import Limits, Manners
from wukong_build.web.page import decode_page
from wukong_build.web.robots import Robots

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(
        not any(map(shutil.which, PROGRAMS)), reason="no Chromium; on Debian and Ubuntu: apt-get install chromium"
    ),
]

APP = """
fetch('/list.json', {headers: {'X-Api': '1'}}).then(answer => answer.json()).then(photos => {
  for (const {src, text} of photos) {
    const img = new Image()
    img.dataset.src = src
    img.alt = text
    document.body.append(img)
    new IntersectionObserver((seen, watcher) => {
      if (seen.some(one => one.isIntersecting)) { img.src = img.dataset.src; watcher.disconnect() }
    }).observe(img)
  }
})
"""


def test_what_scripts_show_is_there(web: Any, manners: Manners) -> None:
    """Scripts fetch a list, and images come as they are scrolled to; the server is asked for no image, and by its name alone."""
    web.answers["/"] = page("<script src=/app.js></script>")
    web.answers["/app.js"] = web.ok(APP.encode(), "Content-Type: text/javascript")
    photos = b'[{"src": "/1.jpg", "text": "\xe7\xba\xa2\xe6\xa2\x85"}, {"src": "http://cdn.test/2.jpg", "text": "\xe7\x99\xbd"}]'
    web.answers["/list.json"] = web.ok(photos, "Content-Type: application/json")
    (found,) = render(manners, "http://a.test/")
    pairs = [(pair.url, pair.texts[0].text) for pair in read(found).pairs]
    assert pairs == [("http://a.test/1.jpg", "红梅"), ("http://cdn.test/2.jpg", "白")]
    assert web.paths == ["/", "/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/app.js", "/list.json"]
    asked = web.asked[-1].headers
    assert (asked["user-agent"], asked["x-api"], asked["referer"]) == (manners.user_agent, "1", "http://a.test/")
    assert "cookie" not in asked


def test_hosts_are_asked_for_robots_txt_first(web: Any, manners: Manners) -> None:
    """A script that its host forbids is none, and costs the page nothing else."""
    web.answers["/"] = page("<script src=/no/a.js></script><script src=//b.test/b.js></script><p><img src=/0.jpg alt=紫藤>")
    web.answers["/robots.txt"] = web.ok(b"User-agent: *\nDisallow: /no/\n", "Content-Type: text/plain")
    web.answers["/no/a.js"] = web.ok(b"document.body.innerHTML = ''", "Content-Type: text/javascript")
    web.answers["/b.js"] = web.ok(b"document.title = 'b'", "Content-Type: text/javascript")
    (found,) = render(manners, "http://a.test/")
    assert (read(found).title, [pair.url for pair in read(found).pairs]) == ("b", ["http://a.test/0.jpg"])
    hosts = [asked.headers["host"] for asked in web.asked if asked.path == "/robots.txt"]
    assert sorted(hosts) == ["a.test", "b.test"]
    assert "/no/a.js" not in web.paths


def test_nothing_else_is_asked_for(web: Any, manners: Manners) -> None:
    """Neither what is no script and no data, nor what would change something, nor addresses that are not public."""
    private = f"http://127.0.0.1:{web.port}"
    web.answers["/"] = page(
        f"""<link rel=stylesheet href=/s.css onload="document.title = 'styled'"><link rel=prefetch href=/next>
        <img src=/i.jpg onerror="this.src = '/placeholder.jpg'"><iframe src=/frame></iframe><video src=/v.mp4 autoplay></video>
        <object data=/o></object><script>
        fetch('/post', {{method: 'POST', body: 'x'}}); navigator.sendBeacon('/beacon'); new EventSource('/events')
        new WebSocket('ws://a.test/socket'); fetch('{private}/inside'); window.open('/popup')
        navigator.serviceWorker && navigator.serviceWorker.register('/worker.js')
        new FontFace('x', 'url(/font.woff)').load(); fetch('file:///etc/hostname')
        </script>""",
        "Set-Cookie: session=1",
    )
    web.answers["/again"] = web.answers["/"]
    first, second = render(manners, "http://a.test/", "http://a.test/again")
    assert web.paths == ["/", "/again"]
    assert read(first).title == read(second).title == "styled"
    assert [pair.url for pair in read(first).pairs] == ["http://a.test/i.jpg"]
    assert not any("cookie" in asked.headers for asked in web.asked)


def test_scripts_are_asked_for_once(web: Any, manners: Manners) -> None:
    """Pages of one site have the same ones."""
    for path in ("/0", "/1", "/2"):
        web.answers[path] = page("<script src=/app.js></script>")
    web.answers["/app.js"] = web.ok(b"document.title = location.pathname", "Content-Type: text/javascript")
    titles = [read(answer).title for answer in render(manners, *(f"http://a.test/{number}" for number in range(3)))]
    assert titles == ["/0", "/1", "/2"]
    assert web.paths.count("/app.js") == 1


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_a_page_is_in_any_encoding(web: Any, manners: Manners, encoding: str) -> None:
    """What the browser gets has been read as any other page has, whatever is said of it or not."""
    text = "春天的花在山坡上開了，大家慢慢看，不要走。" if encoding == "big5" else "春天的花开在山坡上，大家慢慢看。"
    web.answers["/"] = page(
        f"<p>{text}</p><script>document.title = document.querySelector('p').textContent</script>", encoding=encoding
    )
    (found,) = render(manners, "http://a.test/")
    assert read(found).title == text


@pytest.mark.parametrize(
    "how", ["location.href = '/next?a=1&b=\"2\"'", "setTimeout(() => location.replace('/next?a=1&b=\"2\"'), 50)"]
)
def test_a_page_that_leads_elsewhere_links_there(web: Any, manners: Manners, how: str) -> None:
    """Whether it may be followed, and when, is not for the browser to say."""
    web.answers["/"] = page(f"<img src=/0.jpg alt=花><script>{how}</script>")
    (found,) = render(manners, "http://a.test/")
    assert read(found).links == ("http://a.test/next?a=1&b=%222%22",)
    assert "/next" not in " ".join(web.paths)


def test_a_script_without_end(web: Any, manners: Manners, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails its own page, with a class, and no other."""
    monkeypatch.setattr(module, "AT_MOST_SECONDS", 1.0)
    monkeypatch.setattr(module, "AT_MOST_SECONDS_TO_TELL", 1.0)
    web.answers["/endless"] = page("<script>for (;;) {}</script>")
    web.answers["/"] = page("<script>document.title = 'well'</script>")
    endless, well = render(manners, "http://a.test/endless", "http://a.test/")
    assert (endless.error, endless.body, endless.status) == ("script", b"", 200)
    assert read(well).title == "well"


def test_a_page_that_never_rests(web: Any, manners: Manners, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is taken as it is when the time is over, and is given no more than so many answers."""
    monkeypatch.setattr(module, "AT_MOST_SECONDS", 3.0)
    monkeypatch.setattr(module, "AT_MOST_REQUESTS", 5)
    web.answers["/"] = page("<script>let n = 0; setInterval(() => fetch('/data?' + n++), 100); document.title = 'busy'</script>")
    (found,) = render(manners, "http://a.test/")
    assert read(found).title == "busy"
    assert sum(path.startswith("/data") for path in web.paths) == 5


def test_a_browser_that_is_gone_is_started_again(web: Any, manners: Manners) -> None:
    """A crash costs one page at most."""
    web.answers["/"] = page("<script>document.title = 'well'</script>")

    async def rendered() -> list[str | None]:
        leave = Leave(lambda _: Robots(ROBOTS.table([]), manners.product), manners.product)
        async with Fetcher(manners) as fetcher, Browser(fetcher, leave, manners.user_agent) as browser:
            answer = await fetcher.fetch("http://a.test/", Limits())
            first = await browser.rendered(answer)
            await browser._chromium.close()
            return [read(found).title for found in (first, await browser.rendered(answer))]

    assert asyncio.run(asyncio.wait_for(rendered(), 60)) == ["well", "well"]


def test_without_a_browser_it_is_said_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is missing, and how to get it."""
    monkeypatch.setattr(module, "PROGRAMS", ())
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"no browser could be started: .*apt-get install chromium"):
        module.require_browser()
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with pytest.raises(ConfigError, match=r"needs the extra: pip install 'wukong-build\[javascript\]'"):
        module.require_browser()


def page(body: str, *headers: str, encoding: str = "utf-8") -> bytes:
    """An answer with a page."""
    html = f"<!DOCTYPE html><html><head><title>花</title></head><body>{body}</body></html>".encode(encoding)
    lines = ("HTTP/1.1 200 OK", "Connection: close", f"Content-Length: {len(html)}", "Content-Type: text/html", *headers, "", "")
    return "\r\n".join(lines).encode() + html


def render(manners: Manners, *urls: str) -> list[Answer]:
    """Some pages after their scripts, one after the other."""

    async def rendered() -> list[Answer]:
        leave = Leave(lambda _: Robots(ROBOTS.table([]), manners.product), manners.product)
        async with Fetcher(manners) as fetcher, Browser(fetcher, leave, manners.user_agent) as browser:
            return [await browser.rendered(await fetcher.fetch(url, Limits())) for url in urls]

    return asyncio.run(asyncio.wait_for(rendered(), 120))


def read(answer: Answer) -> Page:
    """What an answer shows."""
    assert answer.error is None
    return read_page(decode_page(answer.body, answer.header("Content-Type")), answer.url)
