"""Fetch a list of images from nginx on this machine with the crawl and with other programs, and print what each costs.

Every program runs alone, as processes of its own on one core, nginx on another; the rounds are interleaved, so that a
noisy minute costs all of them. `make bench-fetch`; docs/benchmarks.md says what the numbers mean.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from bench.corpus import corpus_in, photographs_in
from bench.cost import Cost, cores, cost_of
from bench.kept import kept_in, wrong_rows
from bench.peers import BARE_LOOP, IMG2DATASET, SCRAPY, Peer, crawl_command, install_ours
from bench.server import serving

OURS = "wukong-build crawl"

FOLDER = Path("data/bench/fetch")


class Results(msgspec.Struct):
    """What one program came to, over all rounds."""

    name: str
    peer: Peer | None = None
    """Null for ours."""
    costs: list[Cost] = []
    kept: int = 0
    as_served: int = 0
    """Kept images whose bytes are those that were served."""


class Bench(msgspec.Struct, frozen=True):
    """A list on a server, fetched again and again."""

    urls: Path
    root: Path
    rows: int
    core: int

    def run(self, results: Results) -> Cost:
        """Let one program fetch the list once, and look at what it kept."""
        output = (FOLDER / "output").resolve()
        shutil.rmtree(output, ignore_errors=True)
        command = results.peer.command_for(self.urls, output) if results.peer else crawl_command(self.urls, output)
        log = FOLDER / f"{results.name}.log"
        cost = cost_of(command, log, self.core)
        if cost.status:
            sys.exit(f"{results.name} failed with status {cost.status}; its words are in {log}")
        results.kept, results.as_served = kept_in(output, self.root)
        if results.peer is None and (wrong := wrong_rows(output, self.root)):
            sys.exit(f"{wrong.total()} rows are wrong, the first: {next(iter(wrong))}")
        shutil.rmtree(output)
        return cost

    def rate(self, cost: Cost) -> float:
        """Images per CPU second."""
        return self.rows / cost.cpu_seconds


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    install_ours()
    corpus = corpus_in(arguments.corpus) if arguments.corpus else photographs_in(Path("data/bench/pictures"))
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    urls = FOLDER.resolve() / "list.csv"
    server_core, client_core = cores()
    if server_core == client_core:
        print("there is one core only, which nginx and whoever is measured share: seconds mean little", file=sys.stderr)
    with serving(corpus.root, FOLDER / "nginx", server_core) as port:
        corpus.write_list(urls, port, arguments.rows)
        bench = Bench(urls, corpus.root, arguments.rows, client_core)
        measured = [Results(OURS), *(Results(peer.name, peer) for peer in _peers(bench))]
        for number in range(arguments.rounds):
            for results in measured:
                results.costs.append(cost := bench.run(results))
                print(f"round {number + 1}: {results.name}: {bench.rate(cost):.0f} images/CPU s", file=sys.stderr)
    print("\n".join(_table(bench, measured)))
    shutil.rmtree(FOLDER)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="URLs in the list (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times each program runs (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, help="folder with images/ and urls_*.csv; without it, the demo's photographs")
    return parser.parse_args()


def _peers(bench: Bench) -> Iterator[Peer]:
    """Those that can be installed here; of img2dataset the one with the number of threads that suits it best."""
    for peer in (BARE_LOOP, SCRAPY):
        if peer.install():
            yield peer
    if IMG2DATASET[0].install():
        yield max(IMG2DATASET, key=lambda peer: bench.rate(bench.run(Results(peer.name, peer))))


def _table(bench: Bench, measured: list[Results]) -> Iterator[str]:
    """A table in Markdown: medians, with the least and the most."""
    ours = statistics.median(map(bench.rate, measured[0].costs))
    yield f"{bench.rows} images, {len(measured[0].costs)} rounds: median (least to most)\n"
    yield "| | images/CPU s | images/s | peak MB | kept | as served | ours ÷ it | at least |"
    yield "|---|---|---|---|---|---|---|---|"
    for results in measured:
        rates = [bench.rate(cost) for cost in results.costs]
        cells = [
            results.peer.label if results.peer else f"**{results.name}**",
            _spread(rates),
            _spread([bench.rows / cost.wall_seconds for cost in results.costs]),
            _spread([cost.peak_bytes / 1e6 for cost in results.costs]),
            *(str(results.kept), str(results.as_served)),
            *((f"{ours / statistics.median(rates):.2f}", f"{results.peer.ratio:g}") if results.peer else ("1", "")),
        ]
        yield f"| {' | '.join(cells)} |"


def _spread(numbers: list[float]) -> str:
    return f"{statistics.median(numbers):.0f} ({min(numbers):.0f} to {max(numbers):.0f})"


if __name__ == "__main__":
    main()
