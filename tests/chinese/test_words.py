"""Word lists as automata: their files, what is counted, and what holds for any text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wukong_build.chinese import variants
from wukong_build.chinese.words import LONGEST, Entry, WordList, entries, word_list
from wukong_build.errors import ConfigError


def _found(words: WordList, captions: list[str | None]) -> list[list[tuple[int, int, str]]]:
    """The hits of each caption: start, end and category."""
    hits = words.hits(pa.array(captions, pa.string()))
    found: list[list[tuple[int, int, str]]] = [[] for _ in captions]
    for row, *span, category in zip(*(each.tolist() for each in hits), strict=True):
        found[row].append((*span, words.categories[category]))
    return found


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("", []),
        (None, []),
        ("风景", []),
        ("网上赌场与赌场", [(0, 4, "a"), (5, 7, "b")]),
        ("赌场赌场", [(0, 2, "b"), (2, 4, "b")]),
        ("冰", [(0, 1, "a"), (0, 1, "b")]),
        ("上赌场", [(1, 3, "b")]),
        ("𠮷𠮷冰", [(2, 3, "a"), (2, 3, "b")]),
        ("地下赌场网", [(0, 4, "b")]),
    ],
)
def test_hits(caption: str | None, expected: list[tuple[int, int, str]]) -> None:
    """Hits do not overlap, the first counts and the longest of those that begin together; a word may have two categories."""
    words = [("a", ("网上赌场", "冰", "AV")), ("b", ("赌场", "冰", "地下赌场")), ("c", ("赌场网",))]
    known = WordList(Entry(word, category) for category, several in words for word in several)
    assert _found(known, [caption]) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("赌博\n", [Entry("赌博", "own")]),
        ("\n# 说明\n  赌博  \n", [Entry("赌博", "own")]),
        ("#赌博\n毒品", [Entry("毒品", "own")]),
        ("two words\r\n", [Entry("two words", "own")]),
        ("!禁止赌博\n! 反赌博\n", [Entry("禁止赌博", ""), Entry("反赌博", "")]),
        ("甲\n#: whole words\n乙\n#: anywhere\n丙", [Entry("甲", "own"), Entry("乙", "own", whole=True), Entry("丙", "own")]),
        ("#:whole words\n乙", [Entry("乙", "own", whole=True)]),
    ],
)
def test_entries(text: str, expected: list[Entry]) -> None:
    """One word a line; `#` begins a comment, `#:` tells how the words below count, `!` begins an innocent phrase."""
    assert list(entries("lists/own.txt", text)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "own.txt.*no word in it"),
        ("# 说明\n\n#: whole words\n".encode(), "own.txt.*no word in it"),
        ("甲\n#: whole word\n".encode(), r"own.txt', line 2: `#: whole word` says nothing \(did you mean whole words\?\)"),
        ("甲\n#:\n".encode(), "own.txt', line 2.*`#: whole words` or `#: anywhere`"),
        ("甲\n\n".encode() + "看".encode() * 10_000, f"own.txt', line 3: 10000 characters; a word has {LONGEST} at most"),
        ("甲\n!\n".encode(), "own.txt', line 2.*no character that can be seen"),
        ("甲\n\u200b\n".encode(), "own.txt', line 2.*no character that can be seen"),
        ("赌博".encode("gb18030"), "own.txt.*byte 0 is not UTF-8"),
    ],
)
def test_bad_list(tmp_path: Path, content: bytes, expected: str) -> None:
    """A list that cannot be meant is the config's fault; the message names the file and the line."""
    path = tmp_path / "own.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected):
        word_list((str(path),))


@pytest.mark.parametrize("content", ["\ufeff甲\r\n", "甲\n甲\n", "甲", "!乙\n甲\n"])
def test_odd_list(tmp_path: Path, content: str) -> None:
    """A byte order mark, Windows' line ends, words that stand twice and words of one character are no fault."""
    path = tmp_path / "own.txt"
    path.write_bytes(content.encode())
    assert _found(word_list((str(path),)), ["甲甲"]) == [[(0, 1, "own"), (1, 2, "own")]]


def test_no_words() -> None:
    """Without a list there is nothing to look for."""
    with pytest.raises(ConfigError, match="no words"):
        word_list(())


def test_changed_list(tmp_path: Path) -> None:
    """A list that changed under the same name is read again."""
    path = tmp_path / "own.txt"
    for word in ("甲", "乙"):
        path.write_text(word, encoding="utf-8")
        assert _found(word_list((str(path),)), [word]) == [[(0, 1, "own")]]


@pytest.mark.hostile
def test_many_words() -> None:
    """Fifty thousand words are an automaton in a moment, and each is found."""
    words = [chr(0x4E00 + number // 200) + chr(0x5E00 + number % 200) + "赌" for number in range(50_000)]
    known = WordList(Entry(word, "many") for word in words)
    assert [len(hits) for hits in _found(known, words[::100])] == [1] * 500


@pytest.mark.hostile
@pytest.mark.parametrize(
    "caption", ["看" * 33_334, "看-" * 33_334, "赌" + "-" * 100_000 + "博", "p." * 50_000, "一次性生活" * 20_000]
)
def test_long_caption(caption: str) -> None:
    """A caption of 100,000 characters that is nothing but hits, or nearly hits, takes a moment."""
    _found(WordList(entries("a.txt", "看\n看看\n看看看\n赌博\npppp\n性生活\n!一次性生活\n#: whole words\n看\n次性")), [caption])


WORDS = ["赌博", "赌场", "网上赌场", "海洛因", "av", "porn", "k粉", "c++", "国产", "一夜情"]
TEXTS = st.text(st.sampled_from([*"".join(WORDS), *"賭０Ａ -，。.我的品\n\u200b\ufe0f🎲の+"]), max_size=30) | st.text(max_size=20)
CAPTIONS = st.lists(TEXTS | st.none(), max_size=6)
MADE = [
    WordList(entries("a.txt", "\n".join([*WORDS, "!国产化", "#: whole words", "博"])), in_disguise=in_disguise, by_sound=by_sound)
    for in_disguise, by_sound in ((True, False), (True, True), (False, False), (False, True))
]


@given(CAPTIONS, st.sampled_from(MADE))
def test_any_text(captions: list[str | None], words: WordList) -> None:
    """Whatever the captions, each gives the same alone as among others: spans within it, in order, without overlap."""
    found = _found(words, captions)
    assert found == [_found(words, [caption])[0] for caption in captions]
    for caption, hits in zip(captions, found, strict=True):
        edges = [edge for start, end, _ in hits for edge in (start, end)]
        assert edges == sorted(edges)
        assert all(0 <= start < end <= len(caption or "") for start, end, _ in hits)


DISGUISES = st.sampled_from(["", "", "-", " ", "\u3000", "*", "·", "0", "Ｘ", "\u200b", "🎲", "--", " 1 ", "\u200d\u200d-"])


@given(TEXTS, st.sampled_from(["赌博", "赌场", "海洛因"]), st.lists(DISGUISES, min_size=2, max_size=2), TEXTS)
@example("", "海洛因", ["-----", " 0 "], "")
def test_planted(before: str, word: str, disguises: list[str], after: str) -> None:
    """A word in any disguise that may be is found wherever the text around it divides sentences, and its span covers it."""
    planted = word[0] + "".join(disguise + character for disguise, character in zip(disguises, word[1:], strict=False))
    caption = f"{before}。{planted}。{after}"
    start = len(before) + 1
    assert (start, start + len(planted), "a") in _found(MADE[0], [caption])[0]


@given(TEXTS)
def test_to_the_letter(caption: str) -> None:
    """Without disguises what is hit is a word of the list, to the letter; in disguise all the same places are covered."""
    literal = _found(MADE[2], [caption])[0]
    assert {caption[start:end] for start, end, _ in literal} <= {*WORDS, "博"}
    covered = {place for start, end, _ in _found(MADE[0], [caption])[0] for place in range(start, end)}
    hit = [span for span in literal if caption[span[0] : span[1]] not in ("博", "国产")]
    assert all(covered & set(range(start, end)) for start, end, _ in hit)


@settings(max_examples=30)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_chunks(captions: list[str]) -> None:
    """However many captions are looked through at once, the hits are the same."""
    words = WordList(entries("a.txt", "\n".join(WORDS)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("wukong_build.chinese.words._CAPTIONS_AT_ONCE", 7)
        small = _found(words, captions)
    assert small == _found(words, captions)


@pytest.mark.parametrize(
    ("text", "plain"), [("賭０博ＡＶ", "赌0博av"), ("①𝐀ⅷ", "1aⅷ"), ("乾幹干", "干干干"), ("㎏ﬁİ", "㎏ﬁİ"), ("\U0002f800", "丽")]
)
def test_plain(text: str, plain: str) -> None:
    """Each character folds to one; what would be several stays as it is."""
    assert variants.text_of(variants.plain()[variants.codes_of(text)]) == plain


@pytest.mark.parametrize(
    ("characters", "kind"),
    [
        ("赌々〇のカ한𠮷", variants.HAN),
        ("aZ09éжα", variants.LETTER),
        (" \t-*·.…（】★🎲\u3000", variants.FILLER),
        ("\u200b\u200d\ufeff\ufe0f\u00ad\x00", variants.INVISIBLE),
        ("，。！？；：、,!?;:\n", variants.DIVIDER),
    ],
)
def test_kinds(characters: str, kind: int) -> None:
    """Every code point has one of five kinds."""
    assert set(variants.kinds()[variants.codes_of(characters)].tolist()) == {kind}
