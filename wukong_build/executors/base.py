"""What an executor is. Knows neither stages nor what a part holds."""

from __future__ import annotations

import contextlib
import gc
import resource
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from wukong_build.errors import WukongError


class Part(msgspec.Struct, frozen=True):
    """A slice of a stage's work, and the name of the Parquet file that it becomes."""

    name: str
    fingerprint: str = ""
    """Of everything it is made from; a part that is there with the same fingerprint is done."""
    lane: str = ""
    """Parts of one lane are worked on one after the other, so that no host is asked from two places at once; "" is no lane."""


class Failure(msgspec.Struct, frozen=True):
    """Why a part failed: a sentence for the user, and the traceback for whoever mends it."""

    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The failure that an exception means."""
        known = isinstance(error, WukongError)
        return cls(
            message=str(error) if known else f"{type(error).__name__}: {error}",
            traceback="" if known else "".join(traceback.format_exception(error)),
        )


class Executor(Protocol):
    """A parallel map over parts."""

    workers: int
    """How many parts it works on at once."""

    def map(self, work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[tuple[Part, str | Failure]]:
        """Each part once, with what `work` says of it, as they come; a failed part costs no other."""
        ...

    def close(self) -> None:
        """Let go of whatever it holds; it may be used again."""


def prepare_process() -> None:
    """Let this process do what a crawl wants of it.

    It looks for garbage in cycles at a slower pace than Python's own: rows under way are many objects and hold no cycles, and
    looking for some took a seventh of a crawl's CPU time. And it may have as many connections open as the machine allows.
    """
    gc.set_threshold(50_000, 20, 20)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS says it has no limit, and then has one
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def attempt(work: Callable[[Part], str], part: Part) -> str | Failure:
    """What `work` says of the part, or why it failed."""
    try:
        return work(part)
    except Exception as error:  # noqa: BLE001  whatever it is, the other parts go on
        return Failure.of(error)
