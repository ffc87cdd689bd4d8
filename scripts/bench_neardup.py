"""How well hashes tell copies of a photograph from other pictures, at every distance that `near_duplicate` knows.

`make bench-neardup`; docs/benchmarks.md says what the numbers mean.

Every photograph is copied in every way of `bench.copies`, and every copy is compared with every photograph: with its own, which
it shall match, and with all the others, which it shall not.
"""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import io
import os
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from bench.copies import OTHERS, PLAIN, jpeg
from PIL import Image, ImageOps
from tqdm import tqdm

from wukong_build.batch import Batch
from wukong_build.filters.decodable import Decodable
from wukong_build.filters.dhash import Dhash
from wukong_build.filters.pdq import Pdq
from wukong_build.filters.phash import Phash
from wukong_build.filters.phash_mirrored import PhashMirrored
from wukong_build.picture import Picture

ALIKE = Path(__file__).parent / "bench" / "alike.tsv"
"""Pairs of pictures of the sites that show the same, as a person saw it; some differ in the language of their labels."""

LEAST_SIDE, LONGEST_SIDE = 200, 800
"""Pixels: no smaller picture is looked at, and photographs are reduced to the other before they are copied."""

QUALITY = 50
"""What `verify_quality` is by default."""

AT_ONCE = 1000
"""Pictures that are compared with all others at once."""

TIMED = 500
"""Pictures whose hashing is timed."""

RECALL, PRECISION = 0.99, 0.999
"""What recall of copies that are only coded or scaled anew, and precision, shall be."""


PHOTOGRAPHS = (".jpg", ".jpeg", ".webp")
"""Formats of photographs; pictures in others are mostly screenshots and drawings."""

Pair = tuple[str, str]


class Hashed(NamedTuple):
    """The hashes of some pictures."""

    hashes: dict[str, npt.NDArray[np.uint64]]
    """Those of 64 bits, by their link."""
    pdq: npt.NDArray[np.uint64]
    """n × 4."""
    quality: npt.NDArray[np.int64]


class Rule(NamedTuple):
    """When two pictures are near-duplicates."""

    hash: str
    distance: int
    verify_with: str = ""
    verify_distance: int = 0
    mirrored: bool = False

    def __str__(self) -> str:
        verified = f", {self.verify_with} {self.verify_distance}" if self.verify_with else ""
        return f"{self.hash} {self.distance}{verified}{', mirrored' * self.mirrored}"

    def matches(self, left: Hashed, right: Hashed) -> npt.NDArray[np.bool_]:
        """Left × right: which are near-duplicates."""
        ways = [(self.hash, self.hash)]
        if self.mirrored:
            ways += [(self.hash, "phash_mirrored"), ("phash_mirrored", self.hash)]
        apart = [np.bitwise_count(left.hashes[one][:, None] ^ right.hashes[other]) for one, other in ways]
        near = np.asarray(functools.reduce(np.minimum, apart) <= self.distance)
        rows, columns = np.nonzero(near)
        if self.verify_with == "pdq":
            differing = np.bitwise_count(left.pdq[rows] ^ right.pdq[columns]).sum(axis=1, dtype=np.int64)
            good = np.minimum(left.quality[rows], right.quality[columns]) >= QUALITY
            near[rows, columns] = good & (differing <= self.verify_distance)
        elif self.verify_with:
            differing = np.bitwise_count(left.hashes[self.verify_with][rows] ^ right.hashes[self.verify_with][columns])
            near[rows, columns] = differing <= self.verify_distance
        return near


RULES = (
    *(Rule("phash", distance) for distance in (0, 2, 4, 6, 8, 10)),
    *(Rule("phash", distance, mirrored=True) for distance in (4, 6)),
    *(Rule("phash", distance, "dhash", 8) for distance in (4, 6, 8, 10)),
    *(Rule("phash", distance, "pdq", verified) for distance, verified in ((8, 31), (10, 40))),
    *(Rule("dhash", distance) for distance in (4, 10)),
)
"""The distance between two pHashes is even but for ties, as half of the bits of each are set."""


DEFAULT = Rule("phash", 4)


def main() -> None:
    """Print the tables."""
    arguments = _arguments()
    folder = arguments.folder / "sites"
    sites = list(_pictures(folder))
    with ALIKE.open(encoding="utf-8", newline="") as file:
        alike = {(left, right) for left, right in csv.reader(file, delimiter="\t")}
    again = {folder / right for _, right in alike}
    for table in (
        _copies([content for path, content in sites if path.suffix.lower() in PHOTOGRAPHS and path not in again]),
        _different(folder, sites, alike),
        _labelled(arguments.folder / "neardup"),
        _corpus(arguments.corpus) if arguments.corpus else (),
        _cost(_crops(arguments.corpus) if arguments.corpus else [content for _, content in sites], arguments.rounds),
    ):
        print("\n".join(table), end="\n\n", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(os.environ.get("WUKONG_SHARED", "../shared")),
        help="folder with sites/, whose pictures are copied, and neardup/ with groups.tsv (default: %(default)s)",
    )
    parser.add_argument("--corpus", type=Path, help="folder with images/ and labels.parquet: crops with planted duplicates")
    parser.add_argument("--rounds", type=int, default=3, help="times hashing is timed (default: %(default)s)")
    arguments = parser.parse_args()
    if not ((arguments.folder / "sites").is_dir() and (arguments.folder / "neardup" / "groups.tsv").is_file()):
        sys.exit(f"no folder with sites/ and neardup/groups.tsv at {arguments.folder}; --folder may name another")
    if arguments.corpus and not (arguments.corpus / "labels.parquet").is_file():
        sys.exit(f"no folder with images/ and labels.parquet at {arguments.corpus}")
    return arguments


def _pictures(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every picture below a folder that is large enough, each once however often its bytes stand there."""
    seen = set()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (*PHOTOGRAPHS, ".png"):
            continue
        picture = Picture(content := path.read_bytes())
        digest = hashlib.sha256(content).digest()
        if picture.header is None or min(picture.header.width, picture.header.height) < LEAST_SIDE or digest in seen:
            continue
        if picture.grey is not None:
            seen.add(digest)
            yield path, content


def _hashed(contents: list[bytes]) -> Hashed:
    batch = Batch(pa.table({"row": range(len(contents))}), lambda: contents)
    pdq = Pdq().measure(batch)
    hashes = {link.name(): link.measure(batch)[link.name()] for link in (Phash(), PhashMirrored(), Dhash())}
    return Hashed(
        {name: _words(found)[:, 0] for name, found in hashes.items()}, _words(pdq["pdq"]), pdq["pdq_quality"].to_numpy()
    )


def _words(digits: pa.Array) -> npt.NDArray[np.uint64]:
    """Hashes of hex digits as numbers of 64 bits: a row for each."""
    return np.frombuffer(bytes.fromhex("".join(digits.to_pylist())), ">u8").astype(np.uint64).reshape(len(digits), -1)


def _photograph(content: bytes) -> Image.Image:
    """A photograph in colour, upright, of a size at which copying is quick."""
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return upright


def _copies(contents: list[bytes]) -> Iterator[str]:
    """Recall of every kind of copy by every rule, and what it comes to."""
    photographs = [_photograph(content) for content in contents]
    originals = _hashed([jpeg(photograph) for photograph in photographs])
    own = np.eye(len(photographs), dtype=bool)
    found: dict[Rule, Counter[str]] = {rule: Counter() for rule in RULES}
    yield f"| {len(photographs)} photographs | {' | '.join(map(str, RULES))} |"
    yield "|---|" + "---|" * len(RULES)
    for name, copy in tqdm((PLAIN | OTHERS).items(), desc="copying"):
        copies = _hashed([copy(photograph) for photograph in photographs])
        recalls = []
        for rule, counts in found.items():
            matches = rule.matches(originals, copies)
            recalls.append(matches[own].mean())
            counts.update({"true": int(matches[own].sum()), "false": int(matches[~own].sum())})
            counts["plain"] += int(matches[own].sum()) * (name in PLAIN)
        yield f"| {name} | {' | '.join(f'{recall:.3f}' for recall in recalls)} |"
    plain = len(photographs) * len(PLAIN)
    of_plain = [f"{counts['plain'] / plain:.3f}" for counts in found.values()]
    precisions = [f"{counts['true'] / (counts['true'] + counts['false']):.4f}" for counts in found.values()]
    pairs = len(own) * (len(own) - 1) * len(PLAIN | OTHERS)
    yield f"| **coded or scaled anew**, at least {RECALL} | {' | '.join(of_plain)} |"
    yield f"| **precision**, at least {PRECISION} | {' | '.join(precisions)} |"
    yield f"| false among {pairs:,} pairs | {' | '.join(str(counts['false']) for counts in found.values())} |"


def _different(folder: Path, pictures: list[tuple[Path, bytes]], alike: Collection[Pair]) -> Iterator[str]:
    """Which rules take different pictures of the sites for the same; screenshots and drawings are among them."""
    names = [path.relative_to(folder).as_posix() for path, _ in pictures]
    hashed = _hashed([content for _, content in pictures])
    same = np.array([[(left, right) in alike for right in names] for left in names])
    later = np.triu(np.ones_like(same), 1)
    yield f"| {len(names)} pictures of sites | {' | '.join(map(str, RULES))} |"
    yield "|---|" + "---|" * len(RULES)
    matches = {rule: rule.matches(hashed, hashed) & later for rule in RULES}
    found = [f"{int((each & same).sum())}" for each in matches.values()]
    false = [f"{int((each & ~same).sum())}" for each in matches.values()]
    yield f"| of {int(same.sum())} pairs that show the same | {' | '.join(found)} |"
    yield f"| false among {int((later & ~same).sum()):,} other pairs | {' | '.join(false)} |"
    for left, right in np.argwhere(matches[DEFAULT] & ~same):
        print(f"{DEFAULT}: {names[left]} {names[right]}", file=sys.stderr)


def _labelled(folder: Path) -> Iterator[str]:
    """The near-duplicates that others labelled: which copies match the original of their group, and whether others do."""
    with (folder / "groups.tsv").open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file, delimiter="\t") if Picture((folder / row["file"]).read_bytes()).grey is not None
        ]
    hashed = _hashed([(folder / row["file"]).read_bytes() for row in rows])
    originals = {row["#group"]: at for at, row in reversed(list(enumerate(rows)))}
    yield f"| {len(rows)} labelled pictures | of | {' | '.join(map(str, RULES))} |"
    yield "|---|---|" + "---|" * len(RULES)
    matches = {rule: rule.matches(hashed, hashed) for rule in RULES}
    copies = [(row["relation"], originals[row["#group"]], at) for at, row in enumerate(rows) if originals[row["#group"]] != at]
    for relation in dict.fromkeys(relation for relation, _, _ in copies):
        here = [(original, copy) for name, original, copy in copies if name == relation]
        counts = [sum(bool(each[pair]) for pair in here) for each in matches.values()]
        yield f"| {relation} | {len(here)} | {' | '.join(map(str, counts))} |"
    groups = np.array([row["#group"] for row in rows])
    other = np.triu(groups[:, None] != groups)
    false = [str(int((each & other).sum())) for each in matches.values()]
    yield f"| pairs of different groups | {int(other.sum())} | {' | '.join(false)} |"


def _corpus(corpus: Path) -> Iterator[str]:
    """Planted duplicates of crops, and different crops that are taken for the same."""
    labels = [label for label in pq.read_table(corpus / "labels.parquet").to_pylist() if label["img_ok"]]
    parts = [
        _hashed([(corpus / "images" / label["rel"]).read_bytes() for label in labels[start : start + AT_ONCE]])
        for start in tqdm(range(0, len(labels), AT_ONCE), desc="hashing")
    ]
    groups = np.array([label["group"] for label in labels])
    places = {label["id"]: at for at, label in enumerate(labels)}
    false = [0] * len(RULES)
    recalls: dict[str, list[list[bool]]] = defaultdict(list)
    whole = Hashed(
        {name: np.concatenate([part.hashes[name] for part in parts]) for name in parts[0].hashes},
        np.concatenate([part.pdq for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )
    for start, part in zip(range(0, len(labels), AT_ONCE), parts, strict=True):
        here = range(start, start + len(part.quality))
        matches = [rule.matches(part, whole) for rule in RULES]
        other = (groups[here][:, None] != groups) & (np.array(here)[:, None] < np.arange(len(groups)))
        false = [count + int((each & other).sum()) for count, each in zip(false, matches, strict=True)]
        for at in here:
            if (kind := labels[at]["dup_kind"]) and labels[at]["dup_of"] in places:
                recalls[kind].append([bool(each[at - start, places[labels[at]["dup_of"]]]) for each in matches])
    yield f"| {len(labels)} crops | of | {' | '.join(map(str, RULES))} |"
    yield "|---|---|" + "---|" * len(RULES)
    for kind, rows in sorted(recalls.items()):
        yield f"| {kind} | {len(rows)} | {' | '.join(f'{recall:.3f}' for recall in np.mean(rows, axis=0))} |"
    pairs = len(groups) * (len(groups) - 1) // 2
    yield f"| false pairs | {pairs:,} | {' | '.join(map(str, false))} |"


def _crops(corpus: Path) -> list[bytes]:
    """The first crops of the corpus."""
    labels = pq.read_table(corpus / "labels.parquet", columns=["rel"], filters=[("img_ok", "=", True)])
    return [(corpus / "images" / name).read_bytes() for name in labels["rel"][:TIMED].to_pylist()]


def _cost(contents: list[bytes], rounds: int) -> Iterator[str]:
    """What each link takes for a picture when those above it are done."""
    links = (Decodable(), Phash(), PhashMirrored(), Dhash(), Pdq())
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        batch = Batch(pa.table({"row": range(len(contents))}), lambda: contents)
        for link in links:
            start = time.process_time()
            link.measure(batch)
            found[link.name()].append(1e6 * (time.process_time() - start) / len(contents))
    yield f"| µs of a core, of {len(contents)} pictures | median (least to most) |"
    yield "|---|---|"
    for name, times in found.items():
        yield f"| {name} | {statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f}) |"


if __name__ == "__main__":
    main()
