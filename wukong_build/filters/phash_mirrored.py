"""The perceptual hash of an image's mirror image: by it `near_duplicate` finds copies whose left and right are exchanged."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Measure
from wukong_build.perceptual import phashes


class PhashMirrored(Measure, frozen=True, kw_only=True):
    """What `phash` says of the picture with left and right exchanged: 64 bits as 16 hex digits.

    It cannot be told from the `phash`, as its frequencies have a median of their own: with every second bit exchanged, as the
    mirrored frequencies change their signs, that is 3.6 bits away on average.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "perceptual hash of the mirror image, 16 hex digits; near to the `phash` of a mirrored copy"

    def measure(self, batch: Batch) -> dict[str, pa.Array]:
        """The hashes; null where the image cannot be decoded."""
        return {self.name(): pa.array(phashes(batch.pictures(), mirrored=True), pa.string())}
