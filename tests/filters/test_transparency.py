"""How much of an image is see-through; every way of being so is tested beside `Picture`."""

from __future__ import annotations

import io

import pyarrow as pa
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.filters.transparency import Transparency


def test_transparency(jpeg: bytes) -> None:
    """0 for a JPEG, the share for a cut-out, null where that does not decode, is no image, or was not fetched."""
    image = Image.new("RGBA", (40, 10), "red")
    image.paste((0, 0, 0, 0), (0, 0, 10, 10))
    image.paste((0, 0, 0, 254), (10, 0, 20, 10))
    file = io.BytesIO()
    image.save(file, "PNG")
    images = [jpeg, file.getvalue(), file.getvalue()[:60], b"<html>", None]
    batch = Batch(pa.table({"key": list("abcde")}), lambda: images)
    assert Transparency().score(batch).equals(pa.array([0, 0.5, None, None, None], pa.float64()))
