"""Crawl sites from nginx on this machine with the crawl and with a plain Scrapy spider, and print the pages per CPU second.

Every program runs alone, on one core, nginx on another; the rounds are interleaved. No image is asked for, as robots.txt forbids
it. `make bench-pages`; docs/benchmarks.md says what the numbers mean.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from bench.cost import cores, cost_of
from bench.peers import HERE, OURS, Peer, install_ours
from bench.server import serving

from wukong_build import open_run

FOLDER = Path("data/bench/pages")
SCRAPY = Peer("Scrapy spider", ("scrapy", "pillow"), ("python", str(HERE / "scrapy_pages.py"), "{list}", "{output}"), ratio=0.7)
SITES = (
    ("sites/howtocook/site", "/"),
    ("sites/blinkfox/site", "/"),
    ("sites/debian-handbook/zh-CN", "/index.html"),
    ("sites/flowerlibrary/site", "/Home.html"),
)
"""Folder of each real site, and where it begins."""

NAME = "site.test"
"""What the crawl knows this machine as, so that it may be asked, and nobody else."""

ROBOTS = "".join(f"Disallow: /*.{kind}\\n" for kind in ("jpg", "jpeg", "png", "gif", "webp", "svg", "ico", "JPG", "PNG"))

WORDS = "春天院中桃花盛开远山近水小桥人家清晨雾气升起渔船归来市场上人来人往"


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    install_ours()
    if not SCRAPY.install():
        sys.exit("Scrapy cannot be installed here")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    sites = [(arguments.folder / name, start) for name, start in SITES] if arguments.folder else [(_made(arguments.pages), "/")]
    server_core, client_core = cores()
    rates: dict[str, list[float]] = {"crawl": [], "scrapy": []}
    counts: dict[str, int] = {}
    with contextlib.ExitStack() as servers:
        seeds = FOLDER.resolve() / "seeds.txt"
        urls = []
        for number in range(arguments.copies):
            for site, start in sites:
                folder = FOLDER / f"nginx-{len(urls)}"
                port = servers.enter_context(serving(site, folder, server_core, f"User-agent: *\\n{ROBOTS}"))
                urls.append(f"http://127.0.0.1:{port}{start}")
            print(f"copy {number + 1} of the sites is served", file=sys.stderr)
        seeds.write_text("\n".join(urls), encoding="utf-8")
        for number in range(arguments.rounds):
            for name, found in rates.items():
                output = (FOLDER / "output").resolve()
                shutil.rmtree(output, ignore_errors=True)
                command = _crawl_command(seeds, output) if name == "crawl" else SCRAPY.command_for(seeds, output)
                cost = cost_of(command, FOLDER / f"{name}.log", client_core)
                if cost.status:
                    sys.exit(f"{name} failed with status {cost.status}; its words are in {FOLDER / name}.log")
                counts[name] = _pages(output)
                found.append(counts[name] / cost.cpu_seconds)
                print(f"round {number + 1}: {name}: {found[-1]:.0f} pages/CPU s", file=sys.stderr)
    print("\n".join(_table(rates, counts, arguments.rounds)))
    shutil.rmtree(FOLDER)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="folder with real sites below sites/; without it, one that is made up")
    parser.add_argument("--pages", type=int, default=3000, help="pages of the site that is made up (default: %(default)s)")
    parser.add_argument("--copies", type=int, default=1, help="how often each site is served (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times each program runs (default: %(default)s)")
    return parser.parse_args()


def _made(count: int) -> Path:
    """A site of so many pages: each with 30 links, five pictures with captions, and 12,000 characters."""
    site = FOLDER / "site"
    site.mkdir()
    chance = random.Random(0)  # noqa: S311  made up, and the same each time
    for number in range(count):
        near = [f"/{target}.html" for target in range(3 * number + 1, min(3 * number + 4, count))]
        links = near + [f"/{chance.randrange(count)}.html" for _ in range(30 - len(near))]
        (site / f"{number}.html").write_text(_page(number, links, chance), encoding="utf-8")
    shutil.copyfile(site / "0.html", site / "index.html")
    return site


def _page(number: int, links: list[str], chance: random.Random) -> str:
    def text(length: int) -> str:
        return "".join(chance.choices(WORDS, k=length))

    led = "".join(f'<li class="menu-item"><a href="{link}" title="{text(8)}">{text(8)}</a></li>' for link in links)
    shown = "".join(
        f'<figure class="wp-block-image"><img src="/images/{number}-{place}.jpg" width="800" height="600" alt="{text(12)}">'
        f"<figcaption>{text(14)}</figcaption></figure>" + "".join(f'<p class="has-text">{text(220)}</p>' for _ in range(8))
        for place in range(5)
    )
    head = f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{text(10)}</title></head>'
    return f"{head}<body><nav><ul>{led}</ul></nav><article><h1>{text(10)}</h1>{shown}</article></body></html>"


def _crawl_command(seeds: Path, output: Path) -> list[str]:
    """Our own command; its config and its seeds, with a name for this machine, are written beside the seeds."""
    named = seeds.with_name("named.txt")
    named.write_text(seeds.read_text(encoding="utf-8").replace("127.0.0.1", NAME), encoding="utf-8")
    config = {
        "run": str(output),
        "crawl": {
            "sources": [{"pages": {"seeds": str(named), "depth": 1000, "at_most_pages": 1_000_000}}],
            "user_agent": "wukong-build-bench (+https://github.com/wukong-build/wukong-build)",
            "per_host": {"delay_seconds": 0, "connections": 32},
            "pages_per_part": 1000,
            "resolve": {NAME: "127.0.0.1"},
            "ports": [1],  # nobody but the servers here is asked for anything
        },
        "executor": {"workers": 1},
    }
    path = seeds.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return [str(OURS / "bin/python"), "-m", "wukong_build", "crawl", str(path)]


def _pages(output: Path) -> int:
    """How many pages came."""
    if (output / "pages").exists():
        return int((output / "pages").read_text(encoding="utf-8"))
    (row,) = (
        open_run(str(output)).sql("SELECT count(*) AS count FROM visits WHERE error IS NULL AND read_as = 'page'").to_pylist()
    )
    return int(row["count"])


def _table(rates: dict[str, list[float]], counts: dict[str, int], rounds: int) -> Iterator[str]:
    """A table in Markdown: medians, with the least and the most."""
    ours = statistics.median(rates["crawl"])
    yield f"{rounds} rounds: median (least to most)\n"
    yield "| | pages | pages/CPU s | ours ÷ it | at least |"
    yield "|---|---|---|---|---|"
    for name, label, at_least in (("crawl", "**wukong-build crawl**", ""), ("scrapy", SCRAPY.label, f"{SCRAPY.ratio:g}")):
        found = rates[name]
        told = f"{statistics.median(found):.0f} ({min(found):.0f} to {max(found):.0f})"
        yield f"| {label} | {counts[name]} | {told} | {ours / statistics.median(found):.2f} | {at_least} |"


if __name__ == "__main__":
    main()
