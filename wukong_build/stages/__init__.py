"""Stages turn parts into parts; this is the one loop that runs them.

A stage says which parts it has and how one is worked on. Whether a part is done, where it is worked on, and what happens
when it fails is decided here and nowhere else.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import Protocol

from tqdm import tqdm

from wukong_build.errors import PartsFailed
from wukong_build.executors import Executor, Failure, Part
from wukong_build.store import Store

log = logging.getLogger("wukong_build")


class Stage(Protocol):
    """One step from parts to parts. It pickles, so that any executor can carry it anywhere."""

    @property
    def name(self) -> str:
        """Folder of its parts below the run: `crawl/images`."""

    @property
    def appends(self) -> bool:
        """True where earlier parts stay (facts of the network); otherwise parts that are no longer planned are removed."""

    def parts(self, store: Store) -> list[Part]:
        """The parts it has, done or not."""

    def work(self, store: Store, part: Part) -> str:
        """Make one part, its own file last; says in a few words what came of it."""


def run_stage(stage: Stage, store: Store, executor: Executor) -> list[Part]:
    """Bring every part of the stage up to date; returns those that had to be worked on."""
    parts = stage.parts(store)
    if not stage.appends:
        _remove_others(stage, store, parts)
    stale = [part for part in parts if store.made_from(stage.name, part.name) != part.fingerprint]
    failures: list[tuple[Part, Failure]] = []
    shows_bar = sys.stderr.isatty()
    with tqdm(total=len(parts), initial=len(parts) - len(stale), desc=stage.name, unit="part", disable=not shows_bar) as bar:
        for part, outcome in executor.map(functools.partial(_work, stage, store), stale):
            bar.update()
            if isinstance(outcome, Failure):
                failures.append((part, outcome))
                log.error("%s part %s failed: %s", stage.name, part.name, outcome.message)
                log.debug("%s", outcome.traceback)
            elif shows_bar:
                bar.set_postfix_str(outcome)
            else:
                log.info("%s part %s: %s", stage.name, part.name, outcome)
    if failures:
        raise PartsFailed(_failed(stage, len(parts), failures))
    return stale


def _work(stage: Stage, store: Store, part: Part) -> str:
    return stage.work(store, part)


def _remove_others(stage: Stage, store: Store, parts: list[Part]) -> None:
    """Parts that are no longer planned would mix with the new ones."""
    planned = {part.name for part in parts}
    for name in store.parts(stage.name):
        if name not in planned:
            store.delete_part(stage.name, name)


def _failed(stage: Stage, part_count: int, failures: list[tuple[Part, Failure]]) -> str:
    first_part, first = failures[0]
    return (
        f"{stage.name}: {len(failures)} of {part_count} parts failed, first part {first_part.name}: {first.message}\n"
        f"{first.traceback}The other parts are done and kept; mend the cause and run the same command again to go on."
    )
