"""How much fine detail an image shows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter
from wukong_build.picture import Picture

SIDE = 256
"""Pixels of the shorter side at which every picture is looked at: smaller hides blur, larger says how large the file was."""

LONGER_SIDE = 1024
"""Where the longer side would have more, that decides: there is no end to how long a strip may be."""


class Sharpness(Filter, frozen=True, kw_only=True):
    """The variance of the Laplacian of the grey picture, brought to 256 pixels along its shorter side.

    So a photograph has nearly the same number stored at 256 pixels or at 2,000. It still depends on what is shown: text and
    foliage score far above a portrait or a clear sky that are just as sharp, and so does high contrast. A picture with less
    than 256 pixels is enlarged, and looks blurred, as it would on a page. Thus there is no bound that fits all pictures.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = (
        "variance of the Laplacian at one fixed size: 0 = flat, blurred pictures lie below 100, more is sharper"
    )

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where the image cannot be decoded."""
        return pa.array([picture and _sharpness(picture) for picture in batch.pictures()], self.score_type)


def _sharpness(picture: Picture) -> float | None:
    """Of one picture."""
    grey = picture.fine_grey
    if grey is None:
        return None
    scale = min(SIDE / min(grey.size), LONGER_SIDE / max(grey.size))
    size = max(3, round(grey.width * scale)), max(3, round(grey.height * scale))
    levels = np.asarray(grey.resize(size)).astype(np.int16)
    laplacian = levels[:-2, 1:-1] + levels[2:, 1:-1]  # in whole numbers, which are exact, and a tenth of the cost
    laplacian += levels[1:-1, :-2]
    laplacian += levels[1:-1, 2:]
    laplacian -= 4 * levels[1:-1, 1:-1]
    mean = int(laplacian.sum(dtype=np.int64)) / laplacian.size
    return int(np.square(laplacian, dtype=np.int32).sum(dtype=np.int64)) / laplacian.size - mean**2
