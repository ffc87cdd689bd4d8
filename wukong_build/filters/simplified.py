"""The caption in simplified characters, beside the caption as it is."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
import opencc
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.chinese import variants
from wukong_build.links import Columns, Measure

_WORDS = "瞭[解然如]|明瞭|[回答反重批函]覆|藉[口由此故]|[英海]哩|[深浮低昏阴]沈|沈[浮默重]"
"""Traditional by the word alone: each of their characters is simplified, too, in other words."""


class Simplified(Measure, frozen=True, kw_only=True):
    """The caption as OpenCC's `t2s` writes it, where it holds a traditional character; any other is simplified already.

    Others are not asked for: some words that only look traditional are not (打坏 would become 打坯).
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    meaning: ClassVar[str] = "the caption in simplified characters; the same as the caption where it holds no traditional one"

    def measure(self, batch: Batch) -> Columns:
        """The texts; null where there is no caption."""
        captions = batch["caption"]
        traditional = pc.fill_null(pc.match_substring_regex(captions, _traditional()), fill_value=False)
        rows = pa.array(np.flatnonzero(traditional))
        converted = [_converter().convert(caption) for caption in captions.take(rows).to_pylist()]
        return {self.name(): pc.replace_with_mask(captions, traditional, pa.array(converted, captions.type))}


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _traditional() -> str:
    """What tells a text in traditional characters: those that have a simplified form, and some words."""
    return f"[{''.join(map(chr, variants.simplified_of()))}]|{_WORDS}"
