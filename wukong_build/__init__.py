"""Build a Chinese image-text dataset: crawl, filter, shard.

import wukong_build

run = wukong_build.run("config.yaml")   # what `wukong-build run config.yaml` does
run = wukong_build.open_run("data/demo")
run.funnel().to_pandas()
run.sql("SELECT dropped_by, count(*) FROM ledger GROUP BY 1")
for sample in run.webdataset().decode("pil"): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wukong_build.pipeline import open_run, run, what_if

__all__ = ["open_run", "run", "what_if"]


def __getattr__(name: str) -> Any:
    """`run`, `open_run` and `what_if`, imported when they are asked for: the command line and worker processes start faster."""
    if name in __all__:
        from wukong_build import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
