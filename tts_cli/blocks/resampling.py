"""`Resampler`: effect that changes the sample rate with libsoxr; the samples do not depend on chunk sizes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import ClassVar

import numpy as np
import soxr
from pydantic import Field

from tts_cli.blocks.effects import Effect
from tts_cli.blocks.processor import NOTHING, Processor, Samples
from tts_cli.config import StrictModel
from tts_cli.ports import Tensors

_PROBE_SAMPLES = 32
_PROBE_CHUNKS = 100_000


class ResamplerOptions(StrictModel):
    """Options of `Resampler`."""

    sample_rate_hz: int = Field(ge=2000, le=384_000)
    """Sample rate of the output, in Hz."""


class Resampler(Effect):
    """Effect that resamples audio. The new sample rate applies to all blocks after it and to the voice's output."""

    options_model: ClassVar[type[StrictModel]] = ResamplerOptions

    @property
    def output_rate(self) -> int:
        return int(self.options.sample_rate_hz)

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self.lookahead_samples = lookahead(sample_rate, self.output_rate)

    def needs(self, num_steps: int) -> int:
        return math.ceil(num_steps * self.sample_rate / self.output_rate) + self.lookahead_samples

    def processor(self, _scope: Tensors, /) -> Processor:
        return Resampling(self.sample_rate, self.output_rate)


class Resampling(Processor):
    """Processor that resamples one utterance from `from_rate` to `to_rate`. Only the ratio of the rates matters."""

    def __init__(self, from_rate: float, to_rate: float) -> None:
        self._ratio = from_rate / to_rate
        self._lookahead = lookahead(from_rate, to_rate)
        self._stream = None if from_rate == to_rate else soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")
        self._num_fed = self._num_given = 0

    def feed(self, samples: Samples) -> Samples:
        return self._resampled(samples.astype(np.float32), last=False)

    def finish(self) -> Samples:
        return self._resampled(NOTHING, last=True)

    def wanted(self, n: int) -> int:
        last = math.ceil((self._num_given + n) * self._ratio) + self._lookahead
        return max(1, last - self._num_fed)

    def _resampled(self, samples: Samples, last: bool) -> Samples:
        given = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last) if self._stream else samples
        self._num_fed += len(samples)
        self._num_given += len(given)
        return np.asarray(given)


@lru_cache
def lookahead(from_rate: float, to_rate: float) -> int:
    """Return the input samples that libsoxr must be fed beyond those it has output.

    It is measured by feeding silence, since libsoxr works in internal blocks of unknown size.
    """
    if from_rate == to_rate:
        return 0
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")
    silence = np.zeros(_PROBE_SAMPLES, np.float32)
    num_given, longest, first = 0, 0.0, 0
    for index in range(1, _PROBE_CHUNKS):
        num_fed = index * _PROBE_SAMPLES
        longest = max(longest, num_fed - num_given * from_rate / to_rate)
        num_given += len(stream.resample_chunk(silence))
        first = first or (num_fed if num_given else 0)
        if first and num_fed > 4 * first:
            break
    return math.ceil(longest)
