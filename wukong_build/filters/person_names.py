"""Names of persons, masked by a token."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.chinese import names
from wukong_build.links import Columns, Rewrite

_SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))


class PersonNames(Rewrite, frozen=True, kw_only=True):
    """The caption with every person's name replaced by the token.

    The spans tell where in the caption before this link the names stood, in characters; the names themselves are written nowhere.
    """

    writes: ClassVar[dict[str, pa.DataType]] = {"person_name_spans": _SPANS}
    meaning: ClassVar[str] = "the caption with the names of persons masked"

    token: str = "<人名>"  # noqa: S105  what stands for a name, no secret

    def resources(self) -> tuple[str, ...]:
        """What tells a name from a word."""
        return names.RESOURCES

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions masked; null where there is none."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The captions, and `person_name_spans`, null where there is no caption."""
        captions = batch["caption"]
        possible = pc.match_substring_regex(captions, names.possible()).to_pylist()
        texts = captions.to_pylist()
        spans = [
            names.person_spans(text) if has_name else (None if text is None else [])
            for text, has_name in zip(texts, possible, strict=True)
        ]
        masked = [text and self._masked(text, found or []) for text, found in zip(texts, spans, strict=True)]
        structs = [None if found is None else [{"start": start, "end": end} for start, end in found] for found in spans]
        return {self.name(): pa.array(masked, pa.string()), "person_name_spans": pa.array(structs, _SPANS)}

    def _masked(self, text: str, spans: list[names.Span]) -> str:
        for start, end in reversed(spans):
            text = text[:start] + self.token + text[end:]
        return text
