"""The demo's site: what is planted in it is there, differs where it must, and is served as a reader's browser would get it."""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import imagehash
import msgspec
import pytest
from PIL import Image

from wukong_build.demo import photographs, planted
from wukong_build.demo.planted import KEPT, PLANTED, Planted
from wukong_build.demo.server import Server, serve
from wukong_build.demo.site import Site, build_site

MADE = [case for case in PLANTED if case.made is not None]
WHOLE_IMAGES = [case for case in MADE if case.falls_to != "decodable"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site on disk, in a folder whose name is no ASCII."""
    return build_site(tmp_path_factory.mktemp("site") / "演示 站点")


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    """The site on a free port."""
    with serve(site.folder) as running:
        yield running


def answer(server: Server, url: str, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    """What the server says to a request for a URL, and the body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, headers={"Host": f"{parts.netloc}:{server.port}", "User-Agent": "tester"})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def content(site: Site, url: str) -> bytes:
    """The file under a URL."""
    parts = urlsplit(url)
    return (site.folder / parts.netloc / parts.path.lstrip("/")).read_bytes()


def phash(site: Site, url: str) -> imagehash.ImageHash:
    """The perceptual hash of the image under a URL."""
    with Image.open(io.BytesIO(content(site, url))) as image:
        return imagehash.phash(image)


def files(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_site_is_the_same_every_time(site: Site, tmp_path: Path) -> None:
    """Built twice, it has the same files with the same bytes."""
    assert files(build_site(tmp_path).folder) == files(site.folder)


def test_the_site_is_small(site: Site) -> None:
    """It stays under 15 MB, with 60 to 120 images and at least 12 pages."""
    written = files(site.folder)
    assert sum(map(len, written.values())) < 15_000_000
    assert 60 <= len(PLANTED) <= 120
    assert sum(name.startswith("demo.test/") and name.endswith(".html") for name in written) >= 12


def test_the_photographs_are_different_ones() -> None:
    """At least 12 photographs, no two of them near-duplicates."""
    hashes = [imagehash.phash(photographs.photograph(name)) for name in photographs.PHOTOGRAPHS]
    assert len(hashes) >= 12
    assert min(one - other for one, other in combinations(hashes, 2)) > 10


def test_an_absent_package_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error names it."""
    monkeypatch.setitem(photographs.PHOTOGRAPHS, "absent", photographs.Photograph("no_such_package", "x.jpg", ""))
    with pytest.raises(photographs.DemoError, match=r"pip install 'wukong-build\[demo\]'"):
        photographs.photograph("absent")


def test_every_url_is_planted_once() -> None:
    """A URL has one fate."""
    assert [url for url, count in Counter(case.url for case in PLANTED).items() if count > 1] == []


def test_every_planted_image_stands_on_a_page(site: Site) -> None:
    """Every planted URL is named by a page, and every image that a page names is planted."""
    named = set()
    for name, body in files(site.folder).items():
        if name.endswith(".html"):
            page = body.decode("gb18030" if b'charset="gb18030"' in body else "utf-8")
            base = re.search(r'<base href="([^"]+)"', page)
            named |= set(_image_urls(page, base[1] if base else "http://" + quote(name)))
    assert named == {case.url for case in PLANTED}


def _image_urls(page: str, base: str) -> Iterator[str]:
    """The absolute URLs in the attributes that may name images."""
    for attribute, value in re.findall(r'\b(src|data-src|data-original|srcset|content)="([^"]+)"', page):
        for candidate in value.split(",") if attribute == "srcset" else [value]:
            url = candidate.split()[0]
            if re.search(r"\.(jpg|png|webp|gif)$", url):
                yield urljoin(base, url)


@pytest.mark.parametrize("case", WHOLE_IMAGES, ids=lambda case: case.url)
def test_a_planted_image_decodes(case: Planted, site: Site) -> None:
    """A planted image is whole unless it is meant to be broken."""
    with Image.open(io.BytesIO(content(site, case.url))) as image:
        image.load()


@pytest.mark.parametrize("case", [case for case in MADE if case.falls_to == "decodable"], ids=lambda case: case.url)
def test_a_truncated_image_does_not_decode(case: Planted, site: Site) -> None:
    """Its header can be read, its pixels cannot."""
    with Image.open(io.BytesIO(content(site, case.url))) as image:
        assert min(image.size) >= 200
        with pytest.raises(OSError, match="truncated"):
            image.load()


def test_only_what_shall_fall_by_its_shape_does(site: Site) -> None:
    """The shorter side is under 200 pixels, or the aspect ratio over 3, exactly where the table says so."""
    for case in WHOLE_IMAGES:
        if case.falls_to in (planted.NEVER_ASKED, "fetch:robots"):
            continue
        with Image.open(io.BytesIO(content(site, case.url))) as image:
            shorter, longer = sorted(image.size)
        assert (shorter < 200) == (case.falls_to == "shorter_side"), case.url
        assert (shorter >= 200 and longer > 3 * shorter) == (case.falls_to == "aspect_ratio"), case.url


def test_what_is_kept_has_no_near_duplicate(site: Site) -> None:
    """No two kept images are within 4 bits of each other, with room to spare."""
    hashes = {case.url: phash(site, case.url) for case in MADE if case.falls_to == KEPT}
    close = [(one, other) for one, other in combinations(hashes, 2) if hashes[one] - hashes[other] <= 6]
    assert close == []


@pytest.mark.parametrize("case", [case for case in MADE if case.duplicate_of is not None], ids=lambda case: case.url)
def test_a_duplicate_is_near_its_representative(case: Planted, site: Site) -> None:
    """It is within 4 bits of a kept image that is not smaller."""
    assert case.duplicate_of in {other.url for other in PLANTED if other.falls_to == KEPT}
    assert phash(site, case.url) - phash(site, case.duplicate_of) <= 4
    copy, representative = (Image.open(io.BytesIO(content(site, url))) for url in (case.url, case.duplicate_of))
    with copy, representative:
        assert copy.width * copy.height <= representative.width * representative.height


def test_one_caption_stands_under_more_than_ten_images(site: Site) -> None:
    """The contest's images differ in their bytes."""
    entries = [content(site, case.url) for case in PLANTED if case.falls_to == "caption_frequency"]
    assert len(set(entries)) > 10


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.url)
def test_the_server_has_what_is_planted(case: Planted, server: Server, site: Site) -> None:
    """Each planted URL answers with its file, with a redirect, with something else, or not at all."""
    response, body = answer(server, case.url)
    if case.made is not None:
        assert (response.status, body) == (200, content(site, case.url))
        assert response.headers["Content-Type"] == Image.MIME[_format(case)]
    elif case.duplicate_of is not None:
        assert (response.status, response.headers["Location"]) == (302, case.duplicate_of)
    elif case.falls_to == "fetch:not_an_image":
        assert (response.status, response.headers["Content-Type"]) == (200, "image/jpeg")
        assert body.startswith(b"<!DOCTYPE html>")
    else:
        assert (case.falls_to, response.status) == ("fetch:404", 404)


def _format(case: Planted) -> str:
    """Pillow's name of the format that the suffix says."""
    return Image.registered_extensions()[Path(case.url).suffix]


@pytest.mark.parametrize("host", ["demo.test", "img.demo.test"])
def test_each_host_has_its_own_robots_file(host: str, server: Server) -> None:
    """The Host header decides."""
    response, body = answer(server, f"http://{host}/robots.txt")
    assert response.status == 200
    assert b"Disallow: /private/" in body
    assert (b"/drafts.html" in body) == (host == "demo.test")


def test_the_charset_stands_in_the_page_alone(server: Server) -> None:
    """The GB18030 page is sent without a charset, is no UTF-8, and reads as Chinese."""
    response, body = answer(server, "http://demo.test/museum/coins.html")
    assert response.headers["Content-Type"] == "text/html"
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")
    assert "庞贝出土的二十四枚古希腊钱币" in body.decode("gb18030")


@pytest.mark.parametrize(
    ("url", "status", "location"),
    [
        ("http://demo.test/", 200, None),
        ("http://demo.test/space/", 200, None),
        ("http://demo.test/archive.html?month=2024-05", 200, None),
        ("http://demo.test/old.html", 301, "http://demo.test/texture/"),
        ("http://demo.test/blog/latest", 302, "http://demo.test/city/stairs.html"),
        ("http://demo.test/missing.html", 404, None),
        ("http://img.demo.test/", 404, None),
        ("http://other.test/", 404, None),
        ("http://demo.test/../redirects.txt", 404, None),
        ("http://demo.test/%2e%2e/redirects.txt", 404, None),
        ("http://demo.test//etc/passwd", 404, None),
        ("http://demo.test/%00", 404, None),
        ("http://../", 404, None),
    ],
)
def test_pages_answer_as_they_should(url: str, status: int, location: str | None, server: Server) -> None:
    """Directories give their index, moved pages their new place, and nothing outside the host's folder is served."""
    response, _ = answer(server, url)
    assert (response.status, response.headers["Location"]) == (status, location)


def test_head_has_no_body(server: Server) -> None:
    """HEAD tells the length and sends nothing."""
    response, body = answer(server, "http://demo.test/", "HEAD")
    assert int(response.headers["Content-Length"]) > 0
    assert body == b""


def test_every_request_is_logged(site: Site) -> None:
    """The log has host, path with its query and user agent, in order."""
    with serve(site.folder) as server:
        answer(server, "http://demo.test/archive.html?month=2024-05")
        answer(server, "http://img.demo.test/robots.txt")
    assert [request[:3] for request in server.requests] == [
        ("demo.test", "/archive.html?month=2024-05", "tester"),
        ("img.demo.test", "/robots.txt", "tester"),
    ]
    assert server.requests[0].time <= server.requests[1].time


def test_a_client_may_hang_up(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """A connection that ends early costs nobody else anything, and nothing is printed."""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: demo.test\r\n")
    assert answer(server, "http://demo.test/")[0].status == 200
    assert capfd.readouterr().err == ""


def test_the_table_can_be_written_down() -> None:
    """The planted cases are plain data."""
    assert msgspec.json.decode(msgspec.json.encode(PLANTED), type=tuple[Planted, ...]) == PLANTED
