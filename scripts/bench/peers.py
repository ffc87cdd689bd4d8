"""Who is measured: the crawl of this checkout, and other programs for the same work, each in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import msgspec
import yaml

HERE = Path(__file__).parent
ENVIRONMENTS = Path("data/bench/venvs")
OURS = ENVIRONMENTS.resolve() / "wukong-build"


class Peer(msgspec.Struct, frozen=True):
    """A program that fetches a list of images; `{list}` and `{output}` in its command are a CSV file and a folder."""

    name: str
    packages: tuple[str, ...]
    """What its environment must have; the first names the environment."""
    command: tuple[str, ...]
    """The first word is a program of its environment."""
    ratio: float
    """How many times as many images per CPU second as this peer the crawl shall fetch, at least."""

    def command_for(self, urls: Path, output: Path) -> list[str]:
        """The command for a list and a folder."""
        program, *arguments = self.command
        return [str(self._folder / "bin" / program), *(word.format(list=urls, output=output) for word in arguments)]

    @property
    def label(self) -> str:
        """Its name, and the version of its first package."""
        package = self.packages[0]
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        found = subprocess.run([self._folder / "bin/python", "-c", code], capture_output=True, text=True, check=True)
        return f"{self.name} ({package} {found.stdout.strip()})"

    def install(self) -> bool:
        """Make its environment where it is not there yet; False where that cannot be."""
        done = self._folder / "installed"
        if done.exists():
            return True
        print(f"installing {', '.join(self.packages)} into {self._folder} …", file=sys.stderr)
        shutil.rmtree(self._folder, ignore_errors=True)
        venv.create(self._folder, with_pip=True)
        pip = [self._folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, *self.packages], check=False).returncode:
            return False
        done.touch()
        return True

    @property
    def _folder(self) -> Path:
        return ENVIRONMENTS.resolve() / self.packages[0]


BARE_LOOP = Peer("bare loop", ("aiohttp", "uvloop"), ("python", str(HERE / "bare_loop.py"), "{list}", "{output}"), ratio=0.5)

SCRAPY = Peer(
    "Scrapy ImagesPipeline", ("scrapy", "pillow"), ("python", str(HERE / "scrapy_images.py"), "{list}", "{output}"), ratio=8
)


def img2dataset(threads: int) -> Peer:
    """img2dataset keeping the bytes as they come, its cheapest way, in one process with so many threads."""
    where = "--url_list {list} --input_format csv --url_col url --caption_col caption --output_folder {output}"
    what = "--output_format webdataset --number_sample_per_shard 1000 --resize_mode no --disable_all_reencoding True"
    arguments = f"{where} {what} --processes_count 1 --thread_count {threads}".split()
    return Peer(f"img2dataset, {threads} threads", ("img2dataset", "setuptools<81"), ("img2dataset", *arguments), ratio=3)


IMG2DATASET = tuple(img2dataset(threads) for threads in (16, 32, 64, 128))
"""It is measured with the number of threads that suits it best."""


def crawl_command(urls: Path, output: Path, workers: int = 1) -> list[str]:
    """Our own command for a list and a folder; its config is written beside the list."""
    config = {
        "run": str(output),
        "crawl": {
            "sources": [{"urls": {"path": str(urls)}}],
            "user_agent": "wukong-build-bench",
            "per_host": {"delay_seconds": 0, "connections": 32},
            "images_per_part": 10_000,
            "allow_private_addresses": True,
        },
        "executor": {"workers": workers},
    }
    path = urls.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return [str(OURS / "bin/python"), "-m", "wukong_build", "crawl", str(path)]


def install_ours() -> None:
    """Bring our own environment up to date: what a plain install of this checkout has, and no tool of its developers."""
    if not OURS.exists():
        venv.create(OURS, with_pip=True)
    pip = [OURS / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
    subprocess.run([*pip, "--upgrade-strategy", "only-if-needed", HERE.parents[1]], check=True)
