"""Send Ctrl-C and SIGTERM to commands at random moments, and look how they end: `make kill-test SIGNALS=1` (COUNT=30 SEED=0).

A command must end soon, with exit code 130 or 143, or 0 if it was done; with one line at most, without a traceback; and without a
partial file, a temporary file or a worker process; only a reading keeps its part, for --resume. The same command again must then
give what an uninterrupted one gives.

The moments are those from the first at which the program handles signals, which is before its own imports, to its end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from case import TINY
from kill import COMMANDS, LONGEST_S, Killing, left_over

LONGEST_END_S = 20.0
"""Most seconds from a signal to the end of the command."""
INTERRUPTED, TERMINATED = 130, 143
WRONG = ("Traceback", "error:", "Exception ignored", "Error:")
"""Words that a command which was stopped must not print."""
VOICE = ("--addon", "tiny-acoustic")
ARGUMENTS = {name: command.arguments for name, command in COMMANDS.items()} | {
    "synth": (*COMMANDS["synth"].arguments, *VOICE),
    "read": (*COMMANDS["read"].arguments, *VOICE),
    # With worker processes, which Ctrl-C reaches as well.
    "prepare": (*COMMANDS["prepare"].arguments[:-1], "2"),
}
PROGRAM = """
import os, sys
from tts_cli import cli
handle_signals = cli.handle_signals
def handle_and_tell():
    handle_signals()
    os.close(int(sys.argv.pop(1)))
cli.handle_signals = handle_and_tell
cli.run()
"""
"""Runs `tts`, and closes a descriptor as soon as signals are handled."""


class Signalling(Killing):
    """The commands, their uninterrupted results, and the trials with signals."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self._seconds: dict[str, float] = {}
        self._codes: Counter[str] = Counter()
        self._slowest = 0.0
        self._turns: Counter[str] = Counter()

    def _begin(self, name: str, folder: Path) -> subprocess.Popen[bytes]:
        """Start a command as a process of its own group, and return it when it handles signals."""
        reader, writer = os.pipe()
        environment = os.environ | {"TTS_ADDONS": str(TINY), "XDG_DATA_HOME": str(folder / "data")}
        command = [sys.executable, "-c", PROGRAM, str(writer), *ARGUMENTS[name]]
        with (folder / "signalled.txt").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, pass_fds=[writer], start_new_session=True
            )
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        return process

    def _length(self, name: str) -> float:
        """Return the seconds of the uninterrupted command from the moment at which it handles signals."""
        if name not in self._seconds:
            folder = self._fresh(name)
            process, start = self._begin(name, folder), time.monotonic()
            if process.wait(LONGEST_S) != 0:
                raise RuntimeError(f"{name}: exit code {process.returncode}: {(folder / 'signalled.txt').read_text()[-200:]}")
            self._seconds[name] = time.monotonic() - start
        return self._seconds[name]

    def stop(self, name: str, folder: Path) -> tuple[str, list[str]]:
        """Start a command and send it a signal at a random moment; return the moment in words, and the faults of its end."""
        seconds = self._length(name)
        delay = self._random.uniform(0, seconds)
        self._turns[name] += 1
        sent = signal.SIGINT if self._turns[name] % 2 else signal.SIGTERM
        process = self._begin(name, folder)
        time.sleep(delay)
        start = time.monotonic()
        with suppress(ProcessLookupError):
            # A terminal sends Ctrl-C to the whole group; SIGTERM goes to the process that is named.
            (os.killpg if sent == signal.SIGINT else os.kill)(process.pid, sent)
        faults = []
        try:
            process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            faults.append(f"has not ended after {LONGEST_END_S:g} s")
        self._slowest = max(self._slowest, time.monotonic() - start)
        if _outlives(process.pid):
            faults.append("a process outlives the command")
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        self._codes[f"{sent.name} {code}"] += 1
        # The part of a reading stays, for --resume.
        kept = f"{COMMANDS[name].output}.part" if COMMANDS[name].again else ""
        faults += self._told(folder, sent, code) + [f"left behind: {path}" for path in left_over(folder) if path != kept]
        return f"{sent.name} after {delay:.2f} of {seconds:.2f} s", faults

    def _told(self, folder: Path, sent: signal.Signals, code: int) -> list[str]:
        """Return everything that is wrong with the exit code and the lines of a command."""
        lines = (folder / "signalled.txt").read_text(errors="replace").splitlines()
        faults = [f"exit code {code}"] if code not in (0, INTERRUPTED, TERMINATED) else []
        if sent == signal.SIGINT and code == TERMINATED:
            faults.append(f"exit code {code} after Ctrl-C")
        faults += [f"printed: {line[:200]}" for line in lines if any(word in line for word in WRONG)]
        number = lines.count("interrupted")
        return faults + ([f"'interrupted' {number} times"] if number != (code == INTERRUPTED) else [])

    def summary(self) -> list[str]:
        """Return the numbers of exit codes by signal, and the longest time from a signal to the end."""
        codes = ", ".join(f"{name}: {number}" for name, number in sorted(self._codes.items()))
        return [f"exit codes: {codes}", f"slowest end: {self._slowest:.2f} s after the signal"]


def _outlives(group: int, grace_s: float = 3.0) -> bool:
    """Return whether a process of the group still runs after some seconds of grace."""
    until = time.monotonic() + grace_s
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True
