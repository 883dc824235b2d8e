"""Signal processors: what turns a stream of something into audio, piece by piece, and the stream that feeds one.

Effects and the vocoder are such processors. A stack that is observed measures their work by itself, for it is neither a network's
nor bookkeeping.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.streamable import Stream, TensorQueue
from tts_cli.ports import PortSpec, Tensors

Samples = NDArray[Any]
"""(samples,) mono, float32 or float64."""
Doubles = NDArray[np.float64]
AUDIO = PortSpec(name="audio", rate="sample")
NOTHING = np.zeros(0, np.float32)


class Processor(ABC):
    """One utterance on its way to audio, or through an effect; fed in pieces of any sizes."""

    @abstractmethod
    def feed(self, piece: Any, /) -> Samples:
        """The samples that become final with this piece: none, fewer or more than came in."""

    def start(self) -> Samples:
        """What comes before anything is fed."""
        return NOTHING

    def finish(self) -> Samples:
        """What is left when nothing more will be fed."""
        return NOTHING

    def wanted(self, n: int) -> int:
        """How many steps, at least 1, have to be fed to get the next `n` samples."""
        return n


class ProcessorStream(Stream):
    """Feeds a processor just as many steps as it needs for the samples that are asked for."""

    def __init__(self, scope: Tensors, upstream: Stream | None, processor: Processor) -> None:
        super().__init__(scope, upstream)
        self.processor = processor
        self._ready = TensorQueue()
        self._has_started = self._upstream_ended = False

    def piece(self, chunk: Tensors) -> Any:
        """What of a chunk the processor is fed."""
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
