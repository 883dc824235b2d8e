"""Standard streams and signals of the process, set once where the app starts."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType

TERMINATED = 143
"""Exit code after SIGTERM."""
HUNG_UP = 129
"""Exit code after SIGHUP, the end of a terminal."""
_NAMES = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Replace closed streams by the null device, and print characters that the encoding lacks as escapes.

    Without it, the next file that is opened would take the number of a closed stream.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number else os.O_RDONLY)
        stream = getattr(sys, name)
        if stream is None:
            # `is_closed` knows the stream by its name.
            stream = open(os.devnull, "w" if number else "r", encoding="utf-8")  # noqa: SIM115, PTH123 - the name stays a str
            setattr(sys, name, stream)
        if number:
            stream.reconfigure(errors="backslashreplace")


def handle_signals() -> None:
    """Let SIGTERM and SIGHUP end the process like an exception, so that temporary files are removed."""
    # Registered first, so that it runs last, just before Python gives each signal its default action: the end of the process.
    atexit.register(_ignore_signals)
    signal.signal(signal.SIGTERM, _terminate)
    # `nohup` ignores SIGHUP on purpose.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)


def keep_exit_code(code: int) -> None:
    """Let a signal end the process with the exit code of a command that is done, instead of a code or a traceback of its own."""

    def end(*_: object) -> None:
        os._exit(code)

    for which in _heeded():
        signal.signal(which, end)


def _ignore_signals() -> None:
    for which in _heeded():
        signal.signal(which, signal.SIG_IGN)


def _heeded() -> list[signal.Signals]:
    """Return the signals that end the process, without those that its parent process has it ignore."""
    known = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return [which for which in known if signal.getsignal(which) is not signal.SIG_IGN]


def _terminate(*_: object) -> None:
    sys.exit(TERMINATED)


def _hang_up(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler) and handler is not _terminate:
        # A training writes a checkpoint first.
        handler(number, frame)
    else:
        sys.exit(HUNG_UP)
