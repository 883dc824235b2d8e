"""Two example components for stacks of `tts`: a `SequenceBlock` and a `StreamableBlock`.

A component extends one of these two classes. Shapes are (1, T, 1): one utterance, T steps, one channel.
"""

from __future__ import annotations

import numpy as np

from tts_cli import PortSpec, SequenceBlock, Stream, StreamableBlock, Tensors
from tts_cli.config import StrictModel


class DeclinationOptions(StrictModel):
    """Options of `Declination`."""

    semitones: float = 2.0
    """Fall of F0 from the first token to the last, in semitones."""


class Declination(SequenceBlock):
    """Declination: lower the predicted F0 linearly in log-F0, by 0 at the first token and by `semitones` at the last."""

    options_model = DeclinationOptions
    inputs = outputs = (PortSpec(name="log_f0", rate="token"),)

    def _run(self, scope: Tensors) -> Tensors:
        fall = np.linspace(0, self.options.semitones * np.log(2) / 12, scope["log_f0"].shape[1], dtype=np.float32)
        return {"log_f0": scope["log_f0"] - fall[None, :, None]}


class TremoloOptions(StrictModel):
    """Options of `Tremolo`."""

    hertz: float = 6.0
    """Rate of the tremolo, in cycles per second."""
    depth: float = 0.5
    """Largest reduction of the amplitude, as a fraction of it: 0 is no tremolo, 1 fades to silence in each cycle."""


class Tremolo(StreamableBlock):
    """Tremolo: vary the amplitude of the audio periodically."""

    options_model = TremoloOptions
    stream_inputs = outputs = (PortSpec(name="audio", rate="sample"),)

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return TremoloStream(scope, upstream, self.options.depth / 2, self.options.hertz / self.addon.sample_rate)


class TremoloStream(Stream):
    """Stream of one utterance with tremolo.

    The sample position is kept here and not in the block, since several streams of a block may be open at once.
    """

    def __init__(self, scope: Tensors, upstream: Stream | None, swing: float, cycles_per_sample: float) -> None:
        super().__init__(scope, upstream)
        self._swing, self._cycles_per_sample, self._num_given = swing, cycles_per_sample, 0

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is None:
            return None
        places = self._num_given + np.arange(chunk["audio"].shape[1])
        self._num_given += len(places)
        gain = 1 - self._swing * (1 - np.cos(2 * np.pi * self._cycles_per_sample * places))
        return {"audio": chunk["audio"] * gain.astype(np.float32)[None, :, None]}
