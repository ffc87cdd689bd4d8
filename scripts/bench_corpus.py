"""What the filters of the whole corpus cost: near-duplicates among millions of hashes, and how often captions stand.

`make bench-corpus`; docs/benchmarks.md says what the numbers mean.

Every job is a process of its own, one after the other, so that its memory is its own. Pairs of hashes are planted at every
distance, and counts of captions are known: recall is measured.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SCRIPTS = Path(__file__).parent / "bench"
DISTANCE = 4
TENFOLD = 10
LEAST_ROWS = 1e7

PEERS = {
    "faiss_multi_hash": "faiss IndexBinaryMultiHash",
    "faiss_hnsw": "faiss IndexBinaryHNSW",
    "duckdb": "DuckDB, join over bands",
    "polars": "Polars, join over bands",
    "imagededup": "imagededup",
}
PEERS_AT_TENFOLD = ("faiss_multi_hash",)
"""The others would take an hour, or more memory than there is."""

Cost = dict[str, Any]


class Jobs(NamedTuple):
    """How jobs are run."""

    reference: Path | None
    peers: str | None
    minutes: int

    def ours(self, job: str, count: int, distance: int = DISTANCE) -> Cost | None:
        """The cost of a job of ours; of the reference where a script is given."""
        script = [str(self.reference)] if job == "reference" else []
        return self._cost([sys.executable, str(SCRIPTS / "near_job.py"), job, str(count), str(distance), *script])

    def peer(self, program: str, count: int) -> Cost | None:
        """The cost of another program; null, and said, where it is not there or failed."""
        return self._cost([str(self.peers), str(SCRIPTS / "near_peers.py"), program, str(count), str(DISTANCE)])

    def _cost(self, command: Sequence[str]) -> Cost | None:
        told = " ".join(command[2:])
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60 * self.minutes)
        except subprocess.TimeoutExpired:
            print(f"{told}: not done in {self.minutes} minutes", file=sys.stderr)
        except subprocess.CalledProcessError as error:
            print(f"{told}: failed: {error.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        else:
            cost: Cost = json.loads(done.stdout.splitlines()[-1])
            print(f"{told}: {cost}", file=sys.stderr)
            return cost
        return None


def main() -> None:
    """Measure, draw, and print the tables."""
    arguments = _arguments()
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    jobs = Jobs(arguments.reference, arguments.peers, arguments.minutes)
    rows = int(arguments.rows)
    print("\n".join(_table(jobs, rows // TENFOLD, rows)), end="\n\n", flush=True)
    if arguments.peers is None:
        print("--peers names no Python with faiss, DuckDB, Polars and imagededup: they are left out", file=sys.stderr)
        return
    small = rows // TENFOLD**2
    found = [(count, "wukong-build", jobs.ours("all_pairs", count)) for count in (small, rows // TENFOLD)]
    found += [(small, name, jobs.peer(program, small)) for program, name in PEERS.items()]
    found += [(rows // TENFOLD, PEERS[program], jobs.peer(program, rows // TENFOLD)) for program in PEERS_AT_TENFOLD]
    print("\n".join(_beside(found)))
    done = {name: cost for count, name, cost in found if count == small and cost is not None}
    arguments.svg.write_text(_drawing(done, small), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=float, default=LEAST_ROWS, help="hashes of the largest jobs (default: %(default)g; 1e8 for all)"
    )
    parser.add_argument("--reference", type=Path, help="script with pairs_within(hashes, distance) to compare with")
    parser.add_argument("--peers", help="a Python that has faiss-cpu, duckdb, polars and imagededup")
    parser.add_argument("--minutes", type=int, default=60, help="a job that takes longer is given up (default: %(default)s)")
    parser.add_argument("--svg", type=Path, default=Path("docs/near-pairs.svg"), help="drawing (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.rows < LEAST_ROWS:
        sys.exit(f"--rows {arguments.rows:g}: the smaller jobs get a tenth and a hundredth of it; at least {LEAST_ROWS:g}")
    return arguments


def _table(jobs: Jobs, some: int, many: int) -> Iterator[str]:
    """Jobs of ours, and each by what it is held against."""
    yield "| job | s | CPU s | peak MB | recall | CPU ratio | mark |"
    yield "|---|---|---|---|---|---|---|"
    base = jobs.ours("all_pairs", some)
    plain = jobs.ours("reference", some) if jobs.reference else None
    yield _row(f"within {DISTANCE} of {some:,}", base, plain, "≤ 1 × the reference; ≤ 1,000 MB")
    yield _row("the reference", plain)
    yield _row("skewed", jobs.ours("skewed", some), base, "≤ 1.5 × the unskewed")
    yield _row(f"within {2 * DISTANCE} of {some:,}", jobs.ours("all_pairs", some, 2 * DISTANCE), base)
    full = jobs.ours("all_pairs", many)
    yield _row(f"within {DISTANCE} of {many:,}", full, base, f"≤ 13 × that of {some:,}; ≤ 10,000 MB")
    yield _row(f"{many // 100:,} new ones against {many:,}", jobs.ours("news", many), full, "≤ 0.1 × the full job")
    fewer = jobs.ours("caption_frequency", some)
    yield _row(f"caption frequency of {some:,}, shuffled and merged", fewer)
    counted = jobs.ours("caption_frequency", many)
    yield _row(f"caption frequency of {many:,}", counted, fewer, f"linear: {many // some}; ≤ 4,000 MB")
    if counted:
        yield f"| its surveys, reckoned from 200,000 | | {counted['survey_seconds']:.0f} | | | | |"


def _row(job: str, cost: Cost | None, held_against: Cost | None = None, mark: str = "") -> str:
    if cost is None:
        return f"| {job} | | | | | | {mark} |"
    ratio = f"{cost['cpu_seconds'] / held_against['cpu_seconds']:.2f}" if held_against else ""
    return f"| {job} | {_cost(cost)} | {_recall(cost)} | {ratio} | {mark} |"


def _cost(cost: Cost) -> str:
    return f"{cost['seconds']:,.1f} | {cost['cpu_seconds']:,.1f} | {cost['peak_mb']:,.0f}"


def _recall(cost: Cost) -> str:
    """The least of any distance, where there is one."""
    return f"{min(cost['recall'].values()):.3f}" if "recall" in cost else ""


def _beside(found: Sequence[tuple[int, str, Cost | None]]) -> Iterator[str]:
    """Ours and the others on the same hashes."""
    yield f"| hashes | program | s | CPU s | peak MB | recall at {DISTANCE} bits | asked for |"
    yield "|---|---|---|---|---|---|---|"
    for count, name, cost in found:
        if cost is not None:
            yield f"| {count:,} | {name} | {_cost(cost)} | {cost['recall'][str(DISTANCE)]:.3f} | {cost.get('asked', 1):.2%} |"


def _drawing(costs: dict[str, Cost], count: int) -> str:
    """CPU seconds on a logarithmic scale as SVG, a bar a program."""
    width, margin, bar = 720, 210, 28
    low = math.floor(math.log10(min(cost["cpu_seconds"] for cost in costs.values())))
    high = math.ceil(math.log10(max(cost["cpu_seconds"] for cost in costs.values())))
    height = bar * (len(costs) + 2)

    def at(seconds: float) -> float:
        return margin + (math.log10(seconds) - low) / (high - low) * (width - margin - 110)

    def text(x: float, y: float, words: str, anchor: str) -> str:
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'

    marks = [
        text(margin, 18, f"CPU seconds for all pairs within {DISTANCE} of {count:,} hashes; recall at {DISTANCE} bits", "start")
    ]
    for place, (name, cost) in enumerate(sorted(costs.items(), key=lambda item: item[1]["cpu_seconds"])):
        y, x = bar * (place + 1), at(cost["cpu_seconds"])
        colour = "#1f6fb4" if name == "wukong-build" else "#999"
        marks += [
            f'<rect x="{margin}" y="{y + 4}" width="{x - margin:.0f}" height="{bar - 8}" fill="{colour}"/>',
            text(margin - 8, y + 18, name, "end"),
            text(x + 6, y + 18, f"{cost['cpu_seconds']:,.1f}; {cost['recall'][str(DISTANCE)]:.3f}", "start"),
        ]
    marks += [text(at(10.0**power), height - 8, f"{10.0**power:g}", "middle") for power in range(low, high + 1)]
    style = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
    background = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {style}>\n{background}\n' + "\n".join(marks) + "\n</svg>\n"


if __name__ == "__main__":
    main()
