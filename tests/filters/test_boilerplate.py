"""Captions that belong to a page and not to a picture."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.filters.boilerplate import Boilerplate


def _measured(link: Boilerplate, caption: str | None) -> tuple[int | None, str | None]:
    columns = link.measure(Batch(pa.table({"caption": pa.array([caption], pa.string())})))
    return columns["boilerplate"][0].as_py(), columns["boilerplate_category"][0].as_py()


@pytest.mark.parametrize(
    ("caption", "category"),
    [
        ("图片", "empty word"),
        ("图1", "empty word"),
        ("第三张图片", "empty word"),
        ("暂无图片", "missing image"),
        ("Loading...", "missing image"),
        ("查看源网页", "invitation to act"),
        (" 【点击查看大图】 ", "invitation to act"),
        ("Click to  Enlarge", "invitation to act"),
        ("上一页", "navigation"),
        ("第3张", "navigation"),
        ("共12页", "navigation"),
        ("分享 到 微信", "sharing"),
        ("扫码关注公众号", "QR code"),
        ("打赏二维码", "QR code"),
        ("扫描下方二维码关注我们", "QR code"),
        ("LOGO", "site furniture"),
        ("版权所有 侵权必究", "legal notice"),
        ("京ICP备12345678号", "legal notice"),
        ("如下图所示：", "reference in a text"),
    ],
)
def test_phrases_of_pages(caption: str, category: str) -> None:
    """The whole caption is a known phrase or pattern; case, white space and punctuation around it do not count."""
    assert _measured(Boilerplate(), caption) == (1, category)


@pytest.mark.parametrize("caption", ["红烧肉图片", "一只猫坐在照片前", "logo设计", "小孩在读第三页书", "！！！", ""])
def test_captions(caption: str) -> None:
    """A caption that only holds such a phrase says more than the phrase."""
    assert _measured(Boilerplate(), caption) == (0, None)


def test_unmeasurable() -> None:
    """No caption: null."""
    assert _measured(Boilerplate(), None) == (None, None)


def test_own_list(tmp_path: Path) -> None:
    """A user's list adds phrases and patterns; the comment line above names the category, else the file does."""
    path = tmp_path / "own.txt"
    path.write_text("摄影部落\n# shop\n包邮\n/\\d+元/\n", encoding="utf-8")
    link = Boilerplate(lists=(str(path),))
    assert [_measured(link, caption) for caption in ("摄影部落", "包邮！", "25元", "图片")] == [
        (1, "own"),
        (1, "shop"),
        (1, "shop"),
        (1, "empty word"),
    ]
    assert list(link.resources()) == ["boilerplate.txt", str(path)]


def test_wrong_pattern(tmp_path: Path) -> None:
    """A pattern that does not compile is the config's fault, and the message names it."""
    path = tmp_path / "own.txt"
    path.write_text("/(/\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own\.txt.*\(/"):
        _measured(Boilerplate(lists=(str(path),)), "图片")


def test_every_shipped_phrase() -> None:
    """Every phrase that ships is found by itself."""
    phrases = [line for line in resources.lines("boilerplate.txt") if not line.startswith("/")]
    assert len(phrases) >= 150
    score = Boilerplate().score(Batch(pa.table({"caption": phrases})))
    assert set(score.to_pylist()) == {1}
