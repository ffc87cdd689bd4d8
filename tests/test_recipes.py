"""The recipes that ship are configs that work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from wukong_build.chain import Chain, link_names
from wukong_build.config import Config, load_config, parse_config, recipe_path
from wukong_build.errors import ConfigError
from wukong_build.links import Bounds

RECIPES = sorted(path.stem for path in Path(recipe_path("demo")).parent.glob("*.yaml"))
FILLED_IN = (
    "crawl.user_agent=a-crawl (+https://my.site/crawl; me@my.site)",
    "crawl.sources=[{pages: {seeds: ['https://my.site/']}}]",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where commands run: the folder of the benchmark, with its list of words."""
    (tmp_path / "sensitive.txt").write_text("龘靐\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def recipe(name: str) -> Config:
    """A recipe with sources and contact filled in."""
    return load_config(recipe_path(name), FILLED_IN)


def init_filters() -> dict[str, Any]:
    """The filters of the config to start from, with those behind a `#`; the example of one's own is none."""
    text = Path(recipe_path("init")).read_text(encoding="utf-8")
    return dict(yaml.safe_load(re.sub(r"^  # (?=[a-z_]+: \{)", "  ", text, flags=re.MULTILINE))["filter"])


def keys(values: Mapping[str, Any], at: str = "") -> set[str]:
    """Paths of all keys, those of sources and filters aside."""
    found: set[str] = set()
    for name, value in values.items():
        path = f"{at}.{name}".lstrip(".")
        found |= {path} | (keys(value, path) if isinstance(value, dict) and path != "filter" else set())
    return found


def test_the_recipes_that_ship() -> None:
    """There is the paper's, ours, the demo's, the benchmark's, and the one to start from."""
    assert set(RECIPES) == {"bench", "default", "demo", "init", "wukong"}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_loads(name: str) -> None:
    """With sources and contact filled in, every recipe is a config, and has the filters it needs."""
    config = recipe(name)
    assert len(config.crawl.sources) == 1
    assert {"shorter_side", "aspect_ratio", "han_count", "sensitive_words", "decodable"} <= set(config.filter.links)


@pytest.mark.parametrize("name", ["bench", "default", "demo", "wukong"])
def test_a_recipe_loads_as_it_is(name: str) -> None:
    """Nothing in a recipe is wrong before it is filled in."""
    load_config(recipe_path(name))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_where_the_user_is(name: str) -> None:
    """Runs land in `data/`, relative to where the command runs."""
    assert recipe(name).run.startswith("data/")


def test_the_init_config_has_every_key_with_its_default() -> None:
    """Whoever begins with it sees every key there is, and changing none is the default."""
    written = yaml.safe_load(Path(recipe_path("init")).read_text(encoding="utf-8"))
    plain = parse_config({"run": "x", "crawl": {"sources": [{"pages": {"seeds": ["http://localhost/"]}}]}}).resolved()
    assert keys(written) == keys(plain)
    assert set(init_filters()) == set(link_names())
    found = recipe("init").resolved()
    for section in ("shard", "executor"):
        assert found[section] == plain[section]
    differing = {key for key, value in plain["crawl"].items() if found["crawl"][key] != value}
    assert differing == {"user_agent", "sources"}
    assert written["crawl"]["sources"][0]["pages"] == {
        **msgspec.json.decode(msgspec.json.encode(plain["crawl"]["sources"][0]["pages"])),
        "seeds": ["https://example.org/"],
    }


def test_the_init_config_names_every_setting_of_a_filter() -> None:
    """Settings of a link stand beside it, each with its default; what has no bounds says that it is measured alone."""
    text = Path(recipe_path("init")).read_text(encoding="utf-8")
    written = init_filters()
    for name, link in Chain.parse(written, "filter").links.items():
        defaults = msgspec.json.decode(msgspec.json.encode(type(link)().settings()))
        assert {key: written[name][key] for key in defaults} == defaults, name
        measures = re.search(rf"^  (?:# )?{name}: .*# measured", text, re.MULTILINE)
        assert not isinstance(link, Bounds) or link.bounded != bool(measures), name


def test_the_init_config_wants_a_contact() -> None:
    """As it stands it asks for the user's own contact, and says so."""
    with pytest.raises(ConfigError, match="user_agent"):
        load_config(recipe_path("init"))


def test_wukong_is_the_papers() -> None:
    """The numbers of the paper, and no removal of duplicates, which it does not describe."""
    links = recipe("wukong").filter.links
    bounds = {name: (link.at_least, link.at_most) for name, link in links.items() if isinstance(link, Bounds) and link.bounded}
    assert bounds["shorter_side"] == (200, None)
    assert bounds["aspect_ratio"] == (None, 3)
    assert bounds["han_count"] == (1, 31)
    assert bounds["caption_frequency"] == (None, 10)
    assert "near_duplicate" not in links


def test_the_benchmark_brings_its_own_words(tmp_path: Path) -> None:
    """Its list of words lies where the command runs, and the config is refused where it does not."""
    assert "sensitive.txt" in recipe("bench").filter.links["sensitive_words"].resources()
    (tmp_path / "sensitive.txt").unlink()
    with pytest.raises(ConfigError, match="word list"):
        recipe("bench")
