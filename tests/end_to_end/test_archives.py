"""Crawls that are archived and read again from their archive alone; archives of others; and killed readings."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml
from test_page_crawls import JPEG, Answer, html, killed, scripted, served, tree, values

from wukong_build import run
from wukong_build.sql import ask
from wukong_build.store import Store

SAMPLES = (
    "SELECT key, url, page_url, depth, position, caption_found, caption_origin, texts, occurrence_count, opt_out, error, "
    "CASE WHEN error IS NULL THEN sha256 END AS sha256 FROM samples ORDER BY key"
)
ROBOTS = b"User-agent: *\nDisallow: /no\nContent-Usage: /kept train-ai=n\n"


def pages(path: str) -> Answer | None:
    """A site that withholds a folder."""
    found = {
        "/robots.txt": ("text/plain", ROBOTS),
        "/": html("/a", "/b", "/no/x", images=("kept/1", "2")),
        "/a": html("/", images=("a1", "2"), encoding="gb18030"),
        "/b": html("/a", images=("b1", "2")),
    }
    return found.get(path)


def rows(folder: Path, query: str) -> list[dict[str, Any]]:
    """What a run answers."""
    return ask(Store(str(folder)), query).to_pylist()  # type: ignore[no-any-return]


def from_archive(crawled: dict[str, Any], folder: Path, path: Path | str, **settings: Any) -> dict[str, Any]:
    """A config that reads archives alone."""
    sources = [{"warc": {"path": str(path), "only_archived": True}}]
    return crawled | {"run": str(folder), "crawl": crawled["crawl"] | {"archive": False, "sources": sources} | settings}


def record(
    url: str, content: bytes, kind: str = "response", content_type: str = "application/http", date: str = "2024-05-01"
) -> bytes:
    """One record, packed by itself."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}T10:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:92283950-ef2f-4d72-b224-f54c6ec90bb0>\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + content + b"\r\n\r\n")


def answer(body: bytes, content_type: str = "text/html", status: str = "200 OK", more: str = "") -> bytes:
    """An HTTP response."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}\r\n".encode() + body


def test_a_crawl_is_replayed_from_its_archive(tmp_path: Path) -> None:
    """The same samples, opt-outs among them, without a request; and the archive says where each came from."""
    with served(pages) as site:
        crawled = values(site, tmp_path / "crawled")
        crawled["crawl"]["archive"] = True
        run(crawled)
        asked = len(site.asked)
        run(from_archive(crawled, tmp_path / "replayed", tmp_path / "crawled" / "archive"))
        assert len(site.asked) == asked
    first, second = rows(tmp_path / "crawled", SAMPLES), rows(tmp_path / "replayed", SAMPLES)
    assert first == second
    assert {row["error"] for row in first} == {None, "opted_out"}
    archives = rows(tmp_path / "replayed", "SELECT DISTINCT archive FROM images WHERE archive IS NOT NULL")
    assert [Path(row["archive"]).name for row in archives] == ["images-00000.warc.gz"]


def test_an_archive_of_others(tmp_path: Path) -> None:
    """Images are taken from wherever they are in it, through redirects too; what is nowhere has a row that says so."""
    page = "<title>花</title>" + "".join(
        f"<p><img src='/{name}' alt='院中桃花照片{name}'></p>" for name in ("a.jpg", "b.jpg", "c.jpg")
    )
    moved = answer(b"", status="301 Moved", more="Location: http://cdn.test/b.jpg\r\n")
    (tmp_path / "1.warc.gz").write_bytes(
        record("http://site.test/", answer(page.encode()))
        + record("http://site.test/a.jpg", answer(JPEG, "image/jpeg"))
        + record("http://site.test/b.jpg", moved)
        + record("http://site.test/style.css", answer(b"p {}", "text/css"))
    )
    (tmp_path / "2.warc.gz").write_bytes(record("http://cdn.test/b.jpg", answer(JPEG, "image/jpeg")))
    crawled = {"run": "", "crawl": {}}
    run(from_archive(crawled, tmp_path / "run", tmp_path / "*.warc.gz"))
    found = {row["url"][-5:]: row["error"] for row in rows(tmp_path / "run", "SELECT url, error FROM samples")}
    assert found == {"a.jpg": None, "b.jpg": None, "c.jpg": "not_archived"}
    (seen,) = rows(tmp_path / "run", "SELECT url, archive_offset, pair_count FROM pages")
    assert seen == {"url": "http://site.test/", "archive_offset": 0, "pair_count": 3}


def test_what_is_in_no_archive_is_asked_of_the_web(tmp_path: Path) -> None:
    """Unless the config says otherwise; and a file that the config no longer names leaves nothing behind."""
    with served(pages) as site:
        name = "http://site.test/"
        (tmp_path / "1.warc.gz").write_bytes(record(name, answer(html(images=("x",))[1])))
        (tmp_path / "2.warc.gz").write_bytes(record(f"{name}2", answer(html(images=("y",))[1])))
        crawled = values(site, tmp_path / "run")
        config = from_archive(crawled, tmp_path / "run", tmp_path, sources=[{"warc": {"path": str(tmp_path)}}])
        run(config)
        assert [row["error"] for row in rows(tmp_path / "run", SAMPLES)] == [None, None]
        assert site.asked == ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"]
        (tmp_path / "2.warc.gz").unlink()
        run(config)
    assert [row["url"] for row in rows(tmp_path / "run", SAMPLES)] == [f"{name}x.jpg"]


def test_of_several_captures_the_newest_counts(tmp_path: Path) -> None:
    """In one file or in two; nothing of the others is left."""
    url, images = "http://site.test/", {"2020-01-01": ("x", "z"), "2024-01-01": ("y", "z"), "2022-01-01": ("w",)}
    captured = [record(url, answer(html(images=names)[1]), date=date) for date, names in images.items()]
    (tmp_path / "1.warc.gz").write_bytes(captured[0] + captured[1])
    (tmp_path / "2.warc.gz").write_bytes(captured[2])
    run(from_archive({"crawl": {}}, tmp_path / "run", tmp_path), ["crawl"])
    found = rows(tmp_path / "run", "SELECT url, occurrence_count AS n FROM samples ORDER BY url")
    assert found == [{"url": f"{url}y.jpg", "n": 1}, {"url": f"{url}z.jpg", "n": 1}]


def test_opt_outs_of_sites_hold_wherever_they_are(tmp_path: Path) -> None:
    """A robots.txt in another archive, behind redirects, and beside a newer file of the same site."""
    moved = answer(b"", status="301 Moved", more="Location: https://site.test/robots.txt\r\n")
    page = record("http://site.test/", answer(html(images=("kept/1", "2"))[1]))
    images = b"".join(record(f"http://site.test/{name}.jpg", answer(JPEG, "image/jpeg")) for name in ("kept/1", "2"))
    said = record("http://site.test/robots.txt", moved) + record("https://site.test/robots.txt", answer(ROBOTS, "text/plain"))
    newer = record("http://site.test/ai.txt", answer(b"User-Agent: *\n", "text/plain"), date="2025-01-01")
    for number, content in enumerate((page + images, said, newer)):
        (tmp_path / f"{number}.warc.gz").write_bytes(content)
    run(from_archive({"crawl": {}}, tmp_path / "run", tmp_path), ["crawl"])
    found = rows(tmp_path / "run", "SELECT url, error FROM samples ORDER BY url")
    assert [row["error"] for row in found] == [None, "opted_out"]


@pytest.mark.chromium
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium; on Debian and Ubuntu: apt-get install chromium")
def test_pages_whose_scripts_were_run_are_replayed(tmp_path: Path) -> None:
    """As the browser had them; what their servers sent, which shows nothing, does not count."""
    with served(scripted) as site:
        crawled = values(site, tmp_path / "crawled", javascript=True)
        crawled["crawl"]["archive"] = True
        run(crawled, ["crawl"])
        run(from_archive(crawled, tmp_path / "replayed", tmp_path / "crawled" / "archive"), ["crawl"])
    first = rows(tmp_path / "crawled", SAMPLES)
    assert len(first) == 4
    assert rows(tmp_path / "replayed", SAMPLES) == first


def test_a_wat_file(tmp_path: Path) -> None:
    """Pairs with the texts that metadata have, and the title of the page."""
    links = [{"path": "IMG@/src", "url": "/a.jpg", "alt": "院中桃花"}, {"path": "IMG@/src", "url": "/b.jpg"}]
    told = {"Head": {"Title": "春天的照片"}, "Links": links}
    response = {"Response-Message": {"Status": "200"}, "Headers": {"Content-Type": "text/html"}, "HTML-Metadata": told}
    content = json.dumps({"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": response}}}, ensure_ascii=False)
    (tmp_path / "a.wat.gz").write_bytes(record("http://site.test/", content.encode(), "metadata", "application/json"))
    run(from_archive({"crawl": {}}, tmp_path / "run", tmp_path), ["crawl"])
    found = rows(tmp_path / "run", "SELECT url, caption_found, caption_origin FROM samples ORDER BY url")
    assert [tuple(row.values()) for row in found] == [
        ("http://site.test/a.jpg", "院中桃花", "alt"),
        ("http://site.test/b.jpg", "春天的照片", "page_title"),
    ]


@pytest.mark.kill
def test_killed_while_archiving_and_while_reading(tmp_path: Path) -> None:
    """What is in the archive in the end gives the samples of a crawl that nobody disturbed, however often either was killed."""
    with served(tree) as site:
        run(values(site, tmp_path / "whole"), ["crawl"])
        crawled = values(site, tmp_path / "crawled", workers=2)
        crawled["crawl"]["archive"] = True
        replayed = from_archive(crawled, tmp_path / "replayed", tmp_path / "crawled" / "archive")
        rng, kills = random.Random(20220214), []
        for number, config in enumerate((crawled, replayed)):
            path = tmp_path / f"{number}.yaml"
            path.write_text(yaml.safe_dump(config), encoding="utf-8")
            kills.append(0)
            while killed(path, rng):
                kills[-1] += 1
    assert min(kills) >= 2
    whole = rows(tmp_path / "whole", SAMPLES)
    assert rows(tmp_path / "crawled", SAMPLES) == whole
    assert rows(tmp_path / "replayed", SAMPLES) == whole


def test_files_that_are_no_archives(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Are told of, in the log and in a row, and the others are read, at whatever file system they lie."""
    fs = fsspec.filesystem("memory")
    fs.pipe("/archives/1.warc.gz", record("http://site.test/", answer(html(images=("a",))[1])))
    fs.pipe("/archives/2.warc.gz", gzip.compress(b"filedesc://x.arc 0.0.0.0 20240101000000 text/plain 9\n"))
    run(from_archive({"crawl": {}, "executor": {"workers": 1}}, tmp_path / "run", "memory://archives/*.warc.gz"), ["crawl"])
    found = rows(tmp_path / "run", "SELECT archive, error FROM pages ORDER BY archive")
    assert [(row["archive"][-9:], row["error"]) for row in found] == [("1.warc.gz", None), ("2.warc.gz", "no_archive")]
    assert [row["url"] for row in rows(tmp_path / "run", SAMPLES)] == ["http://site.test/a.jpg"]
    assert "2.warc.gz holds no page" in caplog.text


def test_conclusions_are_no_facts(tmp_path: Path) -> None:
    """What archives come to does not depend on which came first, nor on what was there once; nor on what the config said then."""
    moved = answer(b"", status="301 Moved", more="Location: http://cdn.test/b.jpg\r\n")
    page = record("http://site.test/", answer(html(images=("a",))[1])) + record("http://site.test/a.jpg", moved)
    folder = tmp_path / "archives"
    folder.mkdir()
    (folder / "1.warc.gz").write_bytes(page)
    config = from_archive({"crawl": {}}, tmp_path / "run", folder)
    told = []
    for number in range(3):
        if number == 1:
            (folder / "2.warc.gz").write_bytes(record("http://cdn.test/b.jpg", answer(JPEG, "text/html")))
        if number == 2:
            (folder / "2.warc.gz").unlink()
        run(config, ["crawl"])
        told += rows(tmp_path / "run", "SELECT url, error FROM samples")
    assert told == [{"url": "http://site.test/a.jpg", "error": error} for error in ("not_archived", None, "not_archived")]
    with served(pages) as site:
        live = from_archive(values(site, tmp_path / "run"), tmp_path / "run", folder, sources=[{"warc": {"path": str(folder)}}])
        live["crawl"]["resolve"]["cdn.test"] = live["crawl"]["resolve"]["site.test"]
        run(live, ["crawl"])
    assert [row["error"] for row in rows(tmp_path / "run", SAMPLES)] == [None]


def test_archives_beside_a_crawl(tmp_path: Path) -> None:
    """A crawl takes from them what they have, and asks for what they have not, or broken; they forbid it nothing."""
    broken = gzip.decompress(record("http://site.test/b", answer(pages("/b")[1])))  # type: ignore[index]
    broken = gzip.compress(broken.replace(b"\r\n\r\n", b"\r\nWARC-Block-Digest: sha1:" + b"A" * 32 + b"\r\n\r\n", 1))
    (tmp_path / "1.warc.gz").write_bytes(record("http://site.test/a", answer(pages("/a")[1])) + broken)  # type: ignore[index]
    with served(pages) as site:
        config = values(site, tmp_path / "run")
        config["crawl"]["sources"].append({"warc": {"path": str(tmp_path / "1.warc.gz"), "only_archived": True}})
        run(config, ["crawl"])
        found = {row["url"].rpartition("/")[2]: row["error"] for row in rows(tmp_path / "run", SAMPLES)}
        asked = sorted(path for path in site.asked if path.count("/") == 1 and "." not in path)
        run(config, ["crawl"], refresh=dt.timedelta(0))
    assert found == {"1.jpg": "opted_out", "2.jpg": None, "a1.jpg": None, "b1.jpg": None}
    assert asked == ["/", "/b"]
    assert site.asked.count("/a") == 1
