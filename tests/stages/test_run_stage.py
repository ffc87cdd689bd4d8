"""The one loop that brings a stage's parts up to date."""

from __future__ import annotations

import logging
from typing import NamedTuple

import pyarrow as pa
import pytest

from wukong_build.errors import PartsFailed, StoreError
from wukong_build.executors import LocalExecutor, Part
from wukong_build.stages import run_stage
from wukong_build.store import Store


class Letters(NamedTuple):
    """A stage whose parts hold their own names; the words in `wrong` cannot be made."""

    planned: dict[str, str]
    """Part → fingerprint."""
    wrong: tuple[str, ...] = ()
    appends: bool = False
    name: str = "letters"

    def parts(self, store: Store) -> list[Part]:
        """As planned."""
        return [Part(name, fingerprint) for name, fingerprint in self.planned.items()]

    def work(self, store: Store, part: Part) -> str:
        """Write the part, or fail."""
        if part.name in self.wrong:
            raise StoreError(f"no {part.name} today")
        store.write(self.name, part.name, pa.table({"letter": [part.name]}), part.fingerprint)
        return f"wrote {part.name}"


@pytest.fixture
def store() -> Store:
    """A run where `a` and `b` are done, made from `1`."""
    store = Store("memory://test-run-stage/run")
    store.delete_stage("letters")
    run_stage(Letters({"a": "1", "b": "1"}), store, LocalExecutor(1))
    return store


def run(stage: Letters, store: Store) -> list[str]:
    """The parts that had to be worked on."""
    return [part.name for part in run_stage(stage, store, LocalExecutor(1))]


@pytest.mark.parametrize(
    ("stage", "worked_on", "there"),
    [
        (Letters({"a": "1", "b": "1"}), [], ["a", "b"]),
        (Letters({"a": "1", "b": "2"}), ["b"], ["a", "b"]),
        (Letters({"a": "1", "b": "1", "c": "1"}), ["c"], ["a", "b", "c"]),
        (Letters({"b": "1"}), [], ["b"]),
        (Letters({"c": "1"}), ["c"], ["c"]),
        (Letters({}), [], []),
        (Letters({"b": "1", "c": "1"}, appends=True), ["c"], ["a", "b", "c"]),
        (Letters({}, appends=True), [], ["a", "b"]),
        (Letters({"a": "2"}, appends=True), ["a"], ["a", "b"]),
    ],
)
def test_only_what_changed_is_done_again(store: Store, stage: Letters, worked_on: list[str], there: list[str]) -> None:
    """A part with its fingerprint is done, another is made again, one no longer planned goes, unless parts only add up."""
    assert run(stage, store) == worked_on
    assert store.parts("letters") == there
    assert run(stage, store) == []


def test_a_failed_part_costs_no_other_and_is_named(store: Store) -> None:
    """The message names stage and part, the cause, and how to go on; the same command goes on with what is missing."""
    planned = dict.fromkeys("abcde", "2")
    with pytest.raises(PartsFailed) as caught:
        run(Letters(planned, wrong=("b", "d")), store)
    message = str(caught.value)
    assert "letters: 2 of 5 parts failed, first part b: no b today" in message
    assert "run the same command again" in message
    assert [name for name in planned if store.made_from("letters", name) == "2"] == ["a", "c", "e"]
    assert run(Letters(planned), store) == ["b", "d"]


def test_a_log_line_a_part(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Where there is no terminal, every part that was worked on leaves one line."""
    with caplog.at_level(logging.INFO, "wukong_build"), pytest.raises(PartsFailed):
        run(Letters({"a": "2", "b": "2"}, wrong=("b",)), store)
    assert [record.message for record in caplog.records if record.levelno >= logging.INFO] == [
        "letters part a: wrote a",
        "letters part b failed: no b today",
    ]
