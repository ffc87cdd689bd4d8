"""PDQ, against the hashes that Meta publishes, against its description done in full, and against what changes a picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.filters.pdq import Pdq

PUBLISHED = {
    "bridge-mods/aaa-orig.jpg": "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
    "bridge-mods/blur-a-little.jpg": "f8f8f0cee0f4a84f06370a2a038f63f0b36e26d596621e1d33e6b39c4e9c9b22",
    "bridge-mods/blur-a-lot.jpg": "f8f8f0cee0f4a84f0637022a038f67f0b36e26d596621e1d33e6b39c4e9c9b22",
    "bridge-mods/high-contrast.jpg": "f8f8f0cee0f4a84f06370a2a068f67f0b36e26d596621e1d33e6339c4e9c9b22",
    "bridge-mods/high-saturation.jpg": "f8f8f0cee0f4a84f06370a22038f67f0b36e2ed596221e1d33e6b39c4e9c9b22",
    "bridge-mods/sharpen-a-little.jpg": "f8f8f0cee0f4a84f0e370a22038f67f0b36e2ed596221e1d33e6b39c4a9c9b22",
    "bridge-mods/sharpen-a-lot.jpg": "d8f8f0cec0f4a84f8e370a22038f67f0b36a2ed597231e1d72e6b39c4a9c9b22",
    "bridge-mods/shrink-a-little.jpg": "f8f8f0cee0f4a84f06370a22038f67f0b36e2ed596621e1d33e6339c4e9c9b22",
    "bridge-mods/shrink-a-lot.jpg": "d0f8f1ccc0f4a84d0a370a3a228f67f0b36e2ed5b6623e1d33e6339c4e9c9b22",
    "bridge-mods/square-128x128.jpg": "d8f8f1eec0f4a84f0e37022a078f63f0b36e2ed596621e1d33e6239c4e9c9b22",
    "bridge-mods/square-256x256.jpg": "d8f8f0cec4f4a84f0637022a078f67f0b36e2ee5b6621e1d33e6239c4e9c9b22",
    "bridge-mods/square-512x512.jpg": "d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6339c4e9c9b22",
    "misc-images/c.png": "e64cc9d91c623882f8d1f1d9a398e78c9f199b3bd83924f2b7e11e0bf861b064",
    "misc-images/wee.jpg": "6227401f601ff4ccafcc9fad4b0d95d371a2eb7265a3285234d228ca94deeb2d",
}
"""Of pictures in pdq/data of github.com/facebook/ThreatExchange: `PdqSignal.get_examples` there (BSD-3-Clause)."""


def hashed(*images: bytes | None) -> list[tuple[str | None, int | None]]:
    """Hash and quality of these files."""
    columns = Pdq().measure(Batch(pa.table({"key": [*map(str, range(len(images)))]}), lambda: images))
    return list(zip(columns["pdq"].to_pylist(), columns["pdq_quality"].to_pylist(), strict=True))


def distance(left: str | None, right: str | None) -> int:
    """In how many bits two hashes differ."""
    return (int(left or "", 16) ^ int(right or "", 16)).bit_count()


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """The file."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def described(levels: np.ndarray) -> tuple[str, int]:
    """Hash and quality of grey levels by the letter of the description: all pixels, averaged one after the other."""
    height, width = levels.shape
    blurred = levels.astype(float)
    for _ in range(2):
        blurred = boxed(boxed(blurred, -(-width // 128)).T, -(-height // 128)).T
    rows, columns = ([int((place + 0.5) * side / 64) for place in range(64)] for side in (height, width))
    thumbnail = blurred[np.ix_(rows, columns)]
    cosines = [[np.sqrt(2 / 64) * np.cos(np.pi / 128 * (i + 1) * (2 * j + 1)) for j in range(64)] for i in range(16)]
    frequencies = (np.array(cosines) @ thumbnail @ np.array(cosines).T).ravel()
    median = sorted(frequencies)[127]
    bits = sum(1 << place for place, frequency in enumerate(frequencies) if frequency > median)
    down, right = thumbnail[1:] - thumbnail[:-1], thumbnail[:, 1:] - thumbnail[:, :-1]
    gradient = sum(abs(int(each * 100 / 255)) for each in [*down.ravel(), *right.ravel()])
    return f"{bits:064x}", min(100, gradient // 90)


def boxed(levels: np.ndarray, window: int) -> np.ndarray:
    """Each pixel becomes the mean of so many in its row, half of them before it; fewer at the ends."""
    before, behind = (window - 1) // 2, window // 2
    width = levels.shape[1]
    return np.stack([levels[:, max(0, x - before) : min(width, x + behind + 1)].mean(axis=1) for x in range(width)], axis=1)


@pytest.mark.parametrize(("name", "expected"), PUBLISHED.items())
def test_published_hashes(name: str, expected: str, shared: Path) -> None:
    """At most 2 bits from the hash published, where 10 are allowed, and of the best quality."""
    ((found, quality),) = hashed((shared / "neardup" / "pdq" / name).read_bytes())
    assert distance(found, expected) <= 2
    assert quality == 100


@pytest.mark.parametrize("size", [(64, 64), (65, 64), (127, 129), (128, 128), (300, 200), (257, 511), (5, 5), (9, 400)])
def test_all_pixels_of_a_small_picture_count(size: tuple[int, int]) -> None:
    """A picture of less than 512 pixels a side is hashed by the letter of the description."""
    coarse = np.random.default_rng(sum(size)).integers(0, 255, (9, 7), np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    levels = np.asarray(image)
    assert hashed(saved(image)) == [described(levels)]


@pytest.mark.parametrize(
    ("kind", "size"), [("PNG", (1000, 777)), ("JPEG", (1000, 777)), ("JPEG", (1199, 640)), ("PNG", (1100, 300))]
)
def test_a_large_picture_is_hashed_as_if_by_all_its_pixels(kind: str, size: tuple[int, int], leaves: list[Image.Image]) -> None:
    """What is left out by looking at a smaller scale changes few bits, and the quality by little."""
    for image in leaves:
        content = saved(image.crop((0, 0, *size)), kind)
        expected, quality = described(np.asarray(Image.open(io.BytesIO(content)).convert("L")))
        ((found, found_quality),) = hashed(content)
        assert distance(found, expected) <= 6
        assert abs((found_quality or 0) - quality) <= 2


def test_copies_match_and_others_do_not(leaves: list[Image.Image]) -> None:
    """Within 31 bits lie the copies of a picture, and no other picture."""
    originals = hashed(*map(saved, leaves))
    copies = hashed(*(saved(image.resize((640, 480)), "JPEG", quality=60) for image in leaves))
    distances = np.array([[distance(left, right) for right, _ in copies] for left, _ in originals])
    assert distances.diagonal().max() <= 16
    assert (distances + 256 * np.eye(len(distances), dtype=int)).min() > 80


@pytest.mark.parametrize("value", range(1, 9))
def test_a_turned_picture_has_the_hash_of_the_upright_one(value: int, leaves: list[Image.Image]) -> None:
    """What EXIF says of the orientation is heeded: all eight look alike on a page."""
    ways = [None, 0, 3, 1, 5, 2, 6, 4]  # how Pillow turns an upright picture into the one stored
    way = ways[value - 1]
    for image in leaves[:3]:
        upright = image.crop((0, 0, 800, 600))
        exif = Image.Exif()
        exif[0x0112] = value
        stored = upright if way is None else upright.transpose(Image.Transpose(way))
        turned, shown = hashed(saved(stored, "JPEG", exif=exif, quality=95), saved(upright, "JPEG", quality=95))
        assert distance(turned[0], shown[0]) <= 6


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("one level", Image.new("L", (300, 200), 77), ("0" * 64, 0)),
        ("one pixel", Image.new("L", (1, 1), 77), ("0" * 64, 0)),
        ("too thin", Image.effect_noise((900, 4), 90), ("0" * 64, 0)),
    ],
)
def test_what_is_too_plain_has_no_quality(name: str, image: Image.Image, expected: tuple[str, int]) -> None:
    """No bit is set where nothing lies above the rest, on whatever machine; nor for less than 5 pixels a side."""
    assert hashed(saved(image)) == [expected]


def test_a_strip_of_a_million_pixels() -> None:
    """However long a picture is, it has a hash."""
    image = Image.linear_gradient("L").resize((1_000_000, 8))
    ((found, _),) = hashed(saved(image))
    assert len(found or "") == 64


def test_what_does_not_decode_has_no_hash(jpeg: bytes) -> None:
    """Null where there are no bytes, no image, or only a part of one."""
    assert hashed(None, b"", b"<html>", jpeg[: len(jpeg) * 99 // 100]) == [(None, None)] * 4
