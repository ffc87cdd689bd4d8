"""One machine: a pool of processes, or this very process where one worker is enough."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from wukong_build.executors.base import Failure, Part, attempt


class LocalExecutor:
    """A process pool; processes are spawned, never forked, and end with the command that started them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[tuple[Part, str | Failure]]:
        """Each part once, as they come; parts of one lane one after the other."""
        if self.workers == 1 or len(parts) <= 1:
            return ((part, attempt(work, part)) for part in parts)
        return self._map_in_pool(work, parts)

    def _map_in_pool(self, work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[tuple[Part, str | Failure]]:
        lanes = _lanes(parts)
        running: dict[Future[str | Failure], tuple[Part, deque[Part]]] = {}
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(self.workers, len(lanes)), mp_context=context, initializer=_end_with_parent)
        try:
            while lanes or running:
                while lanes and len(running) < 2 * self.workers:
                    lane = lanes.popleft()
                    part = lane.popleft()
                    running[pool.submit(attempt, work, part)] = (part, lane)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    part, lane = running.pop(future)
                    if lane:
                        lanes.append(lane)
                    yield part, future.result()
        except BrokenProcessPool:
            vanished = Failure("a worker process vanished (killed, or out of memory)")
            waiting = {id(queue): queue for queue in (lane, *lanes, *(queue for _, queue in running.values()))}
            lost = [part, *(part for part, _ in running.values()), *(part for queue in waiting.values() for part in queue)]
            yield from ((part, vanished) for part in lost)
        except BaseException:
            for child in multiprocessing.active_children():
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _lanes(parts: Sequence[Part]) -> deque[deque[Part]]:
    """The parts by lane, in their order; a part without a lane is one of its own."""
    lanes: dict[str, deque[Part]] = {}
    for index, part in enumerate(parts):
        lanes.setdefault(part.lane or f"#{index}", deque()).append(part)
    return deque(lanes.values())


def _end_with_parent() -> None:
    """A worker whose parent was killed must not go on asking servers: it ends as soon as the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's business
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
