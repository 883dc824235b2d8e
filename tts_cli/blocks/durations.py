"""Durations in frames of each token, from predictions, the request and the length scale; extension point `FrameTiming`."""

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

LONGEST_S = 60
"""Longest duration of one phone, in seconds."""
Frames = NDArray[np.float64]
"""Durations in frames, (1, N, 1) for N tokens."""


class FrameLayout(ABC):
    """Frame-rate ports of one utterance, computed by a `FrameTiming` for any frames on request."""

    @abstractmethod
    def at(self, token: NDArray[np.int64], before: NDArray[np.int64]) -> Tensors:
        """Return the ports of n frames, (1, n, C) each.

        Args:
            token: Index of the token of each frame, (n,).
            before: Index of each frame within its token, from 0, (n,).
        """


class FrameTiming:
    """Hook of a feature in the `Upsampler`: weighs given durations and adds ports at frame rate. The base class does neither.

    Args:
        addon: Parts of the addon.
    """

    inputs: tuple[PortSpec, ...] = ()
    """Sequence ports that `weigh` and `open` read."""

    def __init__(self, addon: AddonParts) -> None:
        self.addon = addon

    def weigh(self, given: Frames, predicted: Frames, scope: Tensors) -> Frames:  # noqa: ARG002
        """Return the durations to use, (1, N, 1) in frames: `given` as it is, or a mixture with `predicted`.

        Args:
            given: Durations prescribed by the request; NaN where it prescribes none.
            predicted: Durations that the model predicts; NaN if it predicts none.
            scope: Sequence ports of the utterance.
        """
        return given

    def connect(self, scope: Wiring, path: str) -> list[PortSpec]:  # noqa: ARG002
        """Return the ports that `open` adds at frame rate, and mark the ports of `scope` that it reads with `Wiring.need`.

        Args:
            scope: Sequence ports in scope.
            path: JSON path of the Upsampler.
        """
        return []

    def open(self, scope: Tensors, durations: NDArray[np.int64]) -> FrameLayout | None:  # noqa: ARG002
        """Return the layout that computes the added ports of one utterance; None if it adds none.

        Args:
            scope: Sequence ports of the utterance, with the edited prosody.
            durations: Frames of each token, (N,).
        """
        return None


def timings(addon: AddonParts) -> list[FrameTiming]:
    """Return an instance of every timing that features register, for `addon`."""
    return [load_object(feature.timing)(addon) for feature in features() if feature.timing]


class Durations:
    """Decision on the frames of each token: given or else predicted durations, times the length scale, rounded.

    Args:
        addon: Parts of the addon.
        ways: Timings that weigh given durations, in order.
        path: JSON path of the block, for messages.
    """

    def __init__(self, addon: AddonParts, ways: Sequence[FrameTiming], path: str) -> None:
        self.inputs = (
            PortSpec(name="phones", rate="token", type="int64"),
            PortSpec(name="log_duration", rate="token", optional=True),
            optional("given_durations"),
            optional("length_scale"),
            *(port for way in ways for port in way.inputs),
        )
        self._is_phone = np.array([symbol.isalnum() for symbol in addon.symbols], bool)
        self._symbols, self._frame_rate = addon.symbols, addon.mel.frame_rate
        self._ways, self._path = ways, path

    def decide(self, scope: Tensors) -> NDArray[np.int64]:
        """Return the frames of each token, (N,). A phone lasts at least one frame, unless the request prescribes 0.

        Args:
            scope: Sequence ports, with `phones` and with `log_duration` (ln(1 + frames)), `given_durations` or both.

        Raises:
            InputError: Neither the model nor the request gives durations, or a duration is not finite or exceeds `LONGEST_S`.
        """
        if "log_duration" not in scope and "given_durations" not in scope:
            message = f"{self._path} needs durations: the addon predicts none, and the request gives none"
            raise InputError(message, hint="prescribe them in the request (given_durations)")
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
            message = f"{self._path}: a duration is not a finite number of frames"
            raise InputError(message, hint="check given_durations and length_scale")
        self._refuse_too_long(scaled[0, :, 0], scope["phones"][0, :, 0])
        return np.maximum(scaled, shortest).astype(np.int64)[0, :, 0]

    def _refuse_too_long(self, frames: NDArray[np.float64], phones: NDArray[np.int64]) -> None:
        """Raise InputError if a token has more frames than `LONGEST_S` allows."""
        longest = int(frames.argmax())
        seconds = float(frames[longest]) / self._frame_rate
        if seconds > LONGEST_S:
            phone = self._symbols[phones[longest]]
            message = f"{self._path}: phone {longest + 1} of the sentence, '{phone}', lasts {frames[longest]:.0f} frames "
            message += f"({seconds:.4g} s); at most {LONGEST_S} s are spoken"
            raise InputError(message, hint="check the prescribed durations, which count frames, and the length scale")


def is_start(addon: AddonParts) -> NDArray[np.bool_]:
    """Return a mask over the symbols of an addon, (symbols,): True for those that mark the start of a sentence."""
    return np.array([symbol == START for symbol in addon.symbols], bool)


def control_value(name: str, scope: Tensors, at_rest: float) -> float:
    """Return the value of the control `name` in the request; `at_rest` if the request lacks it."""
    return float(scope[name].item()) if name in scope else at_rest
