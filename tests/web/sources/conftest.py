"""Lists as files, and the pairs they become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wukong_build.web.sources import Urls

Pairs = Callable[[Urls], list[dict[str, Any]]]


@pytest.fixture
def pairs() -> Pairs:
    """All pairs of a source, file after file; each is labelled with the name of its file."""

    def pairs_of(source: Urls) -> list[dict[str, Any]]:
        tables = (table for path in source.digests() for table in source.tables(path, Path(path).name))
        return [pair for table in tables for pair in table.to_pylist()]

    return pairs_of


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Urls]:
    """A source of one file with this name and content, and these settings."""

    def source(name: str, content: bytes | str, **settings: Any) -> Urls:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Urls(path=str(path), **settings)

    return source
