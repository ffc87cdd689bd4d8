"""What a command costs: seconds, CPU seconds and memory of all its processes. Linux only, as it reads /proc."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """What one command cost, with every process it started."""

    wall_seconds: float
    cpu_seconds: float
    """User and system."""
    peak_bytes: int
    """The largest of the samples of `memory`."""
    status: int
    """0 where it succeeded."""


def cores() -> tuple[int, int]:
    """One core for the server and one for the client; the same one where there is no other."""
    there = sorted(os.sched_getaffinity(0))
    return there[0], there[-1]


def cost_of(
    command: Sequence[str],
    log: Path,
    core: int | None = None,
    every_seconds: float = 0.25,
    seen: Callable[[int], object] | None = None,
) -> Cost:
    """Run a command, its words going to a file, on one core where one is given; `seen` is told every sample of memory."""
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    start = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen([*pinned, *command], stdout=output, stderr=output, start_new_session=True, env=_environment())
    peak = 0
    try:
        for sample in _samples(process.pid, every_seconds):
            peak = max(peak, sample)
            if seen is not None:
                seen(sample)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_seconds = time.perf_counter() - start
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, peak, process.returncode)


def _environment() -> dict[str, str]:
    """As it is here, but nobody asks a proxy, nor the package index for a newer release."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "NO_ALBUMENTATIONS_UPDATE": "1"}


def memory(leader: int) -> int:
    """Bytes that the processes of a session hold, what they share counted once (PSS)."""
    return sum(_pss(process) for process in _session(leader))


def _samples(pid: int, every_seconds: float) -> Iterator[int]:
    """The memory of a process and of those it started, until it ends."""
    descriptor = os.pidfd_open(pid)
    try:
        while not select.select([descriptor], [], [], every_seconds)[0]:
            yield memory(pid)
    finally:
        os.close(descriptor)


def _session(leader: int) -> Iterator[Path]:
    """The processes, as folders of /proc, of the session that a process leads."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            fields = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader:
                yield process


def _pss(process: Path) -> int:
    with contextlib.suppress(OSError):  # it has ended
        for line in (process / "smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
