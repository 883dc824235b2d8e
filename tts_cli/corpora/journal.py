"""What a preparation has finished, kept as it goes, so that a killed one carries on and gives the same result."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from tts_cli.errors import RefusedError
from tts_cli.files import atomic_write, unwritable

Task = TypeVar("Task")
Result = TypeVar("Result")


class Journal:
    """Results by key, one JSON line each, flushed as they come."""

    def __init__(self, path: Path, names: tuple[str, str] = ("key", "result")) -> None:
        """Read what `path` holds; `names` are those of key and result in a line."""
        self.path, self._names = path, names
        self._results = dict(_read_lines(path, names)) if path.is_file() else {}

    def get(self, key: str) -> dict[str, Any] | None:
        """The result kept under `key`."""
        return self._results.get(key)

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._results[key]

    def add(self, key: str, result: dict[str, Any]) -> None:
        """Keeps `result` at once. Raises OutputError."""
        self._results[key] = result
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(self._line(key, result) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def compact(self, keys: Iterable[str]) -> None:
        """Forgets everything but `keys`."""
        self._results = {key: self._results[key] for key in sorted(set(keys))}
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
            # The line that was being written when the preparation was killed.
            continue


def fingerprint(path: Path) -> str:
    """SHA-256 of the file's bytes; of nothing when it cannot be read, which validation reports."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def key_of(*parts: object) -> str:
    """A short key that changes whenever one of `parts` does."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]


def run_all(function: Callable[[Task], Result], tasks: dict[str, Task], num_processes: int) -> Iterator[tuple[str, Result]]:
    """Key and result of every task, as they are done, in `num_processes` worker processes (none for one)."""
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
        raise RefusedError("a worker process died", hint="run it again, in one process: what is finished is kept") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def start_worker() -> None:
    """Leave interrupts to the parent process, and end with it, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
