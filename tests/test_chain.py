"""Links in order: what is measured again, who dropped what, and what a score is known by."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from wukong_build.batch import Batch
from wukong_build.chain import MEASURED, Chain, Scored, config_key, initial_state, link_class, link_names
from wukong_build.errors import ConfigError
from wukong_build.links import Bounds, Columns, CorpusFilter, CorpusRewrite, Filter, Link, Rewrite
from wukong_build.schema import MANIFEST, SAMPLES


class Length(Filter, frozen=True, kw_only=True):
    """Characters of the caption; remembers what it was asked to look at."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    seen: ClassVar[list[str | None]] = []

    def score(self, batch: Batch) -> pa.Array:
        """Characters; null where there is no caption."""
        self.seen.extend(batch["caption"].to_pylist())
        return pc.utf8_length(batch["caption"]).cast(pa.float64())


class Shout(Rewrite, frozen=True, kw_only=True):
    """The caption, louder."""

    def rewrite(self, batch: Batch) -> pa.Array:
        """With a mark behind."""
        return pc.binary_join_element_wise(batch["caption"], "!", "")


class Twin(CorpusFilter, frozen=True, kw_only=True):
    """1 where an earlier sample has the same caption, with that sample as evidence."""

    reads: ClassVar[tuple[str, ...]] = ("key", "caption")
    writes: ClassVar[dict[str, pa.DataType]] = {"twin_of": pa.string()}

    def survey(self, batch: Batch) -> pa.Table:
        """Keys and captions."""
        return pa.table({"key": batch["key"], "caption": batch["caption"]})

    def merge(self, surveys: pa.Table) -> pa.Table:
        """The first key of every caption."""
        return surveys.group_by("caption").aggregate([("key", "min")]).rename_columns(["caption", "key"])

    def measure(self, batch: Batch, merged: pa.Table) -> Columns:
        """Score and evidence."""
        firsts = dict(zip(merged["caption"].to_pylist(), merged["key"].to_pylist(), strict=True))
        owners = [firsts[caption] for caption in batch["caption"].to_pylist()]
        twins = [None if owner == key else owner for key, owner in zip(batch["key"].to_pylist(), owners, strict=True)]
        return {"twin": pa.array([0.0 if twin is None else 1.0 for twin in twins]), "twin_of": pa.array(twins, pa.string())}


class Chorus(CorpusRewrite, frozen=True, kw_only=True):
    """The caption, and behind it how many samples there are."""

    reads: ClassVar[tuple[str, ...]] = ("caption",)

    def survey(self, batch: Batch) -> pa.Table:
        """How many samples these are."""
        return pa.table({"count": [len(batch)]})

    def merge(self, surveys: pa.Table) -> pa.Table:
        """How many there are."""
        return pa.table({"count": [pc.sum(surveys["count"])]})

    def rewrite(self, batch: Batch, merged: pa.Table) -> pa.Array:
        """With the number behind."""
        return pc.binary_join_element_wise(batch["caption"], str(merged["count"][0]), "")


def chain(**links: Any) -> Chain:
    """A chain of shipped links, as the config has it."""
    return Chain.parse(links, where="config: filter")


def samples(captions: list[str | None], errors: list[str | None] | None = None) -> pa.Table:
    """Samples a, b, c … as the crawl gives them."""
    known = {
        "key": [chr(ord("a") + row) for row in range(len(captions))],
        "caption_found": captions,
        "error": errors or [None] * len(captions),
    }
    return pa.table({c.name: pa.array(known.get(c.name, [None] * len(captions)), c.type) for c in SAMPLES.columns})


def scored(captions: list[str | None], errors: list[str | None] | None = None) -> Scored:
    """The samples as they enter the chain."""
    table = samples(captions, errors)
    return Scored(Batch(table), initial_state(table))


FULL: dict[str, Any] = {
    "shorter_side": {"at_least": 200},
    "normalise_caption": {},
    "han_count": {"at_least": 1},
    "sensitive_words": {"at_most": 0},
    "person_names": {"token": "<人名>"},
    "language": {"at_least": 0.5},
    "phash": {},
    "near_duplicate": {"hamming_distance": 4, "at_most": 0},
}


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({}, set()),
        ({"shorter_side": {"at_least": 300}}, set()),
        ({"han_count": {}}, set()),
        ({"near_duplicate": {"hamming_distance": 4}}, set()),
        ({"sensitive_words": {"at_most": 0, "lists": ["WORDS"]}}, {"sensitive_words"}),
        ({"person_names": {"token": "X"}}, {"person_names", "language", "near_duplicate"}),
        ({"language": {"detector": "langdetect"}}, {"language"}),
        ({"near_duplicate": {"hamming_distance": 5, "at_most": 0}}, {"near_duplicate"}),
    ],
    ids=["nothing", "bound", "bound taken away", "corpus bound", "list", "setting of a rewrite", "setting", "corpus setting"],
)
def test_a_change_reaches_what_depends_on_it(change: dict[str, Any], changed: set[str], tmp_path: Path) -> None:
    """A bound changes no number; a setting changes those of its link, and of all that read what a rewrite or measure writes."""
    words = tmp_path / "words.txt"
    words.write_text("甲\n", encoding="utf-8")
    if "sensitive_words" in change:
        change["sensitive_words"]["lists"] = [str(words)]
    before, after = (chain(**values).fingerprints() for values in (FULL, {**FULL, **change}))
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_list_is_known_by_its_content(tmp_path: Path) -> None:
    """The fingerprint follows the words of a list, and of no other link."""
    words = tmp_path / "words.txt"
    found = []
    for content in ("甲\n", "乙\n"):
        words.write_text(content, encoding="utf-8")
        found.append(chain(**{**FULL, "sensitive_words": {"lists": [str(words)]}}).fingerprints())
    assert {name for name in FULL if found[0][name] != found[1][name]} == {"sensitive_words"}


def test_a_new_version_of_a_link_is_another_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raising a version makes the link's scores anew, and those of whatever reads them."""
    before = chain(**FULL).fingerprints()
    phash = link_class("phash", "")
    monkeypatch.setattr(phash, "version", phash.version + 1)
    after = chain(**FULL).fingerprints()
    assert {name for name in FULL if before[name] != after[name]} == {"phash", "near_duplicate"}


@pytest.mark.parametrize(
    ("order", "changed"),
    [
        (["phash", "shorter_side", "normalise_caption", "han_count", "language"], set()),
        (["shorter_side", "han_count", "normalise_caption", "language", "phash"], {"han_count"}),
        (["shorter_side", "han_count", "language", "normalise_caption", "phash"], {"han_count", "language"}),
    ],
)
def test_order_matters_where_captions_are_rewritten(order: list[str], changed: set[str]) -> None:
    """A link that moves over a rewrite reads another caption; other moves change nothing."""
    first = ["shorter_side", "normalise_caption", "han_count", "language", "phash"]
    before, after = (chain(**{name: {} for name in names}).fingerprints() for names in (first, order))
    assert {name for name in first if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    ("names", "passes"),
    [
        ([], [(None, [], None)]),
        (["han_count", "language"], [(None, ["han_count", "language"], None)]),
        (
            ["han_count", "caption_frequency", "phash", "near_duplicate", "language"],
            [
                (None, ["han_count"], "caption_frequency"),
                ("caption_frequency", ["phash"], "near_duplicate"),
                ("near_duplicate", ["language"], None),
            ],
        ),
        (["caption_frequency"], [(None, [], "caption_frequency"), ("caption_frequency", [], None)]),
    ],
)
def test_a_corpus_link_ends_a_pass(names: list[str], passes: list[tuple[str | None, list[str], str | None]]) -> None:
    """Every part reaches a whole-corpus link before any goes on: surveyed at the end of one pass, looked up in the next."""
    found = chain(**{name: {} for name in names}).passes()

    def called(link: Link | None) -> str | None:
        return None if link is None else link.name()

    assert [(called(p.lookup), [link.name() for link in p.links], called(p.survey)) for p in found] == passes
    assert [p.index for p in found] == list(range(len(passes)))


@pytest.mark.parametrize("name", link_names())
def test_shipped_links_go_by_their_name(name: str) -> None:
    """A name is a class, and the class's key in a config is the name."""
    assert config_key(link_class(name, "")()) == name


def test_evidence_columns_are_declared_in_order() -> None:
    """The chain's columns are those of its links, in their order, each under one name."""
    columns = list(chain(**FULL).columns())
    assert columns[:2] == ["shorter_side", "normalise_caption"]
    evidence = ["near_duplicate_of", "near_duplicate_distance", "near_duplicate_mirrored", "alternate_captions"]
    assert columns[-5:] == ["near_duplicate", *evidence]
    assert len(columns) == len(set(columns))


def test_samples_without_an_image_enter_dropped() -> None:
    """A failed fetch is a drop with the class of its failure; nothing is measured of it."""
    Length.seen.clear()
    here = scored(["a", "bb", "ccc"], [None, "timeout", None])
    assert here.run(Length()).samples == 2
    assert Length.seen == ["a", "ccc"]
    table = here.table()
    assert table["dropped_by"].to_pylist() == [None, "fetch:timeout", None]
    assert table["length"].to_pylist() == [1, None, 3]
    assert table["length" + MEASURED].to_pylist() == [True, False, True]


@pytest.mark.parametrize(
    ("link", "kept", "bounds"),
    [
        (Length(), [True, True, True], [None, None, None]),
        (Length(at_least=2), [False, True, False], ["at_least=2", None, "at_least=2"]),
        (Length(at_most=1), [True, False, False], [None, "at_most=1", "at_most=1"]),
        (Length(at_least=1, at_most=1), [True, False, False], [None, "at_most=1", "at_least=1"]),
    ],
)
def test_a_drop_says_score_and_bound(link: Bounds, kept: list[bool], bounds: list[str | None]) -> None:
    """What was dropped has the link, the score and the bound it missed; the unmeasurable has no score and misses every bound."""
    here = scored(["a", "bbbb", None])
    here.run(link)
    table = here.table()
    assert table["kept"].to_pylist() == kept
    assert table["dropped_by"].to_pylist() == [None if stays else "length" for stays in kept]
    assert table["bound"].to_pylist() == bounds
    scores = [None if stays else score for stays, score in zip(kept, [1, 4, None], strict=True)]
    assert table["score"].to_pylist() == scores
    assert table["length" + MEASURED].to_pylist() == [True] * 3
    assert here.survivors()["key"].to_pylist() == [key for key, stays in zip("abc", kept, strict=True) if stays]


def test_who_is_out_is_measured_no_more() -> None:
    """Unmeasured and unmeasurable are told apart: both are null, and only the unmeasurable was looked at."""
    here = scored(["a", "bb", None])
    here.run(Length(at_least=2))
    Length.seen.clear()

    class Again(Length, frozen=True, kw_only=True):
        """The same under another name."""

    assert here.run(Again(at_most=1)).samples == 1
    assert Length.seen == ["bb"]
    table = here.table()
    assert table["again"].to_pylist() == [None, 2, None]
    assert table["again" + MEASURED].to_pylist() == [False, True, False]
    assert table["dropped_by"].to_pylist() == ["length", "again", "length"]


def test_known_scores_are_not_measured_again() -> None:
    """With scores from before, a changed bound looks only at samples that get further than they did."""
    captions: list[str | None] = ["a", "bb", "ccc", None]
    before = scored(captions, [None, "timeout", None, None])
    before.run(Length(at_most=1))
    Length.seen.clear()
    after = scored(captions)
    assert after.run(Length(at_least=2), before.table()).samples == 1
    assert Length.seen == ["bb"]
    assert after.table()["length"].to_pylist() == [1, 2, 3, None]
    assert after.table()["length" + MEASURED].to_pylist() == [True] * 4
    assert after.table()["kept"].to_pylist() == [False, True, True, False]


def test_a_rewrite_reaches_those_still_in() -> None:
    """Later links read the new caption; who was dropped before keeps the caption it had, and `caption_found` is never touched."""
    here = scored(["a", "bb"])
    here.run(Length(at_least=2))
    here.run(Shout())
    assert here.table()["caption"].to_pylist() == ["a", "bb!"]
    assert here.table()["shout"].to_pylist() == [None, "bb!"]
    assert here.batch["caption_found"].to_pylist() == ["a", "bb"]


def test_a_corpus_rewrite_changes_captions_as_a_rewrite_does() -> None:
    """It ends a pass, later links read what it wrote and depend on it, and who is out keeps the caption he had."""
    links: dict[str, Link] = {"shout": Shout(), "chorus": Chorus(), "length": Length(at_least=3)}
    passes = Chain(links).passes()
    assert [(p.lookup, p.links, p.survey) for p in passes] == [
        (None, (links["shout"],), links["chorus"]),
        (links["chorus"], (links["length"],), None),
    ]
    before = Chain({name: links[name] for name in ("shout", "length")}).fingerprints()
    after = Chain(links).fingerprints()
    assert {name for name in before if before[name] != after[name]} == {"length"}
    here = scored(["a", "bb", None], [None, "timeout", None])
    here.run(links["shout"])
    merged = Chorus().merge(Chorus().survey(here.survivors()))
    here.run(links["chorus"], merged=merged)
    here.run(links["length"])
    assert here.table()["caption"].to_pylist() == ["a!2", "bb", None]
    assert here.table()["chorus"].to_pylist() == ["a!2", None, None]
    assert here.table()["dropped_by"].to_pylist() == [None, "fetch:timeout", "length"]


def test_evidence_names_the_sample_kept_instead() -> None:
    """The column `<link>_of` of a dropped sample becomes the ledger's `duplicate_of`."""
    here = scored(["x", "y", "x"])
    link = Twin(at_most=0)
    here.run(link, merged=link.merge(link.survey(here.survivors())))
    assert here.table()["duplicate_of"].to_pylist() == [None, None, "a"]
    assert here.table()["dropped_by"].to_pylist() == [None, None, "twin"]


def test_near_duplicate_names_its_representative_so() -> None:
    """The filter that ships writes its evidence under the name that the chain looks for."""
    link = link_class("near_duplicate", "")
    assert f"{link.name()}_of" in link.columns()


def test_no_samples_no_trouble() -> None:
    """An empty batch has all the columns."""
    here = scored([])
    assert here.run(Length(at_least=1)).samples == 0
    assert {"key", "length", "kept", "caption"} <= set(here.table().column_names)


def test_a_link_that_writes_another_ones_column_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column has one writer, the state of the chain included."""
    (tmp_path / "greedy.py").write_text(
        "import pyarrow as pa\n"
        "from wukong_build.links import Measure\n"
        "class Kept(Measure, frozen=True, kw_only=True):\n    'Writes the state.'\n"
        "class Copy(Measure, frozen=True, kw_only=True):\n    'Writes a score.'\n    writes = {'han_count': pa.string()}\n"
        "class HanCount(Measure, frozen=True, kw_only=True):\n    'Has the name of another.'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="writes `kept`, which the chain has already written"):
        chain(**{"greedy:Kept": {}})
    with pytest.raises(ConfigError, match="writes `han_count`, which han_count has already written"):
        chain(**{"han_count": {}, "greedy:Copy": {}})
    with pytest.raises(ConfigError, match="another link is called han_count already"):
        chain(**{"han_count": {}, "greedy:HanCount": {}})


def test_a_recorded_filter_is_called_like_the_column_of_the_crawl_that_is_its_score() -> None:
    """`image_bytes` drops by the crawl's own numbers, which stand among the scores again, the same; those out have none there."""
    recorded = chain(image_bytes={"at_least": 5_000}, pixel_count={})
    table = samples(["一", "二", "三", None], [None, None, None, "timeout"])
    sizes = pa.array([4_999, 5_000, 80_000, None], pa.int64())
    table = table.set_column(table.schema.get_field_index("image_bytes"), "image_bytes", sizes)
    here = Scored(Batch(table), initial_state(table))
    for link in recorded.links.values():
        here.run(link)
    assert here.table()["image_bytes"].to_pylist() == [4_999, 5_000, 80_000, None]
    assert here.table()["kept"].to_pylist() == [False, True, True, False]
    assert here.table()["score"].to_pylist()[0] == 4_999
    assert here.table()["image_bytes" + MEASURED].to_pylist() == [True, True, True, False]


def test_no_other_link_may_be_called_like_a_column_of_the_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What links read must stay what the crawl wrote, and only the column of its own name is such a filter's score."""
    (tmp_path / "forger.py").write_text(
        "import pyarrow as pa\n"
        "from wukong_build.links import Filter, Recorded\n"
        "class Width(Filter, frozen=True, kw_only=True):\n    'Another width.'\n    reads = ('width',)\n"
        "class Height(Recorded, frozen=True, kw_only=True):\n"
        "    'And a width.'\n    reads = ('height',)\n    writes = {'width': pa.int32()}\n"
        "class Weight(Recorded, frozen=True, kw_only=True):\n    'What nobody has recorded.'\n    reads = ('weight',)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("Width", "Height"):
        with pytest.raises(ConfigError, match="writes `width`, which the crawl has already written"):
            chain(**{f"forger:{name}": {}})
    with pytest.raises(ConfigError, match="reads `weight`, which nothing before it writes"):
        chain(**{"forger:Weight": {}})


def test_manifests_tell_scores_and_hashes_but_no_texts_on_their_way() -> None:
    """Every filter's number and what measures say of the picture; nothing of rewrites, and no copy of a caption before them."""
    links = ("image_bytes", "simplified", "contact_details", "person_names", "phash", "pdq", "caption_frequency", "language")
    published = Chain.parse(dict.fromkeys(links), where="filter").published()
    names = ["contact_details", "phash", "pdq", "pdq_quality", "caption_frequency", "language"]
    assert [column.name for column in published] == names
    assert all(column.meaning for column in published)
    assert not {column.name for column in published} & set(MANIFEST.arrow.names)


def test_manifests_tell_what_was_found_in_pictures_whatever_rewrites_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was found in a caption may hold what a later rewrite masks."""
    (tmp_path / "finders.py").write_text(
        "import pyarrow as pa\n"
        "from wukong_build.links import Filter\n"
        "class Seen(Filter, frozen=True, kw_only=True):\n"
        "    'In the picture.'\n    reads = ('image',)\n"
        "    writes = {'seen_places': pa.string()}\n    tells = ('seen_places',)\n"
        "class Said(Filter, frozen=True, kw_only=True):\n"
        "    'In the caption.'\n    reads = ('caption',)\n"
        "    writes = {'said_places': pa.string()}\n    tells = ('said_places',)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    mask: dict[str, Any] = {"contact_mask": {}}
    found: dict[str, Any] = {"finders:Seen": {}, "finders:Said": {}}
    before, after = ([column.name for column in chain(**values).published()] for values in (found | mask, mask | found))
    assert before == ["seen", "seen_places", "said"]
    assert after == ["seen", "seen_places", "said", "said_places"]


@pytest.mark.parametrize(
    ("links", "told"),
    [
        (("person_names", "phash", "near_duplicate"), True),
        (("phash", "near_duplicate", "person_names"), False),
    ],
)
def test_manifests_tell_gathered_captions_that_no_rewrite_may_mask(links: tuple[str, ...], told: bool) -> None:
    """Captions of dropped duplicates are published where they were rewritten like all others, and gathered at all."""
    values: dict[str, Any] = dict.fromkeys(links)
    names = [column.name for column in Chain.parse(values | {"near_duplicate": {"keep_captions": True}}, "filter").published()]
    assert ("alternate_captions" in names) == told
    assert "alternate_captions" not in [column.name for column in Chain.parse(values, "filter").published()]
