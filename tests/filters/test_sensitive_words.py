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
        ("網上賭場", (1, ["gambling"])),
        ("赌-博", (1, ["gambling"])),
        ("禁止赌博", (0, [])),
        ("识别真假币", (0, [])),
        ("时代孕育英才", (0, [])),
        ("黑色情侣装", (0, [])),
        ("大约炮火连天", (0, [])),
        ("维生素K粉 4K粉丝节", (0, [])),
        ("第三级片区", (0, [])),
        ("", (0, [])),
        (None, (None, None)),
    ],
)
def test_shipped_lists(caption: str | None, expected: tuple[int | None, list[str] | None]) -> None:
    """Hits are counted, and their categories named; case and width do not count; null where there is no caption."""
    assert _measured(SensitiveWords(), caption) == expected


@pytest.mark.parametrize("name", [name for name in resources.shipped() if name.startswith("sensitive/")])
def test_each_category(name: str) -> None:
    """Every category tells its source and licence and has thirty words or more; each is a hit of it, an innocent phrase none."""
    assert "Apache-2.0" in resources.read_text(name)
    lines = resources.lines(name)
    words = [line for line in lines if not line.startswith("!")]
    assert len(words) >= 30
    category = name.removeprefix("sensitive/").removesuffix(".txt")
    assert all(_measured(SensitiveWords(), word) == (1, [category]) for word in words)
    assert all(_measured(SensitiveWords(), line[1:]) == (0, []) for line in lines if line.startswith("!"))


def test_spans() -> None:
    """Spans are characters of the caption as it is, in order; a hit of two categories has two, and counts once."""
    columns = SensitiveWords().measure(Batch(pa.table({"caption": ["𠮷網上 賭 場、冰毒", "风景", None]})))
    spans = [
        {"start": 1, "end": 7, "category": "gambling"},
        {"start": 8, "end": 10, "category": "drugs"},
    ]
    assert {name: column.type for name, column in columns.items()} == SensitiveWords.columns()
    assert columns["sensitive_spans"].to_pylist() == [spans, [], None]


def test_two_categories(tmp_path: Path) -> None:
    """A word of two lists is one hit with two categories; a file called like a list that ships adds to its category."""
    for name in ("own", "drugs"):
        (tmp_path / f"{name}.txt").write_text("某某粉", encoding="utf-8")
    link = SensitiveWords(lists=(str(tmp_path / "own.txt"), str(tmp_path / "drugs.txt")))
    columns = link.measure(Batch(pa.table({"caption": ["某某粉"]})))
    assert columns["sensitive_words"].to_pylist() == [1]
    assert columns["sensitive_categories"].to_pylist() == [["drugs", "own"]]
    assert [span["category"] for span in columns["sensitive_spans"][0].as_py()] == ["drugs", "own"]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (SensitiveWords(), ["drugs", "gambling"]),
        (SensitiveWords(categories=("drugs",)), ["drugs"]),
        (SensitiveWords(variants=False), ["drugs"]),
        (SensitiveWords(homophones=True, categories=("gambling",)), ["gambling"]),
    ],
)
def test_settings(link: SensitiveWords, expected: list[str]) -> None:
    """Categories choose among the lists that ship, and without variants a word is found only as it is written."""
    assert _measured(link, "賭博与海洛因")[1] == expected


def test_homophones() -> None:
    """Words count by their sound where that is asked for, and only there."""
    assert _measured(SensitiveWords(), "堵搏网站")[0] == 0
    assert _measured(SensitiveWords(homophones=True), "堵搏网站") == (1, ["gambling"])
    assert _measured(SensitiveWords(homophones=True), "电脑病毒 圆角 随时") == (0, [])


def test_unknown_category() -> None:
    """A category that does not ship is the config's fault, and the message has the nearest that does."""
    with pytest.raises(ConfigError, match=r"sensitive/gambing\.txt.*sensitive/gambling\.txt"):
        _measured(SensitiveWords(categories=("gambing",)), "风景")


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


def test_innocent_phrase_of_a_user(tmp_path: Path) -> None:
    """A user's list may say where a word that ships does not count, and have no word of its own."""
    path = tmp_path / "own.txt"
    path.write_text("!赌博默示录\n", encoding="utf-8")
    assert _measured(SensitiveWords(lists=(str(path),)), "赌博默示录海报") == (0, [])
