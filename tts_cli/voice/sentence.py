"""Sentences with their prosody, and the prosody file that stores them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tts_cli.audio.mel import Floats
from tts_cli.blocks.features import features, load_object
from tts_cli.config import StrictModel, parse, read_mapping, suggest
from tts_cli.config.ranges import Single
from tts_cli.errors import InputError
from tts_cli.text import Utterance


class Sentence(StrictModel):
    """Sentence with the prosody it was spoken with. Given to a voice again, it is spoken with the same prosody.

    The model predicts a field that is None, and the value of a token that is None in a field. Features store outcomes under
    further keys (see `outcome`).

    Examples:
        >>> import tts_cli
        >>> voice = tts_cli.load("arctic-16k")
        >>> chunks = list(voice.stream("Hello there."))
        >>> sentence = chunks[0].sentence
        >>> higher = sentence.model_copy(update={"f0_hz": tuple(1.1 * f0 for f0 in sentence.f0_hz)})
        >>> again = list(voice.stream([higher]))
    """

    model_config = ConfigDict(extra="allow")

    text: str = ""
    """Text as it was written."""
    tokens: tuple[str, ...] = Field(min_length=1)
    """Phones, and the boundaries between words and at the ends of the sentence."""
    words: tuple[str, ...] = ()
    """Words as they are spoken."""
    word_of_token: tuple[int, ...] = ()
    """Index in `words` of each token; -1 for boundaries."""
    spans: tuple[tuple[int, int], ...] = ()
    """Start and end of each word in the text that was given, in characters; empty if it is not known."""
    notes: tuple[str, ...] = Field(default=(), exclude=True)
    """Notes for the user on text that is not spoken."""
    durations: tuple[int | None, ...] | None = None
    """Duration of each token in mel frames."""
    f0_hz: tuple[Single | None, ...] | None = None
    """F0 of each token in Hz."""
    energy: tuple[Single | None, ...] | None = None
    """Energy of each token: natural log of the mean mel magnitude."""
    embedding: tuple[Single, ...] | None = None
    """Acoustic embedding of the whole sentence, D numbers."""

    @model_validator(mode="after")
    def _has_known_outcomes(self) -> Sentence:
        kinds = outcome_types()
        for name, value in (self.model_extra or {}).items():
            if name not in kinds:
                raise ValueError(f"unknown key '{name}': {suggest(name, sorted({*type(self).model_fields, *kinds}))}")
            if self.model_extra is not None and value is not None:
                try:
                    self.model_extra[name] = TypeAdapter(kinds[name]).validate_python(value)
                except ValidationError as error:
                    raise ValueError(f"'{name}': {error.errors()[0]['msg']}") from error
        return self

    @classmethod
    def of(cls, utterance: Utterance, **known: Any) -> Sentence:
        """Return a sentence with the text, tokens, words, spans and notes of `utterance`, and the fields that `known` names."""
        return cls(
            text=utterance.text,
            tokens=utterance.tokens,
            words=utterance.words,
            word_of_token=utterance.word_of_token,
            spans=utterance.spans,
            notes=utterance.notes,
            **known,
        )

    def outcome(self, name: str) -> Any:
        """Return the outcome that a feature stored under the key `name`; None where there is none.

        An outcome says how the sentence was spoken: `selected` holds the utterances that its embedding comes from.
        """
        return (self.model_extra or {}).get(name)

    @property
    def marks(self) -> tuple[str, ...]:
        """Boundary token after each word, such as "," or "?"; "" where none follows."""
        marks = [""] * len(self.words)
        for place, token in zip((-1, *self.word_of_token), self.tokens, strict=False):
            if place >= 0 and not token.isalnum():
                marks[place] = token
        return tuple(marks)

    def prescribed(self) -> dict[str, Floats]:
        """Return the ports of a request that the prosody of this sentence fills, with NaN where the model predicts.

        Durations, log F0 and energy have shape (N,) for N tokens, the embedding has shape (D,). Raises InputError for an F0 that
        is not positive.
        """
        given = {"given_durations": self.durations, "given_energy": self.energy}
        arrays = {name: _with_gaps(values) for name, values in given.items() if values is not None}
        if self.f0_hz is not None:
            f0_hz = _with_gaps(self.f0_hz)
            if np.any(f0_hz <= 0):
                raise InputError(f"f0_hz of '{self.text}' holds a value that is not positive", hint="null leaves it to the model")
            arrays["given_log_f0"] = np.log(f0_hz)
        if self.embedding is not None:
            arrays["given_embedding"] = np.array(self.embedding, np.float32)
        return arrays


def outcome_types() -> dict[str, Any]:
    """Return the type of each outcome that features declare, by its key in a sentence."""
    return {name: load_object(place) for feature in features() for name, place in feature.outcomes.items()}


def _with_gaps(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float32)


class Prosody(StrictModel):
    """Prosody file: `--save-prosody` writes it, a person edits it, `--prosody` reads it."""

    frames_per_second: float
    """Frame rate of the durations, in Hz."""
    sentences: tuple[Sentence, ...] = Field(min_length=1)


def read_prosody(path: Path, frames_per_second: float) -> tuple[Sentence, ...]:
    """Return the sentences of a prosody file. `frames_per_second` is the frame rate of the voice.

    Raises:
        ConfigError: The file is malformed.
        InputError: The durations in the file count frames of another rate.
    """
    prosody = parse(Prosody, read_mapping(path), str(path))
    if prosody.frames_per_second != frames_per_second:
        theirs, ours = prosody.frames_per_second, frames_per_second
        message = f"{path}: its durations count {theirs:g} frames per second, those of this voice {ours:g}"
        raise InputError(message, hint="use the voice that the file was saved with, or delete the durations")
    return prosody.sentences


def prosody_json(sentences: Iterable[Sentence], frames_per_second: float) -> str:
    """Return the JSON text of a prosody file."""
    return Prosody(frames_per_second=frames_per_second, sentences=tuple(sentences)).model_dump_json(indent=1)
