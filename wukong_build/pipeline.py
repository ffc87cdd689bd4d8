"""A run from Python: `run(config)` does what the command of the same name does, `open_run(path)` reads what came of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib.metadata
import platform
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from wukong_build.config import Config, load_config, parse_config
from wukong_build.errors import DamagedRecord
from wukong_build.executors import Executor
from wukong_build.inspect.funnel import funnel
from wukong_build.inspect.run import Run, open_run
from wukong_build.links import Bounds
from wukong_build.schema import SCHEMA_VERSION
from wukong_build.stages.crawl import crawl
from wukong_build.stages.filter import filter_samples
from wukong_build.stages.shard import shard
from wukong_build.store import Store

STAGES: dict[str, Callable[[Config, Store, Executor], None]] = {"crawl": crawl, "filter": filter_samples, "shard": shard}
"""The stages of a run, in order."""

_VERSIONS = ("wukong-build", "duckdb", "jieba", "numpy", "pillow", "pyarrow", "rjieba", "scrapy", "turbohtml")


def run(
    config: Config | Mapping[str, Any] | str,
    stages: Iterable[str] = tuple(STAGES),
    *,
    retry: Iterable[str] = (),
    refresh: dt.timedelta | None = None,
) -> Run:
    """Bring a run up to date with a config (loaded, as plain values, or the path of a file) and open it.

    What is done already is not done again; `retry` names classes of failures that the crawl asks for once more, `refresh`
    lets it look again at what came longer ago than this. Raises ConfigError before anything runs, PartsFailed where some
    parts failed.
    Scripts that call this need the usual `if __name__ == "__main__":`, for worker processes import them anew.
    """
    if isinstance(config, str):
        config = load_config(config)
    elif not isinstance(config, Config):
        config = parse_config(config)
    store = Store(config.run)
    with store.locked(), contextlib.closing(config.executor.executor()) as executor:
        _recorded(store)
        work = STAGES | {"crawl": functools.partial(crawl, retry=frozenset(retry), refresh=refresh)}
        for name in stages:
            work[name](config, store, executor)
            _record(config, store, name)
    return open_run(config.run)


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
    with store.replacing("run.yaml") as file:
        file.write(yaml.safe_dump(record, allow_unicode=True, sort_keys=False).encode())


__all__ = ["STAGES", "open_run", "run"]
