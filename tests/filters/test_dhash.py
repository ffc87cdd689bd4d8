"""The difference hash, against imagehash and against what changes a picture on the web."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from pictures import distances, distances_to_copies, png, values
from PIL import Image, ImageOps

from wukong_build.filters.dhash import Dhash
from wukong_build.perceptual import mirrored_dhashes
from wukong_build.picture import Picture


def test_the_bits_are_those_of_imagehash(photographs: list[Image.Image], flat: list[Image.Image]) -> None:
    """16 hex digits, as imagehash gives them for the grey picture: of pictures, of flat colours and of specks."""
    files = [png(image) for image in [*photographs, *flat]]
    found = values(Dhash(), files)
    assert found == [str(imagehash.dhash(grey)) for grey in (Picture(content).grey for content in files)]
    assert {len(str(each)) for each in found} == {16}


def test_the_hash_of_the_mirror_image_follows_from_it(photographs: list[Image.Image]) -> None:
    """All but the cells that are as dark as their neighbour: near to that of a mirrored file, and far from the picture's own."""
    found = values(Dhash(), [png(image) for image in photographs])
    mirrored = [f"{each:016x}" for each in mirrored_dhashes(np.array([int(str(each), 16) for each in found], np.uint64)).tolist()]
    assert max(distances(mirrored, values(Dhash(), [png(ImageOps.mirror(image)) for image in photographs]))) <= 8
    assert min(distances(mirrored, found)) > 10


@pytest.mark.parametrize("width", [160, 640])
def test_a_resized_and_re_encoded_copy_is_near(photographs: list[Image.Image], width: int) -> None:
    """A copy in another size and format differs in few bits, other pictures in more on average."""
    distances = distances_to_copies(Dhash(), photographs, width)
    assert max(distances[row][row] for row in range(len(distances))) <= 6
    assert sum(map(sum, distances)) / len(distances) ** 2 > 20


def test_what_does_not_decode_has_no_hash(broken: list[bytes | None]) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert values(Dhash(), broken) == [None] * len(broken)
