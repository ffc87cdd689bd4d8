"""Samples: what pages and lists say of an image, put together beside the answer that holds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wukong_build.executors import LocalExecutor
from wukong_build.schema import FRONTIER, IMAGES, PAGES, PAIRS, TableSchema
from wukong_build.stages import pairs, run_stage
from wukong_build.stages.pairs import TEXTS_KEPT, SampleStage, gather
from wukong_build.store import Store
from wukong_build.web.optout import OptOut

SITE = "http://a.test/"
BY = [{"url": "https://creativecommons.org/licenses/by/4.0/", "origin": "rel_license"}]
BY_SA = [{"url": "https://creativecommons.org/licenses/by-sa/4.0/", "origin": "link"}]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run without anything."""
    return Store(str(tmp_path / "run"))


def written(store: Store, table: TableSchema, part: str, *rows: dict[str, Any]) -> None:
    """Write a part of one of the crawl's tables."""
    store.write(f"crawl/{table.name}", part, pa.Table.from_pylist(list(rows), schema=table.arrow))


def listed(key: str, position: int, *texts: str, **found: Any) -> dict[str, Any]:
    """A row of a list, with its captions."""
    told = [{"text": text, "origin": "caption", "distance": 0} for text in texts]
    return {"key": key, "url": f"{SITE}{key}", "position": position, "source": "0:urls", "texts": told} | found


def answered(key: str, **answer: Any) -> dict[str, Any]:
    """A row of images."""
    return {"key": key, "url": f"{SITE}{key}", "opt_out": [], "format": "jpg", "robots": "no_rules"} | answer


def worked_on(store: Store) -> list[str]:
    """Bring the samples up to date; the parts that had to be made."""
    gather(store)
    return [part.name for part in run_stage(SampleStage(OptOut(), ""), store, LocalExecutor(1))]


def samples(store: Store) -> list[dict[str, Any]]:
    """All samples, in the order of their parts."""
    worked_on(store)
    return [row for part in store.parts("crawl/samples") for row in store.read("crawl/samples", part).to_pylist()]


def test_all_that_is_said_of_an_image(store: Store) -> None:
    """Its distinct texts, nearest occurrence first; it comes from the first; the answer's facts stand beside them."""
    written(store, PAIRS, "list-0", listed("k", 7, "窗台上的猫", "猫"), listed("k", 3, "猫", "一只猫"), listed("l", 5))
    written(store, IMAGES, "00000", answered("l", error="404"), answered("k", width=640))
    other, cat = samples(store)
    assert [text["text"] for text in cat["texts"]] == ["猫", "一只猫", "窗台上的猫"]
    assert (cat["position"], cat["depth"], cat["source"], cat["occurrence_count"]) == (3, 0, "0:urls", 2)
    assert (cat["caption_found"], cat["caption_origin"]) == ("猫", "caption")
    assert (cat["width"], cat["format"], cat["robots"], cat["error"], cat["image_row"]) == (640, "jpg", "no_rules", None, 1)
    assert (other["texts"], other["caption_found"], other["error"], other["image_row"]) == ([], None, "404", 0)


def test_one_sample_a_key(store: Store) -> None:
    """It lies beside the answer that holds; what nobody names any more has none."""
    written(store, PAIRS, "list-0", listed("k", 0), listed("l", 1))
    written(store, IMAGES, "00000", answered("k"), answered("l", error="timeout"), answered("unnamed"))
    written(store, IMAGES, "00001", answered("l"), answered("k", error="timeout"))
    assert [(row["key"], row["error"], row["image_row"]) for row in samples(store)] == [("k", None, 0), ("l", None, 0)]
    assert store.parts("crawl/samples") == ["00000", "00001"]


def test_opt_outs_add_up(store: Store) -> None:
    """What the image's answer says and what any of its pages says, each once, sorted; none is an empty list."""
    told: dict[str, list[str] | None] = {"1": ["b:1"], "2": None, "3": ["c:1", "b:1"]}
    written(store, PAGES, "00000", *({"url": SITE + page, "decision": "asked", "opt_out": told[page]} for page in told))
    written(store, FRONTIER, "00000", *({"url": SITE + page, "depth": 0, "source": "0:pages"} for page in told))
    written(store, PAIRS, "00000", *(listed("k", 0, page_url=SITE + page, source=None) for page in told))
    written(store, PAIRS, "list-0", listed("l", 0), listed("m", 1))
    written(store, IMAGES, "00000", answered("l"), answered("k", opt_out=["a:1"]), answered("m", opt_out=None))
    assert {row["key"]: row["opt_out"] for row in samples(store)} == {"k": ["a:1", "b:1", "c:1"], "l": [], "m": []}


def test_the_first_that_has_one_speaks(store: Store) -> None:
    """Licences and extra columns are of the first occurrence that has any; where none has, there are none."""
    told: dict[str, list[dict[str, str]] | None] = {"1": [], "2": None, "3": BY, "4": BY_SA}
    written(store, PAGES, "00000", *({"url": SITE + page, "decision": "asked", "licences": told[page]} for page in told))
    written(store, FRONTIER, "00000", *({"url": SITE + page, "depth": 1, "source": "1:pages"} for page in told))
    written(store, PAIRS, "00000", *(listed("k", 0, page_url=SITE + page, source=None) for page in told))
    written(store, PAIRS, "list-0", listed("k", 2, extra='{"id": 2}'), listed("k", 1), listed("k", 3, extra="{}"), listed("l", 4))
    written(store, IMAGES, "00000", answered("k"), answered("l"))
    assert [(row["licences"], row["extra"]) for row in samples(store)] == [(BY, '{"id": 2}'), (None, None)]


def test_a_picture_on_every_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every occurrence is counted, over however many row groups; only the first of them speak, and no more texts are kept."""
    monkeypatch.setattr(pairs, "ROWS_AT_ONCE", 700)
    rows = [
        listed("often", number, f"第{number}次", f"又第{number}次", extra="{}" if number > TEXTS_KEPT else None)
        for number in range(3000)
    ]
    written(store, PAIRS, "list-0", *rows, *(listed("once", 9000 + number, "一次") for number in range(2)))
    written(store, IMAGES, "00000", answered("often"), answered("once"))
    often, once = samples(store)
    assert (often["occurrence_count"], once["occurrence_count"]) == (3000, 2)
    assert [text["text"] for text in often["texts"]][:3] == ["第0次", "又第0次", "第1次"]
    assert (len(often["texts"]), len(once["texts"]), often["extra"]) == (TEXTS_KEPT, 1, None)


def test_the_same_facts_make_the_same_samples(store: Store) -> None:
    """However they are cut into parts and in whatever order they lie; parts that are the same are not made again."""
    rows = [listed(f"k{number % 40}", number, f"第{number}张") for number in range(400)]
    for part in range(4):
        written(store, IMAGES, f"{part:05d}", *(answered(f"k{number}") for number in range(part * 10, part * 10 + 10)))
    written(store, PAIRS, "list-0", *rows)
    assert worked_on(store) == ["00000", "00001", "00002", "00003"]
    before = store.digests("crawl/samples")
    shuffled = random.Random(1).sample(rows, len(rows))
    for part in range(7):
        written(store, PAIRS, f"list-{part}", *shuffled[part::7])
    assert worked_on(store) == []
    assert store.digests("crawl/samples") == before


def test_only_what_changed_is_made_again(store: Store) -> None:
    """One more occurrence, or another answer, is the business of one part; a part without samples is gone."""
    written(store, PAIRS, "list-0", listed("k", 0, "猫"), listed("l", 1, "狗"))
    written(store, IMAGES, "00000", answered("k"))
    written(store, IMAGES, "00001", answered("l"))
    assert worked_on(store) == ["00000", "00001"]
    written(store, PAIRS, "list-1", listed("l", 2, "小狗"))
    assert worked_on(store) == ["00001"]
    written(store, IMAGES, "00000", answered("k", width=640))
    assert worked_on(store) == ["00000"]
    store.delete_part("crawl/pairs", "list-0")
    assert worked_on(store) == ["00001"]
    assert store.parts("crawl/samples") == ["00001"]


def test_without_facts_there_are_no_samples(store: Store) -> None:
    """A crawl that got nothing ends well."""
    assert samples(store) == []
