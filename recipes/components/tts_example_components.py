"""Two components for stacks of `tts`. The one duty of a component is to extend one of two classes."""

from __future__ import annotations

import numpy as np

from tts_cli import PortSpec, SequenceBlock, Stream, StreamableBlock, Tensors
from tts_cli.config import StrictModel


class DeclinationOptions(StrictModel):
    semitones: float = 2.0


class Declination(SequenceBlock):
    """Lets F0 fall evenly from the first token to the last."""

    options_model = DeclinationOptions
    inputs = outputs = (PortSpec(name="log_f0", rate="token"),)

    def _run(self, scope: Tensors) -> Tensors:
        fall = np.linspace(0, self.options.semitones * np.log(2) / 12, scope["log_f0"].shape[1], dtype=np.float32)
        return {"log_f0": scope["log_f0"] - fall[None, :, None]}


class TremoloOptions(StrictModel):
    hertz: float = 6.0
    depth: float = 0.5


class Tremolo(StreamableBlock):
    """Makes the audio softer and louder again, some times a second."""

    options_model = TremoloOptions
    stream_inputs = outputs = (PortSpec(name="audio", rate="sample"),)

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return TremoloStream(scope, upstream, self.options.depth / 2, self.options.hertz / self.addon.sample_rate)


class TremoloStream(Stream):
    """Remembers how many samples went by: that belongs to the stream, since many may be open at once."""

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
