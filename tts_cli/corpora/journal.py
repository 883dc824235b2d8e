"""Journal of finished work and a pool of worker processes, so that an interrupted preparation continues."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from tts_cli.errors import RefusedError
from tts_cli.files import atomic_write, unwritable

Task = TypeVar("Task")
Result = TypeVar("Result")


class Journal:
    """Results by key in a file of JSON lines; each result is written when it is added."""

    def __init__(self, path: Path, names: tuple[str, str] = ("key", "result")) -> None:
        """Read the results in `path`, if it exists.

        Args:
            path: File of JSON lines.
            names: JSON keys of key and result in a line.
        """
        self.path, self._names = path, names
        self._results = dict(_read_lines(path, names)) if path.is_file() else {}

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the result of `key`, or None."""
        return self._results.get(key)

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._results[key]

    def add(self, key: str, result: dict[str, Any]) -> None:
        """Add a result and write it to the file at once. Raises OutputError if it cannot be written."""
        self._results[key] = result
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(self._line(key, result) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def compact(self) -> None:
        """Rewrite the file with one line for each key, sorted. Raises OutputError if it cannot be written."""
        self._results = dict(sorted(self._results.items()))
        with atomic_write(self.path) as file:
            file.writelines(self._line(key, result) + "\n" for key, result in self._results.items())

    def _line(self, key: str, result: dict[str, Any]) -> str:
        return json.dumps(dict(zip(self._names, (key, result), strict=True)))


def _read_lines(path: Path, names: tuple[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            yield entry[names[0]], entry[names[1]]
        except (ValueError, KeyError, TypeError):
            # A killed preparation may leave a partial last line.
            continue


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; "" if it cannot be read, which the validation reports."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def key_of(*parts: object) -> str:
    """Return a hash of `parts` as 24 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]


def run_all(function: Callable[[Task], Result], tasks: dict[str, Task], num_processes: int) -> Iterator[tuple[str, Result]]:
    """Run `function` on every task and yield key and result as each task finishes.

    Args:
        function: Function to run; a module-level one, because worker processes import it.
        tasks: Tasks by key.
        num_processes: Number of worker processes; 1 runs all tasks in this process.

    Raises:
        RefusedError: A worker process died.
    """
    if num_processes <= 1 or len(tasks) <= 1:
        for key, task in tasks.items():
            yield key, function(task)
        return
    pool = ProcessPoolExecutor(num_processes, multiprocessing.get_context("spawn"), start_worker)
    try:
        futures = {pool.submit(function, task): key for key, task in tasks.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise RefusedError("a worker process died", hint="run it again with one process; finished results are kept") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def start_worker() -> None:
    """Initialise a worker process: it ignores SIGINT and ends when its parent process ends for any reason."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
