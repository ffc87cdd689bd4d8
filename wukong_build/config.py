"""The config: one typed struct per section, read from YAML, checked whole before anything runs.

An unknown key is an error that says where, what was found, and the nearest valid name. Knows nothing of how stages work.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import fsspec
import msgspec

from wukong_build.chain import Chain, config_key
from wukong_build.errors import ConfigError, explain_mismatch, listed, nearest, shown
from wukong_build.executors import Executor, LocalExecutor
from wukong_build.schema import FACE_BOXES
from wukong_build.shards import INDEXES, REST, ShardSettings
from wukong_build.web.caption import KINDS, Captions
from wukong_build.web.failures import FAILURES
from wukong_build.web.manners import PORTS, Limits, Manners, PerHost, Proxies, Retries, proxy_urls
from wukong_build.web.optout import OptOut
from wukong_build.web.sources import SOURCES, Source
from wukong_build.web.url import canonical
from wukong_build.yaml_file import read_mapping, value_of

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]

DEFAULT_USER_AGENT = f"wukong-build/{importlib.metadata.version('wukong-build')}"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One mapping of the config; its fields are the keys."""


class CrawlSettings(Section, frozen=True, kw_only=True):
    """What to harvest, and with which manners."""

    sources: tuple[Source, ...] = ()
    user_agent: str = DEFAULT_USER_AGENT
    """Names the crawler and how to reach whoever runs it: an address or a page."""
    per_host: PerHost = PerHost()
    images_per_host: PerHost | None = None
    """Manners towards hosts of images where they differ from `per_host`."""
    image: Limits = Limits()
    retries: Retries = Retries()
    opt_out: OptOut = OptOut()
    """Which ways of withholding images from training are obeyed, and which are only written down."""
    captions: Captions = Captions()
    """How the caption of an image is chosen among the texts that pages offer for it."""
    ports: tuple[int, ...] = PORTS
    """Ports that may be asked."""
    proxies: Proxies = None
    """A proxy for all hosts, a list of which each host has one, or a mapping of hosts to proxies (`*` for all others)."""
    allow_private_addresses: bool = False
    resolve: dict[str, str] = {}
    """Host → address, or address:port: names that DNS does not know. Part of no key and no fingerprint."""
    archive: bool = False
    """Keep every answer in WARC files as well, in the run's folder `archive`, where the source `warc` finds all of it again."""
    pages_per_part: AtLeastOne = 100
    images_per_part: AtLeastOne = 1000
    """How much one part fetches, and so how much a killed command loses at most per worker."""

    def manners(self, *, images: bool) -> Manners:
        """How it behaves, towards hosts of images or of pages."""
        return Manners(
            user_agent=self.user_agent,
            per_host=(self.images_per_host or self.per_host) if images else self.per_host,
            retries=self.retries,
            ports=self.ports,
            proxies=self.proxies,
            allow_private_addresses=self.allow_private_addresses,
            resolve=self.resolve,
        )


class ExecutorSettings(Section, frozen=True, kw_only=True):
    """Where the work runs. Results never depend on it."""

    kind: str = "local"
    workers: AtLeastOne = 2

    def executor(self) -> Executor:
        """The executor these settings name."""
        return LocalExecutor(self.workers)


class Config(Section, frozen=True, kw_only=True):
    """Everything one run is made from."""

    run: str
    crawl: CrawlSettings = CrawlSettings()
    filter: Chain = Chain()
    shard: ShardSettings = ShardSettings()
    executor: ExecutorSettings = ExecutorSettings()

    def resolved(self) -> dict[str, Any]:
        """All of it as plain values, every default written out."""
        return {
            "run": self.run,
            "crawl": {
                **{key: value for key, value in msgspec.to_builtins(self.crawl).items() if key != "sources"},
                "proxies": _without_passwords(self.crawl.proxies),
                "sources": [{source.kind(): msgspec.to_builtins(source)} for source in self.crawl.sources],
            },
            "filter": {config_key(link): msgspec.to_builtins(link) for link in self.filter.links.values()},
            "shard": msgspec.to_builtins(self.shard),
            "executor": msgspec.to_builtins(self.executor),
        }


def load_config(path: str, overrides: Iterable[str] = ()) -> Config:
    """The config in a file (any fsspec URL), with `key.path=value` overrides laid over it."""
    values = read_mapping(path, "a config is a mapping that begins with `run:`")
    for override in overrides:
        _set(values, override)
    return parse_config(values, where=path)


def parse_config(values: Mapping[str, Any], where: str = "config") -> Config:
    """The config that plain values mean; `where` is named in errors."""
    values = {key: value for key, value in values.items() if value is not None}  # a section left empty has its defaults
    crawl = values.get("crawl")
    chain = Chain.parse(values.pop("filter", {}), where=f"{where}: filter")
    sources: tuple[Source, ...] = ()
    if isinstance(crawl, dict):
        values["crawl"] = {key: value for key, value in crawl.items() if key != "sources"}
        sources = _sources(crawl.get("sources"), where)
    config: Config = _convert(values, Config, where)
    config = msgspec.structs.replace(config, filter=chain, crawl=msgspec.structs.replace(config.crawl, sources=sources))
    _check(config, where)
    return config


def _sources(entries: Any, where: str) -> tuple[Source, ...]:
    """The sources of `crawl.sources`, each a mapping of its kind to its settings."""
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise ConfigError(f"{where}: crawl.sources: found {shown(entries)}; a list of sources is meant, each `- kind: {{…}}`")
    return tuple(_source(entry, where, f"crawl.sources[{index}]") for index, entry in enumerate(entries))


def _source(entry: Any, where: str, at: str) -> Source:
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ConfigError(f"{where}: {at}: found {shown(entry)}; one of {listed(SOURCES)} with its settings is meant")
    ((kind, settings),) = entry.items()
    if kind not in SOURCES:
        raise ConfigError(f"{where}: {at}: no source is called {kind!r}{nearest(kind, SOURCES)}; there are {listed(SOURCES)}")
    source: Source = _convert({} if settings is None else settings, SOURCES[kind], where, f"{at}.{kind}")
    return source


def _check(config: Config, where: str) -> None:
    """What types alone cannot say."""
    if not config.run:
        raise ConfigError(f"{where}: run: is empty; it names the directory, or the fsspec URL, of the run")
    try:
        fsspec.get_filesystem_class(fsspec.utils.get_protocol(config.run))
    except (ValueError, ImportError) as error:
        raise ConfigError(f"{where}: run: found {shown(config.run)}: {error}") from None
    if config.executor.kind != "local":
        raise ConfigError(f"{where}: executor.kind: found {config.executor.kind!r}; there is `local`")
    _check_crawl(config.crawl, where)
    _check_shard(config.shard, config.filter, where)


def _check_crawl(crawl: CrawlSettings, where: str) -> None:
    """As above, for what goes out to other people's servers."""
    for url in (url for source in crawl.sources for url in source.starts()):
        if canonical(url) is None:
            raise ConfigError(f"{where}: crawl.sources: found {url!r}; a URL that begins with http:// or https:// is meant")
    if re.search(r"mozilla/|applewebkit|chrome/|safari/|googlebot|bingbot|baiduspider", crawl.user_agent, re.IGNORECASE):
        raise ConfigError(
            f"{where}: crawl.user_agent: found {crawl.user_agent!r}, which says it is somebody else; "
            'a name of your own is meant, as in "my-crawl (+https://my.site/crawl; me@my.site)"'
        )
    _check_names(crawl.retries.classes, FAILURES, f"{where}: crawl.retries.classes: no failure is of the class")
    _check_names(crawl.captions.order, KINDS, f"{where}: crawl.captions.order: no text is of the kind")
    if crawl.proxies == ():
        raise ConfigError(f"{where}: crawl.proxies: is empty; a proxy is meant, as in http://host:port, or null for none")
    for proxy in proxy_urls(crawl.proxies):
        if urlsplit(proxy).scheme not in ("http", "https") or not urlsplit(proxy).hostname:
            raise ConfigError(f"{where}: crawl.proxies: found {proxy!r}; http://host:port is meant, or https://host:port")
    hosts = [urlsplit(url).hostname or "" for source in crawl.sources for url in source.starts()]
    try:
        crawl.manners(images=False).require_contact(hosts)
    except ConfigError as error:
        raise ConfigError(f"{where}: crawl.user_agent: {error}") from None


def _check_shard(shard: ShardSettings, chain: Chain, where: str) -> None:
    """As above, for what is published."""
    _check_names(shard.scores, [column.name for column in chain.published()], f"{where}: shard.scores: no filter writes")
    if shard.blur_faces and FACE_BOXES not in (column.type for column in chain.published() if column.name == "face_boxes"):
        raise ConfigError(
            f"{where}: shard.blur_faces: manifests are told no column `face_boxes` of the type {FACE_BOXES}; "
            "put `face_count: {}` into `filter`, or a link of your own that tells it"
        )
    _check_names(shard.index, INDEXES, f"{where}: shard.index: no index is called")
    if not re.fullmatch("#[0-9a-fA-F]{6}", shard.resize.background):
        found = shown(shard.resize.background)
        raise ConfigError(f'{where}: shard.resize.background: found {found}; a colour is meant, as in "#ffffff"')
    for name, amount in shard.splits.items():
        at = f"{where}: shard.splits.{name}"
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise ConfigError(f"{at}: splits are called by small Latin letters, digits and _, as in train")
        if not (amount == REST if isinstance(amount, str) else 0 < amount < 1 or (isinstance(amount, int) and amount >= 1)):
            raise ConfigError(f"{at}: found {shown(amount)}; a number of samples is meant, a share as in 0.01, or {REST}")
    if shard.splits and list(shard.splits.values()).count(REST) != 1:
        raise ConfigError(f"{where}: shard.splits: one split is to have the {REST}, as in {{train: {REST}, test: 0.01}}")


def _check_names(names: Iterable[str], there: Collection[str], complaint: str) -> None:
    """ConfigError where a name is not among those there are."""
    for name in names:
        if name not in there:
            raise ConfigError(f"{complaint} {name!r}{nearest(name, there)}; there are {listed(there)}")


def _without_passwords(proxies: Proxies) -> Any:
    """The proxies as a record may show them."""
    if isinstance(proxies, str):
        return re.sub(r"//[^/@]*@", "//…@", proxies)
    if isinstance(proxies, dict):
        return {host: _without_passwords(proxy) for host, proxy in proxies.items()}
    return None if proxies is None else [_without_passwords(proxy) for proxy in proxies]


def _convert(values: Any, kind: Any, where: str, at: str = "") -> Any:
    """`values`, which stand at the path `at` of the config, as the struct `kind`; ConfigError where they do not fit."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {explain_mismatch(error, values, kind, at)}") from None


def _set(values: dict[str, Any], override: str) -> None:
    """Lay `filter.aspect_ratio.at_most=2.5` over the values; the value is YAML."""
    path, separator, text = override.partition("=")
    names = path.split(".")
    if not separator or not all(names):
        raise ConfigError(f"--set {override}: `key.path=value` is meant, as in filter.aspect_ratio.at_most=2.5")
    value = value_of(text, f"--set {override}")
    here: Any = values
    for depth, name in enumerate(names, 1):
        place = _place(here, name, f"--set {override}: {'.'.join(names[: depth - 1])}")
        if depth == len(names):
            here[place] = value
        elif isinstance(here, dict) and here.get(name) is None:
            here[name] = {}
        here = here[place]


def _place(values: Any, name: str, where: str) -> Any:
    """Where the values, a mapping or a list, have what is called `name`."""
    if isinstance(values, dict):
        return name
    if not isinstance(values, list):
        raise ConfigError(f"{where}: is {shown(values)}, which has no keys")
    if not (name.isdigit() and int(name) < len(values)):
        raise ConfigError(f"{where}: has {len(values)} entries, numbered from 0; there is no {name}")
    return int(name)


def recipe_path(name: str) -> str:
    """Path of a recipe that ships with the package (`demo`, `default`, …), installed or in a checkout."""
    here = Path(__file__).parent
    for folder in (here / "configs", here.parent / "configs"):
        if (folder / f"{name}.yaml").is_file():
            return str(folder / f"{name}.yaml")
    raise ConfigError(f"no recipe is called {name!r}")
