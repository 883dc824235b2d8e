"""Refusals: options that exclude each other, files that are named twice, and lines of a batch that could not be spoken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tts_cli.cli.terminal import say
from tts_cli.errors import InputError, RefusedError, TtsError
from tts_cli.output.outlets import is_device


def do_each(tasks: Mapping[str, Callable[[], None]], folder: Path, passed_over: tuple[type[TtsError], ...]) -> None:
    """Does every task, whose result is a file in `folder`.

    One that fails with an error that is `passed_over` is told by its name; then an error is raised in the end.
    """
    errors: list[TtsError] = []
    for name, task in tasks.items():
        try:
            task()
        except passed_over as error:
            say(f"{name}: {error.message}")
            errors.append(error)
    if errors:
        message = f"{len(errors)} of {len(tasks)} lines could not be spoken"
        raise type(errors[0])(message, hint="; ".join(_remedies(errors, len(tasks), folder)) or None)


def _remedies(errors: Sequence[TtsError], num_lines: int, folder: Path) -> Iterator[str]:
    """What there is to say to the errors of some of the lines."""
    if len(errors) < num_lines:
        yield f"all others are in {folder}"
    yield from sorted({error.hint for error in errors if isinstance(error, RefusedError) and error.hint})


def refuse_same(given: dict[str, Path | None]) -> None:
    """Raises InputError when two options name one file. A device takes what comes."""
    names: dict[Path, str] = {}
    for name, path in given.items():
        if path and not is_device(path) and (other := names.setdefault(path.resolve(), name)) != name:
            raise InputError(f"{other} and {name} are one file: {path}")
