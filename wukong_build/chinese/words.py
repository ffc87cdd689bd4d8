"""WordList: many words looked for in many captions at once, each word in one or more categories."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

import daachorse
import pyarrow as pa

from wukong_build import resources
from wukong_build.chinese import scripts
from wukong_build.errors import ConfigError


class WordList:
    """An automaton over words, folded as captions are: one pass over a caption finds them all."""

    def __init__(self, categories: dict[str, tuple[str, ...]]) -> None:
        """Take the words of each category."""
        self._words: dict[str, list[str]] = {}
        for category, words in categories.items():
            for word in scripts.folded(pa.array(words, pa.string())).to_pylist():
                self._words.setdefault(word, []).append(category)
        if not self._words:
            raise ConfigError(f"no words in the lists {', '.join(categories)}; a list has one word a line")
        self._patterns = list(self._words)
        self._automaton = daachorse.CharwiseDoubleArrayAhoCorasick(self._patterns, daachorse.MATCH_KIND_LEFTMOST_LONGEST)

    def categories_of_hits(self, folded_caption: str) -> list[list[str]]:
        """The categories of each hit, in order; hits never overlap, and the longest of those that begin together counts."""
        return [self._words[word] for word in self._hits(folded_caption)]

    def _hits(self, text: str) -> Iterator[str]:
        for start, end, pattern in self._automaton.find(text):
            if not (_cut(text, start) or _cut(text, end)):
                yield self._patterns[pattern]


def word_list(names_or_paths: tuple[str, ...]) -> WordList:
    """The list made of these resources as they are now; the file's name without its suffix is the category."""
    return _word_list(tuple((PurePosixPath(name).stem, resources.lines(name)) for name in names_or_paths))


@lru_cache(maxsize=4)
def _word_list(lists: tuple[tuple[str, tuple[str, ...]], ...]) -> WordList:
    """Kept by content, so that a list that changed under the same name is another one."""
    categories: dict[str, tuple[str, ...]] = {}
    for category, words in lists:
        categories[category] = categories.get(category, ()) + words
    return WordList(categories)


def _cut(text: str, position: int) -> bool:
    """Whether an ASCII word runs on across the position: `av` is no hit in `java`, nor in `avenue`."""
    return 0 < position < len(text) and all(c.isascii() and c.isalnum() for c in text[position - 1 : position + 1])
