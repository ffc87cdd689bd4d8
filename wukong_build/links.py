"""What a link of the chain may be: Filter, Measure, Rewrite, and the two of these that must see the whole corpus.

A link *is* its config: a frozen struct whose fields are the keys a user writes. It holds no other state, it pickles, it
writes no file, and reads only the resources it names. It knows nothing of the chain, of parts or of other links.

One word in six places: the filter `aspect_ratio` is `filters/aspect_ratio.py`, the class `AspectRatio`, the config key, the
Parquet column, the row of the funnel and `tests/filters/test_aspect_ratio.py`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch

Columns = dict[str, pa.Array]


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step of the chain. Subclasses are frozen structs; their fields are the config's keys."""

    reads: ClassVar[tuple[str, ...]] = ()
    """Columns it looks at; `image` stands for the pictures. The chain is checked against them before anything runs."""
    writes: ClassVar[dict[str, pa.DataType]] = {}
    """Columns it writes, besides the one named like the link."""
    tells: ClassVar[tuple[str, ...]] = ()
    """Which of these manifests tell of beside a filter's score."""
    meaning: ClassVar[str] = ""
    """What the column named like the link says, in one sentence: the unit, and which end is good."""
    version: ClassVar[int] = 1
    """Raised whenever the same settings would give other numbers than before: cached scores of older versions are not used."""

    @classmethod
    def name(cls) -> str:
        """The class's name as the config writes it: `AspectRatio` → `aspect_ratio`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def columns(cls) -> dict[str, pa.DataType]:
        """Every column it writes, its own first."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """The fields that say what is measured."""
        return dict(msgspec.to_builtins(self))

    def resources(self) -> Iterable[str]:
        """Names (package resources) or paths (the user's files) of what it reads; their digests are part of its fingerprint."""
        return ()


class Bounds(Link, frozen=True, kw_only=True):
    """A link that gives one number a sample, and the bounds, both inclusive, within which a sample stays.

    Without bounds it only measures. A null score (unmeasurable) fails every bound.
    """

    at_least: float | None = None
    at_most: float | None = None

    def settings(self) -> dict[str, Any]:
        """The fields but the bounds, which only decide."""
        return {key: value for key, value in super().settings().items() if key not in ("at_least", "at_most")}

    @property
    def bounded(self) -> bool:
        """True where it drops, and not only measures."""
        return self.at_least is not None or self.at_most is not None

    def keep(self, score: pa.Array) -> pa.Array:
        """True where the score is within the bounds; never null."""
        kept = pa.array([True] * len(score), pa.bool_()) if not self.bounded else pc.is_valid(score)
        if self.at_least is not None:
            kept = pc.and_(kept, pc.fill_null(pc.greater_equal(score, self.at_least), fill_value=False))
        if self.at_most is not None:
            kept = pc.and_(kept, pc.fill_null(pc.less_equal(score, self.at_most), fill_value=False))
        return kept

    def missed_bounds(self, score: pa.Array) -> pa.Array:
        """The bounds that the scores of dropped samples missed, as the config writes them: `at_most=3`."""
        if self.at_least is None:
            return pa.repeat(f"at_most={self.at_most:g}", len(score))
        if self.at_most is None:
            return pa.repeat(f"at_least={self.at_least:g}", len(score))
        below = pc.fill_null(pc.less(score, self.at_least), fill_value=True)
        return pc.if_else(below, f"at_least={self.at_least:g}", f"at_most={self.at_most:g}")


class Filter(Bounds, frozen=True, kw_only=True):
    """Gives every sample one number by looking at that sample alone."""

    score_type: ClassVar[pa.DataType] = pa.float64()

    @classmethod
    def columns(cls) -> dict[str, pa.DataType]:
        """Every column it writes, its own first."""
        return {cls.name(): cls.score_type, **cls.writes}

    @abstractmethod
    def score(self, batch: Batch) -> pa.Array:
        """One number a row, of `score_type`; null where it cannot be measured."""

    def measure(self, batch: Batch) -> Columns:
        """The score under the link's own name. A filter with evidence overrides this and adds the columns of `writes`."""
        return {self.name(): self.score(batch)}


class Recorded(Filter, frozen=True, kw_only=True):
    """A filter by a number that the crawl has recorded already: its score is the crawl's column of its own name, as it stands.

    Alone among links it may be called like a column of the crawl: it writes the same numbers again, among the scores.
    """

    @final
    def score(self, batch: Batch) -> pa.Array:
        """The column."""
        return batch[self.name()]


class Measure(Link, frozen=True, kw_only=True):
    """Writes columns and drops nothing."""

    value_type: ClassVar[pa.DataType] = pa.string()

    @classmethod
    def columns(cls) -> dict[str, pa.DataType]:
        """Every column it writes, its own first."""
        return {cls.name(): cls.value_type, **cls.writes}

    @abstractmethod
    def measure(self, batch: Batch) -> Columns:
        """One array for each of `columns()`."""


class Rewrite(Link, frozen=True, kw_only=True):
    """Changes the caption that every later link reads and that is published. `caption_found` is never touched."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)

    @classmethod
    def columns(cls) -> dict[str, pa.DataType]:
        """Every column it writes, its own first."""
        return {cls.name(): pa.string(), **cls.writes}

    @abstractmethod
    def rewrite(self, batch: Batch) -> pa.Array:
        """The new captions; null only where there was none."""

    def measure(self, batch: Batch) -> Columns:
        """The new captions under the link's own name. A rewrite with evidence overrides this and adds the columns of `writes`."""
        return {self.name(): self.rewrite(batch)}


class CorpusLink(Link, frozen=True, kw_only=True):
    """Looks up what the whole corpus says of each sample: survey each part, merge, look up. It ends a pass.

    The result does not depend on how the corpus is cut into parts, nor on their order.
    """

    rows_together: ClassVar[int | None] = None
    """A corpus of more rows of surveys is merged in pieces; None where a merge must see all of them."""

    @abstractmethod
    def survey(self, batch: Batch) -> pa.Table:
        """What these samples contribute to the merge: small, made from columns alone (there are no pictures here)."""

    @abstractmethod
    def merge(self, surveys: pa.Table) -> pa.Table:
        """The look-up table made of all surveys, in whatever order they stand: whatever `measure` needs."""

    @abstractmethod
    def measure(self, batch: Batch, merged: pa.Table) -> Columns:
        """One array for each of `columns()`, looked up in the merged table."""

    def pieces_of(self, surveys: pa.Table, pieces: int) -> npt.NDArray[np.int64]:
        """Numbers of the pieces that each row comes into, copies × rows, where the corpus is cut into `pieces`, a power of two.

        Rows that must be merged together are together in some piece.
        """
        raise NotImplementedError

    def merge_piece(self, rows: pa.Table, _number: int, _pieces: int) -> pa.Table:
        """What one piece contributes to the look-up: that of a number, of so many as `pieces_of` was given."""
        return self.merge(rows)

    def join_pieces(self, merged: pa.Table) -> pa.Table:
        """The look-up, of what all pieces contribute, in the order of their numbers."""
        return merged


class CorpusFilter(CorpusLink, Bounds, frozen=True, kw_only=True):
    """Gives every sample one number by what the whole corpus says of it."""

    score_type: ClassVar[pa.DataType] = pa.float64()

    @classmethod
    def columns(cls) -> dict[str, pa.DataType]:
        """Every column it writes, its own first."""
        return {cls.name(): cls.score_type, **cls.writes}


class CorpusRewrite(CorpusLink, frozen=True, kw_only=True):
    """Changes the caption, as a `Rewrite` does, by what the whole corpus says of it."""

    @classmethod
    def columns(cls) -> dict[str, pa.DataType]:
        """Every column it writes, its own first."""
        return {cls.name(): pa.string(), **cls.writes}

    @abstractmethod
    def rewrite(self, batch: Batch, merged: pa.Table) -> pa.Array:
        """The new captions; null only where there was none."""

    def measure(self, batch: Batch, merged: pa.Table) -> Columns:
        """The new captions under the link's own name. A rewrite with evidence overrides this and adds the columns of `writes`."""
        return {self.name(): self.rewrite(batch, merged)}


LocalLink = Filter | Measure | Rewrite
"""A link that looks at a single sample."""

AnyRewrite = Rewrite | CorpusRewrite
"""A link that changes the caption."""


def code_of(link: Link) -> str:
    """What a link's numbers depend on besides its settings and resources: which class, and which version of it."""
    return f"{type(link).__module__}:{type(link).__qualname__}:{link.version}"
