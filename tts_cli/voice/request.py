"""Requests: the ports of one utterance, which become the outermost scope of a stack.

A request holds only what is asked for: a control at rest, and prosody that is left to the model, are absent. Which ports there
are, the features say (`blocks.features`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_cli.blocks.features import Control, RequestPort, features, request_ports
from tts_cli.config import suggest
from tts_cli.errors import InputError
from tts_cli.ports import Array
from tts_cli.voice.sentence import Sentence


class Controls(Mapping[str, float]):
    """Controls of an utterance that are not at rest, by name: `Controls(length_scale=1.2, pitch_shift_semitones=-2)`."""

    def __init__(self, **values: float) -> None:
        """Raises InputError for a control that no feature has, and for a value out of its range."""
        known = {name: port for name, port in request_ports().items() if isinstance(port, Control)}
        for name, value in values.items():
            if name not in known:
                raise InputError(f"there is no control '{name}'", hint=suggest(name, sorted(known)))
            lowest, highest = known[name].lowest, known[name].highest
            if not lowest <= value <= highest:
                raise InputError(f"{name} is {value}, outside {lowest} to {highest}")
        self._values = {name: float(value) for name, value in values.items() if value != known[name].at_rest}

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Request(Mapping[str, Array]):
    """Ports of one utterance to be spoken, by name, each (1, T, C)."""

    def __init__(
        self,
        phones: NDArray[np.int64],
        speaker: int = 0,
        controls: Mapping[str, float] | None = None,
        seed: int = 0,
        **given: ArrayLike | None,
    ) -> None:
        """Args:
            phones: Ids of the tokens by the addon's `symbols`, (N,).
            speaker: Index in the addon's `speakers`.
            controls: `Controls`, or numbers that stand for them.
            seed: Seed of all noise.
            given: Values of further ports: (T,) or (T, C) at token and other rates, a number or (C,) at utterance rate. None
                leaves a port out.

        Raises InputError for a port that no feature has, and for values that do not fit the tokens or each other.
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
            raise InputError("given_durations holds a negative duration")
        for feature in features():
            if feature.check:
                feature.check(self._ports)

    def _shaped(self, port: RequestPort, value: ArrayLike) -> Array:
        """Return the value of a port as (1, T, C)."""
        array = np.asarray(value, np.int64 if port.spec.type == "int64" else np.float32)
        if port.spec.rate == "token" and np.shape(value) != (self._num_tokens,):
            raise InputError(f"{port.name} has shape {np.shape(value)}, but there are {self._num_tokens} tokens")
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
    """A place between two sentences."""

    seconds: float
    """Silence, instead of that between other sentences. Of several breaks in a row the longest counts."""
    after: Sentence | None = None
    """The sentence before, where it was spoken at another time: it hands on what it would have handed on then."""
