"""Published lists are read as they are published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.sources import Urls
from wukong_build.web.sources.presets import PRESETS, PresetName

Pairs = Callable[[Urls], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("preset", "columns", "expected"),
    [
        ("wukong", {"url": "u", "caption": "a"}, None),
        ("wukong_test", {"url": "u", "caption": "a"}, None),
        ("wukong_test", {"dir": "d", "text": "a", "token": "t", "url": "u"}, '{"dir":"d","token":"t"}'),
        ("coyo", {"id": 1, "url": "u", "text": "a", "watermark_score": 0.5}, '{"id":1,"watermark_score":0.5}'),
        ("laion", {"URL": "u", "TEXT": "a", "LANGUAGE": "zh", "punsafe": None}, '{"LANGUAGE":"zh","punsafe":null}'),
        ("laion", {"url": "u", "caption": "a", "similarity": 0.25}, '{"similarity":0.25}'),
        ("danqing", {"url": "u", "alt_text": "a", "recaption": "b"}, '{"recaption":"b"}'),
        ("img2dataset", {"url": "u", "caption": "a", "status": "failed_to_download"}, '{"status":"failed_to_download"}'),
    ],
)
def test_preset(tmp_path: Path, pairs: Pairs, preset: PresetName, columns: dict[str, Any], expected: str | None) -> None:
    """URL and caption are found by the names of the list, in upper or lower case; what else it says is carried along."""
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({name: [value] for name, value in columns.items()}), path)
    (pair,) = pairs(Urls(path=str(path), preset=preset))
    assert (pair["url"], pair["texts"][0]["text"], pair["extra"]) == ("u", "a", expected)


def test_what_the_config_names_counts_first(tmp_path: Path, pairs: Pairs) -> None:
    """A key of the config stands in place of the preset's, as it is written."""
    path = str(tmp_path / "list.parquet")
    pq.write_table(pa.table({"url": ["u"], "text": ["a"], "title": ["b"], "id": [1], "page": ["p"]}), path)
    (pair,) = pairs(Urls(path=path, preset="coyo", caption="title", page_url="page", extra_columns=("id",)))
    assert (pair["texts"][0]["text"], pair["page_url"], pair["extra"]) == ("b", "p", '{"id":1}')
    (pair,) = pairs(Urls(path=path, preset="coyo", caption=None, extra_columns=()))
    assert (pair["texts"], pair["extra"]) == ([], None)
    with pytest.raises(ConfigError, match="has no column 'Title'"):
        pairs(Urls(path=path, preset="coyo", caption="Title"))


def test_another_list_than_the_preset_says(tmp_path: Path) -> None:
    """It is refused, with what there is."""
    path = str(tmp_path / "list.parquet")
    pq.write_table(pa.table({"url": ["u"], "title": ["a"]}), path)
    with pytest.raises(ConfigError, match=r"has no column 'alt_text' or 'caption' or 'text'.*; it has title, url"):
        Urls(path=path, preset="danqing").check()


def test_every_preset_has_a_name() -> None:
    """What a config may write is what there is."""
    assert set(PRESETS) == {*get_args(PresetName), None}
