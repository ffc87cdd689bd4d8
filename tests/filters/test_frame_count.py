"""How many pictures a file holds."""

from __future__ import annotations

import io

import pyarrow as pa
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.filters.frame_count import FrameCount


def test_frame_count(jpeg: bytes) -> None:
    """1 for a still, even a truncated one; so many as it has for an animation; null for what is no image, and for no bytes."""
    file = io.BytesIO()
    frames = [Image.new("L", (20, 20), level) for level in (0, 100, 200)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    images = [jpeg, jpeg[:1000], file.getvalue(), b"<html>", None]
    batch = Batch(pa.table({"key": list("abcde")}), lambda: images)
    assert FrameCount().score(batch).equals(pa.array([1, 1, 3, None, None], pa.int32()))
