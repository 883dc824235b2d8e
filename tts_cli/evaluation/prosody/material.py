"""Material of the evaluation of prosody: sentences to speak, and recordings of a prepared corpus to compare with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tts_cli.config import suggest
from tts_cli.corpora.layouts import QUESTIONS
from tts_cli.corpora.manifest import Recording
from tts_cli.errors import CorpusError, InputError
from tts_cli.evaluation.prepared import SPLITS, clips_of, read_rows
from tts_cli.evaluation.prompts import GroupedText, Prompt, recorded_prompts
from tts_cli.evaluation.selection.tasks import evenly

DECLARATIVE = "declarative"
"""Group of the questions that have the words of a statement: each is spoken with "?" and with "."."""
STATED = "stated"
"""Group of the same words with "."."""
YES_NO, OR, WH, STATEMENT = "yes-no", "or", "wh", "statement"
GROUPS = (DECLARATIVE, YES_NO, OR, WH, STATEMENT)
"""Groups of the file of sentences."""
NUM_STATEMENTS = 60
"""Largest number of recorded statements of each reader, evenly spaced, of which the share that rises is measured."""
STATEMENTS_A_QUESTION = 3
"""Recorded statements for each question of the same reader in the training of the classifier. With the same ratio for all
readers, their ways of speaking do not tell questions from statements."""


def with_statements(sentences: Sequence[GroupedText]) -> tuple[GroupedText, ...]:
    """Return the sentences to speak: each declarative question is followed by the same words with ".", of the group `STATED`.

    Raises:
        InputError: A group is unknown, or a declarative question does not end with "?".
    """
    found = []
    for one in sentences:
        if one.group not in GROUPS:
            raise InputError(f"'{one.text}': there is no group '{one.group}' of sentences", hint=suggest(one.group, list(GROUPS)))
        found.append(one)
        if one.group == DECLARATIVE:
            if not one.text.endswith("?"):
                hint = "write it with a question mark; the statement is made of it"
                raise InputError(f"'{one.text}': a sentence of the group '{DECLARATIVE}' ends with a question mark", hint=hint)
            found.append(GroupedText(STATED, words_of(one.text) + "."))
    return tuple(found)


def words_of(text: str) -> str:
    """Return a text without the mark at its end."""
    return text.rstrip("?.")


def letters_of(text: str) -> str:
    """Return the letters and digits of a text, in lower case."""
    return "".join(filter(str.isalnum, text.lower()))


@dataclass(frozen=True)
class RecordedMaterial:
    """Recordings of a prepared corpus, chosen for each part of the report."""

    data: Path
    """Folder of the prepared corpus."""
    split: str
    """Split of the test prompts."""
    speakers: tuple[str, ...]
    """Speakers whose prompts are spoken; those of the corpus are taken if it is empty."""
    limit: int | None = None
    """Largest number of test prompts of each speaker, and of recordings of each reader and kind; None: all."""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"there is no split '{self.split}' of held-out clips", hint=suggest(self.split, list(SPLITS)))

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """Speakers of the corpus with a recorded question."""
        return tuple(dict.fromkeys(row.speaker for row in self._rows if row.kind in QUESTIONS))

    def trained_texts(self) -> frozenset[str]:
        """Return the letters of the texts of all training recordings."""
        return frozenset(letters_of(row.text) for row in self._rows if row.split == "train")

    def described(self) -> tuple[Prompt, ...]:
        """Return the recorded questions of all splits, and at most `NUM_STATEMENTS` statements of each reader."""
        found: list[Recording] = []
        for reader in self.readers:
            for kind in (YES_NO, OR, WH):
                found += self._of(reader, kind)[: self.limit]
            found += evenly(self._of(reader, STATEMENT), min(NUM_STATEMENTS, self.limit or NUM_STATEMENTS))
        return self._prompts(found)

    def taught(self) -> tuple[Prompt, ...]:
        """Return the training recordings of the classifier: yes/no questions, and `STATEMENTS_A_QUESTION` statements for each."""
        found: list[Recording] = []
        for reader in self.readers:
            asked = self._of(reader, YES_NO, "train")
            found += [*asked, *evenly(self._of(reader, STATEMENT, "train"), STATEMENTS_A_QUESTION * len(asked))]
        return self._prompts(found)

    def tested(self) -> tuple[Prompt, ...]:
        """Return the yes/no questions and the statements of the readers in the split."""
        kinds = (YES_NO, STATEMENT)
        return self._prompts(
            row for name in self.readers for kind in kinds for row in self._of(name, kind, self.split)[: self.limit]
        )

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the test prompts of the speakers.

        Raises:
            CorpusError: The split has no recording of any of them.
        """
        there = dict.fromkeys(row.speaker for row in self._rows if row.split == self.split)
        chosen = [name for name in self.speakers or there if name in there]
        if not chosen:
            wanted = ", ".join(self.speakers) or "any speaker"
            hint = "choose another --split, or other speakers with --speaker; there are: " + ", ".join(there)
            raise CorpusError(f"{self.data}: the split '{self.split}' has no recording of {wanted}", hint)
        return self._prompts(row for name in chosen for row in self._of(name, None, self.split)[: self.limit])

    def others(self) -> tuple[Prompt, ...]:
        """Return as many training recordings of each speaker as there are test prompts, evenly spaced."""
        counts: dict[str, int] = {}
        for prompt in self.prompts():
            counts[prompt.speaker] = counts.get(prompt.speaker, 0) + 1
        return self._prompts(row for name, count in counts.items() for row in evenly(self._of(name, None, "train"), count))

    @cached_property
    def _rows(self) -> tuple[Recording, ...]:
        return read_rows(self.data)

    def _of(self, speaker: str, kind: str | None, split: str | None = None) -> list[Recording]:
        return [
            row
            for row in self._rows
            if row.speaker == speaker and (kind is None or row.kind == kind) and (split is None or row.split == split)
        ]

    def _prompts(self, rows: Iterable[Recording]) -> tuple[Prompt, ...]:
        return recorded_prompts(clips_of(self.data, rows))
