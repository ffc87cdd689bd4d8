"""Ways to look at captions so that words in disguise are seen, and what may be disguise: the rules, as patterns of kinds.

A word of Han characters is looked for where all but Han characters are left out, a word with letters where spaces and symbols
are. What was left out must then be disguise: not much, no mark that divides sentences, and the hit must cut no word of the
caption in two, neither as it stands (黑色 情侣 is not 色 情) nor with the disguise taken off (黑 色 情 侣 neither).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

import daachorse
import numpy as np
import numpy.typing as npt

from wukong_build.chinese import variants
from wukong_build.chinese.variants import DIVIDER, FILLER, HAN, INVISIBLE, LETTER, Codes, Kinds

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_BETWEEN_HAN = re.compile(rb"z(?:(?:f{0,5}|(?=.{1,5}z)f*lf*)z)*")
"""Kinds of a word of Han characters: between two stand up to five others, of which one may be a letter or a digit."""
_BETWEEN_ANY = re.compile(rb"[lz](?:f{0,5}[lz])*")
"""Kinds of a word with letters: between two characters stand up to five others, none of them a letter or a digit."""
_HAN_WORD, _HAN_ALONE = re.compile(rb"z(?:f*z)*"), re.compile(rb"zz+")
_WORD = re.compile(rb"[lz](?:f*[lz])*")
_PARTED = re.compile(rb"lf+l")
_SPELLED_AT_LEAST = 4
"""Letters of a word that may be spelled, p.o.r.n: `S M L` are sizes. A word is spelled throughout: `an al` is another."""


class Text:
    """Characters between line breaks, and where each stood in the text that they were taken from."""

    def __init__(self, codes: Codes, kinds: Kinds, places: Places) -> None:
        self.codes, self.kinds, self.places = codes, kinds, places

    @classmethod
    def of(cls, text: str, in_disguise: bool) -> Text:
        """As it stands, or folded and without what cannot be seen."""
        codes = variants.codes_of(text)
        codes = variants.plain()[codes] if in_disguise else codes
        whole = cls(codes, variants.kinds()[codes], np.arange(len(codes)))
        return whole.keeping(FILLER) if in_disguise else whole

    def keeping(self, least: int) -> Text:
        """What is of this kind or a higher one."""
        kept = np.flatnonzero(self.kinds >= least)
        return Text(self.codes[kept], self.kinds[kept], kept)

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
        if compounds:
            cut[cut] = ~self._are_parts(starts[cut], ends[cut], np.append(np.flatnonzero(begins), len(begins)))
        return np.logical_not(cut)

    def _are_parts(self, starts: Places, ends: Places, edges: Places) -> Mask:
        """Which spans lie within one word, the rest of which, on either side, is a word too; `edges` is where words begin."""
        after = np.searchsorted(edges, starts, "right")
        are_parts: Mask = edges[after] >= ends
        for span in np.flatnonzero(are_parts):
            rest = (self.codes[edges[after[span] - 1] : starts[span]], self.codes[ends[span] : edges[after[span]]])
            are_parts[span] = all(not len(part) or _is_word(part) for part in rest)
        return are_parts

    def _begin_words(self, places: Places) -> Mask:
        """Where words begin, told right in the clauses that these places lie in; no other is segmented."""
        import rjieba

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


class Look:
    """One way to look at captions: which characters are left, or by sound, and the automaton of the words that are found so."""

    def __init__(self, words: dict[int, str], least: int = INVISIBLE, *, by_sound: bool = False) -> None:
        self._words = np.fromiter(words, np.int64, len(words))
        self._least, self._by_sound = least, by_sound
        self._automaton = daachorse.CharwiseDoubleArrayAhoCorasick(list(words.values()), daachorse.MATCH_KIND_STANDARD)

    def found(self, text: Text, whole: Mask) -> tuple[Places, Places, Places]:
        """Of each hit, overlapping ones too: the number of its word, and where it begins and ends."""
        left = text if self._least == INVISIBLE else text.keeping(self._least)
        codes = variants.sounds()[left.codes] if self._by_sound else left.codes
        hits = np.array(self._automaton.find_overlapping(variants.text_of(codes)), np.int64).reshape(-1, 3)
        starts, ends, words = hits[:, 0], hits[:, 1], self._words[hits[:, 2]]
        first, last = (starts, ends - 1) if left is text else (left.places[starts], left.places[ends - 1])
        kept = ~(text.runs_on(first) | text.runs_on(last + 1))
        altered = kept & (last - first >= ends - starts)
        for hit in np.flatnonzero(altered):
            altered[hit] = kept[hit] = self._may_stand(text.kinds[first[hit] : last[hit] + 1].tobytes())
        kept[altered] = left.are_whole(starts[altered], ends[altered])  # 黑 色 情 侣
        asked = kept & (altered | whole[words] | self._by_sound)  # 黑色 情侣, 我国产品, 读博士
        kept[asked] = text.are_whole(first[asked], last[asked] + 1, compounds=not self._by_sound)
        for hit in np.flatnonzero(kept & self._by_sound):  # 病毒 sounds like 冰毒 and means itself
            kept[hit] = not _is_word(text.codes[first[hit] : last[hit] + 1])
        return words[kept], text.places[first[kept]], text.places[last[kept]] + 1

    def _may_stand(self, kinds: bytes) -> bool:
        """Whether what stands between the characters of a word is disguise: little, and between letters everywhere or nowhere."""
        if self._least == HAN:
            return bool(_BETWEEN_HAN.fullmatch(kinds))
        spelled = b"ll" not in kinds and kinds.count(b"l") >= _SPELLED_AT_LEAST
        return bool(_BETWEEN_ANY.fullmatch(kinds)) and (spelled or not _PARTED.search(kinds))


def _is_word(codes: Codes) -> bool:
    """Whether the segmenter's dictionary, which takes 0.15 s to load, has the word."""
    import rjieba

    return bool(rjieba.has_word(variants.text_of(codes)))


def looks(words: list[str], counted: Mask, in_disguise: bool, by_sound: bool) -> Iterator[Look]:
    """The ways to look that find all these words, each in one way, and in one more by sound."""
    shapes = list(_shapes(words))
    found: dict[int, dict[int, str]] = {INVISIBLE: {}, LETTER: {}, HAN: {}}
    for number, (word, kinds) in enumerate(shapes):
        least = _least(kinds) if in_disguise else INVISIBLE
        found[least][number] = _as_looked_for(word, kinds, least) if in_disguise else words[number]
    yield from (Look(each, least) for least, each in found.items() if each)
    sounding = [number for number, (_, kinds) in enumerate(shapes) if counted[number] and _HAN_ALONE.fullmatch(kinds)]
    if by_sound and sounding:
        sounds = variants.sounds()[variants.codes_of("\n".join(shapes[number][0] for number in sounding))]
        yield Look(dict(zip(sounding, variants.text_of(sounds).split("\n"), strict=True)), by_sound=True)


def _shapes(words: list[str]) -> Iterator[tuple[str, bytes]]:
    """Each word folded, and the kinds of its characters."""
    text = Text.of("\n".join(words), in_disguise=True)
    kinds, start = text.kinds.tobytes(), 0
    for word in variants.text_of(text.codes).split("\n"):
        yield word, kinds[start : start + len(word)]
        start += len(word) + 1


def _least(kinds: bytes) -> int:
    """The lowest kind of character to keep to find the word with others in between; INVISIBLE where none may stand there."""
    if _HAN_WORD.fullmatch(kinds):
        return HAN
    return LETTER if _WORD.fullmatch(kinds) and not _PARTED.search(kinds) else INVISIBLE


def _as_looked_for(word: str, kinds: bytes, least: int) -> str:
    """What is left of a word where only this kind and higher ones are."""
    return word if min(kinds) >= least else "".join(each for each, kind in zip(word, kinds, strict=True) if kind >= least)
