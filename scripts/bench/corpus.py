"""The images that are asked for: those of a folder, or crops of the demo's photographs; and lists of their URLs."""

from __future__ import annotations

import csv
import io
import itertools
import random
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from PIL import Image
from tqdm import tqdm

from wukong_build.demo.photographs import PHOTOGRAPHS, photograph

PICTURES = 1000
"""Different pictures where no corpus is given; a longer list names them again with a query string."""


class Corpus(msgspec.Struct, frozen=True):
    """Image files below a folder, each with a caption."""

    root: Path
    rows: list[tuple[str, str]]
    """Path below `root`, caption."""

    def write_list(self, path: Path, port: int, count: int) -> None:
        """A CSV list of so many URLs, all different."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("url", "caption"))
            for number, (name, caption) in zip(range(count), itertools.cycle(self.rows), strict=False):
                again = number // len(self.rows)
                writer.writerow((f"http://127.0.0.1:{port}/{name}{f'?{again}' if again else ''}", caption))


def corpus_in(folder: Path) -> Corpus:
    """The corpus in a folder that has `images/` and a list of their URLs; of several lists the longest."""
    longest = max(folder.glob("urls_*.csv"), key=lambda path: path.stat().st_size)
    with longest.open(encoding="utf-8", newline="") as file:
        rows = [(urlsplit(row["url"]).path.lstrip("/"), row["caption"]) for row in csv.DictReader(file)]
    return Corpus(folder / "images", rows)


def photographs_in(folder: Path) -> Corpus:
    """Crops of the demo's photographs of half a megapixel and 60 kB or so, always the same; made where they are not there yet."""
    names = [f"{number:05d}.jpg" for number in range(PICTURES)]
    if not (folder / names[-1]).exists():
        folder.mkdir(parents=True, exist_ok=True)
        chance = random.Random(20260101)  # noqa: S311  no secret
        for name in tqdm(names, desc="making pictures"):
            (folder / name).write_bytes(_crop(chance))
    return Corpus(folder, [(name, f"第{number}张照片") for number, name in enumerate(names)])


def _crop(chance: random.Random) -> bytes:
    """A part of some photograph, enlarged, with a hue of its own, at the quality that gives it a common size."""
    whole = photograph(chance.choice(sorted(PHOTOGRAPHS)))
    width, height = chance.choice([(800, 600), (600, 800), (1024, 576), (720, 720)])
    side = chance.uniform(0.4, 0.9)
    scale = side * min(whole.width / width, whole.height / height)
    left, top = chance.uniform(0, whole.width - scale * width), chance.uniform(0, whole.height - scale * height)
    crop = whole.resize((width, height), box=(left, top, left + scale * width, top + scale * height))
    gains = [chance.uniform(0.7, 1.1) for _ in range(3)]
    crop = crop.point([min(255, int(level * gain)) for gain in gains for level in range(256)])
    return _encoded(crop, at_most_bytes=int(chance.triangular(30_000, 110_000, 60_000)), progressive=chance.random() < 0.15)  # noqa: PLR2004


def _encoded(picture: Image.Image, at_most_bytes: int, *, progressive: bool) -> bytes:
    """The picture as JPEG, at the best of some qualities that is small enough."""
    for quality in (95, 90, 85, 75, 60, 40):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, progressive=progressive)
        if file.tell() <= at_most_bytes:
            break
    return file.getvalue()
