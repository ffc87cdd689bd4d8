"""What lies in a box cannot be told any more, what lies beyond its margin stays as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from wukong_build.shards.blur import Box, blur, boxes_of


def checkers(width: int = 200, height: int = 100) -> Image.Image:
    """As much detail as there can be, everywhere: single pixels in black and white."""
    rows, columns = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[:, :, None], 3, 2))


def changed_by(*boxes: Box) -> tuple[np.ndarray, np.ndarray]:
    """Which of the checkers were changed at all, and which differ little from the next ones."""
    image = checkers()
    blur(image, boxes)
    before, after = (np.asarray(each)[:, :, 0].astype(int) for each in (checkers(), image))
    return before != after, np.abs(np.diff(after, axis=1, append=after[:, -1:])) < 25


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (Box(0.25, 0.2, 0.5, 0.7), (50, 20, 100, 70)),
        (Box(0.2505, 0.205, 0.4995, 0.695), (50, 20, 100, 70)),  # a pixel that is touched is in it
        (Box(0, 0, 0.3, 1), (0, 0, 60, 100)),
        (Box(-0.2, -3, 1.4, 0.2), (0, 0, 200, 20)),
        (Box(0.9, 0.9, 1, 1), (180, 90, 200, 100)),
        (Box(math.nan, 0.2, 0.5, math.nan), (0, 20, 100, 100)),  # an edge that is not known is the picture's
        (Box(0, 0, 1, 1), (0, 0, 200, 100)),
        (Box(0.5, 0.5, 0.505, 0.51), (100, 50, 101, 51)),
    ],
)
def test_a_box(box: Box, inside: tuple[int, int, int, int]) -> None:
    """All of it is blurred, whatever lies at the edges of the picture, and a tenth of its longer side around it; not more."""
    changed, smooth = changed_by(box)
    left, top, right, bottom = inside
    side = max(right - left, bottom - top)
    assert changed[top:bottom, left:right].all()
    assert smooth[top:bottom, left : right - 1].all()
    around = 2 * math.ceil(side / 20)
    changed[max(0, top - around) : bottom + around, max(0, left - around) : right + around] = False
    assert not changed.any()


@pytest.mark.parametrize("box", [Box(1.2, 0, 1.5, 1), Box(-2, -2, -1, -1), Box(0.5, 0.2, 0.5, 0.8), Box(0.6, 0, 0.4, 1)])
def test_a_box_with_nothing_in_it(box: Box) -> None:
    """What lies outside the picture, or has no area, changes nothing."""
    assert not changed_by(box)[0].any()


def test_boxes_that_overlap() -> None:
    """Of two faces none comes back where the other one is blurred."""
    _, smooth = changed_by(Box(0.2, 0.2, 0.5, 0.8), Box(0.4, 0.2, 0.7, 0.8))
    assert smooth[20:80, 40:139].all()


def test_a_face_has_few_waves_left() -> None:
    """Waves of which eight fit into a box, by which one face is told from another, have lost all but a level or two."""
    columns = np.mgrid[0:100, 0:100][1]
    waves = (127.5 + 127.5 * np.sin(columns * 2 * np.pi * 8 / 100)).astype(np.uint8)
    image = Image.fromarray(np.repeat(waves[:, :, None], 3, 2))
    blur(image, [Box(0, 0, 1, 1)])
    assert np.ptp(np.asarray(image)[50, 25:75]) <= 4


def test_boxes_of() -> None:
    """Four edges of each face; what is null is not known."""
    found = [{"left": 0.1, "top": 0.2, "right": 0.3, "bottom": None, "confidence": 0.9}]
    (box,) = boxes_of(found)
    assert box[:3] == (0.1, 0.2, 0.3)
    assert math.isnan(box.bottom)
