"""What the chain of filters costs beside other programs, and what it makes of planted defects.

`make bench-filter`; docs/benchmarks.md says what the numbers mean.

A corpus whose every defect is known is crawled once, then filtered again and again, on one core, with the other programs between.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import pyarrow.parquet as pq
from bench.cost import Cost, cores, cost_of
from bench.server import serving

from wukong_build import open_run

CHECKOUT = Path(__file__).parents[1]
CONFIG = CHECKOUT / "configs" / "bench.yaml"
FOLDER = Path("data/bench/filter")

ROWS = 10_000
FEWER = 1000
"""Rows of the two lists: memory shall not depend on them."""

MEMORY_MB = 600
WORKERS_RATIO = 1.8


class Peer(NamedTuple):
    """A program that does the same work, by the script that runs and measures it."""

    name: str
    script: str
    needs: str
    """The environment it runs in."""
    rows: int
    at_least: float
    """How many times as many samples per CPU second as it the filter shall do."""


PEERS = (
    Peer("the bare work, written for speed", "run_limit_local.sh", "venv-limit", 10_000, 0.75),
    Peer("data-juicer", "run_datajuicer_np1.sh", "venv-datajuicer", 3000, 11),
    Peer("a plain script", "run_naive_exact.sh", "venv-naive", 3000, 4.5),
)

MEANT = {
    "small": ("shorter_side",),
    "aspect": ("aspect_ratio",),
    "corrupt": ("decodable", "fetch"),
    "en": ("language", "han_count"),
    "ja": ("language", "han_count"),
    "boiler": ("boilerplate",),
    "filename": ("filename_caption", "han_count"),
    "sensitive": ("sensitive_words",),
    "dup": ("near_duplicate",),
}
"""Who shall drop each defect."""


class Bench(msgspec.Struct, frozen=True):
    """A corpus, and where its runs lie."""

    corpus: Path
    core: int

    def command(self, verb: str, rows: int = ROWS, workers: int = 1) -> list[str]:
        """Our own command, for so many rows of the corpus."""
        told = {"run": self.run(rows), "executor.workers": workers}
        settings = [word for key, value in told.items() for word in ("--set", f"{key}={value}")]
        if rows != ROWS:  # the config names the longer list
            settings += ["--set", f"crawl.sources=[{{urls: {{path: urls_{rows}.csv, url: url, caption: caption}}}}]"]
        return ["env", f"--chdir={self.corpus}", sys.executable, "-m", "wukong_build", verb, str(CONFIG), *settings]

    def run(self, rows: int) -> Path:
        """The folder of the run of so many rows."""
        return (FOLDER / f"run-{rows}").resolve()

    def filtered(self, rows: int = ROWS) -> Cost:
        """The cost of filtering from nothing with one worker on one core."""
        return self._filtered(rows, 1, self.core)

    def filtered_by(self, workers: int) -> Cost:
        """The cost of filtering from nothing with so many workers on all cores."""
        return self._filtered(ROWS, workers, None)

    def _filtered(self, rows: int, workers: int, core: int | None) -> Cost:
        shutil.rmtree(self.run(rows) / "filter", ignore_errors=True)
        return self.cost("filter", rows, workers, core)

    def cost(self, verb: str, rows: int, workers: int = 1, core: int | None = None) -> Cost:
        """The cost of a command, which must succeed."""
        log = FOLDER / f"{verb}.log"
        cost = cost_of(self.command(verb, rows, workers), log, core)
        if cost.status:
            sys.exit(f"{verb} failed with status {cost.status}; its words are in {log}")
        return cost


def main() -> None:
    """Measure, and print the tables."""
    arguments = _arguments()
    corpus = arguments.corpus.resolve()
    os.environ["PYTHONPATH"] = str(CHECKOUT)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    server_core, client_core = cores()
    bench = Bench(corpus, client_core)
    with _served(corpus, server_core):
        for rows in (ROWS, FEWER):
            bench.cost("crawl", rows)
    ours, theirs = [], defaultdict(list)
    for number in range(arguments.rounds):
        ours.append(cost := bench.filtered())
        print(f"round {number + 1}: filter: {ROWS / cost.cpu_seconds:.0f} samples/CPU s", file=sys.stderr)
        for peer in _peers(arguments.peers):
            if (rate := _rate(peer, arguments.peers, client_core)) is not None:
                theirs[peer].append(rate)
    print("\n".join(_table(ours, theirs)), end="\n\n", flush=True)
    print("\n".join(_defects(corpus, bench)), end="\n\n", flush=True)
    print("\n".join(_scale(bench, ours, arguments.rounds)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder with images/, labels.parquet, urls_10000.csv and sensitive.txt")
    parser.add_argument("--peers", type=Path, help="folder with the scripts that run other programs on it")
    parser.add_argument("--rounds", type=int, default=3, help="times everything runs (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.corpus is None or not (arguments.corpus / "labels.parquet").is_file():
        sys.exit("--corpus must name a folder with images/, labels.parquet, urls_10000.csv, urls_1000.csv and sensitive.txt")
    return arguments


@contextlib.contextmanager
def _served(corpus: Path, core: int) -> Iterator[None]:
    """The images under the port that the list names: by whoever serves there already, or by nginx."""
    with (corpus / "urls_10000.csv").open(encoding="utf-8") as file:
        next(file)
        port = urlsplit(next(file).partition(",")[0]).port or 80
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        yield
        return
    with serving(corpus / "images", FOLDER / "nginx", core, port=port):
        yield


def _peers(folder: Path | None) -> Iterator[Peer]:
    for peer in PEERS:
        if folder is not None and (folder / peer.script).is_file() and (folder / peer.needs).is_dir():
            yield peer


def _rate(peer: Peer, folder: Path, core: int) -> float | None:
    """Samples per CPU second, as the peer's script says; null, and said, where the program failed."""
    told = {"N": str(peer.rows), "RUNS": "1", "POST": "0", "CPU": str(core)}
    done = subprocess.run(
        [f"./{peer.script}"],
        cwd=folder,
        env={**os.environ, **told, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    rate, status = (re.search(rf"^\S+ {what}", done.stdout, re.MULTILINE) for what in (r"items_per_cpu_s ([\d.]+)", r"rc \[0\]"))
    if rate is None or status is None:
        print(f"{peer.name} failed, and is left out of this round", file=sys.stderr)
        return None
    print(f"{peer.name}: {rate[1]} samples/CPU s", file=sys.stderr)
    return float(rate[1])


def _table(ours: list[Cost], theirs: dict[Peer, list[float]]) -> Iterator[str]:
    """Rates, and ours by each of theirs."""
    rates = [ROWS / cost.cpu_seconds for cost in ours]
    yield "| | samples/CPU s | ours ÷ it | at least | wall s | peak MB | at most |"
    yield "|---|---|---|---|---|---|---|"
    walls, peaks = [cost.wall_seconds for cost in ours], [cost.peak_bytes / 1e6 for cost in ours]
    yield f"| **wukong-build filter** | {_spread(rates)} | 1 | | {_spread(walls, 1)} | {_spread(peaks)} | {MEMORY_MB} |"
    for peer, found in theirs.items():
        ratio = statistics.median(rates) / statistics.median(found)
        yield f"| {peer.name}, {peer.rows} rows | {_spread(found)} | {ratio:.2f} | {peer.at_least:g} | | | |"


def _scale(bench: Bench, ours: list[Cost], rounds: int) -> Iterator[str]:
    """Two workers against one, both on all cores; and the memory of a tenth of the rows."""
    pairs = [(bench.filtered_by(1), bench.filtered_by(2)) for _ in range(rounds)]
    ratios = [one.wall_seconds / two.wall_seconds for one, two in pairs]
    tenth = bench.filtered(FEWER).peak_bytes / 1e6
    whole = statistics.median(cost.peak_bytes for cost in ours) / 1e6
    yield "| | | mark |"
    yield "|---|---|---|"
    yield f"| one worker's seconds ÷ two workers' | {_spread(ratios, 2)} | ≥ {WORKERS_RATIO} |"
    yield f"| peak MB of 1,000 samples, of 10,000 | {tenth:.0f}, {whole:.0f} | < {MEMORY_MB} |"


class Seen(NamedTuple):
    """A labelled sample, and what the ledger says of it."""

    label: dict[str, Any]
    dropped_by: str
    """Empty where it was kept; `fetch` where no image came."""
    defects: tuple[str, ...]


def _defects(corpus: Path, bench: Bench) -> Iterator[str]:
    """Each planted defect: who dropped it. Then what was lost though it was good, and who is to blame."""
    seen, singles = _seen(corpus, bench)
    yield "| planted | of | by the filter meant for it | by another | stayed | recall |"
    yield "|---|---|---|---|---|---|"
    fates: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in seen:
        for defect in sample.defects:
            fates[defect][_fate(sample, defect)] += 1
    for defect, fate in sorted(fates.items()):
        recall = 1 - fate["stayed"] / fate.total()
        yield f"| {defect} | {fate.total()} | {fate['meant']} | {fate['another']} | {fate['stayed']} | {recall:.3f} |"
    yield "\n| dropped by | samples | with a defect it is meant for | precision |"
    yield "|---|---|---|---|"
    for who, count in Counter(sample.dropped_by for sample in seen if sample.dropped_by).most_common():
        right = sum(who in MEANT[defect.partition(" ")[0]] for one in seen if one.dropped_by == who for defect in one.defects)
        yield f"| {who} | {count} | {right} | {right / count:.3f} |"
    lost = [sample for sample in seen if not sample.defects and sample.label["group"] in singles and sample.dropped_by]
    lost = [sample for sample in lost if sample.label["img_ok"] and sample.label["text_ok"]]
    blame = ", ".join(f"{count} to {who}" for who, count in Counter(sample.dropped_by for sample in lost).most_common())
    yield f"\n{len(lost)} of {len(singles)} good samples without a double are lost: {blame}"
    for sample in lost:
        print(f"lost to {sample.dropped_by}: {sample.label['rel']} {sample.label['caption']!r}", file=sys.stderr)
    for sample in seen:
        if sample.defects and not sample.dropped_by and any(_fate(sample, defect) == "stayed" for defect in sample.defects):
            print(f"stayed: {', '.join(sample.defects)}: {sample.label['rel']} {sample.label['caption']!r}", file=sys.stderr)


def _seen(corpus: Path, bench: Bench) -> tuple[list[Seen], set[int]]:
    """Every sample with its defects; and the groups of doubles in which only one sample is good."""
    labels = pq.read_table(corpus / "labels.parquet").to_pylist()
    dropped = _dropped(bench.run(ROWS))
    labels = [label for label in labels if label["url"] in dropped]
    good = Counter(label["group"] for label in labels if label["img_ok"] and label["text_ok"])
    surplus: dict[int, int] = defaultdict(lambda: -1)
    seen = []
    for label in sorted(labels, key=lambda label: (label["img_class"] == "dup", label["id"])):
        who = (dropped[label["url"]] or "").partition(":")[0]
        defects = list(_own_defects(label))
        if not defects and good[label["group"]] > 1:  # of a group one may stay, whichever; of the rest each is one too many
            if not who:
                surplus[label["group"]] += 1
            if who == "near_duplicate" or (not who and surplus[label["group"]] > 0):
                defects = [f"dup {label['dup_kind'] or 'original'}"]
        seen.append(Seen(label, who, tuple(defects)))
    return seen, {group for group, count in good.items() if count == 1}


def _fate(sample: Seen, defect: str) -> str:
    """Whether the filter meant for the defect dropped the sample, another, or none."""
    if not sample.dropped_by:
        return "stayed"
    return "meant" if sample.dropped_by in MEANT[defect.partition(" ")[0]] else "another"


def _own_defects(label: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a sample by itself."""
    if label["img_class"] in ("small", "aspect"):
        yield label["img_class"]
    elif label["img_class"] == "corrupt":
        yield f"corrupt {label['corrupt_kind']}"
    if label["text_class"] in MEANT:
        yield label["text_class"]


def _dropped(run: Path) -> dict[str, str | None]:
    """URL → who dropped the sample; null where it was kept."""
    found = open_run(str(run)).sql("SELECT url, dropped_by FROM ledger JOIN samples USING (key)").to_pylist()
    return {row["url"]: row["dropped_by"] for row in found}


def _spread(numbers: list[float], digits: int = 0) -> str:
    return f"{statistics.median(numbers):.{digits}f} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


if __name__ == "__main__":
    main()
