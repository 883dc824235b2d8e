"""Sentences with the prosody they are spoken with, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tts_cli.audio.mel import Floats
from tts_cli.blocks.features import features, load_object
from tts_cli.config import StrictModel, parse, read_mapping, suggest
from tts_cli.errors import InputError
from tts_cli.text import Utterance


class Sentence(StrictModel):
    """A sentence with the prosody it was spoken with; given back to a voice, it is spoken so again.

    Whatever is None, the list or one token of it, is left to the model. Features add outcomes of theirs (see `outcome`).
    """

    model_config = ConfigDict(extra="allow")

    text: str = ""
    """As it was written."""
    tokens: tuple[str, ...] = Field(min_length=1)
    words: tuple[str, ...] = ()
    word_of_token: tuple[int, ...] = ()
    """Place in `words` of each token; -1 for boundaries."""
    durations: tuple[int | None, ...] | None = None
    """Frames of each token."""
    f0_hz: tuple[float | None, ...] | None = None
    energy: tuple[float | None, ...] | None = None
    """Natural log of the mean mel magnitude."""
    embedding: tuple[float, ...] | None = None
    """Acoustic embedding of the whole sentence."""

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
        """Return the sentence of what a text front end made, with the prosody that is `known`."""
        return cls(
            text=utterance.text,
            tokens=utterance.tokens,
            words=utterance.words,
            word_of_token=utterance.word_of_token,
            **known,
        )

    def outcome(self, name: str) -> Any:
        """Return what a feature told of how the sentence was spoken; None where it told nothing."""
        return (self.model_extra or {}).get(name)

    @property
    def marks(self) -> tuple[str, ...]:
        """The boundary token after each word."""
        marks = [""] * len(self.words)
        for place, token in zip((-1, *self.word_of_token), self.tokens, strict=False):
            if place >= 0 and not token.isalnum():
                marks[place] = token
        return tuple(marks)

    def prescribed(self) -> dict[str, Floats]:
        """Return the ports of a request that this sentence prescribes. Raises InputError for an F0 that is not positive."""
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
    """Return the type of every outcome that features tell, by its name."""
    return {name: load_object(place) for feature in features() for name, place in feature.outcomes.items()}


def _with_gaps(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float32)


class Prosody(StrictModel):
    """The file that `--save-prosody` writes and `--prosody` reads, to be edited in between."""

    frames_per_second: float
    """Frames that durations count."""
    sentences: tuple[Sentence, ...] = Field(min_length=1)


def read_prosody(path: Path, frames_per_second: float) -> tuple[Sentence, ...]:
    """Return the sentences of a prosody file. Raises ConfigError for a malformed one, InputError for another frame rate."""
    prosody = parse(Prosody, read_mapping(path), str(path))
    if prosody.frames_per_second != frames_per_second:
        theirs, ours = prosody.frames_per_second, frames_per_second
        raise InputError(f"{path}: its durations count {theirs:g} frames per second, those of this voice {ours:g}")
    return prosody.sentences


def prosody_json(sentences: Iterable[Sentence], frames_per_second: float) -> str:
    """Return the text of a prosody file."""
    return Prosody(frames_per_second=frames_per_second, sentences=tuple(sentences)).model_dump_json(indent=1)
