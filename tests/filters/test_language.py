"""How Chinese a caption is."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.language import Language


def _batch(captions: list[str | None]) -> Batch:
    return Batch(pa.table({"caption": pa.array(captions, pa.string())}))


@pytest.mark.parametrize(
    ("caption", "chinese", "label"),
    [
        ("西湖边的荷花开了", True, "zh"),
        ("臺灣夜市的小吃攤位", True, "zh"),
        ("iPhone 15 Pro Max 手机壳", True, "zh"),
        ("每一天都要喝的鲜の牛奶", True, "zh"),
        ("猫", True, "zh"),
        ("東京タワーの夜景", False, "ja"),
        ("学習", False, "ja"),
        ("雰囲気", False, "ja"),
        ("서울의 밤", False, "ko"),
        ("a red apple on a table", False, "en"),
        ("Привет мир", False, "other"),
        ("ภาพถ่าย", False, "other"),
        ("2021-03-05", False, "other"),
        ("", False, "other"),
    ],
)
def test_script(caption: str, chinese: bool, label: str) -> None:
    """Chinese in either script, with some words of another language among it, is 0.5 or more; all else is less."""
    columns = Language().measure(_batch([caption]))
    score = columns["language"][0].as_py()
    assert 0 <= score <= 1
    assert (score >= 0.5, columns["language_label"].to_pylist()) == (chinese, [label])


@pytest.mark.parametrize("detector", ["script", "langdetect"])
def test_unmeasurable(detector: str) -> None:
    """No caption: neither a score nor a label."""
    columns = Language(detector=detector).measure(_batch([None]))  # type: ignore[arg-type]  # parametrised
    assert [column.to_pylist() for column in columns.values()] == [[None], [None]]


def test_langdetect() -> None:
    """The package's probability, the same at every call."""
    link = Language(detector="langdetect")
    batch = _batch(["西湖边的荷花开了，游人很多", "The quick brown fox jumps over the lazy dog", "123"])
    first = link.measure(batch)
    assert first["language_label"].to_pylist() == ["zh", "en", "other"]
    assert [round(score) for score in first["language"].to_pylist()] == [1, 0, 0]
    assert link.measure(batch) == first
