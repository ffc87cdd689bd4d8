"""What was learnt of hosts goes from part to part, from step to step, and from command to command."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wukong_build.stages.learnt import learnt_before, note_learnt, put_together
from wukong_build.store import Store
from wukong_build.web.manners import Learnt

DEAD = Learnt(failures=5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run in which nothing was learnt yet."""
    return Store(str(tmp_path))


def test_the_lane_knows_at_once_and_the_others_with_the_next_plan(store: Store) -> None:
    """A lane is one worker's; a plan is made when none is at work."""
    note_learnt(store, "0", {"a.test": DEAD, "b.test": Learnt()})
    assert learnt_before(store, "0") == {"a.test": DEAD}
    assert learnt_before(store, "1") == {}
    put_together(store)
    assert learnt_before(store, "1") == learnt_before(store, "0") == {"a.test": DEAD}


def test_a_host_that_is_well_again_is_forgotten(store: Store) -> None:
    """Also where an earlier step had learnt otherwise."""
    note_learnt(store, "0", {"a.test": DEAD, "b.test": DEAD})
    put_together(store)
    note_learnt(store, "1", learnt_before(store, "1") | {"a.test": Learnt()})
    assert learnt_before(store, "1") == {"a.test": Learnt(), "b.test": DEAD}
    put_together(store)
    assert learnt_before(store, "0") == {"b.test": DEAD}


def test_a_slower_pace_ends_with_the_step_and_a_wish_to_be_let_alone_with_its_time(store: Store) -> None:
    """What is left is whom not to ask, and who did not answer."""
    now = time.time()
    learnt = {"slow.test": Learnt(8.0), "silent.test": Learnt(8.0, now + 99), "past.test": Learnt(silent_until=now - 1)}
    note_learnt(store, "0", learnt)
    assert set(learnt_before(store, "0")) == {"slow.test", "silent.test"}
    put_together(store)
    assert learnt_before(store, "0") == {"silent.test": Learnt(0.0, now + 99)}


def test_where_nothing_was_learnt_nothing_is_put_together(store: Store) -> None:
    """A run that has just begun."""
    put_together(store)
    assert learnt_before(store, "0") == {}
