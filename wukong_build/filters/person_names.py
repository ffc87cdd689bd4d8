"""Names of persons, masked by a token.

Whom it masks: everybody, the famous and the long dead too, by Chinese names, foreign ones with or without dots, and surnames
before a title (王先生). Whom it does not: nicknames such as 小王 and 老李, which name nobody to a stranger; figures of legend
and fiction only by chance; and those in the lists of `keep`, of which `historical_figures.txt` ships.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.chinese import jieba_tags, lac, names
from wukong_build.links import Columns, Rewrite

_SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
_OF_TOKEN = -1


class PersonNames(Rewrite, frozen=True, kw_only=True):
    """The caption with every person's name replaced by the token.

    The spans tell where in the caption before this link the names stood, in characters; the names themselves are written nowhere.
    """

    writes: ClassVar[dict[str, pa.DataType]] = {"person_name_spans": _SPANS}
    meaning: ClassVar[str] = "the caption with the names of persons masked"
    version: ClassVar[int] = 2

    token: str = "<人名>"  # noqa: S105  what stands for a name, no secret
    keep: tuple[str, ...] = ()
    """Lists of names that stay, by spaces or lines: files of your own, and `historical_figures.txt`, which ships."""
    detector: Literal["rules", "lac", "jieba"] = "rules"
    """`lac` asks the tagger LAC (the extra `names`) as well, where the rules see what may be a name; `jieba` its tags alone."""

    def __post_init__(self) -> None:
        """A detector that is not installed is the config's fault."""
        if self.detector == "lac":
            lac.check()

    def resources(self) -> tuple[str, ...]:
        """What tells a name from a word, and the lists of names that stay."""
        return (*names.RESOURCES, *(name for name in self.keep if name not in names.RESOURCES))

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions masked; null where there is none."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The captions, and `person_name_spans`, null where there is no caption."""
        captions = batch["caption"]
        possible = pc.fill_null(pc.match_substring_regex(captions, names.possible()), fill_value=False)
        kept = frozenset(names.simplified(name) for path in self.keep for line in resources.lines(path) for name in line.split())
        masked = captions.to_pylist()
        spans: list[list[names.Span] | None] = [None if text is None else [] for text in masked]
        for row in pc.indices_nonzero(possible).to_pylist():
            masked[row], spans[row] = self._masked(masked[row], kept)
        structs = [None if found is None else [{"start": start, "end": end} for start, end in found] for found in spans]
        return {self.name(): pa.array(masked, pa.string()), "person_name_spans": pa.array(structs, _SPANS)}

    def _masked(self, text: str, kept: frozenset[str]) -> tuple[str, list[names.Span]]:
        """The text masked until no more names are found, so that masking it again changes nothing, and where they stood."""
        places = list(range(len(text)))
        for match in re.finditer(re.escape(self.token), text):
            places[match.start() : match.end()] = [_OF_TOKEN] * len(match[0])
        spans: list[names.Span] = []
        while found := [span for span in self._found(text, kept) if _OF_TOKEN not in places[slice(*span)]]:
            fresh = [(places[start], places[end - 1] + 1) for start, end in found]
            # with an empty token, what is left around a name may be another name, which holds it
            spans = [span for span in spans if not any(start < span[0] < end for start, end in fresh)] + fresh
            for start, end in reversed(found):
                text = text[:start] + self.token + text[end:]
                places[start:end] = [_OF_TOKEN] * len(self.token)
        return text, sorted(spans)

    def _found(self, text: str, kept: frozenset[str]) -> list[names.Span]:
        if self.detector == "jieba":
            spans = sorted(jieba_tags.person_spans(text))
        else:
            spans = names.person_spans(text, lac.person_spans if self.detector == "lac" else None)
        return [(start, end) for start, end in spans if names.simplified(text[start:end]) not in kept]
