"""Watch the memory of a long crawl: fetch a list from nginx on this machine and draw memory over images fetched.

`make bench-memory`; the drawing is docs/fetch-memory.svg. What is fetched lies under data/bench meanwhile: 6 GB for the
default list.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.corpus import Corpus, corpus_in, photographs_in
from bench.cost import cores, cost_of
from bench.peers import crawl_command, install_ours
from bench.server import served, serving

FOLDER = Path("data/bench/memory")

WORKERS = (1, 2)

Curve = list[tuple[int, float]]
"""Images fetched, MB held by all processes of the crawl then."""

WARM = 0.2
"""What a crawl holds at all is there after this part of the list; from there on the curve shall be flat."""


def main() -> None:
    """Measure, draw, and print the table."""
    arguments = _arguments()
    install_ours()
    corpus = corpus_in(arguments.corpus) if arguments.corpus else photographs_in(Path("data/bench/pictures"))
    curves = [_curve(corpus, arguments.rows, workers) for workers in WORKERS]
    arguments.svg.write_text(_drawing(curves, arguments.rows), encoding="utf-8")
    print("\n".join(_table(curves, arguments.rows)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="URLs in the list (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, help="folder with images/ and urls_*.csv; without it, the demo's photographs")
    parser.add_argument("--svg", type=Path, default=Path("docs/fetch-memory.svg"), help="drawing (default: %(default)s)")
    return parser.parse_args()


def _curve(corpus: Corpus, rows: int, workers: int) -> Curve:
    """The memory of one crawl."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    urls, log = FOLDER.resolve() / "list.csv", FOLDER / "crawl.log"
    curve: Curve = []
    with serving(corpus.root, FOLDER / "nginx", cores()[0]) as port:
        corpus.write_list(urls, port, rows)

        def note(memory: int) -> None:
            curve.append((min(rows, served(port) - len(curve) - 1), memory / 1e6))  # questions of our own are served too

        cost = cost_of(crawl_command(urls, FOLDER.resolve() / "output", workers), log, seen=note)
    if cost.status:
        sys.exit(f"the crawl failed with status {cost.status}; its words are in {log}")
    shutil.rmtree(FOLDER)
    return curve


def _table(curves: Sequence[Curve], rows: int) -> Iterator[str]:
    """A table in Markdown."""
    yield f"{rows} images\n"
    yield f"| workers | MB after {WARM:.0%} | MB at the end of fetching | slope, MB per 100,000 images | peak MB afterwards |"
    yield "|---|---|---|---|---|"
    for workers, curve in zip(WORKERS, curves, strict=True):
        fetching = [(images, megabytes) for images, megabytes in curve if WARM * rows <= images < rows]
        slope = statistics.linear_regression(*zip(*fetching, strict=True)).slope * 100_000
        afterwards = max((megabytes for images, megabytes in curve if images >= rows), default=0)
        yield f"| {workers} | {fetching[0][1]:.0f} | {fetching[-1][1]:.0f} | {slope:+.0f} | {afterwards:.0f} |"


def _drawing(curves: Sequence[Curve], rows: int) -> str:
    """Memory over images fetched as SVG, a line a crawl."""
    width, height, margin = 720, 360, 48
    top = 100 * (1 + max(megabytes for curve in curves for _, megabytes in curve) // 100)

    def at(images: float, megabytes: float) -> tuple[float, float]:
        return margin + images / rows * (width - 3 * margin), height - margin - megabytes / top * (height - 2 * margin)

    def text(x: float, y: float, words: str, anchor: str = "end") -> str:
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'

    def line(points: Sequence[tuple[float, float]], colour: str) -> str:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"/>'

    marks = [line([at(0, top), at(0, 0), at(rows, 0)], "#888")]
    for part in range(5):
        x, y = at(rows * part / 4, top * part / 4)
        marks += [
            text(margin - 6, y + 4, f"{top * part / 4:.0f}"),
            text(x, height - margin + 18, f"{rows * part // 4:,}", "middle"),
        ]
    marks += [text(margin - 6, margin - 14, "MB"), text(at(rows / 2, 0)[0], height - 8, "images fetched", "middle")]
    for workers, curve, colour in zip(WORKERS, curves, ("#1f6fb4", "#d2691e"), strict=True):
        x, y = at(rows, top - top * workers / 16)
        words = f'<tspan fill="{colour}">{workers} worker{"s" if workers > 1 else ""}</tspan>'
        marks += [line([at(*point) for point in curve], colour), text(x + 8, y, words, "start")]
    style = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
    background = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {style}>\n{background}\n' + "\n".join(marks) + "\n</svg>\n"


if __name__ == "__main__":
    main()
