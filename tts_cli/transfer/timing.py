"""Timing of a transfer: durations blended with those of the recording, and source frames mapped to speech frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.durations import FrameLayout, Frames, FrameTiming, control_value, is_start
from tts_cli.blocks.features import optional, request_ports
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import Array, PortSpec, Tensors
from tts_cli.transfer.feature import SOURCE_MEL, STRENGTH


class TransferTiming(FrameTiming):
    """Blend durations of the recording with predicted ones, and map features of its frames to the frames of the speech.

    The control `strength` interpolates ln(1 + duration) between the predicted duration (0) and the given one (1), except for the
    silence before the start, and scales the mapped features. A port that a sequence block gives at the rate `source_frame`, or a
    fraction of it, is mapped token by token: each frame of a token takes the step at the same fraction of the token in the
    recording.
    """

    def __init__(self, addon: AddonParts) -> None:
        super().__init__(addon)
        self.inputs = (optional(STRENGTH),)
        self._is_start = is_start(addon)
        self._frames_a_step: dict[str, int] = {}

    def weigh(self, given: Frames, predicted: Frames, scope: Tensors) -> Frames:
        strength = control_value(STRENGTH, scope, 1.0)
        if strength == 1:
            return given
        weight = np.where(self._is_start[scope["phones"]], 1.0, strength)
        blended: Frames = np.expm1(weight * np.log1p(given) + (1 - weight) * np.log1p(predicted))
        return blended

    def connect(self, scope: Wiring, path: str) -> list[PortSpec]:
        ports = [source.port for source in scope.values() if _is_transferred(source.port)]
        scope.need(ports, path)
        self._frames_a_step = {port.name: int(port.rate.partition("/")[2] or 1) for port in ports}
        return ports

    def open(self, scope: Tensors, durations: NDArray[np.int64]) -> FrameLayout | None:
        if not self._frames_a_step:
            return None
        strength = np.float32(control_value(STRENGTH, scope, 1.0))
        steps = {name: (scope[name] * strength, frames) for name, frames in self._frames_a_step.items()}
        source = np.nan_to_num(scope["given_durations"][0, :, 0]) if SOURCE_MEL in scope else None
        return SourceLayout(steps, durations, source)


def _is_transferred(port: PortSpec) -> bool:
    """Return True for a port that a sequence block computes from a recording, False for a port of the request."""
    return port.rate.startswith("source_frame") and port.type == "float32" and port.name not in request_ports()


class SourceLayout(FrameLayout):
    """Layout that maps features of recording frames to frames of the speech."""

    def __init__(
        self, steps: Mapping[str, tuple[Array, int]], durations: NDArray[np.int64], source_durations: Array | None
    ) -> None:
        """Lay out S steps of features over the frames of N tokens.

        Args:
            steps: Values of shape (1, S, C), and the number of source frames that each step covers, by port.
            durations: Frames of each token in the speech, shape (N,).
            source_durations: Frames of each token in the recording, shape (N,). None without a recording: every frame takes the
                first step.
        """
        self._steps, self._durations, self._source_durations = steps, durations, source_durations

    def at(self, token: NDArray[np.int64], before: NDArray[np.int64]) -> Tensors:
        frames = self._source_frames(token, before)
        return {
            name: steps[:, np.minimum(frames // frames_a_step, steps.shape[1] - 1)]
            for name, (steps, frames_a_step) in self._steps.items()
        }

    def _source_frames(self, token: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the frame of the recording at the same fraction of the same token, for each frame of the speech, shape (T,).

        Args:
            token: Index of the token of each frame, shape (T,).
            before: Frames of that token before each frame, shape (T,).
        """
        if self._source_durations is None:
            return np.zeros_like(token)
        source = self._source_durations[token].astype(np.float64)
        start = (np.cumsum(self._source_durations) - self._source_durations)[token]
        frames: NDArray[np.int64] = (start + np.floor((before + 0.5) / self._durations[token] * source)).astype(np.int64)
        return frames
