"""Requests: the input ports of a stack for one utterance, and the controls of an utterance.

A request holds no port for a control at its default, nor for prosody that the model is to predict. Features declare the ports
that a request may have (`blocks.features`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_cli.addon.config import Speaker
from tts_cli.blocks.features import Control, RequestPort, features, request_ports
from tts_cli.config import suggest
from tts_cli.errors import InputError
from tts_cli.ports import Array
from tts_cli.voice.fillers import Ports
from tts_cli.voice.sentence import Sentence


class Controls(Mapping[str, float]):
    """Controls of an utterance by name. A control at its default is left out of the mapping.

    Examples:
        >>> import tts_cli
        >>> dict(tts_cli.Controls(length_scale=1.2, pitch_shift_semitones=-2))
        {'length_scale': 1.2, 'pitch_shift_semitones': -2.0}
    """

    def __init__(self, **values: float) -> None:
        """Check the values of controls.

        Args:
            values: Number of each control. Features declare names, ranges and defaults; `tts synth --help` describes them.

        Raises:
            InputError: No feature declares the control, or the value is out of its range.
        """
        known = {name: port for name, port in request_ports().items() if isinstance(port, Control)}
        for name, value in values.items():
            if name not in known:
                raise InputError(f"there is no control '{name}'", hint=suggest(name, sorted(known)))
            lowest, highest = known[name].lowest, known[name].highest
            if not lowest <= value <= highest:
                raise InputError(f"{name} is {value}, outside {lowest} to {highest}", hint="give a number in that range")
        self._values = {name: float(value) for name, value in values.items() if value != known[name].at_rest}

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Request(Mapping[str, Array]):
    """Input ports of a stack for one utterance, by name: arrays of shape (1, T, C) with T steps and C channels.

    T is the number of tokens at token rate and 1 at utterance rate.

    Examples:
        >>> import numpy as np
        >>> import tts_cli
        >>> voice = tts_cli.load("arctic-16k")
        >>> symbols = voice.acoustic.symbols
        >>> phones = np.array([symbols.index(token) for token in next(voice.sentences("Hello there.")).tokens])
        >>> request = tts_cli.Request(phones, speaker=1, seed=3)
        >>> request["phones"].shape == (1, len(phones), 1)
        True
    """

    def __init__(
        self,
        phones: NDArray[np.int64],
        speaker: int = 0,
        controls: Mapping[str, float] | None = None,
        seed: int = 0,
        **given: ArrayLike | None,
    ) -> None:
        """Bring values to the shape (1, T, C) and check them.

        Args:
            phones: Indices of the tokens in the addon's `symbols`, shape (N,).
            speaker: Index in the addon's `speakers`.
            controls: `Controls`, or a mapping from names of controls to numbers.
            seed: Seed of all noise.
            given: Values of further ports: shape (T,) or (T, C) at token and other rates, a number or (C,) at utterance rate.
                None leaves a port out.

        Raises:
            InputError: No feature declares the port, or the values do not fit the tokens or each other.
        """
        self._num_tokens = len(phones)
        known = request_ports()
        asked = {name: value for name, value in given.items() if value is not None}
        unknown = sorted(asked.keys() - known.keys())
        if unknown:
            raise InputError(f"a request has no port '{unknown[0]}'", hint=suggest(unknown[0], sorted(known)))
        numbers = {name: float(np.asarray(asked.pop(name))) for name in [*asked] if isinstance(known[name], Control)}
        values = {"phones": phones, "token_mask": np.ones(len(phones)), "speaker": speaker, "seed": seed, **asked}
        values |= Controls(**(controls or {}), **numbers)
        if "given_embedding" in values:
            values["embedding"] = values["given_embedding"]
        self._ports = {name: self._shaped(known[name], value) for name, value in values.items()}
        if np.any(self._ports.get("given_durations", np.zeros(1)) < 0):
            raise InputError("given_durations holds a negative duration", hint="give 0 or more frames, or NaN for the model's")
        for feature in features():
            if feature.check:
                feature.check(self._ports)

    def _shaped(self, port: RequestPort, value: ArrayLike) -> Array:
        """Return the value of a port in shape (1, T, C). Raises InputError at token rate for another shape than (N,)."""
        array = np.asarray(value, np.int64 if port.spec.type == "int64" else np.float32)
        if port.spec.rate == "token" and np.shape(value) != (self._num_tokens,):
            message = f"{port.name} has shape {np.shape(value)}, but there are {self._num_tokens} tokens"
            raise InputError(message, hint="give one value for each token")
        if port.spec.rate == "utterance":
            return array.reshape(1, 1, -1)
        return array[None] if array.ndim == 2 else array.reshape(1, -1, 1)

    def __getitem__(self, name: str) -> Array:
        return self._ports[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)


@dataclass(frozen=True)
class Break:
    """Break between two sentences of a `SpeechInput`."""

    seconds: float
    """Silence in seconds; it replaces the silence between other sentences. The longest of several breaks in a row counts."""
    after: Sentence | None = None
    """Sentence that was spoken before the break in an earlier run. Its embedding and other carried ports go to the next one."""


@dataclass(frozen=True)
class SpeechSettings:
    """Speaker, controls and seed that all sentences of a text share."""

    speaker_id: int
    speaker: Speaker | None
    controls: Controls
    seed: int

    def ports(self) -> Ports:
        """Return the ports with the loudness and the embedding of the speaker, as far as the addon has them."""
        found: Ports = {}
        if self.speaker and self.speaker.loudness_lufs is not None:
            found["loudness_lufs"] = self.speaker.loudness_lufs
        if self.speaker and self.speaker.embedding:
            found["embedding"] = np.array(self.speaker.embedding, np.float32)
        return found
