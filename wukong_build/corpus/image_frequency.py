"""Under how many different captions an image stands on one host: what a hundred captions describe shows none of it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.hashing import pieces_of, places_in, repeated, text_hashes
from wukong_build.hosts import hosts_of
from wukong_build.links import CorpusFilter

_PLACE = ["image_hash", "host_hash"]


class ImageFrequency(CorpusFilter, frozen=True, kw_only=True):
    """The number of distinct captions under which the very same file stands on one host of images, where that is most.

    A placeholder (暂无图片, a logo, a warning against hot links) is served by its own host under ever new URLs, whereas a picture
    that many sites tell of in their own words has few captions on each. Files are compared by their bytes, which the crawl has
    recorded: so it can stand before whatever opens a file, and no two plain pictures are taken for one.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption", "sha256", "url")
    meaning: ClassVar[str] = "distinct captions under which this very file stands on one host; 1 is an image of its own"
    score_type: ClassVar[pa.DataType] = pa.int64()
    rows_together: ClassVar[int | None] = 1 << 22

    def survey(self, batch: Batch) -> pa.Table:
        """The distinct triples of image, host and caption, as hashes of 64 bits."""
        triples = {"image_hash": batch["sha256"], "host_hash": hosts_of(batch["url"]), "caption_hash": batch["caption"]}
        table = pa.table({name: text_hashes(texts) for name, texts in triples.items()}).drop_null()
        return table.group_by(table.column_names, use_threads=False).aggregate([])

    def merge(self, surveys: pa.Table) -> pa.Table:
        """How many captions each image has on that host where it has most, if more than one."""
        several = surveys.filter(pa.array(repeated(surveys["image_hash"].to_numpy())))  # most images have one caption
        triples = several.group_by(surveys.column_names).aggregate([])
        counts = triples.group_by(_PLACE).aggregate([([], "count_all")]).group_by("image_hash").aggregate([("count_all", "max")])
        counts = counts.rename_columns(["image_hash", self.name()])
        return counts.filter(pc.greater(counts[self.name()], 1)).sort_by("image_hash")

    def pieces_of(self, surveys: pa.Table, pieces: int) -> npt.NDArray[np.int64]:
        """By hash."""
        return pieces_of(surveys["image_hash"].to_numpy(), pieces)

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """The count; 1 for an image that the look-up does not hold, null where there is none."""
        images = text_hashes(batch["sha256"])
        rows = places_in(merged["image_hash"].to_numpy(), pc.fill_null(images, 0).to_numpy())
        counts = pc.fill_null(merged[self.name()].combine_chunks().take(rows), 1)
        return {self.name(): pc.if_else(images.is_valid(), counts, None)}
