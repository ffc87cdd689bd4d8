"""Real web sites, crawled, filtered and sharded: every image of an independent listing is found, with its alt text."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from wukong_build import run
from wukong_build.demo.server import serve
from wukong_build.inspect.run import Run

pytestmark = pytest.mark.real_sites

HOST = "site.test"
CHAIN = {
    "shorter_side": {"at_least": 200},
    "aspect_ratio": {"at_most": 3},
    "normalise_caption": {},
    "han_count": {"at_least": 1, "at_most": 31},
    "language": {"at_least": 0.5},
    "filename_caption": {"at_most": 0},
    "boilerplate": {"at_most": 0},
    "sensitive_words": {"at_most": 0},
    "person_names": {},
    "decodable": {"at_least": 1},
    "phash": {},
    "caption_frequency": {"at_most": 10},
    "near_duplicate": {"at_most": 0},
}


class Crawled(NamedTuple):
    """A site's run and the independent listing of its images."""

    run: Run
    listed: list[dict[str, Any]]


def _crawl(docroot: Path, gold: Path, start: str, folder: Path) -> Crawled:
    with gzip.open(gold / "img-gold.jsonl.gz", "rt", encoding="utf-8") as file:
        listed = [json.loads(line) for line in file]
    elsewhere = {host: "127.0.0.1:1" for row in listed if (host := urlsplit(row["src"]).hostname)}  # nobody listens there
    shutil.copytree(docroot, folder / "served" / HOST)
    with serve(folder / "served") as server:
        values = {
            "run": str(folder / "run"),
            "crawl": {
                "user_agent": "wukong-build-tests (+mailto:tests@wukong-build.test)",
                "sources": [{"pages": {"seeds": [f"http://{HOST}{start}"], "depth": 8, "at_most_pages": 1000}}],
                "per_host": {"delay_seconds": 0, "connections": 8},
                "allow_private_addresses": True,
                "resolve": {**elsewhere, HOST: f"127.0.0.1:{server.port}"},
            },
            "filter": CHAIN,
            "shard": {"samples": 50},
            "executor": {"workers": 1},
        }
        return Crawled(run(values), listed)


@pytest.fixture(
    scope="module",
    params=[
        ("howtocook/site", "howtocook/gold", "/"),
        ("flowerlibrary/site", "flowerlibrary/gold", "/Home.html"),
        ("blinkfox/site", "blinkfox/gold", "/"),
        ("debian-handbook/zh-CN", "debian-handbook/gold-zh-CN", "/index.html"),
    ],
    ids=lambda site: site[0].replace("/", "-"),
)
def crawled(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """One site after the other, each crawled once."""
    docroot, gold, start = request.param
    folder = tmp_path_factory.mktemp("site")
    yield _crawl(shared / "sites" / docroot, shared / "sites" / gold, start, folder)
    shutil.rmtree(folder)


def _reached(crawled: Crawled) -> list[dict[str, Any]]:
    """The listed images that are on pages the crawl could reach, and that the site has."""
    pages = {row["url"] for row in crawled.run.sql("SELECT url FROM pages WHERE http_status = 200").to_pylist()}
    urls = {f"http://{HOST}/{quote(row['page'])}": row for row in crawled.listed}
    short = {url.removesuffix("index.html") for url in urls}
    assert len(pages & (set(urls) | short)) > 0.9 * len(urls)
    at = pages | {f"{url}index.html" for url in pages if url.endswith("/")}
    return [row for row in crawled.listed if row["status"] == "ok" and f"http://{HOST}/{quote(row['page'])}" in at]


def test_every_image_is_found(crawled: Crawled) -> None:
    """At least 98 % of the images that can be reached, drawings in SVG aside, are samples with the very bytes the site has."""
    samples = {row["sha256"] for row in crawled.run.sql("SELECT sha256 FROM samples WHERE error IS NULL").to_pylist()}
    listed = {row["sha256"] for row in _reached(crawled) if not row["file"].endswith(".svg")}
    assert len(listed & samples) >= 0.98 * len(listed) > 0


def test_alt_texts_are_found(crawled: Crawled) -> None:
    """At least 98 % of the listed alt texts are among the candidate texts of their image."""
    rows = crawled.run.sql("SELECT sha256, [text.text for text in texts] AS texts FROM samples WHERE error IS NULL")
    texts: dict[str, set[str]] = {}
    for row in rows.to_pylist():
        texts.setdefault(row["sha256"], set()).update(row["texts"])
    wanted = [row for row in _reached(crawled) if row.get("alt", "").strip() and row["sha256"] in texts]
    found = [row for row in wanted if " ".join(row["alt"].split()) in texts[row["sha256"]]]
    assert len(found) >= 0.98 * len(wanted)


def test_adds_up(crawled: Crawled) -> None:
    """Kept + Σ dropped = seen, and what is kept is published."""
    funnel = crawled.run.funnel().to_pylist()
    assert funnel[0]["seen"] - sum(row["dropped"] for row in funnel) == funnel[-1]["left"] == len(crawled.run.manifests())
    assert funnel[0]["seen"] == len(crawled.run.ledger())


def test_gb18030_is_read_like_utf8(shared: Path, tmp_path: Path) -> None:
    """The same book in GB18030 gives the same images with the same texts."""
    book = shared / "sites" / "debian-handbook"
    found = []
    for name, layers in (("utf8", ["zh-CN"]), ("gb18030", ["zh-CN", "zh-CN-gb18030"])):
        for layer in layers:
            shutil.copytree(book / layer, tmp_path / name / "docroot", dirs_exist_ok=True)
        crawled = _crawl(tmp_path / name / "docroot", book / "gold-zh-CN", "/index.html", tmp_path / name)
        found.append(crawled.run.sql("SELECT url, caption_found, texts FROM samples ORDER BY key").to_pylist())
    assert found[0] == found[1] != []
