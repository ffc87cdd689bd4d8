"""The perceptual hash of the mirror image, against that of a file that shows it."""

from __future__ import annotations

from pictures import distances, png, values
from PIL import Image, ImageOps

from wukong_build.filters.phash import Phash
from wukong_build.filters.phash_mirrored import PhashMirrored


def test_the_hash_is_that_of_a_mirrored_copy(photographs: list[Image.Image]) -> None:
    """All but equal to the phash of a picture with left and right exchanged, and far from that of the picture itself."""
    found = values(PhashMirrored(), [png(image) for image in photographs])
    assert max(distances(found, values(Phash(), [png(ImageOps.mirror(image)) for image in photographs]))) <= 4
    assert min(distances(found, values(Phash(), [png(image) for image in photographs]))) > 10


def test_what_does_not_decode_has_no_hash(broken: list[bytes | None]) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert values(PhashMirrored(), broken) == [None] * len(broken)
