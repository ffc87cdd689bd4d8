"""The wavelet hash of an image: its coarse layout, without its overall brightness."""

from __future__ import annotations

from typing import ClassVar

import imagehash
import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Measure
from wukong_build.picture import Picture

SCALE = 64
"""Side in pixels of the square thumbnail: the smallest power of two that holds what a grey picture shows."""


class Whash(Measure, frozen=True, kw_only=True):
    """64 bits as 16 hex digits: which of 8 × 8 Haar wavelet coefficients lie above their median.

    The bits are those of `imagehash.whash` with an `image_scale` of 64 on `Picture.grey`: its own choice, the largest power of
    two that fits, would hash copies of a picture in other sizes at other scales.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "wavelet hash, 16 hex digits; the Hamming distance between two says how unlike the pictures look"

    def measure(self, batch: Batch) -> dict[str, pa.Array]:
        """The hashes; null where the image cannot be decoded."""
        return {self.name(): pa.array([picture and _whash(picture) for picture in batch.pictures()], pa.string())}


def _whash(picture: Picture) -> str | None:
    """The hash of one picture."""
    return None if picture.grey is None else str(imagehash.whash(picture.grey, image_scale=SCALE))
