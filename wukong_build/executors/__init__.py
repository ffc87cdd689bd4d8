"""Where parts are worked on. An executor is a parallel map over parts and decides nothing else."""

from __future__ import annotations

from wukong_build.executors.base import Executor, Failure, Part, prepare_process
from wukong_build.executors.local import LocalExecutor

__all__ = ["Executor", "Failure", "LocalExecutor", "Part", "prepare_process"]
