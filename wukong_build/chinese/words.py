"""WordList: many words looked for in many captions at once, each word in one or more categories, in disguise too.

A list has one word a line. `#` begins a comment, `!` a phrase in which no word counts (`!一次性生活`: 性生活 is not meant
there). Below the line `#: whole words` a word counts only where it cuts none of the words that the caption is made of (国产
does not in 我国|产品); below `#: any text`, and from the top, it counts wherever its characters stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

import daachorse
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import rjieba

from wukong_build import resources
from wukong_build.chinese import variants
from wukong_build.chinese.variants import DIVIDER, FILLER, HAN, INVISIBLE, LETTER, Codes, Kinds
from wukong_build.errors import ConfigError, nearest

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LONGEST = 256
"""Characters of the longest word: a longer line is no word, and the file perhaps no list."""

_WHOLE = {"whole words": True, "any text": False}
"""What a line may say after `#:`, and whether the words below count only whole."""

_BETWEEN_HAN = re.compile(rb"z(?:(?:f{0,5}|(?=.{1,5}z)f*lf*)z)*")
"""Kinds of a word of Han characters: between two stand up to five others, of which one may be a letter or a digit."""
_BETWEEN_ANY = re.compile(rb"[lz](?:f{0,5}[lz])*")
"""Kinds of a word with letters: between two characters stand up to five others, none of them a letter or a digit."""
_HAN_WORD, _HAN_ALONE = re.compile(rb"z(?:f*z)*"), re.compile(rb"zz+")
_WORD = re.compile(rb"[lz](?:f*[lz])*")
_PARTED = re.compile(rb"lf+l")
_SPELLED_AT_LEAST = 4
"""Letters of a word that may be spelled, p.o.r.n: `S M L` are sizes. A word is spelled throughout: `an al` is another."""

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
    if not (word and word.isprintable()) and not np.any(variants.kinds()[variants.codes_of(word)] > INVISIBLE):
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
        self._looks = list(_looks([each.word for each in known], self._categories >= 0, in_disguise, by_sound))

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
        seen = _Text.of(text, self._in_disguise)
        found = [look.found(seen, self._whole) for look in self._looks]
        words, starts, ends = (np.concatenate(each) for each in zip(*found, strict=True))
        kept = _counted(starts, ends, self._categories[words])
        return Hits(np.zeros_like(kept), starts[kept], ends[kept], self._categories[words[kept]])


class _Text:
    """Characters between line breaks, and where each stood in the text that they were taken from."""

    def __init__(self, codes: Codes, kinds: Kinds, places: Places) -> None:
        self.codes, self.kinds, self.places = codes, kinds, places

    @classmethod
    def of(cls, text: str, in_disguise: bool) -> _Text:
        """As it stands, or folded and without what cannot be seen."""
        codes = variants.codes_of(text)
        codes = variants.plain()[codes] if in_disguise else codes
        whole = cls(codes, variants.kinds()[codes], np.arange(len(codes)))
        return whole.keeping(FILLER) if in_disguise else whole

    def keeping(self, least: int) -> _Text:
        """What is of this kind or a higher one."""
        kept = np.flatnonzero(self.kinds >= least)
        return _Text(self.codes[kept], self.kinds[kept], kept)

    def runs_on(self, place: Places) -> Mask:
        """Whether a word of letters runs on across the place: `av` is no hit in `java`, nor in `avenue`."""
        runs_on: Mask = (self.kinds[place - 1] == LETTER) & (self.kinds[place] == LETTER)
        return runs_on

    def are_whole(self, starts: Places, ends: Places, *, compounds: bool = True) -> Mask:
        """Which spans cut no word of the segmentation in two; 国产手机 is one, but a compound: it may be cut where words meet."""
        places = np.stack([starts, ends])
        within_han = (self.kinds[places - 1] == HAN) & (self.kinds[places] == HAN)
        begins = self._begin_words(places[within_han])
        cut: Mask = (within_han & ~begins[places]).any(axis=0)
        if compounds and cut.any():
            edges = np.append(np.flatnonzero(begins), len(begins))
            word = np.searchsorted(edges, starts, "right")
            inside = cut & (edges[word] >= ends)
            for span in np.flatnonzero(inside):
                rest = (self.codes[edges[word[span] - 1] : starts[span]], self.codes[ends[span] : edges[word[span]]])
                cut[span] = any(len(part) and not rjieba.has_word(variants.text_of(part)) for part in rest)
        return np.logical_not(cut)

    def _begin_words(self, places: Places) -> Mask:
        """Where words begin, told right in the clauses that these places lie in; no other is segmented."""
        asked = np.zeros(self._clauses[-1] + 1, np.bool_)
        asked[self._clauses[places]] = True
        chosen = np.flatnonzero(asked[self._clauses])
        words = rjieba.cut(variants.text_of(self.codes[chosen]), hmm=False)  # by its dictionary alone: it joins no others
        begins = np.zeros(len(self.codes), np.bool_)
        begins[chosen[np.fromiter(accumulate(map(len, words[:-1]), initial=0), np.int64)[: len(chosen)]]] = True
        return begins

    @cached_property
    def _clauses(self) -> Places:
        """Of each character the number of its clause, a divider being the last of one."""
        dividers = (self.kinds == DIVIDER).astype(np.int64)
        before: Places = np.cumsum(dividers) - dividers
        return before


class _Look:
    """One way to look at captions: which characters are left, or by sound, and the automaton of the words that are found so."""

    def __init__(self, words: dict[int, str], least: int = INVISIBLE, *, by_sound: bool = False) -> None:
        self._words = np.fromiter(words, np.int64, len(words))
        self._least, self._by_sound = least, by_sound
        self._automaton = daachorse.CharwiseDoubleArrayAhoCorasick(list(words.values()), daachorse.MATCH_KIND_STANDARD)

    def found(self, text: _Text, whole: Mask) -> tuple[Places, Places, Places]:
        """Of each hit, overlapping ones too: the number of its word, and where it begins and ends."""
        left = text if self._least == INVISIBLE else text.keeping(self._least)
        codes = variants.sounds()[left.codes] if self._by_sound else left.codes
        hits = np.array(self._automaton.find_overlapping(variants.text_of(codes)), np.int64).reshape(-1, 3)
        starts, ends, words = hits[:, 0], hits[:, 1], self._words[hits[:, 2]]
        firsts, lasts = (starts, ends - 1) if left is text else (left.places[starts], left.places[ends - 1])
        kept = ~(text.runs_on(firsts) | text.runs_on(lasts + 1))
        altered = kept & (lasts - firsts >= ends - starts)
        for hit in np.flatnonzero(altered):
            kept[hit] = self._may_stand(text.kinds[firsts[hit] : lasts[hit] + 1].tobytes())
        altered &= kept
        kept[altered] = left.are_whole(starts[altered], ends[altered])
        guarded = kept & (altered | whole[words] | self._by_sound)
        kept[guarded] = text.are_whole(firsts[guarded], lasts[guarded] + 1, compounds=not self._by_sound)
        for hit in np.flatnonzero(kept & self._by_sound):  # 病毒 sounds like 冰毒 and means itself
            kept[hit] = not rjieba.has_word(variants.text_of(text.codes[firsts[hit] : lasts[hit] + 1]))
        return words[kept], text.places[firsts[kept]], text.places[lasts[kept]] + 1

    def _may_stand(self, kinds: bytes) -> bool:
        """Whether what stands between the characters of a word is disguise: little, and between letters everywhere or nowhere."""
        if self._least == HAN:
            return bool(_BETWEEN_HAN.fullmatch(kinds))
        spelled = b"ll" not in kinds and kinds.count(b"l") >= _SPELLED_AT_LEAST
        return bool(_BETWEEN_ANY.fullmatch(kinds)) and (spelled or not _PARTED.search(kinds))


def _looks(words: list[str], counted: Mask, in_disguise: bool, by_sound: bool) -> Iterator[_Look]:
    """The ways to look that find all these words, each in one way, and in one more by sound."""
    shapes = list(_shapes(words))
    found: dict[int, dict[int, str]] = {INVISIBLE: {}, LETTER: {}, HAN: {}}
    for number, (word, kinds) in enumerate(shapes):
        least = _least(kinds) if in_disguise else INVISIBLE
        found[least][number] = words[number] if not in_disguise else word if least == INVISIBLE else _without_fillers(word, kinds)
    yield from (_Look(each, least) for least, each in found.items() if each)
    if by_sound:
        han = {number: word for number, (word, kinds) in enumerate(shapes) if counted[number] and _HAN_ALONE.fullmatch(kinds)}
        sounds = variants.text_of(variants.sounds()[variants.codes_of("\n".join(han.values()))]).split("\n")
        yield _Look(dict(zip(han, sounds, strict=True)), by_sound=True)


def _shapes(words: list[str]) -> Iterator[tuple[str, bytes]]:
    """Each word folded, and the kinds of its characters."""
    text = _Text.of("\n".join(words), in_disguise=True)
    kinds, start = text.kinds.tobytes(), 0
    for word in variants.text_of(text.codes).split("\n"):
        yield word, kinds[start : start + len(word)]
        start += len(word) + 1


def _least(kinds: bytes) -> int:
    """The lowest kind of character to keep to find the word with others in between; INVISIBLE where none may stand there."""
    if _HAN_WORD.fullmatch(kinds):
        return HAN
    return LETTER if _WORD.fullmatch(kinds) and not _PARTED.search(kinds) else INVISIBLE


def _without_fillers(word: str, kinds: bytes) -> str:
    return "".join(character for character, kind in zip(word, kinds, strict=True) if kind != FILLER) if b"f" in kinds else word


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
