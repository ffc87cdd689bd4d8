"""Whether an image is in a format wanted."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.chain import Chain
from wukong_build.errors import ConfigError
from wukong_build.filters.image_format import ImageFormat
from wukong_build.picture import FORMATS


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1, 1, 1, 1, None]),
        ({"only": ["jpg", "png", "webp"]}, [1, 1, 0, 0, None]),
        ({"only": ["avif"]}, [0, 0, 0, 1, None]),
        ({"only": []}, [0, 0, 0, 0, None]),
    ],
)
def test_image_format(settings: dict[str, object], expected: list[int | None]) -> None:
    """1 for the formats named, and for each if none are; null where the bytes were no image."""
    batch = Batch(pa.table({"format": pa.array(["jpg", "png", "gif", "avif", None], pa.string())}))
    assert msgspec.convert(settings, ImageFormat).score(batch).equals(pa.array(expected, pa.int32()))


def test_every_known_format_may_be_named() -> None:
    """The formats of the config are those that the project recognises."""
    assert set(ImageFormat().only) == set(FORMATS.values())


def test_an_unknown_format_is_told_of() -> None:
    """A name of none is an error of the config, and not a filter that drops all."""
    with pytest.raises(ConfigError, match=r"image_format\.only.*jpeg"):
        Chain.parse({"image_format": {"only": ["jpeg"]}}, "filter")
