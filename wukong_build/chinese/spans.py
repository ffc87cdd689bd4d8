"""Stretches of captions that are of some kind, found by patterns, written as a column, and masked.

Knows nothing of which kinds there are. What lies in a stretch is written nowhere, only where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TYPE = pa.list_(pa.struct([("kind", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))
"""Of a column of spans: their kind, their first character and the one after their last."""

_BLANK = "<"
"""What stands for a stretch that is found while others are looked for: like the edge of a token, it is part of none."""


class Span(NamedTuple):
    """A stretch of a caption."""

    kind: str
    start: int
    end: int


Holds = Callable[[str], bool]
"""Whether what looks like one is one."""


class Pattern(NamedTuple):
    """How a kind is found: the group `found` of the expression, or all of it; where `holds` says so."""

    kind: str
    expression: re.Pattern[str]
    holds: Holds = bool


Found = list[list[Span] | None]
"""Of each caption, null where there is none."""


def spans_of(text: str, patterns: Sequence[Pattern]) -> list[Span]:
    """All stretches in order; none overlaps another, and masking them leaves none."""
    found: list[Span] = []
    fresh = True
    while fresh:  # what is found may have hidden others from their patterns
        before = len(found)
        for pattern in patterns:
            matches = _matches(text, pattern)
            text = _replaced(text, [(span, _BLANK * (span.end - span.start)) for span in matches])
            found += matches
        fresh = len(found) > before
    return sorted(found, key=lambda span: span.start)


def found(captions: pa.Array, screen: str, patterns: Sequence[Pattern]) -> Found:
    """The stretches of each caption; only captions with a match of `screen` (RE2) are looked at closely."""
    spans: Found = [[] for _ in range(len(captions))]
    for row in np.flatnonzero(captions.is_null()):
        spans[row] = None
    rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(captions, screen), fill_value=False))
    for row, text in zip(rows, captions.take(pa.array(rows)).to_pylist(), strict=True):
        spans[row] = spans_of(text, patterns)
    return spans


def column(spans: Found) -> pa.Array:
    """As `TYPE`."""
    offsets = np.cumsum([0, *(len(each or ()) for each in spans)], dtype=np.int32)
    kinds, starts, ends = zip(*(span for each in spans if each for span in each), strict=True) if offsets[-1] else ((), (), ())
    values = pa.StructArray.from_arrays(
        [pa.array(kinds, pa.string()), pa.array(starts, pa.int32()), pa.array(ends, pa.int32())], fields=list(TYPE.value_type)
    )
    return pa.ListArray.from_arrays(offsets, values, type=TYPE, mask=pa.array([each is None for each in spans], pa.bool_()))


def masked(captions: pa.Array, spans: Found, tokens: Mapping[str, str]) -> pa.Array:
    """The captions, with the token of its kind in place of each stretch."""
    rows = [row for row, each in enumerate(spans) if each]
    texts = captions.take(pa.array(rows, pa.int64())).to_pylist()
    fresh = [
        _replaced(text, [(span, tokens[span.kind]) for span in spans[row] or ()]) for row, text in zip(rows, texts, strict=True)
    ]
    chosen = np.zeros(len(captions), bool)
    chosen[rows] = True
    return pc.replace_with_mask(captions, pa.array(chosen), pa.array(fresh, captions.type))


def _matches(text: str, pattern: Pattern) -> list[Span]:
    group = "found" if "found" in pattern.expression.groupindex else 0
    matches = pattern.expression.finditer(text)
    return [Span(pattern.kind, *match.span(group)) for match in matches if pattern.holds(match[group])]


def _replaced(text: str, replacements: list[tuple[Span, str]]) -> str:
    """The text with other texts in place of the spans, which come in order."""
    pieces, end = [], 0
    for span, replacement in replacements:
        pieces += [text[end : span.start], replacement]
        end = span.end
    return "".join([*pieces, text[end:]])
