"""A changed config re-does what it changes, and nothing else; shown by counting what was measured and asked for."""

from __future__ import annotations

import copy
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from wukong_build import run
from wukong_build.demo.server import Server, serve
from wukong_build.errors import StoreError
from wukong_build.inspect.run import Run
from wukong_build.picture import Picture
from wukong_build.store import Store

TOLD = {"README.md", "checksums.txt", "croissant.json", "funnel.json"}
"""What stands beside the shards and tells of all of them."""

Measure = Callable[[dict[str, Any]], tuple[int, int]]


@pytest.fixture
def values(demo_run: Run, demo_served: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    """The config of a copy of the demo's run."""
    shutil.copytree(demo_run.store.root, tmp_path / "run")
    return demo_values(demo_served, tmp_path / "run")


@pytest.fixture
def count(caplog: pytest.LogCaptureFixture) -> Measure:
    """Run a config; how many parts were worked on, and how many scores were measured."""

    def counted(values: dict[str, Any]) -> tuple[int, int]:
        caplog.clear()
        with caplog.at_level(logging.INFO, "wukong_build"):
            run(values)
        messages = [record.getMessage() for record in caplog.records]
        measured = sum(int(found[1]) for message in messages if (found := re.search(r"(\d+) scores measured", message)))
        return len([message for message in messages if " part " in message]), measured

    return counted


def test_nothing_changed(values: dict[str, Any], count: Measure, demo_served: Server) -> None:
    """The same config again works on no part and asks no server."""
    asked = len(demo_served.requests)
    assert count(values) == (0, 0)
    assert len(demo_served.requests) == asked


def test_tighter_bound(values: dict[str, Any], count: Measure) -> None:
    """A tighter bound measures nothing anew."""
    values["filter"]["aspect_ratio"]["at_most"] = 1.4
    parts, measured = count(values)
    assert parts
    # whole-corpus links look up the few samples left; no link that looks at a single sample measures any of them again
    assert measured == 2 * 0 + _looked_up(values)


def _looked_up(values: dict[str, Any]) -> int:
    """How many scores the two whole-corpus links have given."""
    ledger = run(values).sql(
        "SELECT count(*) FILTER (WHERE kept OR dropped_by IN ('caption_frequency', 'near_duplicate')) AS frequency, "
        "count(*) FILTER (WHERE kept OR dropped_by = 'near_duplicate') AS duplicate FROM ledger"
    )
    return sum(ledger.to_pylist()[0].values())


def test_looser_bound(values: dict[str, Any], count: Measure) -> None:
    """A looser bound measures only the samples that get further than before."""
    values["filter"]["aspect_ratio"]["at_most"] = 100
    _, measured = count(values)
    # 3 samples had been dropped by it: at most 9 further links look at each, before the whole corpus is looked up again
    assert 0 < measured - _looked_up(values) <= 3 * 9


@pytest.mark.parametrize(("at_most", "decoded"), [(1.4, 0), (100, 3)])
def test_decodes(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, at_most: float, decoded: int) -> None:
    """A tighter bound decodes no image; a looser one those 3 alone that it had dropped, each once for all links that look."""
    seen: list[bytes] = []
    decode = Picture._decoded

    def counted(picture: Picture, side: int) -> Image.Image | None:
        seen.append(picture.content)
        return decode(picture, side)

    monkeypatch.setattr(Picture, "_decoded", counted)
    values["executor"] = {"kind": "local", "workers": 1}  # in this process
    values["filter"]["aspect_ratio"]["at_most"] = at_most
    run(values)
    assert len(seen) == decoded


def test_a_link_less(values: dict[str, Any], count: Measure) -> None:
    """The scores of a link that is taken out go with it; nothing is measured anew but what it had dropped."""
    assert "sensitive_words" in run(values).sql("SELECT * FROM scores LIMIT 1").column_names
    del values["filter"]["sensitive_words"]
    _, measured = count(values)
    assert "sensitive_words" not in run(values).sql("SELECT * FROM scores LIMIT 1").column_names
    # it had dropped 1 sample: at most 3 further links look at it, before the whole corpus is looked up again
    assert 0 < measured - _looked_up(values) <= 3


def test_no_link(values: dict[str, Any]) -> None:
    """A chain without links keeps every sample whose image came, also when there were links before."""
    values["filter"] = {}
    for _ in range(2):
        done = run(values)
        assert (
            done.sql("SELECT count(*) FROM ledger WHERE kept").to_pylist()
            == done.sql("SELECT count(*) FROM samples WHERE error IS NULL").to_pylist()
        )


def test_further_link(values: dict[str, Any], count: Measure) -> None:
    """A link added at the end measures what reaches it; whatever stood there before is not measured again."""
    for name in ("caption_frequency", "near_duplicate"):
        del values["filter"][name]
    run(values)
    values["filter"]["caption_frequency"] = {"at_most": 10}
    _, measured = count(values)
    dropped = run(values).sql("SELECT count(*) AS n FROM ledger WHERE kept OR dropped_by = 'caption_frequency'")
    assert measured == dropped.to_pylist()[0]["n"]


def test_looser_bound_before_the_whole_corpus(values: dict[str, Any], count: Measure) -> None:
    """What looks at single samples after a whole-corpus link is not measured again because one more sample came that far."""
    chain = values["filter"]
    values["filter"] = {
        "aspect_ratio": {"at_most": 3},
        "normalise_caption": {},
        "caption_frequency": chain["caption_frequency"],
        "decodable": {"at_least": 1},
        "phash": {},
    }
    before = run(values).ledger()
    values["filter"]["aspect_ratio"]["at_most"] = 4.5
    _, measured = count(values)
    after = run(values).ledger()
    more = _far(after) - _far(before)
    assert 0 < more < 10
    assert measured <= _far(after) + 4 * more  # one look-up each, and the links for those that came


def _far(ledger: Any) -> int:
    """How many samples reached `caption_frequency`."""
    return len([name for name in ledger["dropped_by"].to_pylist() if name in (None, "caption_frequency", "decodable")])


def test_other_pictures(site_folder: Path, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """A new crawl that gets other bytes under the same URLs has other scores."""
    shutil.copytree(site_folder, tmp_path / "site")
    with serve(tmp_path / "site") as server:
        values = demo_values(server, tmp_path / "run")
        before = _hashes(run(values))
        cat, dog = (tmp_path / "site" / path for path in ("demo.test/animals/cat.jpg", "img.demo.test/city/clock.jpg"))
        cat.write_bytes(dog.read_bytes())
        shutil.rmtree(tmp_path / "run" / "crawl")
        after = _hashes(run(values))
    assert [url for url in before if before[url] != after.get(url)] == ["http://demo.test/animals/cat.jpg"]


def _hashes(done: Run) -> dict[str, str]:
    rows = done.sql("SELECT url, phash FROM samples JOIN scores USING (key) WHERE phash IS NOT NULL").to_pylist()
    return {row["url"]: row["phash"] for row in rows}


def test_one_filter(values: dict[str, Any], count: Measure) -> None:
    """Other settings of one filter measure that filter anew, on the samples that reach it, and no other."""
    values["filter"]["sensitive_words"]["lists"] = [str(Path(values["run"]) / "words.txt")]
    Path(values["run"], "words.txt").write_text("不会出现的词\n", encoding="utf-8")
    _, measured = count(values)
    reached = run(values).sql(
        "SELECT count(*) FROM ledger WHERE kept OR dropped_by IN "
        "('sensitive_words', 'decodable', 'caption_frequency', 'near_duplicate')"
    )
    assert measured == reached.to_pylist()[0]["count_star()"]


def test_one_column(values: dict[str, Any], count: Measure) -> None:
    """Where one column of the samples is not what it was, the links that read it measure anew, and no other."""
    values["filter"] = {"shorter_side": {}, "han_count": {}}
    done = run(values)
    for part in done.store.parts("crawl/samples"):
        table = done.store.read("crawl/samples", part)
        longer = pc.binary_join_element_wise(table["caption_found"], "花", "")
        table = table.set_column(table.schema.get_field_index("caption_found"), "caption_found", longer)
        done.store.write("crawl/samples", part, table, done.store.made_from("crawl/samples", part) or "")
    before = done.sql("SELECT sum(han_count) AS n FROM scores").to_pylist()[0]["n"]
    _, measured = count(values)
    assert measured == done.ledger()["kept"].to_pylist().count(True)
    assert done.sql("SELECT sum(han_count) AS n FROM scores").to_pylist()[0]["n"] > before
    values["filter"]["han_count"] = {"at_least": 3}
    assert count(values)[1] == 0


def test_changed_list(values: dict[str, Any], count: Measure) -> None:
    """A word list that changes under the same name is noticed."""
    words = Path(values["run"], "words.txt")
    words.write_text("不会出现的词\n", encoding="utf-8")
    values["filter"]["sensitive_words"]["lists"] = [str(words)]
    run(values)
    words.write_text("咖啡\n", encoding="utf-8")
    parts, _ = count(values)
    assert parts
    dropped = run(values).sql("SELECT count(*) AS n FROM ledger WHERE dropped_by = 'sensitive_words'").to_pylist()[0]["n"]
    assert dropped > 1


def test_shorter_chain(values: dict[str, Any]) -> None:
    """Links that the config no longer has leave nothing behind, and the samples they had dropped are back."""
    before = run(values).ledger()
    del values["filter"]["near_duplicate"]
    after = run(values).ledger()
    assert after["kept"].to_pylist().count(True) > before["kept"].to_pylist().count(True)
    assert "near_duplicate" not in after["dropped_by"].to_pylist()
    assert not Path(values["run"], "filter", "corpus", "near_duplicate").exists()


def test_what_is_measured_besides_changes_manifests_alone(
    values: dict[str, Any], published: Callable[[str], dict[str, str]]
) -> None:
    """Another score is another column of the manifests; no tar is written again, until a caption changes."""
    shards, before = Path(values["run"], "shards"), published(values["run"])
    tars = {path.name: path.stat().st_ino for path in shards.glob("*.tar")}
    values["filter"]["sharpness"] = {}
    assert "sharpness" in run(values).manifests().column_names
    assert {path.name: path.stat().st_ino for path in shards.glob("*.tar")} == tars
    changed = published(values["run"])
    assert {name for name in before if before[name] != changed[name]} >= {name.replace("tar", "parquet") for name in tars}
    values["filter"]["person_names"] |= {"token": "<某人>"}
    captions = run(values).manifests()["caption"].to_pylist()
    written = {path.name for path in shards.glob("*.tar") if path.stat().st_ino != tars[path.name]}
    assert written == {f"{part}.tar" for part in _parts_with("<某人>", shards)}
    assert any("<某人>" in caption for caption in captions)
    values["filter"]["person_names"] |= {"token": "<人名>"}
    del values["filter"]["sharpness"]
    run(values)
    assert published(values["run"]) == before


def _parts_with(text: str, shards: Path) -> set[str]:
    """The shards of which some caption has a text."""
    return {path.stem for path in shards.glob("*.parquet") if text in "\n".join(pq.read_table(path)["caption"].to_pylist())}


def test_stopped_between_scores_and_state(
    values: dict[str, Any], demo_run: Run, published: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores of another config whose states were never written are not taken for those of this one."""
    other = copy.deepcopy(values)
    other["filter"]["shorter_side"]["at_least"] = 301
    write = Store.write

    def stopped(self: Store, stage: str, *arguments: Any, **named: Any) -> None:
        if stage == "filter/state/1":
            raise KeyboardInterrupt
        write(self, stage, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(other)
    run(values)
    assert published(values["run"]) == published(demo_run.store.root)


def test_other_shards(values: dict[str, Any], published: Callable[[str], dict[str, str]]) -> None:
    """Larger shards replace the smaller ones whole, and going back gives the old bytes."""
    before = published(values["run"])
    values["shard"]["samples"] = 1000
    assert _names(run(values)) == {"00000.tar", "00000.parquet", "00000_stats.json", *TOLD}
    values["shard"]["samples"] = 16
    run(values)
    assert published(values["run"]) == before


def _names(done: Run) -> set[str]:
    return {path.name for path in Path(done.store.root, "shards").iterdir()}


def test_wider_crawl(
    demo_server: Server,
    demo_values: Callable[..., dict[str, Any]],
    asked_twice: Callable[[Server], list[str]],
    tmp_path: Path,
    demo_run: Run,
) -> None:
    """A larger depth and budget extend the crawl: only what is new is asked for, and the end is the same as at once."""
    values = demo_values(demo_server, tmp_path / "run")
    values["crawl"]["sources"][0]["pages"] |= {"depth": 1, "at_most_pages": 9}
    small = run(values)
    asked = len(demo_server.requests)
    assert 0 < len(small.ledger()) < len(demo_run.ledger())
    values["crawl"]["sources"][0]["pages"] |= {"depth": 3, "at_most_pages": 200}
    wide = run(values)
    assert wide.funnel().equals(demo_run.funnel())
    assert len(demo_server.requests) > asked
    assert not asked_twice(demo_server)


def test_narrower_crawl(values: dict[str, Any], demo_run: Run) -> None:
    """A smaller budget leaves out what it no longer asks for; what was fetched stays for another day."""
    values["crawl"]["sources"][0]["pages"]["depth"] = 1
    narrow = run(values)
    assert 0 < len(narrow.ledger()) < len(demo_run.ledger())
    values["crawl"]["sources"][0]["pages"]["depth"] = 3
    assert run(values).funnel().equals(demo_run.funnel())


@pytest.mark.parametrize(
    ("stage", "changed", "message"),
    [
        ("filter", {"crawl": {"sources": [{"pages": {"seeds": ["http://demo.test/other"]}}]}}, "run `wukong-build crawl`"),
        ("shard", {"filter": {"aspect_ratio": {"at_most": 2}}}, "run `wukong-build filter`"),
    ],
)
def test_never_mixes(values: dict[str, Any], stage: str, changed: dict[str, Any], message: str) -> None:
    """A stage whose input is not that of the config says which command comes first."""
    values["crawl"] |= changed.get("crawl", {})
    values["filter"] = changed.get("filter", values["filter"])
    with pytest.raises(StoreError, match=re.escape(message)):
        run(values, [stage])


def test_unfinished_crawl(demo_values: Callable[..., dict[str, Any]], demo_server: Server, tmp_path: Path) -> None:
    """Nothing is filtered before the crawl is finished."""
    with pytest.raises(StoreError, match="the crawl is not finished"):
        run(demo_values(demo_server, tmp_path / "run"), ["filter"])
