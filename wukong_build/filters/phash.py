"""The perceptual hash of an image: pictures that look alike differ in few of its 64 bits."""

from __future__ import annotations

from typing import ClassVar

import imagehash
import pyarrow as pa
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.links import Measure
from wukong_build.picture import Picture

THUMBNAIL = (32, 32)
"""Width and height of the grey thumbnail whose 8 × 8 lowest frequencies are hashed."""


class Phash(Measure, frozen=True, kw_only=True):
    """64 bits as 16 hex digits: which low frequencies of the picture's cosine transform lie above their median.

    The bits are those of `imagehash.phash` on the thumbnail of `Picture.grey`.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "perceptual hash, 16 hex digits; the Hamming distance between two says how unlike the pictures look"

    def measure(self, batch: Batch) -> dict[str, pa.Array]:
        """The hashes; null where the image cannot be decoded."""
        return {self.name(): pa.array([picture and _phash(picture) for picture in batch.pictures()], pa.string())}


def _phash(picture: Picture) -> str | None:
    """The hash of one picture; LANCZOS is the resampler that imagehash itself uses, so its own resize is the identity."""
    if picture.grey is None:
        return None
    return str(imagehash.phash(picture.grey.resize(THUMBNAIL, Image.Resampling.LANCZOS)))
