"""Links of a user's own, which read what other links write: across passes, and after every change."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.inspect.run import Run

MODULE = '''
"""Links that read each other's columns."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.links import CorpusFilter, Filter, Measure


class Marker(Measure, frozen=True, kw_only=True):
    """A word, on every sample."""

    word: str

    def measure(self, batch):
        return {"marker": pa.array([self.word] * len(batch))}


class Gather(CorpusFilter, frozen=True, kw_only=True):
    """How often the corpus has this sample's marker, with the marker beside it."""

    reads: ClassVar[tuple[str, ...]] = ("marker",)
    writes: ClassVar[dict[str, pa.DataType]] = {"gathered": pa.string()}

    def survey(self, batch):
        return pa.table({"marker": batch["marker"]})

    def merge(self, surveys):
        return surveys.group_by("marker").aggregate([("marker", "count")])

    def measure(self, batch, merged):
        counts = dict(zip(merged["marker"].to_pylist(), merged["marker_count"].to_pylist()))
        found = [float(counts[marker]) for marker in batch["marker"].to_pylist()]
        return {"gather": pa.array(found), "gathered": pa.array(list(counts)[:1] * len(batch), pa.string())}


class Twice(Filter, frozen=True, kw_only=True):
    """Twice the caption's frequency."""

    reads: ClassVar[tuple[str, ...]] = ("caption_frequency",)

    def score(self, batch):
        return pc.multiply(batch["caption_frequency"].cast(pa.float64()), 2.0)
'''


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], dict[str, Any]]]:
    """A chain in which a whole-corpus link reads what was measured two passes before, and another link what was looked up."""
    (tmp_path / "reading_links.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda word: {
        "reading_links:Marker": {"word": word},
        "caption_frequency": {},
        "reading_links:Twice": {},
        "reading_links:Gather": {},
    }
    sys.modules.pop("reading_links")


def test_own_links(
    demo_server: Server, demo_values: Callable[..., dict[str, Any]], chain: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """What was measured early, and changes, reaches whoever reads it, however many passes later."""
    values = demo_values(demo_server, tmp_path / "run")
    values["crawl"]["images_per_part"] = 20
    for word in ("one", "two"):
        values["filter"] = chain(word)
        done = run(values)
        assert _distinct(done, "gathered") == {word}
        assert _distinct(done, "twice - 2 * caption_frequency") == {0.0}


def test_captions_change_places(
    demo_server: Server, demo_values: Callable[..., dict[str, Any]], chain: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """Other captions under the same frequencies: who reads the looked-up column reads the new one."""
    urls = [f"http://demo.test/{path}" for path in ("animals/cat.jpg", "animals/eyes.jpg", "animals/whiskers.jpg")]
    values = demo_values(demo_server, tmp_path / "run")
    values["filter"] = chain("one")
    values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
    for captions in ("甲甲乙", "丙甲甲"):
        rows = [f"{url},{caption}" for url, caption in zip(urls, captions, strict=True)]
        (tmp_path / "list.csv").write_text("\n".join(["url,caption", *rows]) + "\n", encoding="utf-8")
        rows_by_url = run(values).sql("SELECT url, twice FROM samples JOIN scores USING (key)").to_pylist()
        twice = {row["url"]: row["twice"] for row in rows_by_url}
        assert [twice[url] for url in urls] == [2 * captions.count(caption) for caption in captions]


def test_captions_lose_what_their_site_puts_behind_them(
    demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """What the whole corpus rewrites is what later links read and what is published; where the corpus changes, so do they all."""
    urls = [f"http://demo.test/{path}" for path in ("animals/cat.jpg", "animals/eyes.jpg", "animals/whiskers.jpg")]
    values = demo_values(demo_server, tmp_path / "run")
    values["crawl"]["images_per_part"] = 2
    values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
    values["filter"] = {"site_affix": {"at_least_count": 3}, "caption_length": {"at_most": 5}, "caption_frequency": {}}
    whole = ["甲乙_示例网", "丙_示例网", "丁_示例网"]
    for captions, expected in (
        (whole, [("甲乙", 2, None), ("丙", 1, None), ("丁", 1, None)]),
        (["甲乙", *whole[1:]], [("甲乙", 2, None), ("丙_示例网", 5, None), ("丁_示例网", 5, None)]),
        ([whole[0], "丙", "丁"], [("甲乙_示例网", 6, "caption_length"), ("丙", 1, None), ("丁", 1, None)]),
        (whole, [("甲乙", 2, None), ("丙", 1, None), ("丁", 1, None)]),
    ):
        rows = [f"{url},{caption}" for url, caption in zip(urls, captions, strict=True)]
        (tmp_path / "list.csv").write_text("\n".join(["url,caption", *rows]) + "\n", encoding="utf-8")
        found = run(values).sql(
            "SELECT url, ledger.caption, caption_length, dropped_by, site_affix_suffix "
            "FROM samples JOIN scores USING (key) JOIN ledger USING (key)"
        )
        by_url = {row.pop("url"): row for row in found.to_pylist()}
        assert [(by_url[u]["caption"], by_url[u]["caption_length"], by_url[u]["dropped_by"]) for u in urls] == expected
        stripped = [by_url[url]["site_affix_suffix"] for url in urls]
        assert stripped == (["_示例网"] * 3 if captions == whole else [None] * 3)
    (merged,) = (tmp_path / "run").glob("filter/corpus/site_affix/merged/*.parquet")
    assert pq.read_table(merged).select(["side", "affix", "count"]).to_pylist() == [
        {"side": "suffix", "affix": "示例网", "count": 3}
    ]


def _distinct(done: Run, expression: str) -> set[Any]:
    rows = done.sql(
        f"SELECT DISTINCT {expression} AS value FROM scores JOIN ledger USING (key) WHERE kept AND caption IS NOT NULL"
    ).to_pylist()
    return {row["value"] for row in rows}
