"""WordList: many words looked for in many captions at once, each word in one or more categories, in disguise too.

A list has one word a line. `#` begins a comment, `!` a phrase in which no word counts (`!一次性生活`: 性生活 is not meant
there). Below the line `#: whole words` a word counts only where it cuts no word of the caption in two, as 国产 does in
我国|产品; below `#: anywhere`, and from the top, wherever its characters stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build import resources
from wukong_build.chinese import looks, variants
from wukong_build.chinese.looks import Mask, Places
from wukong_build.errors import ConfigError, nearest

LONGEST = 256
"""Characters of the longest word: a longer line is no word, and the file perhaps no list."""

_WHOLE = {"whole words": True, "anywhere": False}
"""What a line may say after `#:`, and whether the words below count only whole."""

_CAPTIONS_AT_ONCE = 1 << 20
"""Characters, above which captions are looked through in several goes: some sixty bytes of memory for each."""


class Entry(NamedTuple):
    """One line of a list."""

    word: str
    category: str
    """Empty for a phrase in which no word counts."""
    whole: bool = False


class Hits(NamedTuple):
    """What was found, in order of captions and places; one for each category of a hit. No two hits overlap."""

    rows: Places
    starts: Places
    ends: Places
    """Characters of the caption as it was given, the end exclusive."""
    categories: Places
    """Index into the categories of the list."""


def entries(name: str, text: str) -> Iterator[Entry]:
    """What a list says; the file's name without its suffix is the category. ConfigError where a line cannot be meant."""
    category, whole = PurePosixPath(name).stem, False
    for number, line in enumerate(text.splitlines(), 1):
        word = line.strip()
        if word.startswith("#:"):
            whole = _directive(word[2:].strip(), f"word list {name!r}, line {number}")
        elif word and word[0] != "#":
            _check(word.lstrip("!"), f"word list {name!r}, line {number}")
            yield Entry(word[1:].strip(), "") if word[0] == "!" else Entry(word, category, whole)


def word_list(names_or_paths: tuple[str, ...], *, in_disguise: bool = True, by_sound: bool = False) -> WordList:
    """The list made of these resources as they are now."""
    return _word_list(tuple((name, resources.read_text(name)) for name in names_or_paths), in_disguise, by_sound)


@lru_cache(maxsize=4)
def _word_list(lists: tuple[tuple[str, str], ...], in_disguise: bool, by_sound: bool) -> WordList:
    """Kept by content, so that a list that changed under the same name is another one."""
    found: list[Entry] = []
    for name, text in lists:
        before = len(found)
        found.extend(entries(name, text))
        if len(found) == before:
            raise ConfigError(f"word list {name!r}: no word in it; a list has one word a line")
    return WordList(found, in_disguise=in_disguise, by_sound=by_sound)


def _directive(said: str, where: str) -> bool:
    if said not in _WHOLE:
        meant = " or ".join(f"`#: {each}`" for each in _WHOLE)
        raise ConfigError(
            f"{where}: `#: {said}` says nothing{nearest(said, _WHOLE)}; {meant} is meant, or a comment without the colon"
        )
    return _WHOLE[said]


def _check(word: str, where: str) -> None:
    if len(word) > LONGEST:
        raise ConfigError(f"{where}: {len(word)} characters; a word has {LONGEST} at most, and each a line of its own")
    if not (word and word.isprintable()) and not np.any(variants.kinds()[variants.codes_of(word)] > variants.INVISIBLE):
        raise ConfigError(f"{where}: {word!r} has no character that can be seen")


class WordList:
    """Automata over words, folded as captions are: one pass or two over all captions find them all."""

    def __init__(self, words: Iterable[Entry], *, in_disguise: bool = True, by_sound: bool = False) -> None:
        """Take the words; `in_disguise` finds them folded and with something between, `by_sound` their homophones."""
        known = list(dict.fromkeys(words))
        if not known:
            raise ConfigError("no words in the lists; name a list, or leave out none of those that ship")
        self.categories = tuple(sorted({each.category for each in known} - {""}))
        numbers = {"": -1} | {category: number for number, category in enumerate(self.categories)}
        self._categories = np.array([numbers[each.category] for each in known], np.int64)
        self._whole = np.array([each.whole for each in known], np.bool_)
        self._in_disguise = in_disguise
        self._looks = list(looks.looks([each.word for each in known], self._categories >= 0, in_disguise, by_sound))

    def hits(self, captions: pa.Array) -> Hits:
        """All hits in all captions; of those that overlap the first counts, and of those that begin together the longest."""
        return Hits(*map(np.concatenate, zip(*self._by_chunk(captions), strict=True)))

    def _by_chunk(self, captions: pa.Array) -> Iterator[Hits]:
        lengths = pc.fill_null(pc.utf8_length(captions), 0).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        chunk = np.cumsum(lengths) // _CAPTIONS_AT_ONCE
        cuts = [0, *(np.flatnonzero(np.diff(chunk)) + 1), len(captions)]
        for start, end in pairwise(cuts):
            found = self._in_text("\n".join(["", *pc.fill_null(captions[start:end], "").to_pylist(), ""]))
            begins = np.cumsum(lengths[start:end]) - lengths[start:end] + 1
            rows = np.searchsorted(begins, found.starts, "right") - 1
            yield Hits(rows + start, found.starts - begins[rows], found.ends - begins[rows], found.categories)

    def _in_text(self, text: str) -> Hits:
        """The hits in a text that begins and ends with a line break, as if it were one caption."""
        seen = looks.Text.of(text, self._in_disguise)
        found = [look.found(seen, self._whole) for look in self._looks]
        words, starts, ends = (np.concatenate(each) for each in zip(*found, strict=True))
        kept = _counted(starts, ends, self._categories[words])
        return Hits(np.zeros_like(kept), starts[kept], ends[kept], self._categories[words[kept]])


def _counted(starts: Places, ends: Places, categories: Places) -> Places:
    """Which hits count, in order: none within a phrase of no category, the longest of the first, and none that overlaps it."""
    innocent = categories < 0
    order = np.flatnonzero(~(innocent | _within(starts, ends, starts[innocent], ends[innocent])))
    order = order[np.lexsort((categories[order], -ends[order], starts[order]))]
    kept, last = [], (-1, -1, -1)
    for hit, *found in zip(*(each.tolist() for each in (order, starts[order], ends[order], categories[order])), strict=True):
        start, end, category = found
        if start >= last[1] or ((start, end) == last[:2] and category != last[2]):
            kept.append(hit)
            last = (start, end, category)
    return np.array(kept, np.int64)


def _within(starts: Places, ends: Places, from_: Places, to: Places) -> Mask:
    """Which of the first spans lie within one of the second."""
    if not len(from_):
        return np.zeros(len(starts), np.bool_)
    order = np.argsort(from_)
    furthest = np.maximum.accumulate(to[order])
    before = np.searchsorted(from_[order], starts, "right") - 1
    return (before >= 0) & (furthest[before] >= ends)
