"""Words that no published caption should hold: small lists that ship, by category, and the user's own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.chinese import looks, words
from wukong_build.links import Columns, Filter

_SHIPPED = "sensitive/"
_SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("category", pa.string())])


class SensitiveWords(Filter, frozen=True, kw_only=True):
    """How many sensitive words the caption holds, of which categories, and where.

    A list has one word a line. `#` begins a comment, `!` a phrase in which no word counts: `!一次性生活` for 性生活. Below the
    line `#: whole words` a word counts only where it cuts no word of the caption in two, as 国产 does in 我国|产品; below
    `#: anywhere`, and from the top, wherever its characters stand. A word of Latin letters is never a part of a longer one.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {
        "sensitive_categories": pa.list_(pa.string()),
        "sensitive_spans": pa.list_(_SPAN),
    }
    meaning: ClassVar[str] = "number of sensitive words in the caption; 0 = none"
    score_type: ClassVar[pa.DataType] = pa.int32()
    version: ClassVar[int] = 2

    lists: tuple[str, ...] = ()
    """Files of the user's own, one word a line; the file's name is the category."""
    categories: tuple[str, ...] | None = None
    """Of the lists that ship, those to use; all, where nothing is said."""
    variants: bool = True
    """Whether 賭博, ＡＶ, 赌-博 and 赌０博 are 赌博 and av: traditional, full width, capitals, something slipped in between."""
    homophones: bool = False
    """Whether words of two and more Han characters count by their sound alone, tones aside: 堵搏 for 赌博. Many false alarms."""

    def resources(self) -> tuple[str, ...]:
        """The lists that ship, and the user's."""
        shipped = [name for name in resources.shipped() if name.startswith(_SHIPPED)]
        chosen = shipped if self.categories is None else [f"{_SHIPPED}{category}.txt" for category in self.categories]
        return (*chosen, *self.lists)

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score; `sensitive_categories`, sorted, each once; `sensitive_spans`, characters of the caption, one a category."""
        known = words.word_list(self.resources(), in_disguise=self.variants, by_sound=self.homophones)
        captions = batch["caption"]
        hits = known.hits(captions)
        names = pa.array(known.categories, pa.string())
        no_caption = captions.is_null()
        first = np.append(True, (np.diff(hits.rows) != 0) | (np.diff(hits.starts) != 0))[: len(hits.rows)]
        counts = np.bincount(hits.rows[first], minlength=len(batch)).astype(np.int32)
        rows, found = np.unique(np.stack([hits.rows, hits.categories]), axis=1)
        spans = [pa.array(hits.starts, pa.int32()), pa.array(hits.ends, pa.int32()), names.take(pa.array(hits.categories))]
        return {
            self.name(): pa.array(counts, self.score_type, mask=no_caption.to_numpy(zero_copy_only=False)),
            "sensitive_categories": _lists(rows, names.take(pa.array(found)), no_caption),
            "sensitive_spans": _lists(hits.rows, pa.StructArray.from_arrays(spans, fields=list(_SPAN)), no_caption),
        }


def _lists(rows: looks.Places, values: pa.Array, absent: pa.Array) -> pa.Array:
    """The values of each row, which are in order of rows; null where it is absent."""
    offsets = np.searchsorted(rows, np.arange(len(absent) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=absent)
