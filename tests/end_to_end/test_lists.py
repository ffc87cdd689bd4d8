"""Lists of URLs, as the web has them: junk rows, twins, hosts that do not answer, images that have moved."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build import open_run, run
from wukong_build.demo.server import REDIRECTS, Server, serve
from wukong_build.errors import ConfigError, StoreError
from wukong_build.inspect.run import Run

CAT = "http://demo.test/animals/cat.jpg"

Listed = Callable[..., dict[str, Any]]


@pytest.fixture
def listed(demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> Listed:
    """A config whose only source is a list with these lines."""

    def values(*lines: str) -> dict[str, Any]:
        (tmp_path / "list.csv").write_text("\n".join(("url,caption", *lines)) + "\n", encoding="utf-8")
        config = demo_values(demo_server, tmp_path / "run")
        config["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
        return config

    return values


def _fates(done: Run) -> dict[str, str | None]:
    rows = done.sql("SELECT url, dropped_by FROM samples JOIN ledger USING (key)").to_pylist()
    return {row["url"]: row["dropped_by"] for row in rows}


@pytest.mark.parametrize(
    ("url", "fate"),
    [
        ("http://[oops/a.jpg", "fetch:bad_url"),
        ("http://user@[/", "fetch:bad_url"),
        ("http://[::1/x.jpg", "fetch:bad_url"),
        ("", "fetch:bad_url"),
        ("javascript:alert(1)", "fetch:bad_url"),
        ("http://demo.test:99999/a.jpg", "fetch:bad_url"),
        ("http://127.0.0.1:1/a.jpg", "fetch:robots_unreachable"),
        ("http://img.demo.test/private/vault.jpg", "fetch:robots"),
        ("http://demo.test/nothing.jpg", "fetch:404"),
    ],
)
def test_junk(listed: Listed, url: str, fate: str) -> None:
    """A row that comes to nothing is a sample with a reason, and costs its neighbours nothing."""
    assert _fates(run(listed(f"{url},坏的", f"{CAT},窗台上的一只猫"))) == {url: fate, CAT: None}


def test_several_captions(listed: Listed) -> None:
    """The same URL under several captions is one sample with several texts, of which the first is chosen."""
    done = run(listed(f"{CAT},窗台上的猫", f"{CAT}#twin,一只好猫", f"{CAT},窗台上的猫"))
    (sample,) = done.sql("SELECT occurrence_count, caption_found, [t.text for t in texts] AS texts FROM samples").to_pylist()
    assert sample == {"occurrence_count": 3, "caption_found": "窗台上的猫", "texts": ["窗台上的猫", "一只好猫"]}


def test_two_sources_of_one_file(listed: Listed, tmp_path: Path) -> None:
    """Two columns of one list are two sources; the config's order decides, however often the file is written anew."""
    captions = set()
    for attempt in range(4):
        values = listed(f"{CAT},一只白猫")
        path = tmp_path / "list.csv"
        path.write_text(f"url,caption,title\n{CAT},一只白猫,窗边的猫\n", encoding="utf-8")
        values["crawl"]["sources"] = [{"urls": {"path": str(path), "caption": name}} for name in ("title", "caption")]
        values["run"] = str(tmp_path / f"run-{attempt}")
        captions |= {row["caption"] for row in run(values).manifests().to_pylist()}
    assert captions == {"窗边的猫"}


def test_several_files(listed: Listed, tmp_path: Path) -> None:
    """Every file of a pattern is a part of its own: one that comes later is read alone, one that has gone takes its samples."""
    values = listed()
    values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "lists/*.jsonl.gz"), "extra_columns": "*"}}]
    rows = {"a": {"url": CAT, "caption": "窗台上的猫", "w": 1}, "b": {"url": f"{CAT}?b", "caption": "一只好猫", "w": None}}
    (tmp_path / "lists").mkdir()

    def seen(*names: str) -> tuple[dict[str, str], dict[str, bytes]]:
        for path in (tmp_path / "lists").iterdir():
            if path.name[0] not in names:
                path.unlink()
        for name in names:
            path = tmp_path / f"lists/{name}.jsonl.gz"
            if not path.exists():
                path.write_bytes(gzip.compress(json.dumps(rows[name]).encode()))
        done = run(values, ["crawl"])
        sources = {row["url"]: row["source"] for row in done.sql("SELECT url, source FROM samples").to_pylist()}
        return sources, {path.name: path.read_bytes() for path in Path(done.store.root, "crawl/pairs").glob("list-*")}

    first, first_parts = seen("a")
    both, both_parts = seen("a", "b")
    assert first == {CAT: f"0:urls:{tmp_path}/lists/a.jsonl.gz"}
    assert both == {**first, f"{CAT}?b": f"0:urls:{tmp_path}/lists/b.jsonl.gz"}
    assert len(both_parts) == 2
    assert first_parts.items() <= both_parts.items()
    last, last_parts = seen("b")
    assert last == {f"{CAT}?b": both[f"{CAT}?b"]}
    assert last_parts == {name: part for name, part in both_parts.items() if name not in first_parts}


def test_workers_share_a_list(listed: Listed, tmp_path: Path) -> None:
    """The same files give the same pairs, whoever reads them."""
    values = listed()
    (tmp_path / "lists").mkdir()
    for number in range(5):
        (tmp_path / f"lists/{number}.csv").write_text(f"url,caption\n{CAT},第{number}只猫\n{CAT}?{number},猫\n", encoding="utf-8")
    values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "lists")}}]
    found = []
    for workers in (1, 3):
        config = {**values, "run": str(tmp_path / f"run-{workers}"), "executor": {"workers": workers}}
        found.append(run(config, ["crawl"]).sql("SELECT * EXCLUDE (part_row) FROM pairs ORDER BY source, position"))
    assert found[0].num_rows == 10
    assert found[0].equals(found[1])


def test_further_columns(listed: Listed, tmp_path: Path) -> None:
    """What the list says besides is with the sample, from its first occurrence."""
    values = listed()
    path = tmp_path / "coyo.parquet"
    columns = {"id": [2, 1], "url": [CAT, CAT], "text": ["一只猫", "窗台上的猫"], "watermark_score": [0.5, None]}
    pq.write_table(pa.table(columns), path)
    values["crawl"]["sources"] = [{"urls": {"path": str(path), "preset": "coyo"}}]
    (sample,) = run(values, ["crawl"]).sql("SELECT extra, occurrence_count FROM samples").to_pylist()
    assert sample == {"extra": '{"id":2,"watermark_score":0.5}', "occurrence_count": 2}


def test_missing_list(listed: Listed, tmp_path: Path) -> None:
    """A list that is not there, or lacks a column, is refused before the crawl is touched."""
    values = listed(f"{CAT},窗台上的一只猫")
    run(values)
    for wrong in ({"path": str(tmp_path / "nowhere.csv")}, {"path": str(tmp_path / "list.csv"), "caption": "title"}):
        with pytest.raises(ConfigError, match=r"nowhere|title"):
            run({**values, "crawl": {**values["crawl"], "sources": [{"urls": wrong}]}}, ["crawl"])
    assert run(values, ["filter"]).funnel().to_pylist()[0]["seen"] == 1


def test_moved_to_another_host(listed: Listed, site_folder: Path, tmp_path: Path) -> None:
    """An image that has moved to another host is asked for there only as that host's robots.txt and manners allow."""
    served = tmp_path / "site"
    for host, robots in (("a.test", ""), ("cdn.test", "User-agent: *\nDisallow: /private/\n")):
        (served / host).mkdir(parents=True)
        (served / host / "robots.txt").write_text(robots)
    cat = (site_folder / "demo.test/animals/cat.jpg").read_bytes()
    (served / "cdn.test/private").mkdir()
    for path in ("cdn.test/cat.jpg", "cdn.test/private/cat.jpg"):
        (served / path).write_bytes(cat)
    names = [f"{number}.jpg" for number in range(6)]
    moves = [f"a.test/{name} 302 http://cdn.test/cat.jpg?{name}" for name in names]
    loop = ["a.test/loop.jpg 302 http://cdn.test/loop.jpg", "cdn.test/loop.jpg 302 http://a.test/loop.jpg"]
    (served / REDIRECTS).write_text("\n".join([*moves, *loop, "a.test/p.jpg 302 http://cdn.test/private/cat.jpg"]) + "\n")
    with serve(served) as server:
        values = listed(*(f"http://a.test/{name},第{name}只猫" for name in (*names, "p.jpg", "loop.jpg")))
        address = f"127.0.0.1:{server.port}"
        values["crawl"] |= {
            "resolve": {"a.test": address, "cdn.test": address},
            "per_host": {"delay_seconds": 0.1, "connections": 1},
        }
        values["filter"] = {"shorter_side": {"at_least": 1}}
        values["executor"] = {"workers": 2}
        fates = _fates(run(values))
        starts = sorted(request.time for request in server.requests if request.host == "cdn.test")
    expected = {f"http://a.test/{name}": None for name in names}
    assert fates == {**expected, "http://a.test/p.jpg": "fetch:robots", "http://a.test/loop.jpg": "fetch:redirects"}
    assert "/private/cat.jpg" not in [request.path for request in server.requests]
    assert starts[-1] - starts[0] > 0.06 * (len(starts) - 1)  # a busy server notes some late


def test_refused_command_changes_nothing(demo_run: Run, demo_served: Server, demo_values: Callable[..., dict[str, Any]]) -> None:
    """A command that is refused leaves the run's record as it was."""
    values = demo_values(demo_served, Path(demo_run.store.root))
    before = demo_run.store.fs.cat_file(demo_run.store.path("run.yaml"))
    values["filter"]["aspect_ratio"]["at_most"] = 99
    with pytest.raises(Exception, match="run `wukong-build filter`"):
        run(values, ["shard"])
    assert demo_run.store.fs.cat_file(demo_run.store.path("run.yaml")) == before


@pytest.mark.parametrize("damage", ["x: [", "", "config: {}\n"])
def test_damaged_record(listed: Listed, damage: str) -> None:
    """A damaged run.yaml is said to be damaged, and the next command mends it."""
    values = listed(f"{CAT},窗台上的一只猫")
    before = run(values)
    Path(values["run"], "run.yaml").write_text(damage, encoding="utf-8")
    with pytest.raises(StoreError, match=r"run\.yaml is damaged"):
        open_run(values["run"])
    after = run(values)
    assert (after.config, after.funnel()) == (before.config, before.funnel())


def test_later_schema(listed: Listed) -> None:
    """A run of a later version of the program is not touched."""
    values = listed(f"{CAT},窗台上的一只猫")
    record = Path(run(values).store.root, "run.yaml")
    record.write_text(record.read_text(encoding="utf-8").replace("schema_version: 1", "schema_version: 99"), encoding="utf-8")
    with pytest.raises(StoreError, match="schema version 99"):
        run(values)


def test_in_a_notebook(listed: Listed) -> None:
    """`run` works where an event loop is running already."""

    async def cell() -> int:
        return len(run(listed(f"{CAT},窗台上的一只猫")).manifests())

    assert asyncio.run(cell()) == 1


def test_no_source(listed: Listed) -> None:
    """A crawl without a source is refused."""
    values = listed()
    values["crawl"]["sources"] = []
    with pytest.raises(ConfigError, match=r"crawl\.sources: is empty"):
        run(values)


def test_nothing_came(listed: Listed, caplog: pytest.LogCaptureFixture) -> None:
    """A crawl that got nothing says so, with the reasons."""
    run(listed("http://127.0.0.1:1/a.jpg,没有"))
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["crawl: pages none; images robots_unreachable: 1"]
