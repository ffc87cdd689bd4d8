"""A run from Python: `run(config)` does what the command of the same name does, `open_run(path)` reads what came of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib.metadata
import logging
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import yaml

from wukong_build.config import Config, load_config, parse_config
from wukong_build.errors import DamagedRecord
from wukong_build.executors import Executor
from wukong_build.inspect.funnel import funnel, suspicions
from wukong_build.inspect.run import Run, open_run
from wukong_build.links import Bounds
from wukong_build.schema import SCHEMA_VERSION
from wukong_build.stages.crawl import crawl
from wukong_build.stages.filter import filter_samples
from wukong_build.stages.forget import Wish
from wukong_build.stages.forget import forget as forget_samples
from wukong_build.stages.shard import shard
from wukong_build.stages.what_if import what_if as judged
from wukong_build.store import Store

STAGES: dict[str, Callable[[Config, Store, Executor], None]] = {"crawl": crawl, "filter": filter_samples, "shard": shard}
"""The stages of a run, in order."""

log = logging.getLogger("wukong_build")

_VERSIONS = (
    "wukong-build",
    "cykooz-resizer",
    "duckdb",
    "jieba",
    "numpy",
    "opencc",
    "pillow",
    "pyarrow",
    "pypinyin",
    "rjieba",
    "scrapy",
    "simplejpeg",
    "turbohtml",
)


def run(
    config: Config | Mapping[str, Any] | str,
    stages: Iterable[str] = tuple(STAGES),
    *,
    retry: Iterable[str] = (),
    refresh: dt.timedelta | None = None,
    measure_all: bool = False,
) -> Run:
    """Bring a run up to date with a config (loaded, as plain values, or the path of a file) and open it.

    What is done already is not done again; `retry` names classes of failures that the crawl asks for once more, `refresh`
    lets it look again at what came longer ago than this; with `measure_all` links measure also what others drop.
    Raises ConfigError before anything runs, PartsFailed where some parts failed.
    Scripts that call this need the usual `if __name__ == "__main__":`, for worker processes import them anew.
    """
    config = _parsed(config)
    store = Store(config.run)
    with store.locked(), contextlib.closing(config.executor.executor()) as executor:
        _recorded(store)
        work = STAGES | {
            "crawl": functools.partial(crawl, retry=frozenset(retry), refresh=refresh),
            "filter": functools.partial(filter_samples, measure_all=measure_all),
        }
        for name in stages:
            work[name](config, store, executor)
            _record(config, store, name)
            if name == "filter":
                for suspicion in suspicions(open_run(config.run).funnel(), list(config.filter.bounded())):
                    log.warning("WARNING: %s", suspicion)
    return open_run(config.run)


def what_if(config: Config | Mapping[str, Any] | str, bound: str, values: Sequence[float]) -> pa.Table:
    """How many samples would stay with other values of a bound (`aspect_ratio.at_most`), by the scores of the run as it is.

    `value, kept, dropped, unknown`: unknown are samples that no link drops and some have never measured. Changes nothing.
    Raises ConfigError where the chain has no such bound, StoreError where the run's scores are not those of this chain.
    """
    config = _parsed(config)
    return judged(Store(config.run), config, bound, values)


def forget(path: str, wish: Wish, *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Take samples out of a run for good: out of its shards, of what it crawled, and of all that comes later.

    Returns the new tombstones, each with `why`; with `dry_run` nothing is taken out. ConfigError where the wish makes no sense,
    StoreError where there is no run, or its shards are not those of its last selection.
    """
    record = open_run(path)
    config = msgspec.structs.replace(parse_config(record.config, f"{path}/run.yaml: config"), run=path)
    store = Store(path)
    with store.locked(), contextlib.closing(config.executor.executor()) as executor:
        found = forget_samples(wish, config, store, executor, dry_run=dry_run)
        if not dry_run:
            steps = [step for step in record.funnel()["step"].to_pylist() if not step.startswith("fetch:")]
            _write_record(store, {**record.record, "funnel": funnel(store, steps).to_pylist()})
    return found


def _parsed(config: Config | Mapping[str, Any] | str) -> Config:
    if isinstance(config, str):
        return load_config(config)
    return config if isinstance(config, Config) else parse_config(config)


def _recorded(store: Store) -> Run | None:
    """The run as its record has it; None where there is none yet, or a damaged one. StoreError where it is of a later schema."""
    with contextlib.suppress(DamagedRecord):
        return open_run(store.url) if store.exists() else None
    return None


def _record(config: Config, store: Store, stage: str) -> None:
    """Bring `run.yaml` up to date: the config by which each stage was done, the versions of what did it, and the funnel."""
    resolved = config.resolved()
    steps = [name for name, link in config.filter.links.items() if isinstance(link, Bounds)]
    before = _recorded(store)
    if before is not None:
        resolved |= {section: before.config.get(section, resolved[section]) for section in STAGES if section != stage}
        if stage != "filter":
            steps = [step for step in before.funnel()["step"].to_pylist() if not step.startswith("fetch:")]
    record = {
        "schema_version": SCHEMA_VERSION,
        "config": resolved,
        "versions": {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in _VERSIONS}},
        "funnel": funnel(store, steps).to_pylist(),
    }
    _write_record(store, record)


def _write_record(store: Store, record: Mapping[str, Any]) -> None:
    with store.replacing("run.yaml") as file:
        file.write(yaml.safe_dump(dict(record), allow_unicode=True, sort_keys=False).encode())


__all__ = ["STAGES", "Wish", "forget", "open_run", "run", "what_if"]
