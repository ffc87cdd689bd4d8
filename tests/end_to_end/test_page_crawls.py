"""Crawls of sites that are made up as they are asked: sitemaps, budgets, traps, encodings, and kills between rounds."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from wukong_build import run
from wukong_build.inspect.run import Run
from wukong_build.store import Store

Answer = tuple[str, bytes]
"""Content type and body."""


def picture() -> bytes:
    """A small JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "JPEG")
    return file.getvalue()


JPEG = picture()


class Site(ThreadingHTTPServer):
    """Answers every path as a function says; `asked` are the paths of pages, images aside, in their order."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes: 40 ms an answer otherwise

    def do_GET(self) -> None:
        """Pictures for whatever ends like one."""
        found: Answer | None
        if self.path.endswith(".jpg"):
            found = "image/jpeg", JPEG
        else:
            self.server.asked.append(self.path)
            found = self.server.answer(self.path)
        content_type, body = found or ("text/plain", b"no such thing")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Says nothing."""


@contextlib.contextmanager
def served(answer: Callable[[str], Answer | None]) -> Iterator[Site]:
    """A site on loopback until the block ends."""
    with Site(answer) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield site
        site.shutdown()
        thread.join()


def html(*links: str, images: tuple[str, ...] = (), encoding: str = "utf-8") -> Answer:
    """A page with links and images, each with a caption of its own."""
    shown = "".join(f"<p><img src='/{name}.jpg' alt='院中桃花照片 {name}'></p>" for name in images)
    led = "".join(f"<a href={link}>去</a>" for link in links)
    return "text/html", f"<title>花</title>{led}<p>春天的照片在此，大家慢慢看。</p>{shown}".encode(encoding)


def values(site: Site, folder: Path, workers: int = 1, **pages: Any) -> dict[str, Any]:
    """A config for the pages of a site."""
    source = {"seeds": ["http://site.test/"], "depth": 8, "at_most_pages": 1000} | pages
    crawl = {
        "sources": [{"pages": source}],
        "resolve": {"site.test": f"127.0.0.1:{site.server_port}"},
        "per_host": {"delay_seconds": 0, "connections": 8},
        "pages_per_part": 7,
    }
    return {"run": str(folder), "crawl": crawl, "executor": {"workers": workers}}


def sitemap(*urls: str, root: str = "urlset") -> bytes:
    """A sitemap, or an index of some."""
    return f"<{root}>{''.join(f'<url><loc>http://site.test{url}</loc></url>' for url in urls)}</{root}>".encode()


def with_sitemaps(path: str) -> Answer | None:
    """A site whose pages are told by sitemaps alone, each in an encoding of its own that nobody declares."""
    number = path.rpartition("/")[2]
    pages = {
        "/robots.txt": ("text/plain", b"Sitemap: http://site.test/index.xml\nUser-agent: *\nDisallow: /page/3\n"),
        "/index.xml": ("application/xml", sitemap("/a.xml.gz", "/b.xml", root="sitemapindex")),
        "/a.xml.gz": ("application/octet-stream", gzip.compress(sitemap("/page/0", "/page/1"))),
        "/b.xml": ("text/xml", sitemap("/page/2", "/page/3")),
        "/": html(),
    }
    if path.startswith("/page/"):
        return html(images=(number,), encoding=("utf-8", "gb18030", "big5", "utf-8")[int(number)])
    return pages.get(path)


def test_sitemaps(tmp_path: Path) -> None:
    """Every page that they name is read, packed or not, in whatever encoding; what robots.txt forbids is not."""
    with served(with_sitemaps) as site:
        done = run(values(site, tmp_path / "run", at_most_pages=4), ["crawl"])
    texts = {row["url"]: row["caption_found"] for row in done.sql("SELECT url, caption_found FROM samples").to_pylist()}
    assert texts == {f"http://site.test/{number}.jpg": f"院中桃花照片 {number}" for number in range(3)}
    told = dict(zip(*done.sql("SELECT url, coalesce(read_as, decision) AS told FROM pages").to_pydict().values(), strict=True))
    assert {url.removeprefix("http://site.test"): what for url, what in told.items()} == {
        "/": "page",
        "/index.xml": "sitemap_index",
        "/a.xml.gz": "sitemap",
        "/b.xml": "sitemap",
        **{f"/page/{number}": "page" for number in range(3)},
        "/page/3": "robots",
    }
    assert max(Counter(site.asked).values()) == 1


class Traps:
    """Real pages, in front of a calendar without end, links that get a new session with every visit, and a path that grows."""

    def __init__(self) -> None:
        self._visits = 0
        self._lock = threading.Lock()

    def __call__(self, path: str) -> Answer | None:
        """Whatever is asked for is there."""
        with self._lock:
            self._visits += 1
            session = f"{self._visits:08x}"
        kind, *numbers = path.partition("?")[0].strip("/").split("/")
        if kind == "robots.txt":
            return None
        if kind == "cal":
            month = int(numbers[0])
            days = (f"/cal/{month}/{day}" for day in range(1, 29))
            return html("/", f"/cal/{month + 1}", f"/cal/{month - 1}", *(days if len(numbers) == 1 else ()))
        if kind == "shop":
            return html(*(f"/shop/{number}?PHPSESSID={session}" for number in range(10)), images=(f"shop-{numbers[0]}",))
        if kind == "up":
            return html(f"{path.rstrip('/')}/up/")
        if kind == "news":
            number = int(numbers[0])
            return html("/", f"/news/{number + 1}" if number < 59 else "/", images=(f"news-{number}",))
        return html("/cal/0", "/shop/0", "/up/", *(f"/news/{10 * number}" for number in range(6)), images=("home",))


def test_traps(tmp_path: Path) -> None:
    """All that there is to find is found, and the traps cost a tenth of the budget."""
    with served(Traps()) as site:
        done = run(values(site, tmp_path / "run", depth=40, at_most_pages=5000), ["crawl"])
    kinds = Counter(path.partition("?")[0].strip("/").split("/")[0] for path in site.asked)
    assert kinds["news"] == 60
    assert kinds["shop"] == 10
    assert kinds["up"] == 2
    assert kinds["cal"] < 400
    ((found,),) = done.sql("SELECT count(*) AS found FROM samples WHERE error IS NULL").to_pydict().values()
    assert found == 1 + 60 + 10
    assert set(done.sql("SELECT DISTINCT decision FROM pages").to_pydict()["decision"]) == {"asked", "trap"}


def tree(path: str) -> Answer | None:
    """Five rounds: every page has three children, and images that its siblings show too."""
    if path in ("/robots.txt", "/favicon.ico"):
        return None
    digits = path.strip("/")
    children = [f"/{digits}{digit}" for digit in range(3)] if len(digits) < 5 else []
    return html(*children, "/", images=(f"p{digits}", f"q{digits[:-1]}"))


@pytest.mark.kill
def test_killed_between_and_within_rounds(tmp_path: Path) -> None:
    """The pairs are those of a crawl that nobody disturbed, and what a finished part has asked for is never asked for again."""
    with served(tree) as site:
        whole = run(values(site, tmp_path / "whole"), ["crawl"])
        assert len(set(site.asked)) == len(site.asked) == 3 + sum(3**level for level in range(6))
        site.asked.clear()
        config = tmp_path / "config.yaml"
        config.write_text(yaml.safe_dump(values(site, tmp_path / "run", workers=2)), encoding="utf-8")
        rng, kills, seen = random.Random(20220214), 0, []
        while killed(config, rng):
            kills += 1
            seen.append((len(site.asked), _done(tmp_path / "run")))
        assert kills >= 5
        resumed = run(values(site, tmp_path / "run", workers=2), ["crawl"])
    assert _pairs(resumed) == _pairs(whole)
    for before, done in seen:
        assert done.isdisjoint(f"http://site.test{path}" for path in site.asked[before:])
    assert len(site.asked) - len(set(site.asked)) <= kills * 2 * 7  # a part of each worker


def killed(config: Path, rng: random.Random) -> bool:
    """Whether a crawl was killed before its end."""
    process = subprocess.Popen([sys.executable, "-m", "wukong_build", "crawl", str(config)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for _ in range(2 + rng.randrange(12)):
        process.stderr.readline()
    timer = threading.Timer(rng.random() * 0.1, process.kill)
    timer.start()
    process.stderr.read()
    timer.cancel()
    process.stderr.close()
    return process.wait() == -signal.SIGKILL


def _done(folder: Path) -> set[str]:
    """The pages that parts on the disk have."""
    paths = (folder / "crawl/pages").glob("[0-9]*.parquet")
    return {url for path in paths for url in pq.read_table(path, columns=["url"])["url"].to_pylist()}


def _pairs(done: Run) -> list[dict[str, Any]]:
    """All pairs, in an order that no part decides."""
    query = "SELECT url, page_url, position, texts, source, depth FROM occurrences ORDER BY page_url, position"
    assert isinstance(done.store, Store)
    return done.sql(query).to_pylist()  # type: ignore[no-any-return]


def scripted(path: str) -> Answer | None:
    """A gallery whose pages and pictures are there for those alone that run its script."""
    if path == "/app.js":
        return "text/javascript", (
            b"const n = +location.pathname.slice(1)\n"
            b"if (n < 3) document.body.innerHTML += `<a href=/${n + 1}>go</a>`\n"
            b"fetch(`/data/${n}.json`).then(got => got.json()).then(({src, alt}) => {\n"
            b"  const img = new Image(); img.src = src; img.alt = alt; document.body.append(img)\n"
            b"})"
        )
    if path.startswith("/data/"):
        number = path.removeprefix("/data/").removesuffix(".json")
        return "application/json", json.dumps({"src": f"/{number}.jpg", "alt": f"山坡上的第 {number} 棵树"}).encode()
    return ("text/html", b"<body><script src=/app.js></script></body>") if path.strip("/").isdigit() or path == "/" else None


@pytest.mark.chromium
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium; on Debian and Ubuntu: apt-get install chromium")
def test_scripts(tmp_path: Path) -> None:
    """Pages read without their scripts are read once more when the config asks for them, and then no more."""
    with served(scripted) as site:
        plain = run(values(site, tmp_path / "run"), ["crawl"])
        assert plain.sql("SELECT count(*) AS n FROM samples").to_pylist() == [{"n": 0}]
        done = run(values(site, tmp_path / "run", workers=2, javascript=True), ["crawl"])
        rows = done.sql("SELECT url, caption_found, depth FROM samples ORDER BY url").to_pylist()
        asked = list(site.asked)
        run(values(site, tmp_path / "run", workers=2, javascript=True), ["crawl"])
        assert site.asked == asked
    assert [tuple(row.values()) for row in rows] == [
        (f"http://site.test/{number}.jpg", f"山坡上的第 {number} 棵树", number) for number in range(4)
    ]
    assert Counter(asked) == Counter(["/", "/", "/1", "/2", "/3", *(f"/data/{number}.json" for number in range(4))]) + Counter(
        {path: site.asked.count(path) for path in ("/app.js", "/robots.txt", "/ai.txt", "/.well-known/tdmrep.json")}
    )
    assert site.asked.count("/app.js") <= 4
