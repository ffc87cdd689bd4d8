"""How large the file of an image is."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.links import Recorded


class ImageBytes(Recorded, frozen=True, kw_only=True):
    """The size of the file, as the crawl has recorded it; small files are mostly icons, tracking pixels and blank pictures."""

    reads: ClassVar[tuple[str, ...]] = ("image_bytes",)
    meaning: ClassVar[str] = "size of the image's file, in bytes"
    score_type: ClassVar[pa.DataType] = pa.int64()
