"""`--refresh`: what is there already is looked at again; what has not changed is not sent again, what has gone goes."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
import yaml
from PIL import Image

from wukong_build import run
from wukong_build.inspect.run import Run
from wukong_build.store import Store

NOW = dt.timedelta(0)
LATER = 4_000_000_000
"""A time of change that no file has by chance, in seconds since the epoch."""

LOG = "log_format told escape=none '$status $uri $http_if_none_match $http_if_modified_since';"
SERVER = """
  access_log {log} told;
  if (-f $document_root/down) {{ return 444; }}
  if (-f $document_root/busy$uri) {{ return 503; }}
"""
SITE_FILES = ("/robots.txt", "/ai.txt", "/.well-known/tdmrep.json")

Published = Callable[[str], dict[str, str]]


class Told(NamedTuple):
    """One line of the server's log; `-` where a header was not sent."""

    status: int
    path: str
    etag: str
    last_modified: str


class Site(NamedTuple):
    """The site, and the config of a run of it."""

    folder: Path
    values: dict[str, Any]
    log: Path

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, newer than whatever was there before."""
        before = (self.folder / name).stat().st_mtime if (self.folder / name).exists() else LATER
        (self.folder / name).write_bytes(content)
        os.utime(self.folder / name, (before + 10, before + 10))

    def told(self) -> list[Told]:
        """What was asked for since the last look."""
        lines = [line.split(" ", 3) for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        return [Told(int(status), *rest) for status, *rest in lines]

    def asked(self) -> dict[str, int]:
        """Path → status of what was asked for since the last look."""
        return {told.path: told.status for told in self.told()}


def page(*images: str) -> bytes:
    """A page with some images and a link to the other page."""
    shown = "".join(f'<p><img src="/{image}.jpg" alt="图片{image}"></p>' for image in images)
    return f'<meta charset=utf-8><a href="/second.html">下一页</a>{shown}'.encode()


def picture(shade: int) -> bytes:
    """A small image."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 99, 255 - shade)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def site(nginx: Callable[..., int], tmp_path: Path) -> Site:
    """Two pages with two images each, crawled once."""
    folder, log = tmp_path / "site", tmp_path / "told.log"
    folder.mkdir()
    port = nginx(folder, http=LOG, server=SERVER.format(log=log))
    crawl = {
        "sources": [{"pages": {"seeds": ["http://site.test/"], "depth": 1}}],
        "user_agent": "wukong-test/1.0",
        "per_host": {"delay_seconds": 0, "connections": 4},
        "retries": {"times": 0},
        "resolve": {"site.test": f"127.0.0.1:{port}"},
    }
    made = Site(folder, {"run": str(tmp_path / "run"), "crawl": crawl, "executor": {"workers": 1}}, log)
    made.write("index.html", page("a", "b"))
    made.write("second.html", page("c", "d"))
    for shade, name in enumerate("abcd"):
        made.write(f"{name}.jpg", picture(shade))
    run(made.values)
    made.log.write_text("")
    return made


def digests(done: Run) -> dict[str, str]:
    """Image → sha256 of what is published."""
    return {Path(row["url"]).stem: row["sha256"] for row in done.manifests().to_pylist()}


def fates(done: Run) -> dict[str, str]:
    """Image → what dropped it."""
    rows = done.sql("SELECT url, dropped_by FROM ledger JOIN samples USING (key) WHERE NOT kept").to_pylist()
    return {Path(row["url"]).stem: row["dropped_by"] for row in rows}


def test_what_has_not_changed(site: Site, published: Published) -> None:
    """Pages and images are asked for on condition, nothing is sent again, nothing changes; without --refresh nobody is asked."""
    before = published(site.values["run"])
    run(site.values, refresh=NOW)
    told = site.told()
    assert {line.path: line.status for line in told} == dict.fromkeys(
        ("/index.html", "/second.html", "/a.jpg", "/b.jpg", "/c.jpg", "/d.jpg"), 304
    )
    for line in told:
        modified = (site.folder / line.path[1:]).stat().st_mtime
        assert line.last_modified == dt.datetime.fromtimestamp(modified, dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        assert line.etag.startswith('"')
    assert published(site.values["run"]) == before
    run(site.values)
    run(site.values, refresh=dt.timedelta(days=1))
    assert site.told() == []
    run(site.values, refresh=NOW)
    assert set(site.asked().values()) == {304}
    assert published(site.values["run"]) == before


def test_what_has_changed(site: Site) -> None:
    """New bytes take the place of the old ones, what is gone is dropped, images come and go with their pages."""
    site.write("a.jpg", picture(100))
    (site.folder / "b.jpg").unlink()
    site.write("e.jpg", picture(200))
    site.write("second.html", page("c", "e"))
    done = run(site.values, refresh=NOW)
    assert site.asked() == {
        "/index.html": 304,
        "/second.html": 200,
        "/a.jpg": 200,
        "/b.jpg": 404,
        "/c.jpg": 304,
        "/e.jpg": 200,
    }
    files = {name: hashlib.sha256((site.folder / f"{name}.jpg").read_bytes()).hexdigest() for name in "ace"}
    assert digests(done) == files
    assert {sample["__key__"]: hashlib.sha256(sample["jpg"]).hexdigest() for sample in done.webdataset()} == dict(
        done.sql("SELECT key, sha256 FROM manifest").to_pandas().itertuples(index=False)
    )
    assert fates(done) == {"b": "fetch:404"}
    again = run(site.values)
    assert (site.told(), digests(again)) == ([], files)


def test_an_opt_out_that_comes_later(site: Site, nginx: Callable[..., int]) -> None:
    """A file that has not changed may be withheld from now on: the headers of a 304 hold (RFC 9111, 3.2)."""
    port = nginx(
        site.folder,
        http=LOG + "map $uri $tag { /a.jpg noai; /second.html noai; }",
        server=SERVER.format(log=site.log) + "add_header X-Robots-Tag $tag;",
    )
    site.values["crawl"]["resolve"]["site.test"] = f"127.0.0.1:{port}"
    done = run(site.values, refresh=NOW)
    assert set(site.asked().values()) == {304}
    assert fates(done) == dict.fromkeys("acd", "fetch:opted_out")
    assert digests(done).keys() == {"b"}


@pytest.mark.parametrize(
    ("how", "outcomes"),
    [("nobody there", {"connect"}), ("down", {"disconnected"}), ("busy/d.jpg", {"5xx", "not_modified"})],
)
def test_a_server_that_fails_for_the_moment(site: Site, published: Published, how: str, outcomes: set[str]) -> None:
    """What it cannot say now, it has not taken back: pages and images stay as they were, until it answers again."""
    before = published(site.values["run"])
    address = site.values["crawl"]["resolve"]["site.test"]
    (site.folder / "busy").mkdir()
    site.write(how, b"")
    if how == "nobody there":
        site.values["crawl"]["resolve"]["site.test"] = "127.0.0.1:1"
    done = run(site.values, refresh=NOW)
    errors = done.sql("SELECT error FROM latest UNION ALL SELECT error FROM latest_visits")
    assert set(errors["error"].to_pylist()) == outcomes
    assert published(site.values["run"]) == before
    (site.folder / how).unlink()
    site.values["crawl"]["resolve"]["site.test"] = address
    site.told()
    run(site.values, retry=outcomes - {"not_modified"})
    assert set(site.asked().values()) == {304}
    assert published(site.values["run"]) == before


def test_an_old_robots_txt_is_asked_for_first(site: Site) -> None:
    """One of more than a day is asked for before anything else of its host, and what it forbids now goes; a fresh one is not."""
    site.write("robots.txt", b"User-agent: *\nDisallow: /b.jpg\nDisallow: /second.html\n")
    run(site.values, refresh=NOW)
    assert not site.asked().keys() & set(SITE_FILES)
    aged(Store(site.values["run"]))
    done = run(site.values, refresh=NOW)
    paths = [line.path for line in site.told()]
    assert paths[0] == "/robots.txt"
    assert set(paths[:3]) == set(SITE_FILES)
    assert sorted(paths[3:]) == ["/a.jpg", "/index.html"]
    assert fates(done) == {"b": "fetch:robots"}
    assert digests(done).keys() == {"a"}


def test_an_old_robots_txt_holds_while_no_new_one_can_be_had(site: Site, published: Published) -> None:
    """A host that is down for a day takes nothing back either: the last robots.txt counts (RFC 9309, 2.4)."""
    before = published(site.values["run"])
    aged(Store(site.values["run"]))
    site.write("down", b"")
    run(site.values, refresh=NOW)
    assert published(site.values["run"]) == before


def test_an_old_robots_txt_is_not_asked_for_in_vain(site: Site) -> None:
    """Where nothing else is to be asked of its host, it is left alone."""
    aged(Store(site.values["run"]))
    run(site.values)
    assert site.told() == []


def aged(store: Store) -> None:
    """Let every robots.txt of a run have been asked for more than a day ago."""
    for part in store.parts("crawl/robots"):
        table, made_from = store.read("crawl/robots", part), store.made_from("crawl/robots", part) or ""
        long_ago = [at - dt.timedelta(hours=25) for at in table["fetched_at"].to_pylist()]
        index = table.column_names.index("fetched_at")
        table = table.set_column(index, "fetched_at", pa.array(long_ago, table["fetched_at"].type))
        store.write("crawl/robots", part, table, made_from)


def test_on_the_command_line(command: Callable[..., subprocess.CompletedProcess[str]], site: Site, tmp_path: Path) -> None:
    """`--refresh 0d` looks at everything, an age of which nothing is at nothing."""
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(site.values), encoding="utf-8")
    for age, statuses in (("0d", {304}), ("1.5h", set()), ("30m", set())):
        done = command("crawl", config, "--refresh", age)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert set(site.asked().values()) == statuses


@pytest.mark.parametrize("age", ["nonsense", "", "d", "5", "5y", "nand", "infd", "999999999d", "-1d"])
def test_an_age_that_is_none(command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, age: str) -> None:
    """Refused as wrong usage, before anything runs."""
    config = tmp_path / "config.yaml"
    pages = {"pages": {"seeds": ["http://127.0.0.1:1/"]}}
    config.write_text(yaml.safe_dump({"run": str(tmp_path / "run"), "crawl": {"sources": [pages]}}), encoding="utf-8")
    done = command("crawl", config, f"--refresh={age}")
    assert done.returncode == 2
    assert "--refresh" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
