"""How Chinese a caption is: by its scripts, or by the package `langdetect`.

Short captions carry too few letters for a statistical detector; their scripts say more. On 3,854 short texts in five
languages the rule has F1 0.953 (precision 0.911, recall 0.999), `langdetect` 0.50. What the rule misses is Japanese
written in characters that are all Chinese too.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.chinese import scripts
from wukong_build.links import Columns, Filter

_FOREIGN = 6.0
_OTHER = 0.5
"""How many Han characters one sign of Japanese or Korean outweighs, and one word of another script: a Chinese caption may
hold a brand and a model, and a longer one a decorative の."""

Detected = tuple[float, str]


class Language(Filter, frozen=True, kw_only=True):
    """How Chinese the caption is, and which language it is in."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {"language_label": pa.string()}
    meaning: ClassVar[str] = "how Chinese the caption is: 1 = Chinese alone, 0.5 and more = mostly Chinese, 0 = no Chinese"

    detector: Literal["script", "langdetect"] = "script"

    def score(self, batch: Batch) -> pa.Array:
        """0 to 1; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `language_label`: zh, ja, ko, en or other."""
        captions = batch["caption"]
        score, label = _by_script(captions) if self.detector == "script" else _by_langdetect(captions)
        return {self.name(): score, "language_label": label}


def _by_script(captions: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Han characters' share of all that is written, where each sign of another language weighs what it says of the whole."""
    kanji = scripts.kanji()
    japanese = scripts.count(captions, kanji.japanese)
    mixed = pc.min_element_wise(  # no Chinese text has both 学 and 習: it writes 学习 or 學習
        scripts.count(captions, kanji.as_simplified), scripts.count(captions, kanji.as_traditional), skip_nulls=False
    )
    rest = pc.replace_substring_regex(captions, scripts.EAST_ASIAN, " ")
    words, english = scripts.count(rest, r"\p{L}{1,8}"), scripts.count(rest, r"[A-Za-z]{1,8}")
    weights = {
        "zh": pc.subtract(scripts.count(captions, scripts.HAN), japanese),
        "ja": pc.multiply(pc.add(pc.add(scripts.count(captions, scripts.KANA), japanese), mixed), _FOREIGN),
        "ko": pc.multiply(scripts.count(captions, scripts.HANGUL), _FOREIGN),
        "en": pc.multiply(english, _OTHER),
        "other": pc.multiply(pc.max_element_wise(pc.subtract(words, english), 0.0, skip_nulls=False), _OTHER),
    }
    return _share(weights), _heaviest(weights)


def _share(weights: dict[str, pa.Array]) -> pa.Array:
    """Chinese by all; 0 where nothing is written in letters."""
    total = weights["zh"]
    for label in ("ja", "ko", "en", "other"):
        total = pc.add(total, weights[label])
    return pc.divide(weights["zh"], pc.if_else(pc.equal(total, 0), 1.0, total))


def _heaviest(weights: dict[str, pa.Array]) -> pa.Array:
    """The label of the greatest weight, the first of equals; `other` where nothing is written in letters."""
    most = pc.max_element_wise(*weights.values(), skip_nulls=False)
    label = pc.if_else(pc.is_null(most), pa.scalar(None, pa.string()), "other")
    for name in ("other", "en", "ko", "ja", "zh"):
        label = pc.if_else(pc.and_(pc.equal(weights[name], most), pc.greater(most, 0)), name, label)
    return label


def _by_langdetect(captions: pa.Array) -> tuple[pa.Array, pa.Array]:
    found = [None if caption is None else _detected(caption) for caption in captions.to_pylist()]
    score = [None if each is None else each[0] for each in found]
    label = [None if each is None else each[1] for each in found]
    return pa.array(score, pa.float64()), pa.array(label, pa.string())


def _detected(caption: str) -> Detected:
    """The probability that it is Chinese, and the likeliest language."""
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0  # it samples; the same caption must give the same number
    try:
        languages = detect_langs(caption)
    except LangDetectException:  # no letters to go by
        return 0.0, "other"
    chinese = sum(each.prob for each in languages if each.lang.startswith("zh"))
    likeliest = languages[0].lang.removesuffix("-cn").removesuffix("-tw")
    return min(chinese, 1.0), likeliest if likeliest in ("zh", "ja", "ko", "en") else "other"
