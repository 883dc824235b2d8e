"""Durations: the frames of each token, and what else of a request is laid out over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.features import features, load_object, optional
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import InputError
from tts_cli.ports import PortSpec, Tensors
from tts_cli.text.phones import START

Frames = NDArray[np.float64]


class FrameLayout(ABC):
    """Frame-rate ports of one utterance that a timing computes from the tokens."""

    @abstractmethod
    def at(self, token: NDArray[np.int64], before: NDArray[np.int64]) -> Tensors:
        """Return the ports (1, n, C) of n frames.

        Args:
            token: Index of each frame's token, (n,).
            before: Frames of that token before it, (n,).
        """


class FrameTiming:
    """A way to weigh given durations and to lay ports of another rate out over frames; features register theirs."""

    inputs: tuple[PortSpec, ...] = ()
    """Sequence ports that it reads."""

    def __init__(self, addon: AddonParts) -> None:
        self.addon = addon

    def weigh(self, given: Frames, predicted: Frames, scope: Tensors) -> Frames:  # noqa: ARG002
        """Return what given durations count beside predicted ones, both (1, N, 1) in frames."""
        return given

    def connect(self, scope: Wiring, path: str) -> list[PortSpec]:  # noqa: ARG002
        """Declare the ports of `scope` that are read at `path`; return those that are given at frame rate."""
        return []

    def open(self, scope: Tensors, durations: NDArray[np.int64]) -> FrameLayout | None:  # noqa: ARG002
        """Return the ports of one utterance; None where there are none. `durations`: (N,) frames."""
        return None


def timings(addon: AddonParts) -> list[FrameTiming]:
    """Return the timings that features register, each made for `addon`."""
    return [load_object(feature.timing)(addon) for feature in features() if feature.timing]


class Durations:
    """Decides the frames of each token: given ones before predicted ones, times the length scale, rounded."""

    def __init__(self, addon: AddonParts, ways: Sequence[FrameTiming], path: str) -> None:
        self.inputs = (
            PortSpec(name="phones", rate="token", type="int64"),
            PortSpec(name="log_duration", rate="token", optional=True),
            optional("given_durations"),
            optional("length_scale"),
            *(port for way in ways for port in way.inputs),
        )
        self._is_phone = np.array([symbol.isalnum() for symbol in addon.symbols], bool)
        self._ways, self._path = ways, path

    def decide(self, scope: Tensors) -> NDArray[np.int64]:
        """Return the frames of each token, (N,). A phone lasts at least one frame, unless the request gives it none.

        Raises InputError where nothing gives durations, and for one that is not finite.
        """
        if "log_duration" not in scope and "given_durations" not in scope:
            raise InputError(f"{self._path} needs durations: the addon predicts none, and the request gives none")
        frames = np.full(scope["phones"].shape, np.nan)
        shortest = self._is_phone[scope["phones"]].astype(np.float64)
        if "log_duration" in scope:
            frames = np.expm1(scope["log_duration"].astype(np.float64))
        if "given_durations" in scope:
            given = scope["given_durations"].astype(np.float64)
            weighed = given
            for way in self._ways:
                weighed = way.weigh(weighed, frames, scope)
            frames = np.where(np.isnan(given), frames, weighed)
            shortest = np.where(given == 0, 0.0, shortest)
        scaled = np.floor(frames * control_value("length_scale", scope, 1.0) + 0.5)
        if not np.isfinite(scaled).all():
            raise InputError("a duration is not a finite number of frames")
        return np.maximum(scaled, shortest).astype(np.int64)[0, :, 0]


def is_start(addon: AddonParts) -> NDArray[np.bool_]:
    """Return which symbols of an addon mark the start of a sentence, (symbols,)."""
    return np.array([symbol == START for symbol in addon.symbols], bool)


def control_value(name: str, scope: Tensors, at_rest: float) -> float:
    """Return the value of a control of the request."""
    return float(scope[name].item()) if name in scope else at_rest
