"""Interruption of networks that would run for ever: Ctrl-C and SIGTERM stop a run by the runtime's own means.

Python calls its signal handlers in the main thread, between two instructions; while a runtime computes, it calls none. A thread
therefore waits for the signals at the descriptor that Python writes their numbers to (`signal.set_wakeup_fd`), and stops the run.
Then Python calls the handler. If the handler raises nothing, the network runs again: it keeps no state.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar, Protocol

GRACE_S = 5.0
"""Seconds that a run of another thread than the main one may last after a signal."""
_ROUNDS = 12
_STOPPING = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)}


class Run(Protocol):
    """Handle of one run, such as `onnxruntime.RunOptions`."""

    terminate: bool
    """Set to True to stop the run."""


_runs: dict[Run, int] = {}
"""Numbers of the threads of all runs in progress."""
_watcher: threading.Thread | None = None


def begin(run: Run) -> None:
    """Note that this thread begins a run."""
    _runs[run] = threading.get_ident()


def end(run: Run) -> None:
    """Note that a run is over."""
    _runs.pop(run, None)


def is_retried(run: Run) -> bool:
    """Return True if a run was stopped for a signal whose handler raised nothing, and is to be made again.

    In the main thread, Python calls the handler before this returns. Other threads have none, and do not run again.
    """
    return run.terminate and threading.current_thread() is threading.main_thread()


def watch() -> None:
    """Watch for signals from now on.

    Nothing happens outside the main thread, or where another package has taken the descriptor for signals.
    """
    global _watcher
    if _watcher is not None or threading.current_thread() is not threading.main_thread():
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with suppress(ValueError):
        former = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        if former == -1:
            _watcher = threading.Thread(target=_stop_at_signals, args=(reader, writer), name="signals", daemon=True)
            _watcher.start()
            return
        signal.set_wakeup_fd(former)
    reader.close()
    writer.close()


def _stop_at_signals(reader: socket.socket, _writer: socket.socket) -> None:
    """Stop runs at each signal. The writer is kept open by the reference."""
    while numbers := reader.recv(64):
        if _STOPPING & set(numbers):
            _stop_for_signal()


def _stop_for_signal() -> None:
    main = threading.main_thread().ident
    for run, thread in list(_runs.items()):
        if thread == main:
            run.terminate = True
    threading.Thread(target=_stop_others, name="signals: other threads", daemon=True).start()


def _stop_others() -> None:
    """Stop the runs of other threads than the main one that last longer than `GRACE_S`, for some time after a signal."""
    main = threading.main_thread().ident
    seen: set[Run] = set()
    for _ in range(_ROUNDS):
        time.sleep(GRACE_S)
        found = {run for run, thread in list(_runs.items()) if thread != main}
        for run in seen & found:
            run.terminate = True
        seen = found


class _SignalStack(ctypes.Structure):
    """The type `stack_t` of Linux."""

    _fields_: ClassVar = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Hold signals back until the block ends, and give this thread its former stack for signal handlers back.

    OpenVINO leaves the thread an alternative stack that it frees with the network. Python's handlers run on it, so that Ctrl-C
    would then end the process by a segmentation fault, with temporary files left behind.
    """
    if sys.platform != "linux":
        yield
        return
    library, former = ctypes.CDLL(None), _SignalStack()
    library.sigaltstack(None, ctypes.byref(former))
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(former), None)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _forget() -> None:
    """Leave the descriptor alone in a forked process: its signals would be noticed in the process that it was forked from."""
    global _watcher
    if _watcher is not None:
        _watcher = None
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
