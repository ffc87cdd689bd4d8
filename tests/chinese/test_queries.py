"""Which words are asked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build.chinese.queries import JIEBA, ranked
from wukong_build.errors import ConfigError


def words(table: pa.Table) -> list[str]:
    """The queries alone."""
    return table["query"].to_pylist()  # type: ignore[no-any-return]


def test_the_dictionary_that_ships() -> None:
    """As many as the paper asked for, the most used first: no single characters, no function words, no persons."""
    table = ranked()
    assert len(table) == 200_000
    assert words(table)[0] == "中国"
    weights = table["weight"].to_pylist()
    assert weights == sorted(weights, reverse=True)
    found = set(words(table))
    assert {"玫瑰", "天安门", "井底之蛙", "人民代表大会"} <= found
    assert found.isdisjoint({"的", "因为", "我们", "毛泽东", "二十"})
    assert min(map(len, found)) == 2


def test_lists_of_ones_own(tmp_path: Path) -> None:
    """Lines or Parquet; each list counts as much as another, whatever it was counted in."""
    (tmp_path / "lines.txt").write_text(
        "# word count\n花园 30 n\n王小明\t50\tnr\n红茶,20\n很 99 d\nabc 9\n花园 10\n", encoding="utf-8"
    )
    pq.write_table(pa.table({"word": ["红茶", "绿茶", None], "count": [900, 100, 5]}), tmp_path / "table.parquet")
    lists = [str(tmp_path / "lines.txt"), str(tmp_path / "table.parquet")]
    table = ranked(lists)
    total = 30 + 50 + 20 + 99 + 9 + 10
    assert dict(zip(words(table), table["weight"].to_pylist(), strict=True)) == {
        "红茶": pytest.approx(20 / total / 2 + 900 / 1000 / 2),
        "花园": pytest.approx(40 / total / 2),
        "绿茶": pytest.approx(0.05),
    }
    assert words(ranked(lists, 1)) == ["红茶"]
    assert "王小明" in words(ranked(lists, kinds=None))
    assert words(ranked(lists[:1], shortest=1, kinds=("d",))) == ["很", "红茶", "花园"]
    assert len(ranked([JIEBA, lists[0]], 10)) == 10


@pytest.mark.parametrize(("content", "message"), [("", "has no word"), ("花园\n", "has no word"), ("花园 3 nr\n", "has no word")])
def test_a_list_without_words(tmp_path: Path, content: str, message: str) -> None:
    """Is said with its path and what is meant."""
    (tmp_path / "list.txt").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"list\.txt: {message}"):
        ranked([str(tmp_path / "list.txt")])


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    """Whatever the reason."""
    pq.write_table(pa.table({"x": [1]}), tmp_path / "table.parquet")
    (tmp_path / "gbk.txt").write_bytes("花园 3\n".encode("gb18030"))
    for name in ("no.txt", "gbk.txt", "table.parquet"):
        with pytest.raises(ConfigError, match="the words cannot be read"):
            ranked([str(tmp_path / name)])
