"""Captions that belong to a page and not to a picture: 查看源网页, 点击查看大图, 暂无图片, logo, 第3张."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath
from typing import ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.links import Columns, Filter

_EDGES = r"^[\pP\pS\pZ\pC]+|[\pP\pS\pZ\pC]+$|\s+"
_SHIPPED = "boilerplate.txt"


class Boilerplate(Filter, frozen=True, kw_only=True):
    r"""Whether the whole caption is a phrase of pages, and of which category.

    A list has one phrase a line, or a pattern of the whole caption between slashes (RE2: `/第\d+张/`); the `#` line above names
    the category. Case, white space and the punctuation around a caption do not count.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {"boilerplate_category": pa.string()}
    meaning: ClassVar[str] = "1 = the whole caption is a phrase of pages, not of this picture, 0 = it is not"
    score_type: ClassVar[pa.DataType] = pa.int32()

    lists: tuple[str, ...] = ()
    """Files of the user's own."""

    def resources(self) -> tuple[str, ...]:
        """The list that ships, and the user's."""
        return (_SHIPPED, *self.lists)

    def score(self, batch: Batch) -> pa.Array:
        """1 or 0; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `boilerplate_category`, null where it is none."""
        captions = batch["caption"]
        phrases = _phrases(tuple((name, resources.read_text(name)) for name in self.resources()))
        keys = _keys(captions)
        category = phrases.categories.take(pc.index_in(keys, phrases.phrases))
        for name, pattern in phrases.patterns:
            matches = pc.and_(pc.is_null(category), pc.match_substring_regex(keys, pattern))
            category = pc.if_else(pc.fill_null(matches, fill_value=False), name, category)
        score = pc.if_else(pc.is_valid(captions), pc.is_valid(category).cast(pa.int32()), pa.scalar(None, pa.int32()))
        return {self.name(): score, "boilerplate_category": category}


class _Phrases(NamedTuple):
    phrases: pa.Array
    categories: pa.Array
    """Of each phrase, in the same order."""
    patterns: tuple[tuple[str, str], ...]
    """Category and pattern."""


@lru_cache(maxsize=4)
def _phrases(lists: tuple[tuple[str, str], ...]) -> _Phrases:
    """All lists together, kept by content; where two name a phrase, the first one's category holds."""
    lines: list[tuple[str, str]] = []
    patterns = []
    for name, text in lists:
        category = PurePosixPath(name).stem
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("#"):
                category = line.lstrip("# ")
            elif len(line) > 2 and line[0] == line[-1] == "/":  # noqa: PLR2004  two slashes with something between
                patterns.append((category, _checked(line[1:-1], name)))
            else:
                lines.append((line, category))
    keys = _keys(pa.array([line for line, _ in lines], pa.string())).to_pylist()
    phrases = {key: category for key, (_, category) in reversed(list(zip(keys, lines, strict=True)))}
    return _Phrases(pa.array(phrases, pa.string()), pa.array(phrases.values(), pa.string()), tuple(patterns))


def _checked(pattern: str, name: str) -> str:
    """The pattern, of the whole caption."""
    whole = f"^(?:{pattern})$"
    try:
        pc.match_substring_regex(pa.array([""]), whole)
    except pa.ArrowInvalid as error:
        raise ConfigError(f"word list {name!r}: /{pattern}/ is no regular expression that RE2 knows: {error}") from error
    return whole


def _keys(texts: pa.Array) -> pa.Array:
    """Phrases as they are compared: lower case, without white space, and without punctuation at either end."""
    return pc.replace_substring_regex(pc.utf8_lower(texts), _EDGES, "")
