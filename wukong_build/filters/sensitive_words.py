"""Words that no published caption should hold: small lists that ship, by category, and the user's own."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.chinese import scripts, words
from wukong_build.links import Columns, Filter


class SensitiveWords(Filter, frozen=True, kw_only=True):
    """How many sensitive words the caption holds, and of which categories."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {"sensitive_categories": pa.list_(pa.string())}
    meaning: ClassVar[str] = "number of sensitive words in the caption; 0 = none"
    score_type: ClassVar[pa.DataType] = pa.int32()

    lists: tuple[str, ...] = ()
    """Files of the user's own, one word a line; the file's name is the category."""

    def resources(self) -> tuple[str, ...]:
        """The lists that ship, and the user's."""
        return (*(name for name in resources.shipped() if name.startswith("sensitive/")), *self.lists)

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `sensitive_categories`, sorted, each once."""
        known = words.word_list(self.resources())
        captions = scripts.folded(batch["caption"]).to_pylist()
        hits = [None if caption is None else known.categories_of_hits(caption) for caption in captions]
        counts = [None if each is None else len(each) for each in hits]
        categories = [None if each is None else sorted({category for hit in each for category in hit}) for each in hits]
        return {
            self.name(): pa.array(counts, self.score_type),
            "sensitive_categories": pa.array(categories, self.writes["sensitive_categories"]),
        }
