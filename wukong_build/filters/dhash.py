"""The difference hash of an image: where it gets brighter from left to right."""

from __future__ import annotations

from typing import ClassVar

import imagehash
import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Measure
from wukong_build.picture import Picture


class Dhash(Measure, frozen=True, kw_only=True):
    """64 bits as 16 hex digits: which of 8 × 8 cells are darker than their right neighbour.

    The bits are those of `imagehash.dhash` on `Picture.grey`.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "difference hash, 16 hex digits; the Hamming distance between two says how unlike the pictures look"

    def measure(self, batch: Batch) -> dict[str, pa.Array]:
        """The hashes; null where the image cannot be decoded."""
        return {self.name(): pa.array([picture and _dhash(picture) for picture in batch.pictures()], pa.string())}


def _dhash(picture: Picture) -> str | None:
    """The hash of one picture."""
    return None if picture.grey is None else str(imagehash.dhash(picture.grey))
