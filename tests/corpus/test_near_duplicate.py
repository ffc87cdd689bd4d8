"""Which of the pictures that look alike is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.corpus.near_duplicate import NearDuplicate
from wukong_build.errors import ConfigError
from wukong_build.hamming import AT_MOST_DISTANCE
from wukong_build.schema import FORGOTTEN
from wukong_build.store import Store

A, B, C, D = (letter * 32 for letter in "abcd")
"""Keys, in their order."""


class Sample(NamedTuple):
    """What the rule looks at."""

    key: str
    phash: int | None
    width: int | None = 10
    height: int | None = 10
    caption: str | None = "猫"
    pdq: int = 0
    quality: int | None = 100
    phash_mirrored: int = 0

    @property
    def dhash(self) -> int:
        """The lowest bits of the other hash will do."""
        return self.pdq & (2**64 - 1)


WAYS: list[dict[str, Any]] = [
    {},
    {"verify_with": "pdq", "verify_distance": 2},
    {"verify_with": "dhash", "verify_distance": 2},
    {"mirrored": True},
    {"mirrored": True, "verify_with": "dhash", "verify_distance": 2},
]
"""Settings that say what looks alike."""

Verdict = tuple[int | None, str | None, int | None]


def batch_of(samples: list[Sample]) -> Batch:
    """The samples as columns."""
    columns = {
        "key": pa.array([s.key for s in samples], pa.string()),
        "phash": pa.array([None if s.phash is None else f"{s.phash:016x}" for s in samples], pa.string()),
        "phash_mirrored": pa.array([None if s.phash is None else f"{s.phash_mirrored:016x}" for s in samples], pa.string()),
        "width": pa.array([s.width for s in samples], pa.int32()),
        "height": pa.array([s.height for s in samples], pa.int32()),
        "caption": pa.array([s.caption for s in samples], pa.string()),
        "pdq": pa.array([None if s.phash is None else f"{s.pdq:064x}" for s in samples], pa.string()),
        "dhash": pa.array([None if s.phash is None else f"{s.dhash:016x}" for s in samples], pa.string()),
        "pdq_quality": pa.array([s.quality for s in samples], pa.int32()),
    }
    return Batch(pa.table(columns))


def measured(link: NearDuplicate, parts: list[list[Sample]]) -> dict[str, dict[str, Any]]:
    """What the link writes of every sample, by its key."""
    batches = [batch_of(samples) for samples in parts]
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    tables = [pa.table({"key": batch["key"], **link.measure(batch, merged)}) for batch in batches]
    return {row.pop("key"): row for row in pa.concat_tables(tables).to_pylist()}


def verdicts(parts: list[list[Sample]], link: NearDuplicate) -> dict[str, Verdict]:
    """Score, representative and distance of every sample."""
    names = ["near_duplicate", "near_duplicate_of", "near_duplicate_distance"]
    return {key: tuple(row[name] for name in names) for key, row in measured(link, parts).items()}


def plain_verdicts(samples: list[Sample], link: NearDuplicate) -> dict[str, Verdict]:
    """The rule as it reads: one sample after the other, each compared with every one kept before it."""

    def rank(sample: Sample) -> tuple[int, int, str]:
        return -(sample.width or 0) * (sample.height or 0), -len(sample.caption or ""), sample.key

    kept: list[Sample] = []
    verdict: dict[str, Verdict] = {sample.key: (None, None, None) for sample in samples if sample.phash is None}
    for sample in sorted((s for s in samples if s.phash is not None), key=rank):
        near = next(((other.key, min(found)) for other in kept if (found := matches(other, sample, link))), None)
        verdict[sample.key] = (0, None, None) if near is None else (1, *near)
        if near is None:
            kept.append(sample)
    return verdict


def matches(one: Sample, other: Sample, link: NearDuplicate) -> list[int]:
    """The distances of all ways in which two look alike as the link's settings say: as they are, or with one of them mirrored."""
    assert one.phash is not None
    assert other.phash is not None
    ways = [(one.phash ^ other.phash, one.dhash ^ other.dhash)]
    if link.mirrored:
        ways += [
            (one.phash ^ other.phash_mirrored, one.dhash ^ turned(other.dhash)),
            (one.phash_mirrored ^ other.phash, turned(one.dhash) ^ other.dhash),
        ]
    if link.verify_with is None:
        ways = [(differing, 0) for differing, _ in ways]
    if link.verify_with == "pdq":
        good = min(one.quality or 0, other.quality or 0) >= link.verify_quality
        ways = [(differing, one.pdq ^ other.pdq) for differing, _ in ways if good]
    apart = [(first.bit_count(), second.bit_count()) for first, second in ways]
    return [first for first, second in apart if first <= link.hamming_distance and second <= (link.verify_distance or 0)]


def turned(dhash: int) -> int:
    """That of the mirror image, where no two neighbours are as dark: rows the other way round, and brighter for darker."""
    rows = [f"{dhash:064b}"[start : start + 8] for start in range(0, 64, 8)]
    return 2**64 - 1 - int("".join(row[::-1] for row in rows), 2)


@st.composite
def corpora(draw: st.DrawFn) -> list[Sample]:
    """Samples in clusters and chains, with equal hashes, equal sizes, and missing hashes, sizes and captions."""
    hashes: list[int | None] = [draw(st.integers(0, 2**64 - 1))]
    for flips in draw(st.lists(st.lists(st.integers(0, 63), max_size=8), max_size=30)):
        near = draw(st.sampled_from(hashes)) or 0
        for bit in flips:
            near ^= 1 << bit
        hashes.append(near)
    hashes += [None] * draw(st.integers(0, 2))
    side = st.sampled_from([None, 0, 1, 2, 3])
    caption = st.sampled_from([None, "", "猫", "狗", "一只猫"])
    pdq = st.sampled_from([0, 1, 7, turned(1), turned(7), 1 << 255, 2**256 - 1])
    quality = st.sampled_from([None, 49, 50, 100, 100, 100])
    mirrored = draw(st.permutations(hashes))
    samples = [
        Sample(f"{row:032x}", phash, draw(side), draw(side), draw(caption), draw(pdq), draw(quality), mirrored[row] or 0)
        for row, phash in enumerate(hashes)
    ]
    return draw(st.permutations(samples))


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(corpora(), st.integers(0, AT_MOST_DISTANCE), st.data())
@settings(deadline=None)
def test_the_rule_is_the_plain_one(way: dict[str, Any], samples: list[Sample], distance: int, data: st.DataObject) -> None:
    """For every distance, order and cut into parts the result is that of comparing each sample with all kept before it."""
    link = NearDuplicate(hamming_distance=distance, **way)
    cut = data.draw(st.integers(0, len(samples)))
    found = verdicts([samples[:cut], samples[cut:]], link)
    assert found == plain_verdicts(samples, link)
    by_key = {sample.key: sample for sample in samples}
    kept = [by_key[key] for key, (score, _, _) in found.items() if score == 0]
    assert not any(matches(a, b, link) for a in kept for b in kept if a is not b)
    for key, (score, representative, _) in found.items():
        if score == 1:
            assert found[representative or ""][0] == 0
            assert matches(by_key[key], by_key[representative or ""], link)


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(corpora(), corpora(), st.integers(0, AT_MOST_DISTANCE), st.sampled_from([2, 8, 64]))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_merging_in_pieces_changes_nothing(
    tmp_path: Path, way: dict[str, Any], samples: list[Sample], earlier: list[Sample], distance: int, pieces: int
) -> None:
    """The rows that any piece finds alike decide as all rows do: kept ones, representatives, captions, and earlier pictures."""
    others = [other._replace(key=f"other/{other.key}") for other in earlier if other.phash is not None]
    batch = batch_of(others)
    pq.write_table(
        pa.table({name: batch[name] for name in ("key", "phash", "dhash", "pdq", "pdq_quality")}), tmp_path / "set.parquet"
    )
    link = NearDuplicate(hamming_distance=distance, against=(str(tmp_path / "set.parquet"),), keep_captions=True, **way)
    surveys = link.survey(batch_of(samples))
    numbers = link.pieces_of(surveys, pieces)
    merged = [
        link.merge_piece(surveys.filter(pa.array((numbers == number).any(axis=0))), int(number), pieces)
        for number in np.unique(numbers)
    ]
    whole = link.merge(surveys)
    assert (link.join_pieces(pa.concat_tables(merged)) if merged else whole).equals(whole)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([Sample(A, 0), Sample(B, 0b1111)], {A: (0, None, None), B: (1, A, 4)}),
        ([Sample(A, 0), Sample(B, 0b11111)], {A: (0, None, None), B: (0, None, None)}),
        ([Sample(A, 0), Sample(B, 0, 20, 20)], {A: (1, B, 0), B: (0, None, None)}),
        ([Sample(A, 0), Sample(B, 0, caption="一只猫")], {A: (1, B, 0), B: (0, None, None)}),
        ([Sample(B, 0), Sample(A, 0)], {A: (0, None, None), B: (1, A, 0)}),
        ([Sample(A, 0), Sample(B, 7), Sample(C, 63)], {A: (0, None, None), B: (1, A, 3), C: (0, None, None)}),
        ([Sample(A, None), Sample(B, None)], {A: (None, None, None), B: (None, None, None)}),
        ([Sample(A, 0, 70_000, 70_000), Sample(B, 0, 1, 1)], {A: (0, None, None), B: (1, A, 0)}),
        ([], {}),
    ],
    ids=["near", "far", "larger", "longer caption", "smaller key", "chain", "no hash", "more pixels than 32 bits", "nothing"],
)
def test_who_represents_whom(samples: list[Sample], expected: dict[str, Verdict]) -> None:
    """The larger picture stays, then the longer caption, then the smaller key; a chain is not swallowed by its end."""
    assert verdicts([samples], NearDuplicate(hamming_distance=4)) == expected


def test_a_crowd_of_equal_pictures_costs_no_pairs() -> None:
    """Fifty thousand copies of one logo are one hash to the join."""
    copies = [Sample(f"{row:032x}", 7) for row in range(50_000)]
    found = verdicts([copies], NearDuplicate())
    assert sum(score == 0 for score, _, _ in found.values()) == 1


@pytest.mark.parametrize("distance", [-1, AT_MOST_DISTANCE + 1, 1.5])
def test_an_impossible_distance_is_refused(distance: float) -> None:
    """The config's distance is a whole number of bits that the join can serve."""
    with pytest.raises(msgspec.ValidationError, match="hamming_distance"):
        msgspec.convert({"hamming_distance": distance}, NearDuplicate)


def test_another_hash_may_be_compared() -> None:
    """`hash` names the link, and its column is what is read."""
    link = NearDuplicate(hash="dhash")
    assert link.reads == ("key", "width", "height", "caption", "dhash")
    batch = batch_of([Sample(A, 0), Sample(B, 0)])
    other = batch.with_columns({"dhash": pa.array(["00" * 8, "ff" * 8])})
    assert len(link.merge(link.survey(other))) == 0
    assert len(NearDuplicate().merge(NearDuplicate().survey(other))) == 1


def test_a_plain_picture_is_kept_where_matches_are_to_be_confirmed() -> None:
    """Below the quality asked for nothing is confirmed, however equal the hashes; without a hash nothing is measured."""
    samples = [Sample(A, 0, quality=49), Sample(B, 0, quality=50), Sample(C, 0, quality=50), Sample(D, None)]
    found = verdicts([samples], NearDuplicate(verify_with="pdq"))
    assert found == {A: (0, None, None), B: (0, None, None), C: (1, B, 0), D: (None, None, None)}


@pytest.mark.parametrize(("verify_with", "confirmed"), [("dhash", 8), ("pdq", 31)])
def test_without_a_distance_the_measured_one_confirms(verify_with: Literal["dhash", "pdq"], confirmed: int) -> None:
    """It is another one for each hash."""
    for differing in (confirmed, confirmed + 1):
        samples = [Sample(A, 0, 20, 20), Sample(B, 0, pdq=(1 << differing) - 1)]
        found = verdicts([samples], NearDuplicate(verify_with=verify_with))
        assert (found[B][0] == 1) == (differing == confirmed)


def test_a_hash_does_not_confirm_itself() -> None:
    """What is compared already is refused."""
    with pytest.raises(ConfigError, match="verify_with: found dhash, which is compared already"):
        NearDuplicate(hash="dhash", verify_with="dhash")


def test_mirrored_copies_are_found_and_called_so() -> None:
    """Where one hash is near to the other's mirror image, whichever of the two ranks first; two mirror images alone are not."""
    samples = [
        Sample(A, 0, phash_mirrored=0xFF),
        Sample(B, 0xFE, phash_mirrored=0xFF << 40),
        Sample(C, 0xFF << 20, phash_mirrored=1),
        Sample(D, 0xFF << 30, phash_mirrored=0xFF),
        *(Sample(f"{row:032x}", 3, 5, 5, phash_mirrored=mirrored) for row, mirrored in [(1, 0xFF << 50), (2, 0)]),
    ]
    names = ["near_duplicate_of", "near_duplicate_distance", "near_duplicate_mirrored"]
    found = {key: tuple(row[name] for name in names) for key, row in measured(NearDuplicate(mirrored=True), [samples]).items()}
    assert found == {
        **dict.fromkeys((A, D), (None, None, None)),
        **dict.fromkeys((B, C), (A, 1, True)),
        **{f"{row:032x}": (A, apart, mirrored) for row, apart, mirrored in [(1, 2, False), (2, 0, True)]},
    }
    rows = measured(NearDuplicate(), [samples]).values()
    assert [row["near_duplicate_mirrored"] for row in rows] == [None] * len(samples)


def test_mirrored_copies_are_confirmed_by_the_mirrored_dhash() -> None:
    """The nearest way that is confirmed counts, however near another one is."""
    dhash = 0x0123456789ABCDEF
    samples = [
        Sample(A, 0, pdq=dhash, phash_mirrored=0xFF << 8),
        Sample(B, 0x0F, pdq=turned(dhash), phash_mirrored=0b11),
        Sample(C, 0x07, pdq=dhash, phash_mirrored=0),
        Sample(D, 0xFF << 8, pdq=dhash, phash_mirrored=0xFF << 20),
    ]
    found = measured(NearDuplicate(mirrored=True, verify_with="dhash"), [samples])
    told = {key: (row["near_duplicate_distance"], row["near_duplicate_mirrored"]) for key, row in found.items()}
    assert told == {A: (None, None), B: (2, True), C: (3, False), D: (None, None)}


@pytest.mark.parametrize("other", [{"hash": "dhash"}, {"verify_with": "pdq"}])
def test_mirror_images_of_other_hashes_are_refused(other: dict[str, Any]) -> None:
    """Only of phash is there a link that has them."""
    (setting,) = other.items()
    with pytest.raises(ConfigError, match=f"mirrored: found with {setting[0]}: {setting[1]}"):
        NearDuplicate(mirrored=True, **other)


def test_captions_of_the_dropped_are_gathered() -> None:
    """Each once, in order of rank, without the representative's own; nothing where nothing was dropped."""
    samples = [
        Sample(A, 0, 30, 30, "一只猫"),
        Sample(B, 1, 20, 20, "猫"),
        Sample(C, 3, 10, 10, "窗台上的猫"),
        Sample(D, 2**64 - 1, 10, 10, "狗"),
        *(Sample(f"{row:032x}", row, 5, 5, caption) for row, caption in [(4, "猫"), (5, None), (6, "一只猫"), (7, "小猫")]),
    ]
    found = measured(NearDuplicate(keep_captions=True), [samples[3:], samples[:3]])
    assert found[A]["alternate_captions"] == ["猫", "窗台上的猫", "小猫"]
    assert [key for key, row in found.items() if row["alternate_captions"] is not None] == [A]
    assert found[A]["near_duplicate"] == 0
    assert all(row["alternate_captions"] is None for row in measured(NearDuplicate(), [samples]).values())


def test_gathered_captions_come_in_order_of_rank() -> None:
    """The longer ones first, among pictures of one size; whatever other captions there are."""
    samples = [
        Sample(f"{row:032x}", 0, caption=caption, pdq=dhash)
        for row, (caption, dhash) in enumerate([("狗", 0), ("", 0), ("一只猫", 0), ("狗", 255), ("", 255), ("很长的标题", 255)])
    ]
    found = measured(NearDuplicate(verify_with="dhash", keep_captions=True), [samples])
    assert [row["alternate_captions"] for row in found.values() if row["alternate_captions"]] == [["一只猫", "狗", ""]]
    found = measured(NearDuplicate(verify_with="dhash", verify_distance=2, keep_captions=True), [samples])
    assert [row["alternate_captions"] for row in found.values() if row["alternate_captions"]] == [["狗", ""], ["狗", ""]]


def hash_set(path: Path, rows: list[tuple[str, int]]) -> str:
    """A Parquet file with keys and pHashes."""
    table = pa.table({"key": [key for key, _ in rows], "phash": [f"{phash:016x}" for _, phash in rows]})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return str(path)


class TestAgainst:
    """Earlier pictures win."""

    @pytest.mark.parametrize("way", WAYS, ids=str)
    def test_what_looks_like_a_forgotten_picture_goes(self, way: dict[str, Any], tmp_path: Path) -> None:
        """Whatever confirms: a tombstone has a pHash alone. With mirror images, one of it goes as well."""
        batch = batch_of([Sample(D, 2**64 - 1, pdq=2**64 - 1)])
        names = ("key", "phash", "dhash", "pdq", "pdq_quality")
        pq.write_table(pa.table({name: batch[name] for name in names}), tmp_path / "set.parquet")
        Store(str(tmp_path)).write(
            "forgotten", "00000", FORGOTTEN.table([{"key": D, "phash": f"{255:016x}"}, {"host": "a.test"}])
        )
        samples = [Sample(A, 0b1111, 90, 90, pdq=7), Sample(B, 0b111), Sample(C, 2**40 - 1, phash_mirrored=254)]
        found = verdicts([samples], NearDuplicate(against=(str(tmp_path),), **way))
        assert found[A] == (1, D, 4)
        assert found[B] == (0, None, None)
        assert found[C] == ((1, D, 1) if way.get("mirrored") else (0, None, None))

    def test_what_looks_like_an_earlier_picture_goes(self, tmp_path: Path) -> None:
        """Whatever its rank; and it represents nobody. The keys of other programs are named as they are."""
        earlier = hash_set(tmp_path / "others.parquet", [("000000017", 0b111)])
        samples = [Sample(A, 0, 90, 90), Sample(B, 0b111111, 20, 20), Sample(C, 2**64 - 1)]
        found = verdicts([samples], NearDuplicate(hamming_distance=3, against=(earlier,)))
        assert found == {A: (1, "000000017", 3), B: (1, "000000017", 3), C: (0, None, None)}

    def test_what_was_published_stays(self, tmp_path: Path) -> None:
        """A sample of an earlier release is no duplicate of itself, nor of a larger one that came later, nor of another one."""
        earlier = hash_set(tmp_path / "release.parquet", [(A, 0), (B, 1)])
        samples = [Sample(A, 0, 1, 1), Sample(B, 1, 1, 1), Sample(C, 0, 90, 90)]
        found = verdicts([samples], NearDuplicate(against=(earlier,)))
        assert found == {A: (0, None, None), B: (0, None, None), C: (1, A, 0)}

    def test_the_first_set_is_named_first(self, tmp_path: Path) -> None:
        """A folder is its files in the order of their names; sets come in the order of the config."""
        folder = tmp_path / "sets"
        hash_set(folder / "2.parquet", [(B, 0)])
        hash_set(folder / "1.parquet", [(A, 1)])
        file = hash_set(tmp_path / "file.parquet", [(C, 0)])
        for against, expected in (((str(folder), file), A), ((file, str(folder)), C)):
            assert verdicts([[Sample(D, 0)]], NearDuplicate(against=against)) == {D: (1, expected, (0 if expected == C else 1))}

    def test_mirror_images_are_those_of_the_new_ones(self, tmp_path: Path) -> None:
        """A set need not have any; a sample's own is held against its hashes, and the first of these is named."""
        earlier = hash_set(tmp_path / "set.parquet", [("1", 0b1), ("2", 0b1110 << 40)])
        samples = [Sample(A, 0xFF << 20, phash_mirrored=0), Sample(B, 0xF << 40, phash_mirrored=3), Sample(C, 0xFF << 30)]
        link = NearDuplicate(hamming_distance=1, mirrored=True, against=(earlier,))
        assert verdicts([samples[:2]], link) == {A: (1, "1", 1), B: (1, "1", 1)}
        assert verdicts([samples], link)[C] == (1, "1", 1)
        assert measured(link, [samples])[B]["near_duplicate_mirrored"]

    def test_a_changed_set_is_noticed(self, tmp_path: Path) -> None:
        """Its files are resources, whose digests are part of what the scores depend on."""
        folder = tmp_path / "sets"
        hash_set(folder / "1.parquet", [(A, 1)])
        link = NearDuplicate(against=(str(folder),))
        assert list(link.resources()) == [str(folder / "1.parquet")]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [({"phash": ["0" * 16]}, "no column key; it has phash"), ({"key": [A]}, "no column phash; it has key")],
    )
    def test_a_set_without_the_columns_is_refused(self, columns: dict[str, list[str]], message: str, tmp_path: Path) -> None:
        """And what it has is said."""
        pq.write_table(pa.table(columns), tmp_path / "set.parquet")
        link = NearDuplicate(against=(str(tmp_path / "set.parquet"),))
        with pytest.raises(ConfigError, match=message):
            verdicts([[Sample(D, 0)]], link)
