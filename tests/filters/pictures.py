"""What tests of several links do with pictures: files of them, their hashes, and how far hashes of copies lie apart."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.links import Filter, Measure


def png(picture: Image.Image | np.ndarray) -> bytes:
    """The picture, or the grey levels of one, without loss."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture.astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def values(link: Measure | Filter, files: Sequence[bytes | None]) -> list[object]:
    """What the link writes under its own name for these files."""
    batch = Batch(pa.table({"key": [str(row) for row in range(len(files))]}), lambda: files)
    return link.measure(batch)[link.name()].to_pylist()


def distances_to_copies(link: Measure, photographs: list[Image.Image], width: int) -> list[list[int]]:
    """Of each photograph's hash, Hamming distances to those of all their copies in this width, as JPEG."""
    copies = []
    for image in photographs:
        file = io.BytesIO()
        image.resize((width, width * 3 // 4)).save(file, "JPEG", quality=60)
        copies.append(file.getvalue())
    originals, near = values(link, [png(image) for image in photographs]), values(link, copies)
    return [distances([a] * len(near), near) for a in originals]


def distances(left: Sequence[object], right: Sequence[object]) -> list[int]:
    """In how many bits hashes in hex digits differ, one by one."""
    return [(int(str(a), 16) ^ int(str(b), 16)).bit_count() for a, b in zip(left, right, strict=True)]
