"""The demo's recipe on the demo's site: every planted case falls to the filter meant for it, and everything adds up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc
import pytest

from wukong_build.demo.planted import FORBIDDEN, KEPT, NEVER_ASKED, PLANTED, Planted
from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run


@pytest.fixture(scope="module")
def fates(demo_run: Run) -> dict[str, dict[str, Any]]:
    """Image URL → its row of the ledger, with the URL of the sample kept in its place."""
    rows = demo_run.sql(
        "SELECT samples.url, ledger.*, other.url AS representative FROM samples JOIN ledger USING (key) "
        "LEFT JOIN samples other ON other.key = ledger.duplicate_of"
    )
    return {row["url"]: row for row in rows.to_pylist()}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted.falls_to}-{planted.url.split('/', 3)[-1]}")
def test_planted(planted: Planted, fates: dict[str, dict[str, Any]]) -> None:
    """Every planted image meets the fate that was planned for it."""
    if planted.falls_to == NEVER_ASKED:
        assert planted.url not in fates
        return
    row = fates[planted.url]
    assert (row["dropped_by"] or KEPT, row["representative"]) == (planted.falls_to, planted.duplicate_of)
    assert row["kept"] == (planted.falls_to == KEPT)
    assert ("<人名>" in (row["caption"] or "")) == planted.masked


def test_nothing_else(fates: dict[str, dict[str, Any]]) -> None:
    """There is no sample that was not planted."""
    assert set(fates) <= {planted.url for planted in PLANTED}


def test_ledger_and_samples_have_the_same_keys(demo_run: Run) -> None:
    """Every sample has exactly one row in the ledger, and no other row is there."""
    counts = demo_run.sql(
        "SELECT (SELECT count(*) FROM samples), (SELECT count(DISTINCT key) FROM samples), (SELECT count(*) FROM ledger), "
        "(SELECT count(*) FROM samples JOIN ledger USING (key))"
    )
    assert len(set(counts.to_pylist()[0].values())) == 1


def test_funnel_adds_up(demo_run: Run) -> None:
    """Kept + Σ dropped = seen, at every step and in all."""
    rows = demo_run.funnel().to_pylist()
    assert all(row["seen"] - row["dropped"] == row["left"] for row in rows)
    assert [row["seen"] for row in rows[1:]] == [row["left"] for row in rows[:-1]]
    kept = pc.sum(demo_run.ledger()["kept"]).as_py()
    assert rows[0]["seen"] == len(demo_run.ledger())
    assert rows[-1]["left"] == kept == len(demo_run.manifests())
    assert sum(row["dropped"] for row in rows) + kept == rows[0]["seen"]


def test_every_page_has_a_row(demo_run: Run, demo_served: Server) -> None:
    """Every page the server was asked for is in crawl/pages, and what robots.txt forbids is there as refused."""
    rows = {row["url"]: row["decision"] for row in demo_run.sql("SELECT url, decision FROM pages").to_pylist()}
    asked = {f"http://{request.host}{request.path}" for request in demo_served.requests}
    images = {planted.url for planted in PLANTED}
    robots = {url for url in asked if url.endswith(("/robots.txt", "/ai.txt", "/.well-known/tdmrep.json"))}
    assert asked - images - robots == {url for url, decision in rows.items() if decision == "asked"}
    assert (
        {url for url, decision in rows.items() if decision == "robots"}
        == {url for url in rows if url.startswith(FORBIDDEN)}
        != set()
    )


def test_forbidden_is_never_asked(demo_run: Run, demo_served: Server, asked_twice: Callable[[Server], list[str]]) -> None:
    """What robots.txt forbids, on the page's host or on the image's, is never asked for, and nothing is asked for twice."""
    asked = [f"http://{request.host}{request.path}" for request in demo_served.requests]
    assert not [url for url in asked if url.startswith(FORBIDDEN)]
    assert not asked_twice(demo_served)


def test_bytes_are_as_they_came(demo_run: Run, demo_served: Server, site_folder: Any) -> None:
    """The image members are, byte for byte, the files that the server has."""
    urls = {row["key"]: row["url"] for row in demo_run.manifests().to_pylist()}
    for sample in demo_run.webdataset():
        (extension,) = set(sample) & {"jpg", "png", "webp", "gif"}
        path = site_folder / urls[sample["__key__"]].removeprefix("http://")
        assert sample[extension] == path.read_bytes()
