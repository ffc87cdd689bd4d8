"""What making shards costs beside webdataset's own writer, on the same samples.

`make bench-shard`; docs/benchmarks.md says what the numbers mean.

A list of images is crawled once, and nothing is filtered; then both programs make shards of it, in turn, on one core.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.cost import Cost, cores, cost_of
from bench.server import serving

CHECKOUT = Path(__file__).parents[1]
CONFIG = CHECKOUT / "configs" / "bench.yaml"
FOLDER = Path("data/bench/shard").resolve()

ROWS, FEWER = 10_000, 1000
"""Rows of the two lists: memory shall not depend on them."""

SAMPLES = 1000
"""Of one shard."""

AT_MOST_RATIO = 0.5


class Measured(NamedTuple):
    """What one program took: its work alone, and its whole process."""

    seconds: dict[str, float]
    whole: Cost


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    corpus = arguments.corpus.resolve()
    os.environ["PYTHONPATH"] = str(CHECKOUT)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    server_core, core = cores()
    with _served(corpus, server_core):
        for rows in (ROWS, FEWER):
            _command(corpus, "crawl", rows)
            _command(corpus, "filter", rows)
    ours, theirs, resized = [], [], []
    for number in range(arguments.rounds):
        ours.append(_shards(ROWS, core))
        theirs.append(_tar_writer(core))
        resized.append(_shards(ROWS, core, "shard.resize={mode: keep_ratio, side: 224}"))
        print(f"round {number + 1}: {ours[-1].seconds} beside {theirs[-1].seconds}", file=sys.stderr)
    print("\n".join(_table(ours, theirs, resized, _shards(FEWER, core))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder with images/, urls_10000.csv, urls_1000.csv and sensitive.txt")
    parser.add_argument("--rounds", type=int, default=3, help="times everything runs (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.corpus is None or not (arguments.corpus / f"urls_{ROWS}.csv").is_file():
        sys.exit(f"--corpus must name a folder with images/, urls_{ROWS}.csv, urls_{FEWER}.csv and sensitive.txt")
    return arguments


@contextlib.contextmanager
def _served(corpus: Path, core: int) -> Iterator[None]:
    """The images under the port that the list names: by whoever serves there already, or by nginx."""
    with (corpus / f"urls_{ROWS}.csv").open(encoding="utf-8") as file:
        next(file)
        port = urlsplit(next(file).partition(",")[0]).port or 80
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        yield
        return
    with serving(corpus / "images", FOLDER / "nginx", core, port=port):
        yield


def _run(rows: int) -> Path:
    return FOLDER / f"run-{rows}"


def _command(corpus: Path, verb: str, rows: int) -> None:
    """Our own command, for so many rows of the corpus; it must succeed."""
    sources = f"[{{urls: {{path: urls_{rows}.csv, url: url, caption: caption}}}}]"
    settings = [f"run={_run(rows)}", f"crawl.sources={sources}", "filter={}"]
    words = [word for setting in settings for word in ("--set", setting)]
    _succeed(
        cost_of(["env", f"--chdir={corpus}", sys.executable, "-m", "wukong_build", verb, str(CONFIG), *words], FOLDER / "log")
    )


def _shards(rows: int, core: int, *settings: str) -> Measured:
    """Our shards, made from nothing."""
    for folder in ("shard", "shards"):
        shutil.rmtree(_run(rows) / folder, ignore_errors=True)
    sources = f"crawl.sources=[{{urls: {{path: urls_{rows}.csv, url: url, caption: caption}}}}]"
    return _measured("wukong-build", core, str(_run(rows)), str(CONFIG), f"shard.samples={SAMPLES}", sources, *settings)


def _tar_writer(core: int) -> Measured:
    """Tars by webdataset's writer."""
    folder = FOLDER / "tar-writer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return _measured("TarWriter", core, str(_run(ROWS)), str(folder), str(SAMPLES))


def _measured(way: str, core: int, *told: str) -> Measured:
    log = FOLDER / f"{way}.log"
    log.unlink(missing_ok=True)
    script = CHECKOUT / "scripts" / "bench" / "sharding.py"
    cost = _succeed(cost_of([sys.executable, str(script), way, *told], log, core, every_seconds=0.05))
    return Measured(json.loads(log.read_text(encoding="utf-8").splitlines()[-1]), cost)


def _succeed(cost: Cost) -> Cost:
    if cost.status:
        sys.exit(f"a command failed with status {cost.status}; its words are in {FOLDER}")
    return cost


def _table(ours: list[Measured], theirs: list[Measured], resized: list[Measured], fewer: Measured) -> Iterator[str]:
    work = [one.seconds["all"] - one.seconds["digests"] - one.seconds["card"] for one in ours]
    bare = [one.seconds["all"] for one in theirs]
    ratio = statistics.median(work) / statistics.median(bare)
    yield "| CPU seconds | work | ÷ TarWriter's | at most | whole process | peak MB |"
    yield "|---|---|---|---|---|---|"
    rows = [
        ("**tars and manifests**, digests of tars apart", _spread(work), f"{ratio:.2f} | {AT_MOST_RATIO}", _process(ours)),
        ("digests of tars", _spread([one.seconds["digests"] for one in ours]), "|", "|"),
        ("card, Croissant and funnel", _spread([one.seconds["card"] for one in ours]), "|", "|"),
        ("webdataset's TarWriter, tars alone", _spread(bare), "1 |", _process(theirs)),
        ("**all of it**, resized to 224 by keep_ratio", _spread([one.seconds["all"] for one in resized]), "|", _process(resized)),
        (f"all of it, {FEWER} rows", f"{fewer.seconds['all']:.2f}", "|", _process([fewer])),
    ]
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _process(measured: list[Measured]) -> str:
    peak = statistics.median(one.whole.peak_bytes for one in measured) / 1e6
    return f"{statistics.median(one.whole.cpu_seconds for one in measured):.2f} | {peak:.0f}"


def _spread(numbers: list[float]) -> str:
    return f"{statistics.median(numbers):.2f} ({min(numbers):.2f} to {max(numbers):.2f})"


if __name__ == "__main__":
    main()
