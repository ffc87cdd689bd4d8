"""How much of an image is bars or blank ground along its edges."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter
from wukong_build.picture import Picture

TOLERANCE = 8
"""Grey levels that a bar may vary by: JPEG at quality 50 leaves up to 5 at the scale of the grey picture."""

SIDE = 512
"""Pixels of either side that are enough to look at; the grey picture of a very long one has far more."""

Levels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int_]


class BorderShare(Filter, frozen=True, kw_only=True):
    """The share of the area outside the smallest upright rectangle that holds all but whole rows and columns of one level.

    Bars above and below a film, beside a portrait, frames, and the blank ground around a cut-out product count alike.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "share of the area that is uniform rows and columns along the edges: 0 = none, 1 = one single level"

    def score(self, batch: Batch) -> pa.Array:
        """0 to 1; null where the image cannot be decoded."""
        return pa.array([picture and _border_share(picture) for picture in batch.pictures()], self.score_type)


def _border_share(picture: Picture) -> float | None:
    """Of one picture: first the rows are looked at, then the columns of what they leave."""
    if picture.grey is None:
        return None
    grey = picture.grey.reduce((max(1, picture.grey.width // SIDE), max(1, picture.grey.height // SIDE)))
    levels: Levels = np.asarray(grey)
    inside = _without_bars(_without_bars(levels).T)
    return 1 - inside.size / levels.size


def _without_bars(levels: Levels) -> Levels:
    """The rows between those at either end that are uniform, and of the same level as the outermost one there."""
    if not levels.size:
        return levels
    darkest, lightest = levels.min(axis=1).astype(int), levels.max(axis=1).astype(int)
    start = _bar(int(np.median(levels[0])), darkest, lightest)
    end = len(levels) - _bar(int(np.median(levels[-1])), darkest[::-1], lightest[::-1])
    return levels[start : max(start, end)]


def _bar(level: int, darkest: Rows, lightest: Rows) -> int:
    """How many rows from the first one on are of this level throughout."""
    outside = (darkest < level - TOLERANCE) | (lightest > level + TOLERANCE)
    return int(outside.argmax()) if outside.any() else len(outside)
