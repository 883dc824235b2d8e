"""Refusals: two options that name one file, and lines of a batch that could not be spoken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tts_cli.cli.terminal import say
from tts_cli.errors import InputError, RefusedError, TtsError
from tts_cli.output.outlets import is_device


def do_each(tasks: Mapping[str, Callable[[], None]], folder: Path, passed_over: tuple[type[TtsError], ...]) -> None:
    """Run every task, even after some have failed.

    Args:
        tasks: Tasks by name; each writes a file to `folder`.
        folder: Named in the hint of the error.
        passed_over: Types of errors that are printed and do not stop the batch. Other errors stop it at once.

    Raises:
        TtsError: Some tasks failed; the type is that of the first failure.
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
    """Yield hints on the errors of a batch of `num_lines` lines."""
    if len(errors) < num_lines:
        yield f"all other lines are in {folder}"
    yield from sorted({error.hint for error in errors if isinstance(error, RefusedError) and error.hint})


def refuse_same(given: dict[str, Path | None]) -> None:
    """Raise InputError if two options name one file. Several options may name one device.

    Args:
        given: Paths by the name of the option; None if the option is absent.
    """
    names: dict[Path, str] = {}
    for name, path in given.items():
        if path and not is_device(path) and (other := names.setdefault(path.resolve(), name)) != name:
            raise InputError(f"{other} and {name} are one file: {path}", hint="name two different files")
