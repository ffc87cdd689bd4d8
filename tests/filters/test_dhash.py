"""The difference hash, against imagehash and against what changes a picture on the web."""

from __future__ import annotations

import io

import imagehash
import pyarrow as pa
import pytest
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.filters.dhash import Dhash
from wukong_build.picture import Picture


def png(image: Image.Image) -> bytes:
    """The picture without loss."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def hashes(images: list[bytes | None]) -> list[str | None]:
    """What the link gives for these files."""
    batch = Batch(pa.table({"key": [str(row) for row in range(len(images))]}), lambda: images)
    return Dhash().measure(batch)["dhash"].to_pylist()  # type: ignore[no-any-return]


def test_the_bits_are_those_of_imagehash(photographs: list[Image.Image]) -> None:
    """16 hex digits, as imagehash gives them for the grey picture: of pictures, of flat colours and of specks."""
    patterns = [
        Image.new("RGB", (50, 40), "white"),
        Image.new("L", (1, 1)),
        Image.new("L", (3, 900), 7),
        Image.linear_gradient("L"),
    ]
    files = [png(image) for image in [*photographs, *patterns]]
    found = hashes(files)
    assert found == [str(imagehash.dhash(Picture(content).grey)) for content in files]
    assert {len(each or "") for each in found} == {16}


@pytest.mark.parametrize("width", [160, 640])
def test_a_resized_and_re_encoded_copy_is_near(photographs: list[Image.Image], width: int) -> None:
    """A copy in another size and format differs in few bits, other pictures in more on average."""
    copies = []
    for image in photographs:
        file = io.BytesIO()
        image.resize((width, width * 3 // 4)).save(file, "JPEG", quality=60)
        copies.append(file.getvalue())
    originals, near = hashes([png(image) for image in photographs]), hashes(copies)
    distances = [[(int(a or "", 16) ^ int(b or "", 16)).bit_count() for b in near] for a in originals]
    assert max(distances[row][row] for row in range(len(distances))) <= 6
    assert sum(map(sum, distances)) / len(distances) ** 2 > 20


def test_what_does_not_decode_has_no_hash(jpeg: bytes) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert hashes([None, b"", b"<html>", jpeg[: len(jpeg) * 99 // 100]]) == [None] * 4
