"""A list crawled from nginx, as most of the web serves its images: every row ends in its class, every image as it was served."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from wukong_build import run

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tif": "TIFF"}

SERVER = """
  gzip on; gzip_min_length 0; gzip_types text/plain;
  location /forbidden/ { deny all; }
  location /moved/ { rewrite ^/moved/(.*)$ /$1 redirect; }
  location /moved-for-good/ { rewrite ^/moved-for-good/(.*)$ /moved/$1 permanent; }
  location /loop.jpg { return 302 /loop.jpg; }
  location /gone.jpg { return 410; }
  location /hangs-up.jpg { return 444; }
"""

SELDOM = """
  location / { }
  location ~ jpg { limit_req zone=seldom; limit_req_status 429; error_page 429 @later; }
  location @later { add_header Retry-After 1 always; return 429; }
"""

Served = Callable[..., int]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images of several formats and sizes, a page, an empty file, and a robots.txt."""
    folder = tmp_path / "served"
    (folder / "forbidden").mkdir(parents=True)
    chance = np.random.default_rng(0)
    for name, kind in FORMATS.items():
        for number in range(8):
            (folder / f"{number}.{name}").write_bytes(_picture(chance, 40 + 20 * number, 30 + 10 * number, kind))
    (folder / "forbidden/0.jpg").write_bytes((folder / "0.jpg").read_bytes())
    (folder / "page.html").write_text("<p>一页</p>" * 100, encoding="utf-8")
    (folder / "empty.jpg").touch()
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /page.html?private\n")
    return folder


def _picture(chance: np.random.Generator, width: int, height: int, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(chance.integers(0, 256, (height, width, 3), np.uint8)).save(file, kind)
    return file.getvalue()


def _crawled(folder: Path, urls: Iterable[str], **settings: Any) -> dict[str, dict[str, Any]]:
    """The last row of every image after a crawl of a list, by URL."""
    path = folder / "list.csv"
    path.write_text("url,caption\n" + "".join(f"{url},一张图\n" for url in urls), encoding="utf-8")
    crawl = {
        "sources": [{"urls": {"path": str(path)}}],
        "user_agent": "wukong-test",
        "per_host": {"delay_seconds": 0, "connections": 8},
        "allow_private_addresses": True,
        **settings,
    }
    run({"run": str(folder / "run"), "crawl": crawl, "executor": {"workers": 1}}, ["crawl"])
    parts = sorted((folder / "run/crawl/images").glob("*.parquet"))
    return {row["url"]: row for part in parts for row in pq.read_table(part).to_pylist()}


def test_images_come_as_they_are_served(nginx: Served, root: Path, tmp_path: Path) -> None:
    """Bytes, format, size and digest are those of the file, straight or over redirects."""
    port = nginx(root, server=SERVER)
    names = [f"{number}.{name}" for name in FORMATS for number in range(8)]
    paths = {name: name for name in names} | {"moved/0.jpg": "0.jpg", "moved-for-good/1.png": "1.png"}
    rows = _crawled(tmp_path, (f"http://127.0.0.1:{port}/{path}" for path in paths))
    assert len(rows) == len(paths) == 50
    for path, name in paths.items():
        row, served = rows[f"http://127.0.0.1:{port}/{path}"], (root / name).read_bytes()
        with Image.open(root / name) as picture:
            expected = (None, 200, name.partition(".")[2], *picture.size, len(served), hashlib.sha256(served).hexdigest())
        columns = ("error", "http_status", "format", "width", "height", "image_bytes", "sha256")
        assert tuple(row[column] for column in columns) == expected
        assert row["image"] == served


def test_what_does_not_come_has_its_class(nginx: Served, root: Path, tmp_path: Path) -> None:
    """A row for every URL, whatever nginx says of it, and none costs another."""
    port = nginx(root, server=SERVER)
    expected = {
        "nothing.jpg": "404",
        "forbidden/0.jpg": "403",
        "gone.jpg": "410",
        "hangs-up.jpg": "disconnected",
        "loop.jpg": "redirects",
        "page.html": "not_an_image",
        "page.html?private": "robots",
        "empty.jpg": "empty",
        "0.jpg": None,
    }
    rows = _crawled(tmp_path, (f"http://127.0.0.1:{port}/{path}" for path in expected), retries={"times": 0})
    assert {url.partition(f":{port}/")[2]: row["error"] for url, row in rows.items()} == expected


def test_a_server_that_is_asked_too_often_is_asked_again(nginx: Served, root: Path, tmp_path: Path) -> None:
    """What a limit of two requests a second refuses comes later, in the same crawl."""
    port = nginx(root, server=SELDOM, http="limit_req_zone $server_port zone=seldom:1m rate=2r/s;")
    urls = [f"http://127.0.0.1:{port}/{number}.jpg" for number in range(3)]
    rows = _crawled(tmp_path, urls, per_host={"delay_seconds": 0, "connections": 3})
    assert [row["error"] for row in rows.values()] == [None] * 3
    assert max(row["attempts"] for row in rows.values()) > 1


def test_a_certificate_that_nobody_vouches_for(nginx: Served, root: Path, self_signed: Path, tmp_path: Path) -> None:
    """The host's robots.txt fails with the class `tls`, so none of its images is asked for."""
    port = nginx(root, server=f'ssl_certificate "{self_signed}"; ssl_certificate_key "{self_signed}";', listen="ssl")
    rows = _crawled(tmp_path, [f"https://127.0.0.1:{port}/0.jpg"])
    (robots,) = pq.read_table(tmp_path / "run/crawl/robots").to_pylist()
    assert [row["error"] for row in rows.values()] == ["robots_unreachable"]
    assert robots["error"] == "tls"
