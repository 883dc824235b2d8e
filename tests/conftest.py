"""Guard against skipped tests: with TTS_ALLOWED_SKIPS=1, as `make test` sets it, a skip that is not allowed fails the run."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import pytest

ALLOWED = {
    r"TTS_CORPORA": "needs whole corpora, which no repository can hold",
    r"needs /dev/full": "needs a device of Linux",
    r"needs /proc": "needs the process table of Linux",
    r"needs Chromium": "needs a browser; .ci/run installs it where it can",
}
"""Allowed skips: pattern of the skip's reason, and why it is allowed."""
SWITCH = "TTS_ALLOWED_SKIPS"


for _name, _handler in {"SIGINT": signal.default_int_handler, "SIGHUP": signal.SIG_DFL}.items():
    # Shells start jobs in the background with SIGINT ignored, nohup with SIGHUP; what tests start would inherit it.
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


def is_allowed(reason: str) -> bool:
    """Return True if a test may be skipped for `reason`."""
    return any(re.search(pattern, reason) for pattern in ALLOWED)


class SkipGuard:
    """Pytest plugin that fails a session with a skip that is not allowed."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}

    def note(self, report: Any) -> None:
        """Record the reason of a skipped test or file if it is not allowed."""
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
    """Register the skip guard if TTS_ALLOWED_SKIPS is set."""
    if os.environ.get(SWITCH):
        config.pluginmanager.register(SkipGuard(), "skip-guard")
