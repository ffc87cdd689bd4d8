"""What the executor tests have done to parts. Worker processes import it by name, see `conftest.py`."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from pathlib import Path

from wukong_build.errors import StoreError
from wukong_build.executors import LocalExecutor, Part


def name_of(part: Part) -> str:
    """The part's name, twice."""
    return f"{part.name}{part.name}"


def fail_on_odd(part: Part) -> str:
    """Every second part cannot be worked on."""
    if int(part.name) % 4 == 1:
        raise StoreError(f"{part.name} is odd")
    if int(part.name) % 4 == 3:
        raise ZeroDivisionError(part.name)
    return name_of(part)


def vanish_at(part: Part) -> str:
    """A part called `bad` takes its worker with it."""
    if part.name.startswith("bad"):
        os._exit(9)
    return name_of(part)


def leave_times(folder: Path, part: Part) -> str:
    """Leaves a file that says when the work began and ended."""
    began = time.monotonic_ns()
    sum(range(300_000))
    (folder / part.name).write_text(f"{began} {time.monotonic_ns()}")
    return part.name


def process_of(part: Part) -> str:
    """The process that works on it."""
    return str(os.getpid())


def wait_for_ever(folder: Path, part: Part) -> str:
    """Leaves its process id, and does not end."""
    (folder / f"{part.name}.writing").write_text(str(os.getpid()))
    (folder / f"{part.name}.writing").rename(folder / f"{part.name}.pid")
    threading.Event().wait()
    return part.name


def interrupt_parent(part: Part) -> str:
    """What Ctrl-C does, to the parent alone."""
    os.kill(os.getppid(), signal.SIGINT)
    threading.Event().wait()
    return part.name


def work_for_ever(folder: str) -> None:
    """A command whose workers never get done."""
    list(LocalExecutor(2).map(functools.partial(wait_for_ever, Path(folder)), [Part("0"), Part("1")]))
