"""From tokens to frames: durations are decided, prosody is edited, and every token is repeated for its duration."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.block import AddonParts, BlockOptions
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import InputError
from tts_cli.ports import Array, PortSpec, Tensors
from tts_cli.request import REQUEST_PORTS
from tts_cli.text.phones import START

_REQUEST = {port.name: port.model_copy(update={"optional": True}) for port in REQUEST_PORTS}
_LOG_F0 = PortSpec(name="log_f0", rate="token")
_ENERGY = PortSpec(name="energy", rate="token")
_LOG_PER_SEMITONE = math.log(2) / 12


class Upsampler(StreamableBlock):
    """Gives the token-rate ports of the sequence blocks before it at frame rate, and `phone_position`.

    `phone_position` has two channels: the fraction of the token that lies before the frame's middle, and ln(1 + duration).
    What the request prescribes wins over what is predicted; then the controls move it. The stream's `values` show the outcome
    as `durations` (frames), `log_f0` and `energy`.

    What sequence blocks give of a source recording, a step for every tau of its frames, is transferred: given durations are then
    those of the recording, and every frame of a token takes the step at the same fraction of the token there. `strength` scales
    these steps, and moves ln(1 + duration) from the predicted duration to the given one, but for the silence before the start.
    """

    inputs = (
        PortSpec(name="phones", rate="token", type="int64"),
        PortSpec(name="log_duration", rate="token", optional=True),
        _REQUEST["given_durations"],
        _REQUEST["length_scale"],
        _REQUEST["strength"],
    )
    outputs = (PortSpec(name="phone_position", rate="frame", channels=2),)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self._is_phone = np.array([symbol.isalnum() for symbol in addon.symbols], bool)
        self._is_start = np.array([symbol == START for symbol in addon.symbols], bool)
        self._repeated: tuple[str, ...] = ()
        self._transferred: dict[str, int] = {}

    def connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        given = super().connect(scope, upstream)
        if "log_f0" in scope:
            edits = ("given_log_f0", "pitch_shift_semitones", "pitch_range", "speaker")
            scope.need((_LOG_F0, *(_REQUEST[name] for name in edits)), self.path)
        if "energy" in scope:
            scope.need((_ENERGY, _REQUEST["given_energy"], _REQUEST["energy_scale"]), self.path)
        ports = [source.port for source in scope.values() if _is_repeated(source.port)]
        scope.need(ports, self.path)
        self._repeated = tuple(port.name for port in ports)
        transferred = [source.port for source in scope.values() if _is_transferred(source.port)]
        scope.need(transferred, self.path)
        self._transferred = {port.name: int(port.rate.partition("/")[2] or 1) for port in transferred}
        at_frames = (port.model_copy(update={"rate": "frame"}) for port in (*ports, *transferred))
        return given.beside(Wiring.of(at_frames, self.path))

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        edited = {**scope, "durations": self._durations(scope).reshape(1, -1, 1)}
        if "log_f0" in scope:
            edited["log_f0"] = self._log_f0(scope)
        if "energy" in scope:
            edited["energy"] = _given("energy", scope) + np.float32(math.log(_control("energy_scale", scope, 1.0)))
        strength = np.float32(_control("strength", scope, 1.0))
        edited |= {name: scope[name] * strength for name in self._transferred}
        return UpsamplerStream(edited, upstream, self._repeated, self._transferred)

    def _durations(self, scope: Tensors) -> NDArray[np.int64]:
        """Frames of each token (N,). A phone lasts at least one frame, unless the request gives it none."""
        if "log_duration" not in scope and "given_durations" not in scope:
            raise InputError(f"{self.path} needs durations: the addon predicts none, and the request gives none")
        frames = np.full(scope["phones"].shape, np.nan)
        shortest = self._is_phone[scope["phones"]].astype(np.float64)
        if "log_duration" in scope:
            frames = np.expm1(scope["log_duration"].astype(np.float64))
        if "given_durations" in scope:
            given = scope["given_durations"].astype(np.float64)
            strength = _control("strength", scope, 1.0)
            weight = np.where(self._is_start[scope["phones"]], 1.0, strength)
            between = given if strength == 1 else np.expm1(weight * np.log1p(given) + (1 - weight) * np.log1p(frames))
            frames = np.where(np.isnan(given), frames, between)
            shortest = np.where(given == 0, 0.0, shortest)
        scaled = np.floor(frames * _control("length_scale", scope, 1.0) + 0.5)
        if not np.isfinite(scaled).all():
            raise InputError("a duration is not a finite number of frames")
        return np.maximum(scaled, shortest).astype(np.int64)[0, :, 0]

    def _log_f0(self, scope: Tensors) -> Array:
        log_f0 = _given("log_f0", scope)
        if "pitch_range" in scope:
            mean = self.addon.mean_log_f0[int(scope["speaker"].item())]
            log_f0 = mean + (log_f0 - mean) * _control("pitch_range", scope, 1.0)
        return np.asarray(log_f0 + _LOG_PER_SEMITONE * _control("pitch_shift_semitones", scope, 0.0), np.float32)


def _is_repeated(port: PortSpec) -> bool:
    """Whether a port is a token-rate output of a sequence block, rather than a part of the request."""
    return port.rate == "token" and port.type == "float32" and port.name not in (*_REQUEST, "log_duration")


def _is_transferred(port: PortSpec) -> bool:
    """Whether a port is what a sequence block makes of a source recording."""
    return port.rate.startswith("source_frame") and port.type == "float32" and port.name not in _REQUEST


def _given(name: str, scope: Tensors) -> Array:
    """What the request gives, where it gives it, else what is predicted."""
    given = scope.get(f"given_{name}")
    return scope[name] if given is None else np.where(np.isnan(given), scope[name], given)


def _control(name: str, scope: Tensors, at_rest: float) -> float:
    return float(scope[name].item()) if name in scope else at_rest


class UpsamplerStream(Stream):
    """Repeats tokens to frames. It reaches any frame from the tokens, so that memory does not grow with the audio."""

    def __init__(
        self, scope: Tensors, upstream: Stream | None, repeated: tuple[str, ...], transferred: Mapping[str, int]
    ) -> None:
        """`transferred`: the source frames that each step stands for, by the name of the port."""
        super().__init__(scope, upstream)
        self._tokens = {name: scope[name] for name in repeated}
        self._transferred = {name: (scope[name], frames) for name, frames in transferred.items()}
        self._durations = scope["durations"][0, :, 0]
        self._ends = np.cumsum(self._durations)
        self._source_durations = np.nan_to_num(scope["given_durations"][0, :, 0]) if "source_mel" in scope else None
        self._position = 0

    def produce(self, n: int) -> Tensors | None:
        frames = np.arange(self._position, min(self._position + n, self._ends[-1]))
        if len(frames) == 0:
            return None
        self._position += len(frames)
        token = np.searchsorted(self._ends, frames, side="right")
        before = frames - (self._ends[token] - self._durations[token])
        repeated = {name: array[:, token] for name, array in self._tokens.items()}
        source_frames = self._source_frames(token, before)
        for name, (steps, frames_a_step) in self._transferred.items():
            repeated[name] = steps[:, np.minimum(source_frames // frames_a_step, steps.shape[1] - 1)]
        return {**repeated, "phone_position": self._phone_position(before, token)}

    def _source_frames(self, token: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
        """The frame of the recording at the same fraction of the same token; 0 where there is no recording."""
        if self._source_durations is None:
            return np.zeros_like(token)
        source = self._source_durations[token].astype(np.float64)
        start = (np.cumsum(self._source_durations) - self._source_durations)[token]
        frames: NDArray[np.int64] = (start + np.floor((before + 0.5) / self._durations[token] * source)).astype(np.int64)
        return frames

    def _phone_position(self, before: NDArray[np.int64], token: NDArray[np.int64]) -> Array:
        duration = self._durations[token]
        return np.stack([(before + 0.5) / duration, np.log1p(duration)], axis=-1).astype(np.float32)[None]
