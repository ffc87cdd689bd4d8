"""Whoever withholds an image from training, in whatever way: it is left out, or marked, as the config says."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cbor2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wukong_build import run
from wukong_build.inspect.run import Run
from wukong_build.web.optout import SIGNALS

IMAGES: dict[str, list[str]] = {
    "site.test/plain.jpg": [],
    "site.test/tag.jpg": ["x_robots_tag:noai"],
    "site.test/tag-ours.jpg": ["x_robots_tag:noimageai"],
    "site.test/tag-other.jpg": [],
    "site.test/tag-past.jpg": ["x_robots_tag:unavailable_after"],
    "site.test/tag-future.jpg": [],
    "site.test/usage.jpg": ["content_usage:train-ai=n"],
    "site.test/usage-yes.jpg": [],
    "site.test/tdm.jpg": ["tdmrep:reservation=1;policy=http://site.test/policy.json"],
    "site.test/tdm-none.jpg": [],
    "site.test/xmp.jpg": ["xmp:DMI-PROHIBITED-AIMLTRAINING"],
    "site.test/xmp-allowed.jpg": [],
    "site.test/c2pa.png": ["c2pa:c2pa.ai_training=notAllowed"],
    "site.test/c2pa-allowed.png": [],
    "site.test/by-digest.jpg": ["list:{sha256}"],
    "site.test/noai.jpg": ["meta_robots:noai"],
    "site.test/noimageai.jpg": ["meta_robots:noimageai"],
    "site.test/noindex.jpg": ["meta_robots:noindex"],
    "site.test/noml.jpg": ["meta_robots:noml"],
    "site.test/ours.jpg": ["meta_robots:noai"],
    "site.test/other.jpg": [],
    "site.test/header.jpg": ["x_robots_tag:noindex"],
    "site.test/tdm-meta.jpg": ["tdmrep:reservation=1"],
    "site.test/shared.jpg": ["meta_robots:noai"],
    "site.test/on-usage.jpg": ["content_usage:train-ai=n"],
    "usage.test/a.jpg": ["content_usage:train-ai=n"],
    "tdm.test/withheld/a.jpg": ["tdmrep:reservation=1"],
    "tdm.test/a.jpg": [],
    "ai.test/a.jpg": ["ai_txt:disallowed"],
    "ai.test/a.png": [],
    "cdn.listed.test/a.jpg": ["list:listed.test"],
}
"""Every image and the signals by which it is withheld."""

PAGES = {
    "site.test/noai.html": '<meta name="robots" content="noai">',
    "site.test/noimageai.html": '<meta name="ROBOTS" content="index, NoImageAI">',
    "site.test/noindex.html": '<meta name="robots" content="noindex">',
    "site.test/noml.html": '<meta name="robots" content="noml">',
    "site.test/ours.html": '<meta name="wukong-test" content="noai">',
    "site.test/other.html": '<meta name="googlebot" content="noai">',
    "site.test/header.html": "",
    "site.test/tdm-meta.html": '<meta name="tdm-reservation" content="1">',
    "usage.test/on-usage.html": "",
}
"""Pages with an image of the same name, which stands on `site.test`, and what their heads say."""

LICENCES = [
    {"url": "http://site.test/licence.html", "origin": "rel_license"},
    {"url": "https://creativecommons.org/licenses/by/4.0/", "origin": "link"},
    {"url": "https://creativecommons.org/licenses/by-sa/4.0/", "origin": "json_ld"},
]
FRONT = """<a rel="license" href="/licence.html">版权</a> <a href="https://creativecommons.org/licenses/by/4.0/">CC</a>
<script type="application/ld+json">{"license": "https://creativecommons.org/licenses/by-sa/4.0/"}</script>"""

HEADERS = """
  log_format asked '$host$uri';
  map $uri $tag {
    /tag.jpg noai; /tag-ours.jpg "wukong-test: noimageai"; /tag-other.jpg "googlebot: noai, noindex";
    /tag-past.jpg "unavailable_after: 25 Jun 2010 15:00:00 PST"; /tag-future.jpg "unavailable_after: 2999-12-31";
    /header.html noindex; }
  map $uri $usage { /usage.jpg "search=y, train-ai=n"; /usage-yes.jpg "train-ai=y"; }
  map $uri $reservation { /tdm.jpg 1; /tdm-none.jpg 0; }
  map $uri $policy { /tdm.jpg http://site.test/policy.json; }
  add_header X-Robots-Tag $tag; add_header Content-Usage $usage;
  add_header TDM-Reservation $reservation; add_header TDM-Policy $policy;
"""

KNOWN_BEFORE = {
    "site.test/shared.jpg",
    *(path for path in IMAGES if not path.startswith("site.test")),
    *(f"site.test/{Path(page).stem}.jpg" for page in PAGES),
}
"""Images of which page, site or list say all that is to be said before they are asked for."""
WITHHELD = {path for path, signals in IMAGES.items() if signals}
ONLY_LISTED = {path for path, signals in IMAGES.items() if signals and signals[0].startswith("list:")}


REDIRECTS = """
  absolute_redirect off;
  location /moved/ { rewrite ^/moved/(.*)$ http://ai.test/$1 redirect; }
  location /hop/ { rewrite ^/hop/(.*)$ /withheld/$1 redirect; }
"""

REDIRECTED = {
    "site.test/moved/a.jpg": ("ai.test/a.jpg", ["ai_txt:disallowed"]),
    "tdm.test/hop/a.jpg": ("tdm.test/withheld/a.jpg", ["tdmrep:reservation=1"]),
}
"""Images that have moved, to another host and within one, and the signals of where they are."""


class Site(NamedTuple):
    """The site as served, the config of a run of it, and what it was asked for."""

    folder: Path
    values: dict[str, Any]
    log: Path

    def run(self, answer: str = "obey", **options: Any) -> Run:
        """A run that gives every signal the same answer."""
        names = [name for name in SIGNALS if name != "list"]
        opt_out = {**dict.fromkeys(names, answer), "lists": self.values["crawl"]["opt_out"]["lists"]}
        return run({**self.values, "crawl": {**self.values["crawl"], "opt_out": opt_out}}, **options)

    def asked(self) -> set[str]:
        """What was asked for since the last look; files of a site aside."""
        asked = set(self.log.read_text().split())
        self.log.write_text("")
        return {path for path in asked if not path.endswith(("robots.txt", "ai.txt", "tdmrep.json"))}


def picture(path: str, number: int) -> bytes:
    """An image unlike the others, with what its name says in its bytes."""
    options: dict[str, Any] = {}
    if "xmp" in path:
        options["xmp"] = f"<x>{'DMI-ALLOWED' if 'allowed' in path else 'DMI-PROHIBITED-AIMLTRAINING'}</x>".encode()
    if "c2pa" in path:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add(b"caBX", assertion("allowed" if "allowed" in path else "notAllowed"))
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (number, 255 - number, 99)).save(file, "PNG" if path.endswith("png") else "JPEG", **options)
    return file.getvalue()


def assertion(use: str) -> bytes:
    """A training and data mining assertion, as a C2PA manifest holds it."""
    kind = b"cbor" + bytes.fromhex("00110010800000aa00389b71")
    description = box(b"jumd", kind + b"\x03c2pa.training-mining\0")
    return box(b"jumb", description + box(b"cbor", cbor2.dumps({"entries": {"c2pa.ai_training": {"use": use}}})))


def box(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


def images(paths: Iterable[str]) -> str:
    """HTML that shows them."""
    return "".join(f'<p><img src="http://{path}" alt="一张好看的图"></p>' for path in paths)


def build(folder: Path) -> None:
    """Write all files of all hosts."""
    files = {path: picture(path, number) for number, path in enumerate(IMAGES)}
    for page, head in PAGES.items():
        shown = [f"site.test/{Path(page).stem}.jpg", *(["site.test/shared.jpg"] if "noai.html" in page else [])]
        files[page] = f"<head><meta charset=utf-8>{head}</head>{images(shown)}".encode()
    links = "".join(f'<a href="http://{page}">页</a>' for page in PAGES)
    alone = [path for path in IMAGES if path.removeprefix("site.test/").split(".")[0] not in {Path(page).stem for page in PAGES}]
    files["site.test/index.html"] = f"<meta charset=utf-8>{FRONT}{images(alone)}{links}".encode()
    files |= {
        "usage.test/robots.txt": b"User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n",
        "tdm.test/.well-known/tdmrep.json": json.dumps([{"location": "/withheld/*", "tdm-reservation": 1}]).encode(),
        "ai.test/ai.txt": b"User-Agent: *\nDisallow: *.jpg\n",
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


@pytest.fixture
def site(nginx: Callable[..., int], tmp_path: Path) -> Site:
    """All hosts on one server, and the config of a crawl of their pages."""
    folder = tmp_path / "hosts"
    build(folder)
    log = tmp_path / "asked.log"
    port = nginx(folder / "$host", http=HEADERS, server=f"access_log {log} asked; {REDIRECTS}")
    withheld = tmp_path / "withheld.txt"
    withheld.write_text(f"listed.test\n{digest(folder, 'site.test/by-digest.jpg')}\n")
    hosts = {path.partition("/")[0] for path in IMAGES}
    crawl = {
        "sources": [{"pages": {"seeds": ["http://site.test/", "http://usage.test/on-usage.html"], "depth": 1}}],
        "user_agent": "wukong-test/1.0",
        "per_host": {"delay_seconds": 0, "connections": 8},
        "resolve": dict.fromkeys(hosts, f"127.0.0.1:{port}"),
        "opt_out": {"lists": [str(withheld)]},
    }
    return Site(folder, {"run": str(tmp_path / "run"), "crawl": crawl, "executor": {"workers": 1}}, log)


def digest(folder: Path, path: str) -> str:
    """The sha256 of a file."""
    return hashlib.sha256((folder / path).read_bytes()).hexdigest()


def expected(site: Site) -> dict[str, list[str]]:
    """The signals of every image."""
    return {path: [signal.format(sha256=digest(site.folder, path)) for signal in signals] for path, signals in IMAGES.items()}


def told(rows: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """The signals that rows of a run have, by path."""
    return {row["url"].removeprefix("http://"): row["opt_out"] for row in rows}


def came(done: Run) -> set[str]:
    """The images that were kept."""
    return {url.removeprefix("http://") for url in done.manifests()["url"].to_pylist()}


def test_every_signal_withholds(site: Site) -> None:
    """By default each is obeyed, and named in the ledger; what is known before is not asked for, what is withheld not kept."""
    done = site.run()
    asked = site.asked()
    ledger = done.sql("SELECT url, kept, dropped_by, opt_out FROM ledger JOIN (SELECT key, url FROM samples) USING (key)")
    assert told(ledger.to_pylist()) == expected(site)
    dropped = {row["url"].removeprefix("http://"): row["dropped_by"] for row in ledger.to_pylist() if not row["kept"]}
    assert dropped == dict.fromkeys(WITHHELD, "fetch:opted_out")
    assert asked & IMAGES.keys() == IMAGES.keys() - (KNOWN_BEFORE & WITHHELD)
    bytes_kept = done.sql("SELECT url FROM images WHERE image IS NOT NULL OR sha256 IS NOT NULL")["url"].to_pylist()
    assert {url.removeprefix("http://") for url in bytes_kept} == came(done) == IMAGES.keys() - WITHHELD


def test_what_is_recorded_is_kept_with_its_signals(site: Site) -> None:
    """Ledger and manifest name the signals, the user's lists withhold all the same; obeyed later, nobody is asked again."""
    done = site.run("record")
    assert came(done) == IMAGES.keys() - ONLY_LISTED
    manifest = told(done.manifests().to_pylist())
    assert manifest == {path: signals for path, signals in expected(site).items() if path not in ONLY_LISTED}
    site.asked()
    obeyed = site.run("obey")
    assert site.asked() == set()
    assert came(obeyed) == IMAGES.keys() - WITHHELD
    assert set(obeyed.ledger().filter(obeyed.ledger()["dropped_by"].is_valid())["dropped_by"].to_pylist()) == {"fetch:opted_out"}


def test_what_was_withheld_comes_with_a_retry(site: Site) -> None:
    """What is only recorded from now on is not there yet; `--retry opted_out` asks for it and for nothing else."""
    site.run("obey")
    site.asked()
    assert came(site.run("record")) == IMAGES.keys() - WITHHELD
    assert site.asked() == set()
    done = site.run("record", retry=["opted_out"])
    assert site.asked() == WITHHELD - {"cdn.listed.test/a.jpg"}
    assert came(done) == IMAGES.keys() - ONLY_LISTED
    assert told(done.manifests().to_pylist()) == {path: found for path, found in expected(site).items() if path in came(done)}


def test_a_list_that_grows(site: Site) -> None:
    """What a user lists later is withheld too, by its domain or by the digest of the file, and nobody is asked for it."""
    site.run()
    site.asked()
    (path,) = site.values["crawl"]["opt_out"]["lists"]
    with Path(path).open("a") as file:
        file.write(f"tdm.test\n{digest(site.folder, 'site.test/plain.jpg').upper()} # ours\n")
    done = site.run()
    assert site.asked() == set()
    assert came(done) == IMAGES.keys() - WITHHELD - {"site.test/plain.jpg", "tdm.test/a.jpg"}


def test_a_list_names_where_an_image_has_moved(site: Site, tmp_path: Path) -> None:
    """A domain that is listed later covers what came from it over a redirect."""
    (tmp_path / "list.csv").write_text("url,caption\nhttp://site.test/moved/a.png,一张图\n")
    site.values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
    assert came(site.run()) == {"site.test/moved/a.png"}
    (path,) = site.values["crawl"]["opt_out"]["lists"]
    Path(path).write_text("ai.test\n")
    assert came(site.run()) == set()


@pytest.mark.parametrize("answer", ["obey", "record"])
def test_a_redirect_to_what_is_withheld(site: Site, tmp_path: Path, answer: str) -> None:
    """The site where an image has moved to has its say like the one it was sought at: obeyed before it is asked, or recorded."""
    (tmp_path / "list.csv").write_text("url,caption\n" + "".join(f"http://{path},一张图\n" for path in REDIRECTED))
    site.values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
    done = site.run(answer)
    targets = set() if answer == "obey" else {target for target, _ in REDIRECTED.values()}
    assert site.asked() == REDIRECTED.keys() | targets
    assert came(done) == (set() if answer == "obey" else REDIRECTED.keys())
    assert told(done.sql("SELECT url, opt_out FROM samples").to_pylist()) == {
        path: signals for path, (_, signals) in REDIRECTED.items()
    }


def test_licences_go_with_the_images(site: Site) -> None:
    """What the page of an image names as a licence stands beside it in samples and manifest."""
    done = site.run()
    for rows in (done.manifests().to_pylist(), done.sql("SELECT url, page_url, licences FROM samples").to_pylist()):
        of_page = {row["page_url"]: row["licences"] for row in rows}
        assert of_page["http://site.test/"] == LICENCES
        assert not of_page["http://site.test/other.html"]
