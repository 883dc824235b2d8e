"""What is asked of a pipeline: one utterance's phones, speaker, controls and prescribed prosody, and their ports.

A request becomes the outermost scope of sequence ports. Only what is asked for is in it: a control at rest and prosody left to
the model are absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tts_cli.config import StrictModel, parse, read_mapping
from tts_cli.errors import InputError
from tts_cli.ports import Array, PortSpec

Floats = NDArray[np.float32]

REQUEST_PORTS = (
    PortSpec(name="phones", rate="token", type="int64"),
    PortSpec(name="token_mask", rate="token"),
    PortSpec(name="speaker", rate="utterance", type="int64"),
    PortSpec(name="seed", rate="utterance", type="int64"),
    PortSpec(name="loudness_lufs", rate="utterance"),
    PortSpec(name="length_scale", rate="utterance"),
    PortSpec(name="pitch_shift_semitones", rate="utterance"),
    PortSpec(name="pitch_range", rate="utterance"),
    PortSpec(name="energy_scale", rate="utterance"),
    PortSpec(name="given_durations", rate="token"),
    PortSpec(name="given_log_f0", rate="token"),
    PortSpec(name="given_energy", rate="token"),
    PortSpec(name="given_embedding", rate="utterance", channels=0),
    PortSpec(name="embedding", rate="utterance", channels=0),
    PortSpec(name="previous_embedding", rate="utterance", channels=0),
    PortSpec(name="continuity", rate="utterance"),
    PortSpec(name="sentence_vector", rate="utterance", channels=0),
    PortSpec(name="syntactic_distance", rate="word"),
    PortSpec(name="word_of_token", rate="token", type="int64"),
    PortSpec(name="source_mel", rate="source_frame", channels=0),
    PortSpec(name="source_mask", rate="source_frame"),
    PortSpec(name="source_phones", rate="source_frame", type="int64"),
    PortSpec(name="source_speaker", rate="utterance", channels=0),
    PortSpec(name="strength", rate="utterance"),
)
"""Everything a request may hold. The first four are always there, the fifth where the speaker's loudness was measured.
`embedding` is the given one, or else the speaker's centroid; syntax and meaning are there where a block reads them."""


@dataclass(frozen=True)
class Controls:
    """How the predicted (or given) prosody is moved. Raises InputError for values out of range."""

    length_scale: float = 1.0
    """Factor on durations: 2 speaks half as fast. 0.1 to 10."""
    pitch_shift_semitones: float = 0.0
    """-36 to 36."""
    pitch_range: float = 1.0
    """Factor on the distance of log-F0 from the speaker's mean: 0 is monotonous. 0 to 4."""
    energy_scale: float = 1.0
    """Factor on the magnitude the decoder is asked for. 0.01 to 100."""
    continuity: float = 0.0
    """Weight of a selected embedding's distance from the sentence before: 0 looks at the sentence alone. 0 to 100."""

    def __post_init__(self) -> None:
        for name, (lowest, highest) in _RANGES.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise InputError(f"{name} is {value}, outside {lowest} to {highest}")

    def changed(self) -> dict[str, float]:
        """The controls that are not at rest, by the name of their port."""
        return {field.name: value for field in fields(self) if (value := float(getattr(self, field.name))) != field.default}


_RANGES = {
    "length_scale": (0.1, 10.0),
    "pitch_shift_semitones": (-36.0, 36.0),
    "pitch_range": (0.0, 4.0),
    "energy_scale": (0.01, 100.0),
    "continuity": (0.0, 100.0),
}


@dataclass(frozen=True)
class Request:
    """One utterance to be spoken. Raises InputError when a prescription does not fit the tokens."""

    phones: NDArray[np.int64]
    """(N,) ids of the tokens, by the addon's `symbols`."""
    speaker: int = 0
    """Place in the addon's `speakers`."""
    controls: Controls = Controls()
    seed: int = 0
    """Of all noise."""
    loudness_lufs: float | None = None
    """Integrated loudness of the speaker, before any effect."""
    given_durations: Floats | None = None
    """(N,) frames of each token; NaN leaves a token to the model."""
    given_log_f0: Floats | None = None
    """(N,) natural log of Hertz; NaN leaves a token to the model."""
    given_energy: Floats | None = None
    """(N,) natural log of the mean mel magnitude; NaN leaves a token to the model."""
    given_embedding: Floats | None = None
    """(D,) acoustic embedding of the utterance."""
    centroid: Floats | None = None
    """(D,) what the embedding is where none is given nor selected."""
    previous_embedding: Floats | None = None
    """(D,) of the sentence before."""
    sentence_vector: Floats | None = None
    """(E,) what the sentence means, by a sentence encoder."""
    syntactic_distance: Floats | None = None
    """(W,) of each word from the one before; the first is 0."""
    word_of_token: NDArray[np.int64] | None = None
    """(N,) place of each token's word; -1 for boundaries."""
    source_mel: Floats | None = None
    """(T, bands) of the recording whose prosody is transferred: T is the sum of `given_durations`, which are its phones'."""
    source_speaker: Floats | None = None
    """(D,) the vector of who speaks there."""
    strength: float = 1.0
    """Of the transfer: 0 leaves prosody and durations to the model, 1 takes them as they are in the recording."""

    def __post_init__(self) -> None:
        num_tokens = len(self.phones)
        for name in ("given_durations", "given_log_f0", "given_energy"):
            value = getattr(self, name)
            if value is not None and np.shape(value) != (num_tokens,):
                raise InputError(f"{name} has shape {np.shape(value)}, but there are {num_tokens} tokens")
        if self.given_durations is not None and np.any(self.given_durations < 0):
            raise InputError("given_durations holds a negative duration")
        if not 0 <= self.strength <= 1:
            raise InputError(f"the strength of a transfer is {self.strength}, outside 0 to 1")
        if self.source_mel is not None and (
            self.given_durations is None or len(self.source_mel) != np.nansum(self.given_durations)
        ):
            raise InputError("a source mel needs given_durations that sum to its frames")
        if (self.source_mel is None) != (self.source_speaker is None):
            raise InputError("a source mel and the vector of its speaker need each other")

    def scope(self) -> dict[str, Array]:
        """The outermost scope: (1, N, 1) at token rate, (1, 1, C) at utterance rate."""
        tensors: dict[str, Array] = {
            "phones": self.phones.reshape(1, -1, 1).astype(np.int64),
            "token_mask": np.ones((1, len(self.phones), 1), np.float32),
            "speaker": np.full((1, 1, 1), self.speaker, np.int64),
            "seed": np.full((1, 1, 1), self.seed, np.int64),
        }
        tensors |= {name: np.full((1, 1, 1), value, np.float32) for name, value in self.controls.changed().items()}
        if self.loudness_lufs is not None:
            tensors["loudness_lufs"] = np.full((1, 1, 1), self.loudness_lufs, np.float32)
        if self.strength != 1:
            tensors["strength"] = np.full((1, 1, 1), self.strength, np.float32)
        return tensors | self._prescribed() | self._source() | self._selecting()

    def _selecting(self) -> dict[str, Array]:
        """What the embedding is, or is selected by."""
        vectors = {
            "embedding": self.centroid if self.given_embedding is None else self.given_embedding,
            "previous_embedding": self.previous_embedding,
            "sentence_vector": self.sentence_vector,
        }
        tensors: dict[str, Array] = {
            name: np.asarray(one, np.float32).reshape(1, 1, -1) for name, one in vectors.items() if one is not None
        }
        if self.syntactic_distance is not None:
            tensors["syntactic_distance"] = np.asarray(self.syntactic_distance, np.float32).reshape(1, -1, 1)
        if self.word_of_token is not None:
            tensors["word_of_token"] = np.asarray(self.word_of_token, np.int64).reshape(1, -1, 1)
        return tensors

    def _source(self) -> dict[str, Array]:
        if self.source_mel is None or self.source_speaker is None or self.given_durations is None:
            return {}
        phones = np.repeat(self.phones, self.given_durations.astype(np.int64))
        return {
            "source_mel": np.asarray(self.source_mel, np.float32)[None],
            "source_mask": np.ones((1, len(phones), 1), np.float32),
            "source_phones": phones.reshape(1, -1, 1).astype(np.int64),
            "source_speaker": np.asarray(self.source_speaker, np.float32).reshape(1, 1, -1),
        }

    def _prescribed(self) -> dict[str, Array]:
        tensors: dict[str, Array] = {}
        for name in ("given_durations", "given_log_f0", "given_energy", "given_embedding"):
            value = getattr(self, name)
            if value is not None:
                at_token_rate = name != "given_embedding"
                tensors[name] = np.asarray(value, np.float32).reshape((1, -1, 1) if at_token_rate else (1, 1, -1))
        return tensors


class Selected(StrictModel):
    """An utterance of a voice's inventory whose acoustic embedding was chosen."""

    utterance: int
    """Its place in the inventory."""
    score: float
    """By which it was preferred."""


class Sentence(StrictModel):
    """A sentence with the prosody it was spoken with; given back to a voice, it is spoken so again.

    Whatever is None, the list or one token of it, is left to the model.
    """

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
    selected: tuple[Selected, ...] | None = None
    """Where the embedding comes from, the best first; tells, and prescribes nothing."""

    @property
    def marks(self) -> tuple[str, ...]:
        """The boundary token after each word."""
        marks = [""] * len(self.words)
        for place, token in zip((-1, *self.word_of_token), self.tokens, strict=False):
            if place >= 0 and not token.isalnum():
                marks[place] = token
        return tuple(marks)

    def prescribed(self) -> dict[str, Floats]:
        """The fields of a `Request` that this sentence prescribes. Raises InputError for an F0 that is not positive."""
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


@dataclass(frozen=True)
class Source:
    """A recording whose prosody another voice is to take, as `prosody.transfer` makes it."""

    sentence: Sentence
    """What is said there; its durations are those of the recording, in frames."""
    mel: Floats | None = None
    """(T, bands) with T the sum of the durations; None: only the rhythm is taken."""
    speaker: Floats | None = None
    """(D,) the vector of who speaks there, by the speaker encoder of the addon that takes it."""


@dataclass(frozen=True)
class Break:
    """A place between two sentences."""

    seconds: float
    """Of silence, instead of that between other sentences. Of several breaks in a row the longest counts."""
    previous_embedding: Floats | None = None
    """(D,) of the sentence before, where that was spoken at another time."""


def _with_gaps(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float32)


class Prosody(StrictModel):
    """The file `--save-prosody` writes and `--prosody` reads, to be edited in between."""

    frames_per_second: float
    """What durations count."""
    sentences: tuple[Sentence, ...] = Field(min_length=1)


def read_prosody(path: Path, frames_per_second: float) -> tuple[Sentence, ...]:
    """The sentences of a prosody file. Raises ConfigError for a malformed one, InputError for one of another frame rate."""
    prosody = parse(Prosody, read_mapping(path), str(path))
    if prosody.frames_per_second != frames_per_second:
        theirs, ours = prosody.frames_per_second, frames_per_second
        raise InputError(f"{path}: its durations count {theirs:g} frames per second, those of this voice {ours:g}")
    return prosody.sentences


def prosody_json(sentences: Iterable[Sentence], frames_per_second: float) -> str:
    """The text of a prosody file."""
    return Prosody(frames_per_second=frames_per_second, sentences=tuple(sentences)).model_dump_json(indent=1)
