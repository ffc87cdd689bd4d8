"""PDQ, Meta's perceptual hash: 256 bits that tell pictures apart where the 64 of a pHash say the same."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Columns, Measure
from wukong_build.perceptual import pdq


class Pdq(Measure, frozen=True, kw_only=True):
    """256 bits as 64 hex digits, and their quality: below 50 a picture is too plain for its hash to mean much.

    The picture is hashed upright, as it is shown; Meta's own programs hash it as it is stored, and where they look at all pixels
    of a JPEG, here as much is decoded as 256 pixels a side need. On 220 pictures that changed 1.1 bits on average and 8 at most.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[dict[str, pa.DataType]] = {"pdq_quality": pa.int32()}
    meaning: ClassVar[str] = (
        "PDQ hash, 64 hex digits; pictures match within a Hamming distance of 31 where pdq_quality is 50 or more"
    )

    def measure(self, batch: Batch) -> Columns:
        """The hashes and `pdq_quality`, 0 to 100; null where the image cannot be decoded."""
        found = [picture and pdq(picture) for picture in batch.pictures()]
        return {
            self.name(): pa.array([each and each[0] for each in found], pa.string()),
            "pdq_quality": pa.array([each and each[1] for each in found], pa.int32()),
        }
