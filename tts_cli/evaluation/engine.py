"""Engine of measurements: runs tasks in worker processes and keeps results in a journal, so that a stopped run resumes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from rich.console import Console
from rich.progress import track

from tts_cli.config import suggest
from tts_cli.corpora.journal import Journal, run_all
from tts_cli.errors import InputError, OutputError, TtsError

Item = TypeVar("Item")


class Task(Protocol):
    """Protocol of a task: an utterance to make and measure. Tasks are hashable, and picklable if several processes work."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures to take."""

    @property
    def label(self) -> str:
        """Name of the task in the list of failures."""

    def key(self, measure: str) -> str:
        """Return the journal key of one result. The key changes with everything the result depends on."""

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the results of the measures `names`, by name; JSON values if a journal keeps them."""


T = TypeVar("T", bound=Task)


@dataclass
class Results(Generic[T]):
    """Results of a run: measurements and failures."""

    found: dict[T, dict[str, Any]] = field(default_factory=dict)
    """Results by task and measure; a measure that failed is missing."""
    failures: dict[str, str] = field(default_factory=dict)
    """Error message of each failed task, by its label."""


@dataclass(frozen=True)
class _Failure:
    reason: str


class _Memory(dict[str, Any]):
    """Stand-in for a journal: results live in memory and end with the run."""

    def add(self, key: str, result: Any) -> None:
        self[key] = result


def run(
    tasks: Iterable[T],
    title: str,
    jobs: int = 1,
    journal: str | None = None,
    tolerated: tuple[type[TtsError], ...] = (),
) -> Results[T]:
    """Measure `tasks` in `jobs` processes, and skip the results that the journal already holds.

    Each result is written to the journal as soon as it is known.

    Args:
        tasks: tasks to measure; two tasks with the same key are measured once.
        title: description of the progress bar.
        jobs: number of worker processes.
        journal: name of a file in `cache_folder`; None keeps nothing between runs.
        tolerated: errors that fail one task, which the next run tries again; any other error ends the run.

    Raises:
        OutputError: if the journal cannot be written.
        RefusedError: if a worker process dies.
    """
    tasks = list(tasks)
    kept = _open_journal(journal) if journal else _Memory()
    missing = _missing(tasks, kept)
    results = Results[T]()
    for place, outcome in tracked(run_all(partial(_attempt, tolerated), missing, jobs), title, len(missing)):
        task, _ = missing[place]
        if isinstance(outcome, _Failure):
            results.failures[task.label] = outcome.reason
        else:
            for name, result in outcome.items():
                kept.add(task.key(name), result)
    for task in tasks:
        found = {name: kept.get(task.key(name)) for name in task.measures}
        results.found[task] = {name: result for name, result in found.items() if result is not None}
    return results


def _missing(tasks: Iterable[T], kept: Journal | _Memory) -> dict[str, tuple[T, tuple[str, ...]]]:
    """Return the tasks with missing results and the names of these, by index of the task; each key appears once."""
    claimed: set[str] = set()
    missing: dict[str, tuple[T, tuple[str, ...]]] = {}
    for place, task in enumerate(tasks):
        keys = {name: task.key(name) for name in task.measures}
        lacking = tuple(name for name, key in keys.items() if key not in claimed and kept.get(key) is None)
        claimed |= {keys[name] for name in lacking}
        if lacking:
            missing[str(place)] = task, lacking
    return missing


def _attempt(tolerated: tuple[type[TtsError], ...], work: tuple[Task, tuple[str, ...]]) -> dict[str, Any] | _Failure:
    task, names = work
    try:
        return task.measure(names)
    except tolerated as error:
        return _Failure(error.message)


def cache_folder() -> Path:
    """Return the folder of kept results: `$XDG_CACHE_HOME/tts/evaluation`, or the one in `~/.cache`.

    Raises:
        OutputError: if the user has no home folder.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        return root.expanduser() / "tts" / "evaluation"
    except RuntimeError as error:
        hint = "set HOME or XDG_CACHE_HOME to a folder that you may write to"
        raise OutputError("there is no folder for the results of evaluations: the user has no home folder", hint) from error


def _open_journal(name: str) -> Journal:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return Journal(folder / name)


def check_parts(parts: Collection[str], valid: Sequence[str], subject: str) -> None:
    """Raise InputError for a part of a report that is not among the `valid` ones; `subject` is the evaluation's name."""
    for unknown in sorted(set(parts) - set(valid)):
        raise InputError(f"the evaluation of {subject} has no part '{unknown}'", hint=suggest(unknown, list(valid)))


def tracked(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Yield `items`, with a progress bar if standard error is a terminal.

    Args:
        total: number of items, for an iterable without a length.
    """
    console = Console(stderr=True)
    return track(items, description, total, console=console, transient=True, disable=not console.is_terminal)
