"""Ways of reaching somebody that a caption tells: web and mail addresses, telephone numbers, QQ and WeChat."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.chinese import contacts, spans
from wukong_build.links import Columns, Filter


class ContactDetails(Filter, frozen=True, kw_only=True):
    """How many contacts the caption holds: to drop those that hold one, or too many; `contact_mask` keeps the rest of a caption.

    The spans tell of which kind they are and where in the caption they stand, in characters; the contacts are written nowhere.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {"contact_spans": spans.TYPE}
    meaning: ClassVar[str] = "number of URLs, mail addresses, telephone, QQ and WeChat numbers in the caption; 0 = none"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `contact_spans`, null where there is no caption."""
        found = contacts.found(batch["caption"])
        counts = [None if each is None else len(each) for each in found]
        return {self.name(): pa.array(counts, self.score_type), "contact_spans": spans.column(found)}
