"""What all tests share: where the real sites lie, and that nothing is skipped where nothing may be."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("without a clock", deadline=None)  # word lists are read, and patterns compiled, when first needed
settings.load_profile("without a clock")

SHARED = Path(os.environ.get("WUKONG_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real sites and texts beside the checkout; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder of real sites at {SHARED}; WUKONG_SHARED may name another")
    return SHARED


@pytest.fixture(autouse=True)
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a name server: names other than this machine's own are known to nobody."""
    real = socket.getaddrinfo

    def look_up(host: str, *where: Any, **how: Any) -> Any:
        if host != "localhost" and not re.fullmatch(r"[0-9.]+|[0-9a-fx.]+|.*:.*", host):
            raise socket.gaierror(socket.EAI_NONAME, "no name server in tests")
        return real(host, *where, **how)

    monkeypatch.setattr("socket.getaddrinfo", look_up)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is made to be slow takes a moment; where that grows out of all proportion, it is stopped, on a slow machine too."""
    for item in items:
        if item.get_closest_marker("hostile"):
            item.add_marker(pytest.mark.timeout(60))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where WUKONG_NO_SKIPS is set, say what was skipped against its will."""
    if os.environ.get("WUKONG_NO_SKIPS") and terminalreporter.stats.get("skipped"):
        terminalreporter.section("skipped, which WUKONG_NO_SKIPS forbids")
        for report in terminalreporter.stats["skipped"]:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2] if isinstance(report.longrepr, tuple) else ''}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where WUKONG_NO_SKIPS is set, a skipped test fails the session."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter is not None and reporter.stats.get("skipped")
    if os.environ.get("WUKONG_NO_SKIPS") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
