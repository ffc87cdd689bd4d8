"""How many faces an image shows, and where."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import pyarrow as pa

from wukong_build import faces
from wukong_build.batch import Batch
from wukong_build.links import Columns, Filter
from wukong_build.schema import FACE_BOXES


class FaceCount(Filter, frozen=True, kw_only=True):
    """The number of faces, drawn ones too, that the network CenterFace finds in the first frame, reduced to 640 × 480 pixels.

    It misses what is small, turned away, on its side or covered, and now and then sees a face in food or leaves. Needs the extra
    `faces`. `face_boxes` are what `shard.blur_faces` blurs.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[dict[str, pa.DataType]] = {"face_boxes": FACE_BOXES}
    tells: ClassVar[tuple[str, ...]] = ("face_boxes",)
    meaning: ClassVar[str] = "number of faces found in the picture; 0 = none"
    score_type: ClassVar[pa.DataType] = pa.int32()

    at_least_confidence: Annotated[float, msgspec.Meta(ge=0.1, le=1)] = 0.5
    """What looks less like a face than this is none: at 0.3 some more are found, and eight times as many that are none."""

    def resources(self) -> tuple[str, ...]:
        """The network's weights."""
        return (faces.model_path(),)

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where the image cannot be decoded."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `face_boxes`, the surest first: edges in fractions of the upright picture's width and height."""
        found = [None if picture is None else faces.faces_in(picture, self.at_least_confidence) for picture in batch.pictures()]
        boxes = [None if each is None else [face._asdict() for face in each] for each in found]
        counts = [None if each is None else len(each) for each in found]
        return {self.name(): pa.array(counts, self.score_type), "face_boxes": pa.array(boxes, FACE_BOXES)}
