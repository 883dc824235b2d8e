"""Options that features add to commands that speak, and what they do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.errors import InputError

if TYPE_CHECKING:
    from tts_cli.addon.opened import StackEdit
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import SpeechInput, Voice

Given = Mapping[str, Any]
"""Values of all options of a command, by the names of its parameters."""


@dataclass(frozen=True)
class Table:
    """A table for people."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class SpeechOptions:
    """Base of a feature's options: a dataclass whose fields are `Annotated` with Typer's options, all with defaults.

    A command that speaks calls these methods in this order.
    """

    def refuse(self, given: Given) -> None:
        """Raise InputError for options that do not go together."""

    def edit_stack(self, addon: str | Path, stack: Path | None) -> StackEdit | None:  # noqa: ARG002
        """Return the change of the voice's stack that is asked for. Raises InputError where the stack cannot take it."""
        return None

    def controls(self) -> dict[str, float]:
        """Return the controls that are asked for, by the names of their ports."""
        return {}

    def replace_speech(self, said: SpeechInput, voice: Voice) -> SpeechInput:  # noqa: ARG002
        """Return what is spoken in place of `said`."""
        return said

    @property
    def needs_sentences(self) -> bool:
        """Return whether spoken sentences are to be kept for `json_fields` and `table`."""
        return False

    def json_fields(self, sentence: Sentence, voice: Voice) -> dict[str, Any]:  # noqa: ARG002
        """Return the feature's part of a sentence in `--json`."""
        return {}

    def table(self, sentences: Sequence[Sentence], voice: Voice) -> Table | None:  # noqa: ARG002
        """Return a table to show after the speech."""
        return None


def refuse_several(given: Mapping[str, object]) -> None:
    """Raise InputError when more than one of the options that exclude each other is given."""
    names = [name for name, value in given.items() if value not in (None, False)]
    if len(names) > 1:
        raise InputError(f"{' and '.join(names)} exclude each other")


def combined_edit(edits: Iterator[StackEdit | None]) -> StackEdit | None:
    """Return the change of a stack that all changes make, one after the other; None where there are none."""
    found = [edit for edit in edits if edit is not None]

    def edited(stack: Sequence[Any]) -> Sequence[Any]:
        for edit in found:
            stack = edit(stack)
        return stack

    return edited if found else None
