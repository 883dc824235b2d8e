"""`Upsampler`: decides durations, edits token-rate prosody, and repeats every token for its duration in frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.durations import Durations, FrameLayout, timings
from tts_cli.blocks.features import request_ports
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.token_prosody import TokenProsody
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import Array, PortSpec, Tensors


class Upsampler(StreamableBlock):
    """Streamable block that repeats the token-rate outputs of sequence blocks to frame rate, and adds `phone_position`.

    `phone_position` has two channels: the fraction of the token before the centre of the frame, and ln(1 + duration in frames).
    Prosody prescribed by the request replaces the predicted prosody; then the controls are applied. The stream's `values` hold
    the result: `durations` (frames), `log_f0` and `energy`. Features may weigh given durations and add ports at frame rate
    (`durations.FrameTiming`).
    """

    outputs = (PortSpec(name="phone_position", rate="frame", channels=2),)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self._timings = timings(addon)
        self._durations = Durations(addon, self._timings, self.path)
        self._prosody = TokenProsody(addon)
        self.inputs = self._durations.inputs
        self._repeated: tuple[str, ...] = ()

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        given = super()._connect(scope, upstream)
        self._prosody.connect(scope, self.path)
        ports = [source.port for source in scope.values() if _is_repeated(source.port)]
        scope.need(ports, self.path)
        self._repeated = tuple(port.name for port in ports)
        laid_out = [port for timing in self._timings for port in timing.connect(scope, self.path)]
        at_frames = (port.model_copy(update={"rate": "frame"}) for port in (*ports, *laid_out))
        return given.union(Wiring.of(at_frames, self.path))

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        durations = self._durations.decide(scope)
        edited = {**scope, "durations": durations.reshape(1, -1, 1), **self._prosody.edited(scope)}
        layouts = [layout for timing in self._timings if (layout := timing.open(scope, durations))]
        return UpsamplerStream(edited, upstream, self._repeated, layouts)


def _is_repeated(port: PortSpec) -> bool:
    """Return True for a float32 token-rate output of a sequence block, except `log_duration`; False for a request port."""
    return port.rate == "token" and port.type == "float32" and port.name not in (*request_ports(), "log_duration")


class UpsamplerStream(Stream):
    """Stream of frames of one utterance. Each chunk is indexed from the tokens, so that memory does not grow with the audio.

    Args:
        scope: Sequence ports, (1, N, C) for N tokens, with `durations` in frames.
        upstream: Stream of the block before, or None.
        repeated: Names of the token-rate ports to repeat.
        layouts: Sources of further ports at frame rate.
    """

    def __init__(
        self, scope: Tensors, upstream: Stream | None, repeated: tuple[str, ...], layouts: Sequence[FrameLayout]
    ) -> None:
        super().__init__(scope, upstream)
        self._tokens = {name: scope[name] for name in repeated}
        self._durations = scope["durations"][0, :, 0]
        self._ends = np.cumsum(self._durations)
        self._layouts = layouts
        self._position = 0

    def _produce(self, n: int) -> Tensors | None:
        frames = np.arange(self._position, min(self._position + n, self._ends[-1]))
        if len(frames) == 0:
            return None
        self._position += len(frames)
        token = np.searchsorted(self._ends, frames, side="right")
        before = frames - (self._ends[token] - self._durations[token])
        given: dict[str, Array] = {name: array[:, token] for name, array in self._tokens.items()}
        for layout in self._layouts:
            given |= layout.at(token, before)
        return {**given, "phone_position": self._phone_position(before, token)}

    def _phone_position(self, before: NDArray[np.int64], token: NDArray[np.int64]) -> Array:
        duration = self._durations[token]
        return np.stack([(before + 0.5) / duration, np.log1p(duration)], axis=-1).astype(np.float32)[None]
