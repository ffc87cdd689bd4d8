"""The command `wukong-build demo`: serve the demo's site on this machine and give the ordinary commands on it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wukong_build.config import recipe_path
from wukong_build.demo.server import serve
from wukong_build.demo.site import build_site
from wukong_build.errors import PartsFailed
from wukong_build.store import Store

HOSTS = ("demo.test", "img.demo.test")
"""Names the site has; `crawl.resolve` tells the crawl where they are."""


_WHERE_AND_HOW = """
Contact sheet (open it in a browser): {sheet}
Shards and manifests:                 {shards}

To go on:
  {program} inspect {run}
  {program} inspect {run} --sql "SELECT dropped_by, count(*) AS samples FROM ledger GROUP BY ALL"
  {program} explain {run} http://demo.test/animals/cat.jpg

To read the shards in Python ({python}):
  import wukong_build
  for sample in wukong_build.open_run({path!r}).webdataset().decode("pil"):
      print(sample["__key__"], sample["txt"], sample["json"]["page_url"])
"""


def run_demo(run: str) -> None:
    """Build the dataset of the demo's site in `run`, and say where everything is and how to read it."""
    with tempfile.TemporaryDirectory(prefix="wukong-build-demo-") as folder:
        site = build_site(Path(folder))
        with serve(site.folder) as server:
            resolve = ", ".join(f'{host}: "127.0.0.1:{server.port}"' for host in HOSTS)
            print(f"The demo's site, {len(site.planted)} images, is served on 127.0.0.1:{server.port}.\n", flush=True)
            _command("run", recipe_path("demo"), "--set", f"run={run}", "--set", f"crawl.resolve={{{resolve}}}")
    sheet = f"{run}/sheet.html"
    _command("inspect", run, "--sheet", sheet)
    python = Path(sys.executable)
    print(
        _WHERE_AND_HOW.format(
            program="wukong-build"
            if shutil.which("wukong-build")
            else shlex.quote(os.path.relpath(python.with_name("wukong-build"))),
            python=os.path.relpath(python),
            run=shlex.quote(run),
            path=run,
            sheet=Path(sheet).resolve(),
            shards=Store(run).path("shards"),
        )
    )


def _command(*arguments: str) -> None:
    """Give an ordinary command, as a user would; what it prints is seen."""
    print(f"$ wukong-build {shlex.join(arguments)}", flush=True)
    status = subprocess.run([sys.executable, "-m", "wukong_build", *arguments], check=False).returncode  # noqa: S603  our own command
    if status:
        raise PartsFailed(f"the command above ended with status {status}; what it said is above")
