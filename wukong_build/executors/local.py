"""One machine: a pool of processes, or this very process where one worker is enough."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from wukong_build.executors.base import Failure, Part, attempt, prepare_process

Outcome = tuple[Part, str | Failure]

_LOOK_UP_SECONDS = 0.5
"""So often the main thread looks up from waiting: an interrupt that another thread was handed would not wake it."""

_VANISHED = Failure("a worker process vanished (killed, or out of memory)")


class LocalExecutor:
    """A process pool; processes are spawned, never forked, and end with the command that started them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[Outcome]:
        """Each part once, as they come; parts of one lane one after the other."""
        if self.workers == 1 or len(parts) <= 1:
            return ((part, attempt(work, part)) for part in parts)
        return self._map_in_pool(work, parts)

    def close(self) -> None:
        """End the workers; the next map starts others."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _map_in_pool(self, work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[Outcome]:
        """A worker that vanishes takes its pool with it, and what was under way; the rest gets another pool.

        A fresh pool that got nothing done is not followed by another: where workers cannot even start, no later one can.
        """
        lanes = _lanes(parts)
        hopeful = True
        while lanes and hopeful:
            hopeful = self._pool is not None
            for part, outcome in self._map_until_broken(work, lanes):
                hopeful = hopeful or outcome is not _VANISHED
                yield part, outcome
        yield from ((part, _VANISHED) for lane in lanes for part in lane)

    def _map_until_broken(self, work: Callable[[Part], str], lanes: deque[deque[Part]]) -> Iterator[Outcome]:
        """Outcomes until no part is left, or the pool is broken and nothing under way; takes the parts it began from `lanes`."""
        running: dict[Future[str | Failure], deque[Part]] = {}
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin)
        broken = False
        try:
            while _submit(self._pool, work, lanes, running, at_most=2 * self.workers):
                for future in wait(running, _LOOK_UP_SECONDS, FIRST_COMPLETED).done:
                    lane = running.pop(future)
                    part = lane.popleft()
                    if lane:
                        lanes.append(lane)
                    vanished = isinstance(future.exception(), BrokenProcessPool)
                    broken = broken or vanished
                    yield part, _VANISHED if vanished else future.result()
        except BaseException:
            broken = True
            for child in multiprocessing.active_children():
                child.terminate()
            raise
        finally:
            if broken or lanes:
                self.close()


def _submit(
    pool: ProcessPoolExecutor,
    work: Callable[[Part], str],
    lanes: deque[deque[Part]],
    running: dict[Future[str | Failure], deque[Part]],
    at_most: int,
) -> bool:
    """Give the pool the first part of each lane while it holds fewer than `at_most`; False where nothing is under way."""
    with contextlib.suppress(BrokenProcessPool):
        while lanes and len(running) < at_most:
            running[pool.submit(attempt, work, lanes[0][0])] = lanes[0]
            lanes.popleft()
    return bool(running)


def _lanes(parts: Sequence[Part]) -> deque[deque[Part]]:
    """The parts by lane, in their order; a part without a lane is one of its own."""
    lanes: dict[str, deque[Part]] = {}
    for index, part in enumerate(parts):
        lanes.setdefault(part.lane or f"#{index}", deque()).append(part)
    return deque(lanes.values())


def _begin() -> None:
    """What a worker process does first."""
    prepare_process()
    _end_with_parent()


def _end_with_parent() -> None:
    """A worker whose parent was killed must not go on asking servers: it ends as soon as the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's business
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
