"""A run in a screenful of text."""

from __future__ import annotations

import json

import pyarrow as pa

from wukong_build.inspect.run import Run


def funnel_text(funnel: pa.Table) -> str:
    """The funnel as columns, with its sum."""
    return rows_text(funnel)


def rows_text(table: pa.Table) -> str:
    return table.to_pandas().to_string()


def rows_json(table: pa.Table) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in table.to_pylist())


def summary(run: Run) -> str:
    return funnel_text(run.funnel())
