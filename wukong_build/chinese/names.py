"""Where a caption names a person: surname and given name, a surname before a title, or a foreign name joined by dots.

Knows nothing of what becomes of the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

import rjieba

from wukong_build import resources

RESOURCES = ("surnames.txt", "given_name_characters.txt", "transliteration_characters.txt", "not_names.txt")
"""All lists that the answer depends on."""

TITLES = ("先生", "女士", "小姐", "太太", "教授", "老师", "医生", "博士", "院士", "同志", "律师")
"""Words after which nobody doubts that the surname before them is a person's."""

_DOTS = "·•・‧∙●"
_GIVEN_AT_MOST = 2
_PARTICLES = frozenset("由为与和在是对向给")
"""Words that the tagger joins to a name beside them."""
_PLACES = frozenset("路村乡镇县桥巷苑坊墩峪庄屯")
"""What follows the name of a place that is built like a person's: 杨林|路, 夏坡|村."""
_TAGS_OF_LOOSE_ENDS = ("nr", "nrt", "zg", "z", "ns")
"""What the tagger calls the last character of a name that it cut off."""

Word = tuple[str, str]
"""A word and its part of speech."""

Span = tuple[int, int]
"""First character of a name and the one after its last."""


@cache
def possible() -> str:
    """No caption without a match of this (a regular expression of Arrow) names a person: a cheap look before the tagger's."""
    return rf"[{''.join(sorted(_first_characters()))}]\p{{Han}}|\p{{Han}}[{_DOTS}]\p{{Han}}"


def person_spans(caption: str) -> list[Span]:
    """Every person's name in the caption, in order; none overlaps another."""
    words = rjieba.tag(caption)
    ends = list(accumulate((len(word) for word, _ in words), initial=0))
    foreign = [_whole_words(match, ends) for match in _foreign().finditer(caption)]
    native = [span for span in _native(words, ends) if not any(start < span[1] and span[0] < end for start, end in foreign)]
    return sorted(foreign + native)


def is_chinese_name(text: str) -> bool:
    """Built like a name, of a surname and one or two characters of given names, and not a common word."""
    surname = surname_of(text)
    given = text[len(surname) :]
    if not 1 <= len(given) <= _GIVEN_AT_MOST or given == "家":  # 王家 are the Wangs, or their village
        return False
    return bool(surname) and set(given) <= _given() and text not in _not_names()


def surname_of(text: str) -> str:
    """The surname it begins with, a compound one before a single one; empty where it begins with none or is nothing else."""
    if text in surnames():
        return ""
    return next((text[:size] for size in (2, 1) if len(text) > size and text[:size] in surnames()), "")


@cache
def surnames() -> frozenset[str]:
    """Single and compound surnames, simplified and traditional."""
    return frozenset(resources.lines("surnames.txt"))


def _native(words: list[Word], ends: list[int]) -> Iterator[Span]:
    """Names found in tagged words; `ends[i]` is where word i begins."""
    index = 0
    while index < len(words):
        used, start, end = _name_at(words[index : index + 3])
        following = words[index + used][0] if index + used < len(words) else ""
        if used and following[:1] not in _PLACES:
            yield ends[index] + start, ends[index] + end
        index += max(used, 1)


def _name_at(words: list[Word]) -> tuple[int, int, int]:
    """How many of these words the name at their head takes up, and where in them it begins and ends; zeros for no name."""
    head, tag = words[0]
    if head[0] not in _first_characters() and head[0] not in _PARTICLES:
        return 0, 0, 0
    for count, part in _joined(words):
        if is_chinese_name(part):
            return count, 0, len(part)
    if head.endswith(TITLES) and head[:-2] in surnames():
        return 1, 0, len(head) - 2
    if head in surnames() and len(words) > 1 and words[1][0] in TITLES:
        return 1, 0, len(head)
    return _freed_name(head) if tag.startswith("nr") else (0, 0, 0)


def _freed_name(word: str) -> tuple[int, int, int]:
    """As `_name_at`, for a name that the tagger joined to a particle: 由齐强, 毕浩在."""
    if word[0] in _PARTICLES and is_chinese_name(word[1:]):
        return 1, 1, len(word)
    if word[-1] in _PARTICLES and is_chinese_name(word[:-1]):
        return 1, 0, len(word) - 1
    return 0, 0, 0


def _joined(words: list[Word]) -> Iterator[tuple[int, str]]:
    """The texts at the head of these words that may be one name, longest first, each with the number of words it joins."""
    (head, tag), *rest = words
    following = [word for word, _ in rest]
    personal = tag.startswith("nr")
    if len(rest) > 1 and personal and head in surnames() and len(following[0]) == len(following[1]) == 1:
        yield 3, head + following[0] + following[1]  # 张 小 明
    if rest and head in surnames() and (len(head) > 1 or len(following[0]) == _GIVEN_AT_MOST):
        yield 2, head + following[0]  # 廖 建国, 令狐 磊
    if rest and len(head) == 1 and (head + following[0])[:2] in surnames():
        yield 2, head + following[0]  # 公 孙志强
    if rest and len(head) == 2 and len(following[0]) == 1 and rest[0][1] in _TAGS_OF_LOOSE_ENDS:  # noqa: PLR2004  surname and half a given name
        yield 2, head + following[0]  # 段子 轩
    if personal or not rjieba.has_word(head):  # what is in no dictionary may be a name, whatever the tagger calls it
        yield 1, head


def _whole_words(match: re.Match[str], ends: list[int]) -> Span:
    """Where the match stands, less the words that it cuts in two: 迪卡普里奥提|供."""
    start, end = match.span()
    first = next(edge for edge in ends if edge >= start)
    last = next(edge for edge in reversed(ends) if edge <= end)
    return (first, last) if any(dot in match.string[first:last] for dot in _DOTS) else (start, end)


@cache
def _first_characters() -> frozenset[str]:
    return frozenset(surname[0] for surname in surnames())


@cache
def _given() -> frozenset[str]:
    return frozenset("".join(resources.lines("given_name_characters.txt")))


@cache
def _not_names() -> frozenset[str]:
    return frozenset(" ".join(resources.lines("not_names.txt")).split())


@cache
def _foreign() -> re.Pattern[str]:
    """汤姆·克鲁斯: two or more runs of the characters that foreign names are written with, joined by dots."""
    run = f"[{''.join(resources.lines('transliteration_characters.txt'))}]{{1,7}}"
    return re.compile(f"{run}(?:[{_DOTS}]{run})+")
