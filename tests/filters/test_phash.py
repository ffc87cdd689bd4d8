"""The perceptual hash, against imagehash and against what changes a picture on the web."""

from __future__ import annotations

import imagehash
import pytest
from pictures import distances_to_copies, png, values
from PIL import Image

from wukong_build.filters.phash import Phash
from wukong_build.picture import Picture


def test_the_bits_are_those_of_imagehash(photographs: list[Image.Image], flat: list[Image.Image]) -> None:
    """The hash is that of `imagehash.phash` on the grey picture, for pictures, flat colours and patterns."""
    files = [png(image) for image in [*photographs, *flat]]
    assert values(Phash(), files) == [str(imagehash.phash(Picture(content).grey)) for content in files]


@pytest.mark.parametrize("width", [80, 160, 200, 640])
def test_a_resized_and_re_encoded_copy_is_near(photographs: list[Image.Image], width: int) -> None:
    """A copy of 80 pixels or more, in another size and format, differs in at most 4 bits, other pictures in far more."""
    distances = distances_to_copies(Phash(), photographs, width)
    assert max(distances[row][row] for row in range(len(distances))) <= 4
    assert min(distances[a][b] for a in range(len(distances)) for b in range(len(distances)) if a != b) > 10


def test_what_does_not_decode_has_no_hash(broken: list[bytes | None]) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert values(Phash(), broken) == [None] * len(broken)
