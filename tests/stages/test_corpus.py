"""Surveys become a look-up, in one piece or in many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.corpus.caption_frequency import CaptionFrequency
from wukong_build.corpus.exact_duplicate import ExactDuplicate
from wukong_build.corpus.image_frequency import ImageFrequency
from wukong_build.corpus.near_duplicate import NearDuplicate
from wukong_build.executors import LocalExecutor
from wukong_build.links import CorpusLink
from wukong_build.stages import corpus
from wukong_build.store import Store

LINKS: Sequence[CorpusLink] = (
    CaptionFrequency(),
    ImageFrequency(),
    ExactDuplicate(),
    NearDuplicate(),
    NearDuplicate(mirrored=True),
)


def samples(start: int, stop: int) -> Batch:
    """Rows in which captions, files and hashes come again."""
    rows = range(start, stop)
    return Batch(
        pa.table(
            {
                "key": [f"{row:032x}" for row in rows],
                "url": [f"http://{row % 3}.test/{row}.jpg" for row in rows],
                "caption": [f"第{row % 17}只猫" for row in rows],
                "sha256": [f"{row % 29:064x}" for row in rows],
                "phash": [f"{(row % 31) * 0x0101010101010101:016x}" for row in rows],
                "phash_mirrored": [f"{(row % 37) * 0x0101010101010101:016x}" for row in rows],
                "width": pa.array([300] * len(rows), pa.int32()),
                "height": pa.array([200 + row % 2 for row in rows], pa.int32()),
            }
        )
    )


def survey(store: Store, link: CorpusLink, cuts: list[int], reach: int = 100) -> None:
    """The surveys of all samples up to `reach`, cut at some places."""
    store.delete_stage(corpus.survey_folder(link))
    for number, (start, stop) in enumerate(zip([0, *cuts], [*cuts, reach], strict=True)):
        store.write(corpus.survey_folder(link), f"{number:05d}", link.survey(samples(start, stop)))


def measured(store: Store, link: CorpusLink) -> pa.Table:
    """What the link says of every sample."""
    return pa.table(link.measure(samples(0, 100), corpus.look_up(link, store)))


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name())
@pytest.mark.parametrize("rows", [1, 7, 40])
@pytest.mark.parametrize("cuts", [[], [1, 2, 50], list(range(5, 100, 5))], ids=["one part", "uneven parts", "many parts"])
def test_pieces_and_parts_change_nothing(
    link: CorpusLink, rows: int, cuts: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few rows may be together, the link says the same."""
    store, executor = Store(str(tmp_path)), LocalExecutor(1)
    survey(store, link, [])
    corpus.merge(link, store, executor)
    whole = measured(store, link)
    monkeypatch.setattr(type(link), "rows_together", rows)
    monkeypatch.setattr(corpus, "SHUFFLED_TOGETHER", 2 * rows)
    survey(store, link, cuts)
    corpus.merge(link, store, executor)
    assert measured(store, link).equals(whole)
    assert len(store.parts(f"filter/corpus/{link.name()}/pieces")) > 1


def test_only_what_is_stale_is_shuffled_and_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing the second time; of a changed survey its own group alone is shuffled, and every piece is merged."""
    done: list[str] = []
    for stage in (corpus.ShuffleStage, corpus.PieceStage, corpus.MergeStage):
        work = stage.work
        monkeypatch.setattr(stage, "work", lambda self, store, part, work=work: done.append(part.name) or work(self, store, part))
    monkeypatch.setattr(CaptionFrequency, "rows_together", 30)
    monkeypatch.setattr(corpus, "SHUFFLED_TOGETHER", 30)
    store, executor, link = Store(str(tmp_path)), LocalExecutor(1), CaptionFrequency()
    survey(store, link, [20, 40, 60, 80])
    corpus.merge(link, store, executor)
    assert done == [
        *("00000..00000", "00001..00001", "00002..00002", "00003..00003", "00004..00004"),
        *("00000", "00001", "00002", "00003"),
        "00000",
    ]
    done.clear()
    corpus.merge(link, store, executor)
    assert done == []
    survey(store, link, [20, 40, 60, 80], reach=95)
    corpus.merge(link, store, executor)
    assert done == ["00004..00004", "00000", "00001", "00002", "00003", "00000"]


def test_a_corpus_that_shrinks_is_in_one_piece_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of the pieces stays."""
    store, executor, link = Store(str(tmp_path)), LocalExecutor(1), CaptionFrequency()
    monkeypatch.setattr(CaptionFrequency, "rows_together", 30)
    monkeypatch.setattr(corpus, "SHUFFLED_TOGETHER", 30)
    survey(store, link, [50])
    corpus.merge(link, store, executor)
    survey(store, link, [], reach=20)
    corpus.merge(link, store, executor)
    assert store.parts("filter/corpus/caption_frequency/merged") == ["00000"]
    assert store.parts("filter/corpus/caption_frequency/pieces") == []
    assert store.parts("filter/corpus/caption_frequency/shuffled") == []


def test_no_samples_have_no_surveys(tmp_path: Path) -> None:
    """There is a look-up all the same."""
    store = Store(str(tmp_path))
    corpus.merge(CaptionFrequency(), store, LocalExecutor(1))
    assert len(corpus.look_up(CaptionFrequency(), store)) == 0
