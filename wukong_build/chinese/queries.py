"""What to ask search engines for: Chinese words and phrases, those first that are used most.

Ranks what word-frequency lists have; by itself jieba's dictionary (MIT), 349,000 words with count and part of speech. The paper
asked for the 200,000 that are left of the vocabulary of Song et al. 2018 when it is filtered by frequency. Asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.errors import ConfigError, listed

JIEBA = "jieba"
"""The name of its dictionary among the lists."""

KINDS = tuple("a an b i j l n ns nt nz s t v vi vn z".split())  # noqa: SIM905  words read better than a list of strings
"""Parts of speech, as jieba has them, of what pictures may show: things, places, doings, idioms; no names of persons."""

AT_MOST = 200_000
"""As many as the paper asked for."""

WORDS = ("query", "word", "text", "keyword")
COUNTS = ("weight", "frequency", "freq", "count")
"""What the columns of a Parquet file are called."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LINE = re.compile(r"(?P<word>.+?)[\s,]+(?P<count>[0-9]+(?:\.[0-9]+)?)(?:[\s,]+(?P<kind>\S+))?")
_SCHEMA = pa.schema([("query", pa.string()), ("weight", pa.float64())])


def ranked(
    lists: Sequence[str] = (JIEBA,),
    at_most: int = AT_MOST,
    *,
    shortest: int = 2,
    longest: int = 12,
    kinds: Sequence[str] | None = KINDS,
) -> pa.Table:
    """The most used words of some lists: `query`, and `weight`, its share of all that the lists count, heaviest first.

    Words of that many characters, one Chinese at least; where a list tells parts of speech, of those kinds, or of any. A list has
    `word count` or `word count kind` in each line, or is a Parquet file. ConfigError where one cannot be read or has no word.
    """
    weights: dict[str, float] = {}
    for path in lists:
        counted: dict[str, float] = {}
        total = 0.0
        for word, count, kind in _rows(path):
            total += count
            if shortest <= len(word) <= longest and _HAN.search(word) and (not kind or kinds is None or kind in kinds):
                counted[word] = counted.get(word, 0.0) + count
        if not counted:
            raise ConfigError(f"{path}: has no word to ask for; `word count` in each line is meant, as in 花园 1534")
        for word, count in counted.items():
            weights[word] = weights.get(word, 0.0) + count / total / len(lists)
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:at_most]
    return pa.table([[word for word, _ in heaviest], [weight for _, weight in heaviest]], schema=_SCHEMA)


def _rows(path: str) -> Iterator[tuple[str, float, str]]:
    """Word, count and kind of every row that has them."""
    try:
        yield from _of_jieba() if path == JIEBA else _of_parquet(path) if path.endswith(".parquet") else _of_lines(path)
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        raise ConfigError(f"{path}: the words cannot be read: {error}") from error


def _of_jieba() -> Iterator[tuple[str, float, str]]:
    import jieba

    with jieba.get_dict_file() as file:
        yield from _lines(line.decode("utf-8") for line in file)


def _of_lines(path: str) -> Iterator[tuple[str, float, str]]:
    with fsspec.open(path, "rt", encoding="utf-8-sig", compression="infer") as file:
        yield from _lines(file)


def _lines(lines: Iterator[str]) -> Iterator[tuple[str, float, str]]:
    for line in lines:
        if match := _LINE.fullmatch(line.strip()):
            yield match["word"], float(match["count"]), match["kind"] or ""


def _of_parquet(path: str) -> Iterator[tuple[str, float, str]]:
    with fsspec.open(path, "rb") as file:
        table = pq.ParquetFile(file, pre_buffer=False).read(use_threads=False)  # no threads: see Store.open_part
    names = [next((name for name in meant if name in table.column_names), None) for meant in (WORDS, COUNTS)]
    if None in names:
        raise ValueError(f"columns like `word` and `count` are meant; there are {listed(table.column_names)}")
    words, counts = (table[name].to_pylist() for name in names)
    yield from ((word, float(count), "") for word, count in zip(words, counts, strict=True) if word and count)
