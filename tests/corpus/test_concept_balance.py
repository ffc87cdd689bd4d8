"""Fewer of what there is most of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.chain import Chain
from wukong_build.corpus.concept_balance import ConceptBalance
from wukong_build.errors import ConfigError

Row = tuple[str, str | None, str | None]
"""Key, query, caption."""


def scores(link: ConceptBalance, parts: list[list[Row]]) -> dict[str, float | None]:
    """The score of every key."""
    tables = [{name: pa.array([row[at] for row in part], pa.string()) for at, name in enumerate(link.reads)} for part in parts]
    batches = [Batch(pa.table(table)) for table in tables]
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    found: dict[str, float | None] = {}
    for batch in batches:
        found |= dict(zip(batch["key"].to_pylist(), link.measure(batch, merged)[link.name()].to_pylist(), strict=True))
    return found


def kept(link: ConceptBalance, found: dict[str, float | None]) -> list[str]:
    """The keys that the link's bounds leave."""
    stays = link.keep(pa.array(found.values(), pa.float64())).to_pylist()
    return [key for key, each in zip(found, stays, strict=True) if each]


def listed(tmp_path: Path, *concepts: str) -> tuple[str]:
    """A list of concepts."""
    path = tmp_path / "concepts.txt"
    path.write_text("\n".join(concepts), encoding="utf-8")
    return (str(path),)


def test_a_cap_for_each_query() -> None:
    """Of each query the score is a place, from 1, so that a bound keeps so many and no more; where there are fewer, all."""
    rows: list[Row] = [(f"{query}{number}", query, None) for query, count in (("猫", 50), ("狗", 3)) for number in range(count)]
    found = scores(ConceptBalance(), [rows])
    for query, count in (("猫", 50), ("狗", 3)):
        assert sorted(score or 0 for key, score in found.items() if key[0] == query) == list(range(1, count + 1))
    assert Counter(key[0] for key in kept(ConceptBalance(at_most=10), found)) == {"猫": 10, "狗": 3}


@pytest.mark.parametrize("concepts", [(), ("一个概念",)])
@pytest.mark.parametrize(("without", "score"), [("keep", 0), ("drop", None)])
def test_without_a_concept(concepts: tuple[str, ...], without: Any, score: float | None, tmp_path: Path) -> None:
    """A sample that has none is kept, or has no score and misses every bound, as the config says."""
    link = ConceptBalance(concepts=listed(tmp_path, *concepts) if concepts else (), without_concept=without, at_most=1)
    found = scores(link, [[("a", None, "别的"), ("b", None, None), ("c", None, "")]])
    assert found == {"a": score, "b": score, "c": score}
    assert kept(link, found) == (["a", "b", "c"] if without == "keep" else [])


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("一只猫", {"猫"}),
        ("一只貓", {"猫"}),
        ("黑猫和狗", {"猫", "黑猫", "狗"}),
        ("A Black Cat", {"cat", "black cat"}),
        ("ＣＡＴ", {"cat"}),
        ("concatenation cats", set()),
        ("cat猫", {"cat", "猫"}),
        ("猫猫猫", {"猫"}),
        ("猫\n狗", {"猫", "狗"}),
        ("\x00\u202e😀" + "看" * 30_000 + "狗", {"狗"}),
        ("鸟", set()),
    ],
)
def test_which_concepts_a_caption_has(caption: str, found: set[str], tmp_path: Path) -> None:
    """Those that stand in it, one within another too, each once; Latin ones as whole words alone."""
    link = ConceptBalance(concepts=listed(tmp_path, "# animals", "猫", "貓", "黑猫", "狗", "cat", "Black cat"))
    batch = Batch(pa.table({"key": ["a", "b"], "query": pa.nulls(2, pa.string()), "caption": [None, caption]}))
    counts = link.merge(link.survey(batch)).to_pylist()
    assert {row["concept"].lower(): row["count"] for row in counts} == dict.fromkeys(found, 1)


def test_each_concept_draws_its_share(tmp_path: Path) -> None:
    """About `at_most` of a frequent concept stay, and all of a rare one, whatever else they show."""
    rows: list[Row] = [(f"{number:05d}", None, "一只猫" if number % 100 else "一只猫和一只鼬") for number in range(20_000)]
    link = ConceptBalance(concepts=listed(tmp_path, "猫", "鼬"), at_most=1_000)
    stays = kept(link, scores(link, [rows]))
    rare = {key for key, _, caption in rows if "鼬" in str(caption)}
    assert rare <= set(stays)
    assert abs(len(set(stays) - rare) - 1_000 * (1 - len(rare) / len(rows))) < 150  # five standard deviations
    assert len(kept(ConceptBalance(concepts=link.concepts, at_most=20_000), scores(link, [rows]))) == 20_000


def test_concepts_draw_independently(tmp_path: Path) -> None:
    """Of samples with two concepts of chance ½ each, three quarters stay."""
    rows: list[Row] = [(f"{number:05d}", None, "猫狗") for number in range(10_000)]
    link = ConceptBalance(concepts=listed(tmp_path, "猫", "狗"), at_most=5_000)
    assert abs(len(kept(link, scores(link, [rows]))) - 7_500) < 220


def test_a_larger_bound_keeps_what_a_smaller_kept(tmp_path: Path) -> None:
    """One lot decides for every bound; another seed casts others."""
    rows: list[Row] = [(f"{number:03d}", "猫", "猫") for number in range(200)]
    for concepts in ((), listed(tmp_path, "猫")):
        found = scores(ConceptBalance(concepts=concepts), [rows])
        few, many = (set(kept(ConceptBalance(at_most=bound), found)) for bound in (20, 80))
        assert few < many
        assert found != scores(ConceptBalance(concepts=concepts, seed=1), [rows])


CAPTIONS = st.sampled_from(["猫", "黑猫", "猫狗", "鸟", "", None])


@given(st.lists(st.tuples(st.sampled_from(["猫", "狗", None]), CAPTIONS), max_size=20), st.data())
@pytest.mark.parametrize("by_list", [False, True])
def test_the_cut_into_parts_changes_nothing(
    by_list: bool, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]], data: st.DataObject
) -> None:
    """Whatever the order and the cut, each sample has the same score."""
    link = ConceptBalance(concepts=listed(tmp_path_factory.getbasetemp(), "猫", "黑猫", "狗") if by_list else ())
    samples: list[Row] = [(f"{at:02d}", *row) for at, row in enumerate(rows)]
    mixed = data.draw(st.permutations(samples))
    cut = data.draw(st.integers(0, len(samples)))
    assert scores(link, [mixed[:cut], mixed[cut:]]) == scores(link, [samples])


def test_many_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captions are looked through in several goes, with the same result."""
    rows: list[Row] = [(f"{number:03d}", None, ("猫", "狗", "鸟")[number % 3] * (number % 7)) for number in range(300)]
    link = ConceptBalance(concepts=listed(tmp_path, "猫", "狗"))
    whole = scores(link, [rows])
    monkeypatch.setattr("wukong_build.corpus.concept_balance._CHARACTERS_AT_ONCE", 50)
    assert scores(link, [rows]) == whole


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    """A list without a concept balances nothing."""
    with pytest.raises(ConfigError, match="no concept in them"):
        scores(ConceptBalance(concepts=listed(tmp_path, "# none")), [[]])


@pytest.mark.parametrize("values", [{"without_concept": "maybe"}, {"seed": -1}, {"concepts": "list.txt"}])
def test_impossible_settings(values: dict[str, Any]) -> None:
    """The error names the key."""
    with pytest.raises(ConfigError, match=next(iter(values))):
        Chain.parse({"concept_balance": values}, "filter")
