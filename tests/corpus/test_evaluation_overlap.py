"""Samples that stand in evaluation sets."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.chain import Chain
from wukong_build.corpus.evaluation_overlap import EvaluationOverlap
from wukong_build.errors import ConfigError
from wukong_build.filters.phash import Phash

Row = tuple[str | None, str | None]
"""pHash and caption."""
NO = (0, None, None, None, None)
SENTENCE = "一只猫坐在窗台上晒太阳"


def picture(seed: int, width: int = 320) -> bytes:
    """A JPEG of soft patches, unlike those of any other seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(patches).resize((width, width * 3 // 4), Image.Resampling.BICUBIC).save(file, "JPEG", quality=80)
    return file.getvalue()


def looks(*contents: bytes) -> list[Any]:
    """The pHash of each, as the chain has it."""
    batch = Batch(pa.table({"key": [""] * len(contents)}), lambda: contents)
    return Phash().measure(batch)["phash"].to_pylist()


def flipped(hash_: str, bits: int) -> str:
    """The hash with its lowest bits the other way round."""
    return f"{int(hash_, 16) ^ ((1 << bits) - 1):016x}"


def overlaps(link: EvaluationOverlap, rows: list[Row]) -> list[tuple[Any, ...]]:
    """Score, by what, set, item and distance of each row."""
    batch = Batch(pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(link.reads)}))
    columns = link.measure(batch, link.merge(link.survey(batch)))
    assert {name: values.type for name, values in columns.items()} == link.columns()
    return list(zip(*(values.to_pylist() for values in columns.values()), strict=True))


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, str]:
    """The same two pictures and two captions as a folder, a tar, and tables; others have a third."""
    first, second, third = map(picture, range(3))
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    members = {"a.jpg": first, "a.txt": f"{SENTENCE}\n另一个很长很长的句子".encode(), "deep/b.jpg": second, "notes.json": b"{}"}
    for name, content in {**members, ".hidden.jpg": third}.items():
        (folder / name).write_bytes(content)
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    tables = {
        "bytes": {"image": [first, second, None], "caption": [SENTENCE, None, "另一个很长很长的句子"]},
        "hugging_face": {
            "image": [{"bytes": first, "path": "a.jpg"}, {"bytes": second, "path": None}],
            "caption": [[SENTENCE, "另一个很长很长的句子"], []],
        },
        "hashes": {"phash": looks(first, second), "caption": [SENTENCE, "另一个很长很长的句子"], "other": [1, 2]},
    }
    for name, table in tables.items():
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    found = {name: str(tmp_path / f"{name}.parquet") for name in tables}
    return {"folder": str(folder), "tar": str(tmp_path / "set.tar"), **found}


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        ("folder", ("a.jpg", "deep/b.jpg", "a.txt:1", "a.txt:2")),
        ("tar", ("set.tar/a.jpg", "set.tar/deep/b.jpg", "set.tar/a.txt:1", "set.tar/a.txt:2")),
        ("bytes", ("bytes.parquet:0", "bytes.parquet:1", "bytes.parquet:0", "bytes.parquet:2")),
        (
            "hugging_face",
            ("hugging_face.parquet:0", "hugging_face.parquet:1", "hugging_face.parquet:0", "hugging_face.parquet:0"),
        ),
        ("hashes", ("hashes.parquet:0", "hashes.parquet:1", "hashes.parquet:0", "hashes.parquet:1")),
    ],
)
def test_every_kind_of_set(kind: str, items: tuple[str, ...], sets: dict[str, str]) -> None:
    """Pictures and captions are found in each, by set and item; what is neither, or hidden, is no part of it."""
    first, second, third = looks(*map(picture, range(3)))
    rows = [(first, "别的"), (second, None), (third, SENTENCE), (None, "另一个很长很长的句子"), (third, "别的")]
    name = sets[kind]
    found = overlaps(EvaluationOverlap(sets=(name,)), rows)
    assert found == [
        (1, "image", name, items[0], 0),
        (1, "image", name, items[1], 0),
        (1, "caption", name, items[2], None),
        (1, "caption", name, items[3], None),
        NO,
    ]


@pytest.mark.parametrize(("bits", "distance", "score"), [(0, 0, 1), (4, 4, 1), (5, 4, 0), (5, 10, 1), (1, 0, 0)])
def test_distance(bits: int, distance: int, score: int, sets: dict[str, str]) -> None:
    """Pictures overlap within the distance, which stands beside, and not beyond it."""
    (first,) = looks(picture(0))
    (found,) = overlaps(EvaluationOverlap(sets=(sets["hashes"],), hamming_distance=distance), [(flipped(first, bits), None)])
    assert (found[0], found[-1]) == (score, bits if score else None)


def test_a_copy_in_another_size_overlaps(sets: dict[str, str]) -> None:
    """The corpus and the sets are hashed alike, so a smaller copy is as near as it is within the corpus."""
    assert overlaps(EvaluationOverlap(sets=(sets["folder"],)), [(looks(picture(1, 200))[0], None)])[0][0] == 1


@pytest.mark.parametrize(
    ("caption", "score"),
    [
        (SENTENCE, 1),
        ("一只猫，坐在窗台上 晒太阳。", 1),
        ("一只猫坐在窗台上晒太阳吗", 0),
        ("Ａ Cat on the sill!", 1),
        ("猫", 0),
        ("", 0),
        ("\x00\u202e" + "看" * 30_000, 0),
        (None, 0),
    ],
)
def test_captions(caption: str | None, score: int, tmp_path: Path) -> None:
    """Letters and digits decide, not their width, case, or what stands between; what is short stands anywhere."""
    (tmp_path / "captions.txt").write_text(f"{SENTENCE}\n\na cat on the sill\n猫\n。。。\n", encoding="utf-8")
    link = EvaluationOverlap(sets=(str(tmp_path / "captions.txt"),))
    assert overlaps(link, [("0" * 16, caption)])[0][0] == score
    assert overlaps(link, [(None, caption)])[0][0] == (score or None)
    assert (overlaps(EvaluationOverlap(sets=link.sets, shortest_caption=1), [("0" * 16, "猫")])[0][0]) == 1


def test_the_image_counts_before_the_caption_and_sets_in_their_order(sets: dict[str, str]) -> None:
    """Of several matches it is the nearest picture, then the first; a caption is evidence only where no picture is."""
    (first,) = looks(picture(0))
    link = EvaluationOverlap(sets=(sets["tar"], sets["folder"]))
    assert overlaps(link, [(first, SENTENCE)]) == [(1, "image", sets["tar"], "set.tar/a.jpg", 0)]
    assert overlaps(EvaluationOverlap(), [(first, SENTENCE), (None, SENTENCE)]) == [NO, (None,) * 5]


def test_a_broken_picture_has_no_looks(tmp_path: Path) -> None:
    """It stands in the look-up without a hash, and matches nothing."""
    (tmp_path / "half.jpg").write_bytes(picture(0)[:2000])
    link = EvaluationOverlap(sets=(str(tmp_path),))
    assert link.merge(pa.table({})).to_pylist() == [
        {"set": str(tmp_path), "item": "half.jpg", "phash": None, "caption_hash": None}
    ]
    assert overlaps(link, [(looks(picture(0))[0], None)]) == [NO]


def test_a_changed_set_is_noticed(tmp_path: Path) -> None:
    """Every file of a folder is part of the fingerprint."""
    found = []
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(picture(len(name)) + name.encode())
        chain = Chain.parse({"phash": {}, "evaluation_overlap": {"sets": [str(tmp_path)]}}, "filter")
        found.append(chain.fingerprints()["evaluation_overlap"])
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "holds no image and no caption"),
        ("page.html", b"<html>", "holds no image and no caption"),
        ("captions.txt", "赌场".encode("gb18030"), "cannot be read"),
        ("set.tar", b"no tar" * 200, "cannot be read"),
        ("set.parquet", b"PAR1", "cannot be read"),
    ],
)
def test_a_set_that_is_none(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    """A set that tells nothing protects nothing: that is an error which names it."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"{name}.*{said}"):
        EvaluationOverlap(sets=(str(path),)).merge(pa.table({}))


def test_hashes_of_another_kind(tmp_path: Path) -> None:
    """A column called phash holds 16 hex digits a row."""
    for number, wrong in enumerate(["z" * 16, "f" * 17]):
        path = str(tmp_path / f"{number}.parquet")
        pq.write_table(pa.table({"phash": [wrong]}), path)
        with pytest.raises(ConfigError, match="cannot be read"):
            EvaluationOverlap(sets=(path,)).merge(pa.table({}))


def test_a_set_that_is_not_there(tmp_path: Path) -> None:
    """It is refused before anything runs."""
    with pytest.raises(ConfigError, match=r"nowhere.*cannot be read"):
        Chain.parse({"phash": {}, "evaluation_overlap": {"sets": [str(tmp_path / "nowhere")]}}, "filter")
