"""Where a caption names a person: a Chinese name, a surname before a title, or a foreign name with or without dots.

Every run of words that is built like a name gathers points from what it is made of and from the words beside it; those with
more points than none are names. Knows nothing of what becomes of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from wukong_build import resources
from wukong_build.chinese import variants

RESOURCES = (
    "surnames.txt",
    "given_name_characters.txt",
    "transliteration_characters.txt",
    "name_contexts.txt",
    "not_names.txt",
    "historical_figures.txt",
)
"""All lists that the answer depends on."""

TITLES = ("先生", "女士", "小姐", "太太", "夫人", "教授", "老师", "医生", "大夫", "博士", "院士", "同志", "律师", "警官")
"""Words after which nobody doubts that the surname before them is a person's."""

POINTS: dict[str, float] = {
    "1 given both": 0.1,
    "1 given common": -0.4,
    "1 given name": 0.7,
    "1 given unlisted": -1.5,
    "2 given both": 0.6,
    "2 given common": 0.5,
    "2 given name": 1.9,
    "2 given never": -3.0,
    "2 given unlisted": -1.1,
    "2 in one name": -0.6,
    "2 in one word": -0.7,
    "3 in one name": 0.3,
    "3 in one word": 0.3,
    "after character": -1.5,
    "after colon": 1.3,
    "after joint": 0.4,
    "after mark": -1.0,
    "after name": -0.6,
    "after nickname": -2.5,
    "after nothing": 0.9,
    "after place": -2.0,
    "after preposition": -0.2,
    "after role": 1.6,
    "after verb": -0.8,
    "after word": -1.3,
    "before adverb": 0.7,
    "before character": -2.8,
    "before colon": -0.7,
    "before context": 1.2,
    "before joint": 1.6,
    "before mark": -0.7,
    "before name": -1.2,
    "before nothing": -0.6,
    "before number": 0.5,
    "before place": -0.8,
    "before sure context": 2.4,
    "before thing": -2.1,
    "before verb": 0.1,
    "before word": -0.2,
    "begins with no name": -2.1,
    "compound surname and words": -0.5,
    "dotted": 9.0,
    "ends in particle": -1.2,
    "figure": 6.0,
    "foreign": -0.2,
    "foreign of many characters": 1.7,
    "foreign of many name": -0.7,
    "foreign of many place": -1.9,
    "foreign of many word": -0.3,
    "foreign of one name": 1.7,
    "foreign of one place": -0.3,
    "foreign of one word": -0.9,
    "known given both": 2.0,
    "known given common": 1.4,
    "known given name": 2.3,
    "known given never": -3.0,
    "known given unlisted": -0.8,
    "length 2": -1.6,
    "length 3": -0.1,
    "length 4": 0.2,
    "length 5": 0.9,
    "native": -1.4,
    "no name": -4.5,
    "run cut": -2.4,
    "single characters": 1.2,
    "surname and name": -1.3,
    "surname and word": -1.0,
    "surname compound": 1.1,
    "surname doubtful": -0.8,
    "surname rare": -0.8,
    "surname sure": 0.9,
    "surname usual": 0.5,
    "surname word": -2.2,
    "titled": 5.0,
    "word for a sound": -0.2,
    "words": -1.2,
}
"""How far each piece of evidence speaks for a name; a name has more than 0 in sum.

Weights of a logistic regression over the tagged People's Daily of January 1998, reviews of goods without names, and captions
of our own, rounded; those of dotted names, titles, figures, nicknames and colons are set by hand.
"""

_DOTS = "·•・‧∙●"
_GIVEN_AT_MOST = 2
_NAME_AT_MOST = 4
_FOREIGN_AT_MOST = 9
_NICKNAMED_BY = frozenset("小老阿")
"""小王 and 老李 name nobody to a stranger, and stay."""
_JOINED_BY = frozenset("与和及、跟")
_CREDITED_BY = frozenset("：:/")
_PLACES = frozenset("路村乡镇县市区省州山湖河江桥巷苑坊墩峪庄屯寺庙岛湾街站港峡沟店馆园城")
"""What follows the name of a place that is built like a person's: 杨林|路, 夏坡|村."""
_NO_HAN = "\\x00-\u2e7f\u3000-\u33ff\ua000-\uf8ff\ufb00-\uffff"
"""Characters that no name holds, as a class."""
_PARTICLES = frozenset("dpcurfym")
"""Parts of speech that a name seldom ends in."""
_TAGS_BEFORE = {"p": "preposition", "c": "preposition", "v": "verb", "ns": "place", "nt": "place", "nr": "name"}
_TAGS_AFTER = {"v": "verb", "d": "adverb", "p": "adverb", "c": "adverb", "m": "number"}
_PLACES_AFTER = {"surely_after": "before sure context", "after": "before context", "seldom_after": "before thing"}
_ROLES_END_IN = frozenset("员家手长者师星席士")

_TIP = 2.0
"""How many points a second opinion has."""

Span = tuple[int, int]
"""First character of a name and the one after its last."""

SecondOpinion = Callable[[str], Collection[Span]]
"""Tells where another tagger sees names of persons."""

Word = tuple[str, str]
"""A word of the caption, in simplified characters, and its part of speech."""


class Candidate(NamedTuple):
    """What may be a name, and all that speaks for it or against it: keys of `POINTS`."""

    span: Span
    evidence: tuple[str, ...]
    points: float
    """More than 0 for a name."""

    def tipped(self, *, up: bool) -> Candidate:
        """The same after a second opinion."""
        return self._replace(points=self.points + (_TIP if up else -_TIP))


@cache
def possible() -> str:
    """No caption without a match of this (a regular expression of Arrow) names a person: a cheap look before the tagger's."""
    return rf"{_opening(_both_forms)}|[{_both_forms(_foreign_characters())}]{{2}}|\p{{Han}}[{_DOTS}]\p{{Han}}"


@cache
def _openings() -> re.Pattern[str]:
    """Where a Chinese name may begin in a simplified text."""
    return re.compile(f"(?={_opening(''.join)})")


def _opening(forms: Callable[[Collection[str]], str]) -> str:
    """How a Chinese name begins: two characters, or a surname and a title; `forms` are those of a character to look for."""
    doubtless = forms({surname[0] for surname, grade in _surnames().items() if grade != "word"})
    words = forms({surname for surname, grade in _surnames().items() if grade == "word"})
    never = forms([character for character, grade in _given().items() if grade == "never"])
    likely = forms([character for character, grade in _given().items() if grade in ("name", "both")])
    usual = f"[{doubtless}](?:[^{never}{_NO_HAN}]|{'|'.join(TITLES)})|[{words}][{likely}]"
    others = [figure for figure in sorted(historical_figures()) if not re.match(usual, figure)]  # 霍去病
    return "|".join([usual, *(f"[{forms(figure[0])}][{forms(figure[1])}]" for figure in others)])


def person_spans(caption: str, second_opinion: SecondOpinion | None = None) -> list[Span]:
    """Every person's name in the caption, in order; none overlaps another.

    The second opinion is asked only where it may tip the balance, and tips it.
    """
    found = list(candidates(caption))
    if second_opinion and any(candidate.points > -_TIP for candidate in found):
        seen = second_opinion(caption)
        found = [candidate.tipped(up=candidate.span in seen) for candidate in found]
    spans: list[Span] = []
    for candidate in sorted(found, key=lambda candidate: (-candidate.points, candidate.span[0], -candidate.span[1])):
        start, end = candidate.span
        if candidate.points > 0 and not any(start < other_end and other_start < end for other_start, other_end in spans):
            spans.append((start, end))
    return sorted(spans)


def candidates(caption: str) -> Iterator[Candidate]:
    """All that is built like a name; they may overlap."""
    import rjieba

    text = simplified(caption)
    words = rjieba.tag(text, False)  # noqa: FBT003  positional only: words of the dictionary alone, no guesses
    starts = list(accumulate((len(word) for word, _ in words), initial=0))
    openings = {match.start() for match in _openings().finditer(text)}
    for index, start in enumerate(starts):
        if start in openings:
            yield from _titled(words, index, start)
            yield from _native(words, index, start)
    foreign = _foreign_characters()
    for first, last in _runs([word[0] in foreign and _may_be_foreign(word, tag) for word, tag in words]):
        yield from _foreign(words, first, last, starts)
    for match in _dotted().finditer(text) if any(dot in text for dot in _DOTS) else ():
        yield _candidate(_whole_words(match, starts), "dotted")


def _candidate(span: Span, *evidence: str) -> Candidate:
    return Candidate(span, evidence, sum(POINTS.get(key, 0.0) for key in evidence))


def simplified(text: str) -> str:
    """The text with its traditional characters as simplified ones, each in its place."""
    return text.translate(variants.simplified_of())


def _titled(words: list[Word], index: int, start: int) -> Iterator[Candidate]:
    """王|先生, 欧阳教授: the surname alone."""
    text = words[index][0]
    surname = text[:-2] if text.endswith(TITLES) else text
    following = words[index + 1][0] if index + 1 < len(words) else ""
    if _surnames().get(surname, "word") != "word" and (surname != text or following in TITLES):
        yield _candidate((start, start + len(surname)), "titled", _before(words, index))


def _native(words: list[Word], index: int, start: int) -> Iterator[Candidate]:
    """Names of a surname and one or two characters that begin with this word and end with a word."""
    text = ""
    for after in range(index + 1, len(words) + 1):
        text += words[after - 1][0]
        if len(text) > _NAME_AT_MOST:
            return
        for surname in (text[:2], text[:1]):
            if surname in _surnames() and 1 <= len(text) - len(surname) <= _GIVEN_AT_MOST:
                whole = after == index + 1 and words[index][1].startswith("nr")
                made = _made(surname, text[len(surname) :], whole=whole)
                if made or text in historical_figures():
                    shape = _shape(words[index:after], surname)
                    span = start, start + len(text)
                    evidence = (*made, *_known(text), shape, *_particle(words[after - 1]), *_beside(words, index, after))
                    yield _candidate(span, "native", *evidence)


def _made(surname: str, given: str, *, whole: bool) -> list[str]:
    """Evidence of the characters; empty where no name is made of them."""
    grade = _surnames()[surname]
    grades = [_given().get(character, "unlisted") for character in given]
    if not all(map(_is_han, given)):
        return []
    if grades[0] == "never" or (grade == "word" and grades[0] not in ("name", "both")):
        return []
    return [f"surname {grade}", *(f"{'known' if whole else len(given)} given {each}" for each in grades)]


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff"


def _known(text: str) -> list[str]:
    if text in historical_figures():
        return ["figure"]
    return ["no name"] if text in _not_names() else ["begins with no name"] if text[:-1] in _not_names() else []


def _shape(words: list[Word], surname: str) -> str:
    """How the name lies in the words: 周杰伦 is one, 王|建国, 冯|巩, 段子|轩."""
    if len(words) == 1:
        text, tag = words[0]
        return f"{min(len(text), 3)} in one {'name' if tag.startswith('nr') else 'word'}"
    if len(surname) > 1:
        return "compound surname and words"
    if all(len(word) == 1 for word, _ in words):
        return "single characters"
    if words[0][0] != surname:
        return "words"
    return f"surname and {'name' if words[1][1].startswith('nr') else 'word'}"


def _particle(word: Word) -> list[str]:
    """熊|正 is the bear that just does something."""
    text, tag = word
    return ["ends in particle"] if len(text) == 1 and tag[0] in _PARTICLES else []


def _runs(fitting: list[bool]) -> Iterator[tuple[int, int]]:
    """Where words follow each other that may be a foreign name together: the first and the one after the last."""
    first = 0
    for index, fits in enumerate([*fitting, False]):
        if not fits:
            if index > first:
                yield first, index
            first = index + 1


def _may_be_foreign(word: str, tag: str) -> bool:
    return (len(word) == 1 or tag.startswith(("n", "x"))) and _foreign_characters().issuperset(word)


def _foreign(words: list[Word], first: int, last: int, starts: list[int]) -> Iterator[Candidate]:
    """Names written by sound, of the words from `first` to before `last`, or of some of them."""
    for begin in range(first, last):
        for after in range(begin + 1, last + 1):
            text = "".join(word for word, _ in words[begin:after])
            if len(text) > _FOREIGN_AT_MOST:
                break
            if len(text) > 1:
                cut = ["run cut"] * ((begin > first) + (after < last))
                sounds = ["word for a sound" for character in text if _foreign_grades()[character] == "word"]
                made = (
                    "foreign",
                    f"length {min(len(text), 5)}",
                    *sounds,
                    *cut,
                    _foreign_shape(words[begin:after]),
                    *_known(text),
                )
                yield _candidate((starts[begin], starts[after]), *made, *_beside(words, begin, after))


def _foreign_shape(words: list[Word]) -> str:
    tags = {tag[:2] for word, tag in words if len(word) > 1}
    kind = "name" if tags == {"nr"} else "place" if "ns" in tags else "word" if tags else "characters"
    return f"foreign of {'one' if len(words) == 1 else 'many'} {kind}"


def _beside(words: list[Word], index: int, after: int) -> list[str]:
    return [_before(words, index), _after(words, after)]


def _before(words: list[Word], index: int) -> str:
    """What kind of word stands before the one at `index`, a blank aside."""
    if index == 0:
        return "after nothing"
    text, tag = words[index - 2 if index > 1 and words[index - 1][0].isspace() else index - 1]
    if text in _NICKNAMED_BY:
        return "after nickname"
    if text in _context("before") or (len(text) > 1 and text[-1] in _ROLES_END_IN and text not in _context("no_role")):
        return "after role"
    kind = _TAGS_BEFORE.get(tag[:2] if len(text) > 1 else "") or _TAGS_BEFORE.get(tag[:1])
    return f"after {_mark(text[-1]) or kind or _size(text)}"


def _after(words: list[Word], index: int) -> str:
    """What kind of word stands at `index`."""
    if index == len(words):
        return "before nothing"
    text, tag = words[index]
    for place, kind in _PLACES_AFTER.items():
        if text in _context(place):
            return kind
    if _surnames().get(text) in ("sure", "usual") or (tag.startswith("nr") and text[0] in _first_characters()):
        return "before name"
    return f"before {_mark(text[0]) or _TAGS_AFTER.get(tag[:1]) or ('place' if text in _PLACES else _size(text))}"


def _mark(character: str) -> str:
    """What kind of mark, or joint between names, it is; empty for all else."""
    if character in _JOINED_BY:
        return "joint"
    if character in _CREDITED_BY:
        return "colon"
    return "" if character.isalnum() else "mark"


def _size(text: str) -> str:
    return "character" if len(text) == 1 else "word"


def _whole_words(match: re.Match[str], edges: list[int]) -> Span:
    """Where the match stands, less the words that it cuts in two: 迪卡普里奥提|供."""
    start, end = match.span()
    first = next(edge for edge in edges if edge >= start)
    last = next(edge for edge in reversed(edges) if edge <= end)
    return (first, last) if any(dot in match.string[first:last] for dot in _DOTS) else (start, end)


@cache
def historical_figures() -> frozenset[str]:
    """Names that nobody doubts."""
    return frozenset(" ".join(resources.lines("historical_figures.txt")).split())


@cache
def _graded(name: str) -> dict[str, tuple[str, ...]]:
    """The entries of a list by the first word of their lines."""
    graded: dict[str, tuple[str, ...]] = {}
    for line in resources.lines(name):
        grade, *entries = line.split()
        graded[grade] = (*graded.get(grade, ()), *entries)
    return graded


def _graded_characters(name: str) -> dict[str, str]:
    return {character: grade for grade, runs in _graded(name).items() for character in "".join(runs)}


@cache
def _surnames() -> dict[str, str]:
    """The grade of each surname."""
    return {surname: grade for grade, surnames in _graded("surnames.txt").items() for surname in surnames}


@cache
def _given() -> dict[str, str]:
    """The grade of each character of given names."""
    return _graded_characters("given_name_characters.txt")


@cache
def _context(place: str) -> frozenset[str]:
    return frozenset(_graded("name_contexts.txt")[place])


@cache
def _first_characters() -> frozenset[str]:
    return frozenset(surname[0] for surname in _surnames())


@cache
def _not_names() -> frozenset[str]:
    return frozenset(" ".join(resources.lines("not_names.txt")).split())


@cache
def _foreign_characters() -> frozenset[str]:
    return frozenset(_foreign_grades())


@cache
def _foreign_grades() -> dict[str, str]:
    """The grade of each character that foreign names are written with."""
    return _graded_characters("transliteration_characters.txt")


@cache
def _dotted() -> re.Pattern[str]:
    """汤姆·克鲁斯: two or more runs of the characters that foreign names are written with, joined by dots."""
    run = f"[{''.join(_foreign_characters())}]{{1,7}}"
    return re.compile(f"{run}(?:[{_DOTS}]{run})+")


def _both_forms(characters: Collection[str]) -> str:
    """These characters and those that they are the simplified forms of."""
    wanted = set(characters)
    return "".join(sorted(wanted | {chr(code) for code, form in variants.simplified_of().items() if form in wanted}))
