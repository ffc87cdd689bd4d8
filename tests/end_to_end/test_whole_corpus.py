"""Links over the whole corpus, and lists of the user's own, in one chain of several passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wukong_build import run
from wukong_build.demo.server import Server
from wukong_build.errors import PartsFailed


def test_the_family(demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """Each link drops what it is there for, whatever the parts; a list that grows and a set that comes are noticed."""
    names = ("cat", "eyes", "whiskers")
    rows = [f"http://demo.test/animals/{name}.jpg,{name}的照片在这里面" for name in names]
    (tmp_path / "list.csv").write_text("\n".join(["url,caption", *rows]) + "\n", encoding="utf-8")
    removed, sets, concepts = tmp_path / "removed.txt", tmp_path / "sets", tmp_path / "concepts.txt"
    removed.write_text("# nothing yet\n", encoding="utf-8")
    sets.mkdir()
    (sets / "captions.txt").write_text("没有这样的标题在这里面\n", encoding="utf-8")
    concepts.write_text("照片\n", encoding="utf-8")
    values = demo_values(demo_server, tmp_path / "run")
    values["crawl"]["images_per_part"] = 2
    values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
    values["filter"] = {
        "known_images": {"sha256": [str(removed)], "at_most": 0},
        "exact_duplicate": {"at_most": 0},
        "image_frequency": {"at_most": 5},
        "phash": {},
        "evaluation_overlap": {"sets": [str(sets)], "at_most": 0},
        "concept_balance": {"concepts": [str(concepts)], "without_concept": "drop", "at_most": 1},
    }

    def dropped() -> dict[str, str | None]:
        found = run(values).sql("SELECT url, dropped_by FROM samples JOIN ledger USING (key)").to_pylist()
        return {row["url"].rpartition("/")[2].removesuffix(".jpg"): row["dropped_by"] for row in found}

    values["filter"]["concept_balance"]["at_most"] = 3
    assert dropped() == dict.fromkeys(names)
    first = run(values)
    images = {row["url"]: row for row in first.sql("SELECT url, sha256, image FROM images").to_pylist()}
    removed.write_text(images["http://demo.test/animals/cat.jpg"]["sha256"], encoding="utf-8")
    assert dropped() == {"cat": "known_images", "eyes": None, "whiskers": None}
    (sets / "eyes.jpg").write_bytes(images["http://demo.test/animals/eyes.jpg"]["image"])
    assert dropped() == {"cat": "known_images", "eyes": "evaluation_overlap", "whiskers": None}
    evidence = run(values).sql("SELECT evidence.* FROM ledger WHERE NOT kept ORDER BY dropped_by").to_pylist()
    assert [row["evaluation_overlap_item"] for row in evidence] == ["eyes.jpg", None]
    assert [row["known_images_line"] for row in evidence] == [None, 1]
    concepts.write_text("别的\n", encoding="utf-8")
    assert dropped()["whiskers"] == "concept_balance"


def test_a_set_that_cannot_be_read_is_named(
    demo_server: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The part that looks it up fails with the set's name, and nothing else is lost."""
    (tmp_path / "list.csv").write_text("url,caption\nhttp://demo.test/animals/cat.jpg,一只猫\n", encoding="utf-8")
    (tmp_path / "set.parquet").write_bytes(b"PAR1")
    values = demo_values(demo_server, tmp_path / "run")
    values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
    values["filter"] = {"phash": {}, "evaluation_overlap": {"sets": [str(tmp_path / "set.parquet")]}}
    with pytest.raises(PartsFailed, match=r"set\.parquet.*cannot be read"):
        run(values)
