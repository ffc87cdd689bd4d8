"""The demo's photographs: free to use, inside packages that the extra `demo` installs; none is committed here."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from PIL import Image

from wukong_build.errors import WukongError


class DemoError(WukongError):
    """The demo cannot be built from what is installed."""


class Photograph(NamedTuple):
    """Where one photograph lies, and who made it free."""

    package: str
    path: str
    credit: str


PHOTOGRAPHS = {
    "astronaut": Photograph("skimage", "data/astronaut.png", "NASA, public domain"),
    "brick": Photograph("skimage", "data/brick.png", "CC0Textures, CC0"),
    "camera": Photograph("skimage", "data/camera.png", "Lav Varshney, CC0"),
    "cat": Photograph("skimage", "data/chelsea.png", "Stefan van der Walt, CC0"),
    "cell": Photograph("skimage", "data/cell.png", "Paul Müller and others, CC0"),
    "clock": Photograph("skimage", "data/clock_motion.png", "Stefan van der Walt, public domain"),
    "coffee": Photograph("skimage", "data/coffee.png", "Rachel Michetti, CC0"),
    "coins": Photograph("skimage", "data/coins.png", "Brooklyn Museum, no known copyright restrictions"),
    "grass": Photograph("skimage", "data/grass.png", "linolafett, CC0"),
    "gravel": Photograph("skimage", "data/gravel.png", "CC0Textures, CC0"),
    "hubble": Photograph("skimage", "data/hubble_deep_field.jpg", "NASA and ESA, public domain"),
    "retina": Photograph("skimage", "data/retina.jpg", "Mikael Häggström, CC0"),
    "rocket": Photograph("skimage", "data/rocket.jpg", "SpaceX, public domain"),
    "stairs": Photograph("pywt", "data/ascent.npz", "public-domain-image.com, public domain"),
    "tissue": Photograph(
        "skimage", "data/ihc.png", "Center for Microscopy and Molecular Imaging, no known copyright restrictions"
    ),
}
"""Only those whose package says under which terms they may be used."""


@cache
def photograph(name: str) -> Image.Image:
    """One of `PHOTOGRAPHS`, in colour, as large as its package has it."""
    package, path, _ = PHOTOGRAPHS[name]
    try:
        with (files(package) / path).open("rb") as file:
            if path.endswith(".npz"):
                return Image.fromarray(np.load(file)["data"].astype(np.uint8)).convert("RGB")
            return Image.open(file).convert("RGB")
    except (ImportError, FileNotFoundError) as error:
        raise DemoError(
            f"the demo needs photographs: pip install 'wukong-build[demo]', or '.[demo]' in a checkout ({error})"
        ) from error
