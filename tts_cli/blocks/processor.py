"""Signal processors: convert frames or samples to audio piece by piece; `ProcessorStream` feeds one from a stream.

Effects and the vocoder's synthesis are processors. `observe` measures their work separately from that of networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.streamable import Stream, TensorQueue
from tts_cli.ports import PortSpec, Tensors

Samples = NDArray[Any]
"""Mono audio, (samples,), float32 or float64."""
Doubles = NDArray[np.float64]
AUDIO = PortSpec(name="audio", rate="sample")
"""Port of mono audio at sample rate, (1, samples, 1)."""
NOTHING = np.zeros(0, np.float32)
"""Audio without samples."""


class Processor(ABC):
    """Signal processing of one utterance to audio. It is fed pieces of any size and holds its own state.

    The output must not depend on the sizes of the pieces. An effect that inverts the polarity:

        class Inverting(Processor):
            def feed(self, samples: Samples) -> Samples:
                return -samples
    """

    @abstractmethod
    def feed(self, piece: Any, /) -> Samples:
        """Process the next piece and return the samples that became final: none, fewer or more than came in.

        Args:
            piece: For effects, samples (n,); in general, the result of `ProcessorStream.piece`, by default arrays (1, t, C) by
                port name.
        """

    def start(self) -> Samples:
        """Return the samples before the first piece. Called once, first. Default: none."""
        return NOTHING

    def finish(self) -> Samples:
        """Return the remaining samples. Called once, after the last piece. Default: none."""
        return NOTHING

    def wanted(self, n: int) -> int:
        """Return the number of input steps, at least 1, to feed for the next `n` samples of output. Default: `n`."""
        return n


class ProcessorStream(Stream):
    """Stream that feeds a processor only as many upstream steps as the requested samples need.

    Args:
        scope: Sequence ports of the utterance, (1, T, C).
        upstream: Stream that gives the input of the processor.
        processor: Processor of this utterance.
    """

    def __init__(self, scope: Tensors, upstream: Stream | None, processor: Processor) -> None:
        super().__init__(scope, upstream)
        self.processor = processor
        self._ready = TensorQueue()
        self._has_started = self._upstream_ended = False

    def piece(self, chunk: Tensors) -> Any:
        """Return the part of `chunk` that is fed to the processor. Default: all of it, arrays (1, t, C) by port name."""
        return chunk

    def _produce(self, n: int) -> Tensors | None:
        if not self._has_started:
            self._has_started = True
            self._push(self.processor.start())
        while len(self._ready) < n and not self._upstream_ended:
            chunk = self._read_upstream(self.processor.wanted(n - len(self._ready)))
            self._upstream_ended = chunk is None
            self._push(self.processor.finish() if chunk is None else self.processor.feed(self.piece(chunk)))
        return self._ready.take(n) if len(self._ready) else None

    def _push(self, samples: Samples) -> None:
        self._ready.push({"audio": np.asarray(samples, np.float32)[None, :, None]})
