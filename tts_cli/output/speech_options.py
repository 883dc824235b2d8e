"""Options that features add to commands that speak: base class, and checks of options that exclude each other."""

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
    """Table for the terminal; each row has one cell for each column of the header."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class SpeechOptions:
    """Base of a feature's options for commands that speak.

    A subclass is a dataclass. Each field is `Annotated` with an option of Typer and has a default. A command calls the methods in
    the order in which they stand here.
    """

    def refuse(self, given: Given) -> None:
        """Raise InputError for options that exclude each other, in this feature or in the rest of the command."""

    def edit_stack(self, addon: str | Path, stack: Path | None) -> StackEdit | None:  # noqa: ARG002
        """Return the function that changes the stack of the voice as the options say; None for no change.

        Args:
            addon: Name or path of the voice.
            stack: File with a stack that replaces the voice's own.

        Raises:
            InputError: The stack has no block for the options.
        """
        return None

    def controls(self) -> dict[str, float]:
        """Return values of controls by name, for `Controls`."""
        return {}

    def replace_speech(self, speech: SpeechInput, voice: Voice) -> SpeechInput:  # noqa: ARG002
        """Return the input of the voice that replaces `speech`; by default `speech` itself."""
        return speech

    @property
    def needs_sentences(self) -> bool:
        """True if spoken sentences must be kept for `json_fields` and `table`."""
        return False

    def json_fields(self, sentence: Sentence, voice: Voice) -> dict[str, Any]:  # noqa: ARG002
        """Return the keys that the feature adds to a spoken sentence in `--json`."""
        return {}

    def table(self, sentences: Sequence[Sentence], voice: Voice) -> Table | None:  # noqa: ARG002
        """Return a table to show after the speech; None for none."""
        return None


def refuse_several(given: Mapping[str, object]) -> None:
    """Raise InputError if more than one option is given. `given` holds values by option; None and False are not given."""
    names = [name for name, value in given.items() if value not in (None, False)]
    if len(names) > 1:
        raise InputError(f"{' and '.join(names)} exclude each other", hint="give one of them")


def combined_edit(edits: Iterator[StackEdit | None]) -> StackEdit | None:
    """Return one function that applies all changes of a stack in order; None if there is no change."""
    found = [edit for edit in edits if edit is not None]

    def edited(stack: Sequence[Any]) -> Sequence[Any]:
        for edit in found:
            stack = edit(stack)
        return stack

    return edited if found else None
