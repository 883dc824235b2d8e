"""From tokens to frames: durations are decided, prosody is edited, and every token is repeated for its duration."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.block import AddonParts, BlockOptions
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import InputError
from tts_cli.ports import Array, PortSpec, Tensors
from tts_cli.request import REQUEST_PORTS

_REQUEST = {port.name: port.model_copy(update={"optional": True}) for port in REQUEST_PORTS}
_LOG_F0 = PortSpec(name="log_f0", rate="token")
_ENERGY = PortSpec(name="energy", rate="token")
_LOG_PER_SEMITONE = math.log(2) / 12


class Upsampler(StreamableBlock):
    """Gives the token-rate ports of the sequence blocks before it at frame rate, and `phone_position`.

    `phone_position` has two channels: the fraction of the token that lies before the frame's middle, and ln(1 + duration).
    What the request prescribes wins over what is predicted; then the controls move it. The stream's `values` show the outcome
    as `durations` (frames), `log_f0` and `energy`.
    """

    inputs = (
        PortSpec(name="phones", rate="token", type="int64"),
        PortSpec(name="log_duration", rate="token", optional=True),
        _REQUEST["given_durations"],
        _REQUEST["length_scale"],
    )
    outputs = (PortSpec(name="phone_position", rate="frame", channels=2),)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self._is_phone = np.array([symbol.isalnum() for symbol in addon.symbols], bool)
        self._repeated: tuple[str, ...] = ()

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
        return given.beside(Wiring.of((port.model_copy(update={"rate": "frame"}) for port in ports), self.path))

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        edited = {**scope, "durations": self._durations(scope).reshape(1, -1, 1)}
        if "log_f0" in scope:
            edited["log_f0"] = self._log_f0(scope)
        if "energy" in scope:
            edited["energy"] = _given("energy", scope) + np.float32(math.log(_control("energy_scale", scope, 1.0)))
        return UpsamplerStream(edited, upstream, self._repeated)

    def _durations(self, scope: Tensors) -> NDArray[np.int64]:
        """Frames of each token (N,). A phone lasts at least one frame, unless the request gives it none."""
        if "log_duration" not in scope and "given_durations" not in scope:
            raise InputError(f"{self.path} needs durations: the addon predicts none, and the request gives none")
        frames = np.full(scope["phones"].shape, np.nan)
        shortest = self._is_phone[scope["phones"]].astype(np.float64)
        if "log_duration" in scope:
            frames = np.expm1(scope["log_duration"].astype(np.float64))
        if "given_durations" in scope:
            given = scope["given_durations"]
            frames = np.where(np.isnan(given), frames, given)
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


def _given(name: str, scope: Tensors) -> Array:
    """What the request gives, where it gives it, else what is predicted."""
    given = scope.get(f"given_{name}")
    return scope[name] if given is None else np.where(np.isnan(given), scope[name], given)


def _control(name: str, scope: Tensors, at_rest: float) -> float:
    return float(scope[name].item()) if name in scope else at_rest


class UpsamplerStream(Stream):
    """Repeats tokens to frames. It reaches any frame from the tokens, so that memory does not grow with the audio."""

    def __init__(self, scope: Tensors, upstream: Stream | None, repeated: tuple[str, ...]) -> None:
        super().__init__(scope, upstream)
        self._tokens = {name: scope[name] for name in repeated}
        self._durations = scope["durations"][0, :, 0]
        self._ends = np.cumsum(self._durations)
        self._position = 0

    def produce(self, n: int) -> Tensors | None:
        frames = np.arange(self._position, min(self._position + n, self._ends[-1]))
        if len(frames) == 0:
            return None
        self._position += len(frames)
        token = np.searchsorted(self._ends, frames, side="right")
        repeated = {name: array[:, token] for name, array in self._tokens.items()}
        return {**repeated, "phone_position": self._phone_position(frames, token)}

    def _phone_position(self, frames: NDArray[np.int64], token: NDArray[np.int64]) -> Array:
        duration = self._durations[token]
        before = frames - (self._ends[token] - duration)
        return np.stack([(before + 0.5) / duration, np.log1p(duration)], axis=-1).astype(np.float32)[None]
