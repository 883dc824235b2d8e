"""The skips that are allowed where everything is installed: `make test` sets TTS_ALLOWED_SKIPS=1, and others fail the run."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

ALLOWED = {
    r"TTS_CORPORA": "needs whole corpora, which no repository can hold",
    r"needs /dev/full": "needs a device of Linux",
    r"needs /proc": "needs the process table of Linux",
}
"""Patterns of reasons for which a test may be skipped, and why."""
SWITCH = "TTS_ALLOWED_SKIPS"


def is_allowed(reason: str) -> bool:
    """Whether a test may be skipped for `reason`."""
    return any(re.search(pattern, reason) for pattern in ALLOWED)


class SkipGuard:
    """Fails a session in which something was skipped that may not be."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}

    def note(self, report: Any) -> None:
        """Keep the reason of a report of a skipped test or file."""
        if report.outcome != "skipped" or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not is_allowed(reason):
            self.refused[report.nodeid] = reason

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.refused:
            return
        terminalreporter.section("skipped, and tests/conftest.py does not allow it", red=True)
        for name, reason in sorted(self.refused.items()):
            terminalreporter.write_line(f"{name}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Guard the skips where everything is installed."""
    if os.environ.get(SWITCH):
        config.pluginmanager.register(SkipGuard(), "skip-guard")
