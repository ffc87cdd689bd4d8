"""How many different levels of brightness an image has."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter
from wukong_build.picture import Picture


class GreyEntropy(Filter, frozen=True, kw_only=True):
    """Shannon's entropy of the grey picture's levels, in bits: low for text on white, charts and drawings, high for photographs.

    DanQing drops what lies below 3 (arXiv 2601.10305).
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "entropy of the grey levels in bits: 0 = one single level, photographs some 7, at most 8"

    def score(self, batch: Batch) -> pa.Array:
        """0 to 8; null where the image cannot be decoded."""
        return pa.array([picture and _entropy(picture) for picture in batch.pictures()], self.score_type)


def _entropy(picture: Picture) -> float | None:
    """Of one picture."""
    if picture.grey is None:
        return None
    counts = np.array(picture.grey.histogram(), np.float64)
    shares = counts[counts > 0] / counts.sum()
    return abs(float(shares @ np.log2(shares)))  # never -0.0
