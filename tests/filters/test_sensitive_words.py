"""Sensitive words, by category."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.filters.sensitive_words import SensitiveWords


def _measured(link: SensitiveWords, caption: str | None) -> tuple[int | None, list[str] | None]:
    columns = link.measure(Batch(pa.table({"caption": pa.array([caption], pa.string())})))
    return columns["sensitive_words"][0].as_py(), columns["sensitive_categories"][0].as_py()


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("西湖边的荷花", (0, [])),
        ("网上赌博送冰毒", (2, ["drugs", "gambling"])),
        ("色情网站 色情网站", (2, ["pornography"])),
        ("ＰＯＲＮ", (1, ["pornography"])),
        ("一次性服务员与支援交通", (0, [])),
        ("", (0, [])),
        (None, (None, None)),
    ],
)
def test_shipped_lists(caption: str | None, expected: tuple[int | None, list[str] | None]) -> None:
    """Hits are counted, and their categories named; case and width do not count; null where there is no caption."""
    assert _measured(SensitiveWords(), caption) == expected


@pytest.mark.parametrize("name", [name for name in resources.shipped() if name.startswith("sensitive/")])
def test_each_category(name: str) -> None:
    """Every category has twenty words or more, and each word is a hit of it."""
    words = resources.lines(name)
    assert len(words) >= 20
    category = name.removeprefix("sensitive/").removesuffix(".txt")
    assert all(category in (_measured(SensitiveWords(), word)[1] or []) for word in words)


def test_own_list(tmp_path: Path) -> None:
    """A user's list adds words, its file's name is their category, and it is among the resources."""
    path = tmp_path / "own.txt"
    path.write_text("# 公司\n某某集团\n", encoding="utf-8")
    link = SensitiveWords(lists=(str(path),), at_most=0)
    assert _measured(link, "某某集团总部") == (1, ["own"])
    assert str(path) in link.resources()
    assert pickle.loads(pickle.dumps(link)) == link  # noqa: S301  our own bytes


def test_missing_list() -> None:
    """A list that is not there is the config's fault, and the message names it."""
    with pytest.raises(ConfigError, match=r"no/such\.txt"):
        _measured(SensitiveWords(lists=("no/such.txt",)), "风景")
