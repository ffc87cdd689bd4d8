"""What a program has kept of a list of images, whatever its layout, and whether it is what was served."""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError


def images_in(folder: Path) -> Iterator[bytes]:
    """The images in tars, in files or in the parts of a crawl below a folder."""
    for path in sorted(folder.rglob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".jpg"):
                    yield tar.extractfile(member).read()  # type: ignore[union-attr]
    for path in sorted(folder.rglob("*.jpg")):
        yield path.read_bytes()
    for row in crawled(folder, "image"):
        if row["image"] is not None:
            yield row["image"]


def crawled(folder: Path, *columns: str) -> Iterator[dict[str, Any]]:
    """The rows of a crawl's images."""
    for path in sorted(folder.glob("crawl/images/*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=100, columns=list(columns)):
            yield from batch.to_pylist()


def kept_in(folder: Path, root: Path) -> tuple[int, int]:
    """How many images it holds, and how many of them are bytes as they were served."""
    served = _digests(root)
    digests = Counter(hashlib.sha256(image).hexdigest() for image in images_in(folder))
    return digests.total(), sum(count for digest, count in digests.items() if digest in served)


def wrong_rows(folder: Path, root: Path) -> Counter[str]:
    """What is wrong with a crawl's rows, and how often: each is held against the file that was served under its URL."""
    found: Counter[str] = Counter()
    for row in crawled(folder, "url", "error", "format", "width", "height", "image_bytes", "sha256", "image"):
        expected = _facts(root / urlsplit(row["url"]).path.lstrip("/"))
        is_there = row["error"] is None
        facts = tuple(row[name] for name in ("format", "width", "height", "image_bytes", "sha256")) if is_there else None
        if facts != expected:
            found[f"{row['url']}: {facts} instead of {expected}"] += 1
        elif is_there and hashlib.sha256(row["image"]).hexdigest() != row["sha256"]:
            found[f"{row['url']}: bytes that are not those of its sha256"] += 1
    return found


@cache
def _digests(root: Path) -> frozenset[str]:
    return frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file())


@cache
def _facts(path: Path) -> tuple[str, int, int, int, str] | None:
    """Format, width, height, size and sha256 of a file; null where it is no image."""
    try:
        with Image.open(path) as picture:
            extension = {"JPEG": "jpg"}.get(str(picture.format), str(picture.format).lower())
            return extension, *picture.size, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, UnidentifiedImageError):
        return None
