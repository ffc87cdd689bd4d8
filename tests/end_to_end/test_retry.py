"""`--retry`: what failed in one way is asked for once more, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wukong_build import run
from wukong_build.demo.server import Server, serve
from wukong_build.errors import ConfigError
from wukong_build.inspect.run import Run

CAT = "demo.test/animals/cat.jpg"
PAGE = "demo.test/city/stairs.html"


@pytest.fixture
def server(site_folder: Path, tmp_path: Path) -> Iterator[Server]:
    """The demo's site with one image and one page missing."""
    shutil.copytree(site_folder, tmp_path / "site")
    for path in (CAT, PAGE):
        (tmp_path / "site" / path).rename(tmp_path / path.replace("/", "-"))
    with serve(tmp_path / "site") as server:
        yield server


def _mend(tmp_path: Path) -> None:
    for path in (CAT, PAGE):
        (tmp_path / path.replace("/", "-")).rename(tmp_path / "site" / path)


def _asked(server: Server) -> set[str]:
    asked = {f"{request.host}{request.path}" for request in server.requests}
    server.requests.clear()
    return asked


def test_retry(
    server: Server,
    demo_values: Callable[..., dict[str, Any]],
    published: Callable[[str], dict[str, str]],
    demo_run: Run,
    tmp_path: Path,
) -> None:
    """Pages and images of the class are asked for, with what they lead to; in the end all is as if nothing had failed."""
    values = demo_values(server, tmp_path / "run")
    run(values)
    first = _asked(server)
    run(values, ["crawl"], retry=["404"])
    still = {CAT, PAGE, "img.demo.test/broken/gone.jpg"}
    assert _asked(server) == still | {"demo.test/missing.html"}  # the demo's own broken link
    _mend(tmp_path)
    run(values, ["crawl"], retry=["timeout", "5xx"])
    assert _asked(server) == set()
    done = run(values, retry=["404"])
    again = _asked(server)
    assert still < again
    moved = {redirect.location.removeprefix("http://") for redirect in server.redirects.values()}
    assert (again & first) - moved == (still | {"demo.test/missing.html"}) - moved
    assert done.funnel().equals(demo_run.funnel())
    assert published(values["run"]) == published(demo_run.store.root)
    assert done.sql("SELECT url FROM visits WHERE error IS NOT NULL").to_pylist() == [{"url": "http://demo.test/missing.html"}]
    run(values, ["crawl"])
    assert _asked(server) == set()


def test_retry_of_an_unreachable_host(server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """A host whose robots.txt could not be had is asked for it once more, and then for everything."""
    _mend(tmp_path)
    values = demo_values(server, tmp_path / "run")
    values["crawl"]["resolve"]["img.demo.test"] = "127.0.0.1:1"
    before = run(values)
    few = len(before.manifests())
    values["crawl"]["resolve"]["img.demo.test"] = values["crawl"]["resolve"]["demo.test"]
    assert run(values).funnel().equals(before.funnel())
    after = run(values, retry=["robots_unreachable"])
    assert "fetch:robots_unreachable" in before.funnel()["step"].to_pylist()
    assert "fetch:robots_unreachable" not in after.funnel()["step"].to_pylist()
    assert len(after.manifests()) > few > 0


def test_no_such_class(server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """A class that no failure has is refused, with the nearest one there is."""
    with pytest.raises(ConfigError, match=r"'timeouts' \(did you mean timeout\?\)"):
        run(demo_values(server, tmp_path / "run"), retry=["timeouts"])
