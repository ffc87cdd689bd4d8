"""What extraction finds on real pages, how well it chooses, and how fast it is. `make bench-extract`; docs/benchmarks.md.

Recall is held against independent listings of every `<img>`, choices against labels made by hand (`bench/captions.jsonl`), speed
against other parsers on the same pages in the same process, round by round.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from bs4 import BeautifulSoup
from selectolax.lexbor import LexborHTMLParser

from wukong_build.web.caption import choose
from wukong_build.web.extract import Pair, extract, read_page
from wukong_build.web.page import decode_page
from wukong_build.web.url import canonical

HERE = Path(__file__).parent
SITES = (
    ("howtocook", "sites/howtocook/site", "sites/howtocook/gold"),
    ("flowerlibrary", "sites/flowerlibrary/site", "sites/flowerlibrary/gold"),
    ("blinkfox", "sites/blinkfox/site", "sites/blinkfox/gold"),
    ("debian-handbook", "sites/debian-handbook/zh-CN", "sites/debian-handbook/gold-zh-CN"),
    ("the same in GB18030", "sites/debian-handbook/zh-CN-gb18030", "sites/debian-handbook/gold-zh-CN"),
)
"""Name, folder of the site, folder of its listing."""

PAGES = ("sites/*/site/**/*.html", "sites/debian-handbook/zh-CN/*.html", "hostile/readability-pages/*/source.html")
"""What is parsed for the speed."""

AT_LEAST_IN_COMMON = 8
"""So many characters of a long caption that was cut are the caption all the same."""

_NOT_WORDS = re.compile(r"[\W_]+")


class Speed(NamedTuple):
    """A way to read a page, and how it shall compare with ours."""

    name: str
    read: Callable[[str], object]
    at_least: str = ""


def main() -> None:
    """Print the three tables."""
    arguments = _arguments()
    print("\n".join(_recall(arguments.folder)), end="\n\n")
    print("\n".join(_choices(arguments.folder)), end="\n\n")
    print("\n".join(_speed(arguments.folder, arguments.rounds)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    there = os.environ.get("WUKONG_SHARED", "../shared")
    parser.add_argument("--folder", type=Path, default=Path(there), help="folder of real sites (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="times every page is read in each way (default: %(default)s)")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        sys.exit(f"no folder of real sites at {arguments.folder}; --folder or WUKONG_SHARED may name another")
    return arguments


def _recall(folder: Path) -> Iterator[str]:
    """How much of what the listings have of each image is found; images of good size, and all of them."""
    yield "| site | images | found | alt | title | figcaption |"
    yield "|---|---|---|---|---|---|"
    for name, root, listing in SITES:
        counts: Counter[tuple[str, str]] = Counter()
        for kind, what, is_found in _found(folder / root, folder / listing):
            counts[kind, what] += 1
            counts[kind, f"{what} found"] += is_found
        for kind in ("of good size", "all"):
            shares = (
                _share(counts[kind, f"{what} found"], counts[kind, what]) for what in ("image", "alt", "title", "figcaption")
            )
            yield f"| {name}, {kind} | {counts[kind, 'image']} | {' | '.join(shares)} |"


def _found(root: Path, listing: Path) -> Iterator[tuple[str, str, bool]]:
    """Whether each image and each of its texts is found."""
    pages: dict[str, tuple[str, list[Pair]]] = {}
    with gzip.open(listing / "img-gold.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        if row["page"] not in pages:
            url = f"https://site.example/{quote(row['page'])}"
            pages[row["page"]] = url, extract(decode_page((root / row["page"]).read_bytes(), None), url)
        url, pairs = pages[row["page"]]
        here = [pair for pair in pairs if pair.url == canonical(row["src"], url)]
        for kind in ("all", "of good size") if row.get("size_ok") else ("all",):
            yield kind, "image", bool(here)
            for what in ("alt", "title", "figcaption"):
                if text := " ".join((row.get(what) or "").split()):
                    yield kind, what, any(told.text == text[:500] for pair in here for told in pair.texts)


def _choices(folder: Path) -> Iterator[str]:
    """How often the caption chosen is one that a reader would choose, and how much furniture is taken for content."""
    counts: Counter[str] = Counter()
    for label in map(json.loads, (HERE / "bench" / "captions.jsonl").read_text(encoding="utf-8").splitlines()):
        pair = _pair_of(label, folder)
        if pair is None:
            counts["furniture not found" if label["chrome"] else "content not found"] += 1
        elif label["chrome"]:
            counts["furniture known" if pair.chrome else "furniture taken for content"] += 1
        elif pair.chrome:
            counts["content taken for furniture"] += 1
        else:
            choice = choose(pair.texts)
            counts["right" if choice is not None and _is_right(choice.text, label["captions"]) else "wrong"] += 1
    yield "| labelled by hand | |"
    yield "|---|---|"
    content = counts["right"] + counts["wrong"]
    missed = counts["furniture taken for content"]
    yield f"| captions as a reader would choose | {_share(counts['right'], content)} of {content} |"
    yield f"| furniture among what is taken for content | {_share(missed, content + missed)} of {content + missed} |"
    for what in ("content taken for furniture", "content not found", "furniture known", "furniture not found"):
        yield f"| {what} | {counts[what]} |"


def _pair_of(label: dict[str, Any], folder: Path) -> Pair | None:
    """The pair of a labelled image: the so manieth of its address, or, where that is shown by another, of its file name."""
    url = "https://site.example/a/b.html"
    html = (folder / label["page"]).read_bytes().decode("utf-8", "replace")
    pairs = extract(html, url)
    images = [image for image in BeautifulSoup(html, "lxml").find_all("img") if (image.get("src") or None) == label["src"]]
    said = [value for value in images[label["nth"]].attrs.values() if isinstance(value, str)]
    addresses = {canonical(part, url) for value in said for part in (value, *value.split())}
    here = [pair for pair in pairs if pair.url in addresses]
    if not here:
        names = {address.rpartition("/")[2].partition("?")[0] for address in addresses if address} - {"", "b.html"}
        here = [pair for pair in pairs if pair.url.rpartition("/")[2].partition("?")[0] in names]
    return here[min(label["nth"], len(here) - 1)] if here else None


def _is_right(chosen: str, accepted: Sequence[str]) -> bool:
    """Whether a caption is an accepted one, or the beginning of it; punctuation aside."""
    words = _NOT_WORDS.sub("", chosen).casefold()
    texts = [_NOT_WORDS.sub("", text).casefold() for text in accepted]
    return any(
        words == text or (min(len(words), len(text)) >= AT_LEAST_IN_COMMON and (text.startswith(words) or words.startswith(text)))
        for text in texts
    )


def _speed(folder: Path, rounds: int) -> Iterator[str]:
    """Pages per CPU second, each way, interleaved; the best round of each."""
    pages = [path.read_bytes().decode("utf-8", "replace") for pattern in PAGES for path in sorted(folder.glob(pattern))]
    url = "https://site.example/a/b.html"
    ways = (
        Speed("extract: all pairs with their texts", lambda html: extract(html, url)),
        Speed("read_page: links, licences and opt-outs too", lambda html: read_page(html, url)),
        Speed("selectolax (lexbor), the parse alone", LexborHTMLParser, "0.5"),
        Speed("BeautifulSoup with lxml, images with alt and title", _with_soup, "3"),
    )
    seconds = {way.name: float("inf") for way in ways}
    gc.set_threshold(50_000, 20, 20)  # as in every process of a crawl
    for _ in range(rounds):
        for way in ways:
            start = time.process_time()
            for html in pages:
                way.read(html)
            seconds[way.name] = min(seconds[way.name], time.process_time() - start)
    yield f"{len(pages)} pages of {sum(map(len, pages)) // len(pages):,} characters on average, best of {rounds} rounds\n"
    yield "| | pages/CPU s | extract ÷ it | at least |"
    yield "|---|---|---|---|"
    for way in ways:
        ratio = seconds[way.name] / seconds[ways[0].name]
        yield f"| {way.name} | {len(pages) / seconds[way.name]:.0f} | {ratio:.2f} | {way.at_least} |"


def _with_soup(html: str) -> object:
    return [(image.get("src"), image.get("alt"), image.get("title")) for image in BeautifulSoup(html, "lxml").find_all("img")]


def _share(some: int, of: int) -> str:
    return f"{some / of:.3f}" if of else "–"


if __name__ == "__main__":
    main()
