"""Whether a file is one picture, or an animation, or several pages."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.links import Filter


class FrameCount(Filter, frozen=True, kw_only=True):
    """How many pictures the file holds: frames of GIF, animated WebP, APNG and AVIF, pages of TIFF, further pictures of an MPO.

    Counted by the file's structure, as far as it is there: no frame is decoded. Cameras store previews as the second picture
    of an MPO; the gain map that makes a phone's JPEG brighter is no picture of its own.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    meaning: ClassVar[str] = "pictures in the file; 1 = a still, more = an animation or several pages"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """1 or more; null where the bytes are no image."""
        return pa.array([picture and picture.frame_count for picture in batch.pictures()], self.score_type)
