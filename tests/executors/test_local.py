"""The contract of an executor: a parallel map over parts that decides nothing else."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from wukong_build.executors import Executor, Failure, LocalExecutor, Part

PATIENCE_SECONDS = 30
"""Far more than anything here takes; a test that waits longer fails."""


@pytest.fixture(params=[1, 2, 4])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Every executor, with one worker and with several."""
    executor = LocalExecutor(request.param)
    yield executor
    executor.close()


@pytest.fixture
def pool() -> Iterator[LocalExecutor]:
    """Two workers in processes of their own."""
    executor = LocalExecutor(2)
    yield executor
    executor.close()


def parts(count: int, *, lanes: int = 0) -> list[Part]:
    """Parts 0, 1, 2 …, dealt to so many lanes."""
    return [Part(str(number), lane=str(number % lanes) if lanes else "") for number in range(count)]


def outcomes(executor: Executor, work: Callable[[Part], str], planned: Sequence[Part]) -> dict[str, str | Failure]:
    """Part name → outcome; fails where a part came twice."""
    found = list(executor.map(work, planned))
    assert len({part.name for part, _ in found}) == len(found)
    return {part.name: outcome for part, outcome in found}


def messages(found: dict[str, str | Failure]) -> dict[str, str]:
    """Part name → why it failed, for those that did."""
    return {name: outcome.message for name, outcome in found.items() if isinstance(outcome, Failure)}


def eventually(holds: Callable[[], bool]) -> bool:
    """True as soon as it holds; False where it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        os.sched_yield()
    return False


def is_alive(process: int) -> bool:
    """True where the process runs; one that has ended and was not asked how does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("count", "lanes"), [(0, 0), (1, 0), (2, 0), (9, 0), (9, 1), (9, 4)])
def test_each_part_comes_once(executor: Executor, works: ModuleType, count: int, lanes: int) -> None:
    """Every part is worked on once, whatever the number of workers and lanes, and the results are the same."""
    found = outcomes(executor, works.name_of, parts(count, lanes=lanes))
    assert found == {str(number): f"{number}{number}" for number in range(count)}


def test_a_failed_part_costs_no_other(executor: Executor, works: ModuleType) -> None:
    """A part that raises is a failure: a sentence where it is the user's to mend, with the traceback where it is ours."""
    found = outcomes(executor, works.fail_on_odd, parts(8, lanes=3))
    assert {name: outcome for name, outcome in found.items() if isinstance(outcome, str)} == {n: n * 2 for n in "0246"}
    assert messages(found) == {
        "1": "1 is odd",
        "5": "5 is odd",
        "3": "ZeroDivisionError: 3",
        "7": "ZeroDivisionError: 7",
    }
    tracebacks = {name: outcome.traceback for name, outcome in found.items() if isinstance(outcome, Failure)}
    assert tracebacks["1"] == ""
    assert "in fail_on_odd" in tracebacks["3"]


def test_one_lane_is_worked_on_in_order_and_never_twice_at_once(executor: Executor, works: ModuleType, tmp_path: Path) -> None:
    """Within a lane the next part begins when the one before has ended."""
    planned = parts(12, lanes=3)
    outcomes(executor, functools.partial(works.leave_times, tmp_path), planned)
    for lane in "012":
        times = [(tmp_path / part.name).read_text().split() for part in planned if part.lane == lane]
        moments = [int(moment) for began_and_ended in times for moment in began_and_ended]
        assert moments == sorted(moments)


def test_workers_share_the_work(pool: LocalExecutor, works: ModuleType) -> None:
    """Several workers are processes of their own, which stay for the next map; one worker is this very process."""
    mine = str(os.getpid())
    first, second = (set(outcomes(pool, works.process_of, parts(8)).values()) for _ in range(2))
    assert mine not in first
    assert len(first | second) <= 2
    assert first & second
    assert set(outcomes(LocalExecutor(1), works.process_of, parts(3)).values()) == {mine}


def test_a_vanished_worker_costs_what_was_under_way(pool: LocalExecutor, works: ModuleType) -> None:
    """A killed worker means failures for what was under way; what was waiting goes on, and so does the next map."""
    planned = [*parts(8), Part("bad"), *(Part(f"later{number}") for number in range(12))]
    found = outcomes(pool, works.vanish_at, planned)
    failed = messages(found)
    assert set(found) == {part.name for part in planned}
    assert "bad" in failed
    assert len(failed) <= 4
    assert all("a worker process vanished" in message for message in failed.values())
    assert messages(outcomes(pool, works.vanish_at, parts(3))) == {}


def test_workers_that_cannot_live_end_the_call(pool: LocalExecutor, works: ModuleType) -> None:
    """Where every worker vanishes at once every part fails and the call ends; processes are not started for ever."""
    planned = [Part(f"bad{number}", lane=str(number % 7)) for number in range(40)]
    assert set(messages(outcomes(pool, works.vanish_at, planned))) == {part.name for part in planned}


def test_an_interrupt_ends_the_workers(pool: LocalExecutor, works: ModuleType) -> None:
    """Ctrl-C ends the map, and no worker goes on."""
    with pytest.raises(KeyboardInterrupt):
        outcomes(pool, works.interrupt_parent, parts(2))
    assert eventually(lambda: not multiprocessing.active_children())


@pytest.mark.kill
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="tells by /proc which processes are alive")
def test_a_killed_parent_leaves_no_worker(works: ModuleType, tmp_path: Path) -> None:
    """When the command is killed its workers end too: nobody goes on asking servers."""
    command = "import sys, work_on_parts\nif __name__ == '__main__':\n    work_on_parts.work_for_ever(sys.argv[1])"
    script = tmp_path / "command.py"
    script.write_text(command)
    parent = subprocess.Popen([sys.executable, script, tmp_path], stderr=subprocess.DEVNULL)
    assert eventually(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    workers = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    assert all(map(is_alive, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert eventually(lambda: not any(map(is_alive, workers)))
