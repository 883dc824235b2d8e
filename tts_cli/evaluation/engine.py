"""Engine of measurements: tasks in worker processes, results in a journal, from which a stopped run resumes."""

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
from tts_cli.errors import InputError, TtsError

Item = TypeVar("Item")


class Task(Protocol):
    """One thing to make, and its measures. It is hashable, and can be pickled where several processes work."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the results."""

    @property
    def label(self) -> str:
        """Name in the list of failures."""

    def key(self, measure: str) -> str:
        """Return the key of a result: it changes whenever the result would."""

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the results by name; JSON values where there is a journal."""


T = TypeVar("T", bound=Task)


@dataclass
class Results(Generic[T]):
    """Results of tasks."""

    found: dict[T, dict[str, Any]] = field(default_factory=dict)
    """By task and measure; those of failed tasks are missing."""
    failures: dict[str, str] = field(default_factory=dict)
    """Reasons by the label of the task."""


@dataclass(frozen=True)
class _Failure:
    reason: str


class _Memory(dict[str, Any]):
    """Journal of a run that keeps nothing."""

    def add(self, key: str, result: Any) -> None:
        self[key] = result


def run(
    tasks: Iterable[T],
    title: str,
    jobs: int = 1,
    journal: str | None = None,
    tolerated: tuple[type[TtsError], ...] = (),
) -> Results[T]:
    """Measure `tasks` in `jobs` processes, but for the results that the journal holds; each result is kept as it comes.

    Args:
        title: description of the progress bar.
        journal: name of a file in `cache_folder`; None keeps nothing.
        tolerated: errors that fail a task, which the next run tries again; others end the run.

    Raises:
        OutputError: where the journal cannot be written.
        RefusedError: where a worker process dies.
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
    """Tasks with the measures that nobody has taken, each once, by their place."""
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
    """Return the user's folder for results that are costly to make again."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "tts" / "evaluation"


def _open_journal(name: str) -> Journal:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return Journal(folder / name)


def check_parts(parts: Collection[str], valid: Sequence[str], subject: str) -> None:
    """Raise InputError for a part that is none of the `valid` ones."""
    for unknown in sorted(set(parts) - set(valid)):
        raise InputError(f"{subject} is not measured by '{unknown}'", hint=suggest(unknown, list(valid)))


def tracked(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Yield `items`, `total` of them where they have no length, with a progress bar where standard error is a terminal."""
    console = Console(stderr=True)
    return track(items, description, total, console=console, transient=True, disable=not console.is_terminal)
