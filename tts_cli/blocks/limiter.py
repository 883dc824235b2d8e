"""True-peak limiter: no sample, and no peak of the waveform between samples, exceeds a ceiling.

Peaks are measured in the signal oversampled four times (ITU-R BS.1770-5, annex 2). The gain reduction that they require is held
for the look-ahead, released at a constant rate in decibels, and smoothed over the look-ahead, so that it is complete at the peak.
It depends on absolute sample positions only, not on chunk sizes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from tts_cli.blocks.effects import Effect, amplitude
from tts_cli.blocks.processor import Doubles, Processor, Samples
from tts_cli.config import StrictModel
from tts_cli.ports import Tensors

OVERSAMPLING = 4
"""Factor of oversampling for the measurement of peaks."""
REACH = 12
"""Samples on either side from which the waveform between two samples is interpolated."""
SAFETY_DB = 0.2
"""Margin below the ceiling, in decibels. A reduction that changes during a peak lets up to 0.13 dB of it through, in noise."""


class LimiterOptions(StrictModel):
    """Options of `Limiter`."""

    ceiling_dbtp: float = Field(default=-1.0, ge=-40, le=0)
    """Highest true peak, in decibels relative to full scale."""
    lookahead_ms: float = Field(default=5.0, ge=1, le=50)
    """Time before a peak at which the reduction begins, in milliseconds."""
    release_db_per_s: float = Field(default=60.0, gt=0, le=10_000)
    """Rate at which the reduction decays after a peak, in decibels per second."""


class Limiter(Effect):
    """Effect that attenuates true peaks above a ceiling and leaves other audio unchanged.

    The output is not delayed: the limiter reads its look-ahead from upstream.
    """

    options_model: ClassVar[type[StrictModel]] = LimiterOptions

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self._num_ahead = max(1, self.samples_in(self.options.lookahead_ms))
        self.lookahead_samples = lookahead(self._num_ahead)

    def processor(self, _scope: Tensors, /) -> Processor:
        ceiling = amplitude(self.options.ceiling_dbtp - SAFETY_DB)
        return Limiting(ceiling, self._num_ahead, self.options.release_db_per_s / self.sample_rate)


def interpolation() -> Doubles:
    """Return the taps that interpolate between the two middle samples of 2 * REACH samples, (OVERSAMPLING - 1, 2 * REACH).

    Each row is a Kaiser-windowed sinc for one fractional position.
    """
    shares = np.arange(1, OVERSAMPLING) / OVERSAMPLING
    distance = np.arange(1 - REACH, REACH + 1) - shares[:, None]
    window = np.i0(6.0 * np.sqrt(np.maximum(0.0, 1 - (distance / REACH) ** 2))) / np.i0(6.0)
    taps = np.sinc(distance) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))


def sliding_max(values: Doubles, width: int) -> Doubles:
    """Return the maximum over every window of `width` consecutive values, (len(values) - width + 1,).

    Windows of doubling length are combined, so that the cost is logarithmic in `width`.
    """
    row = 1
    while 2 * row <= width:
        values = np.maximum(values[:-row], values[row:])
        row *= 2
    return np.maximum(values[: len(values) + row - width], values[width - row :])


_BETWEEN = interpolation()
_LARGEST_OVERSHOOT = float(np.abs(_BETWEEN).sum(axis=1).max())
"""Largest ratio of an interpolated value to the largest sample around it."""


def lookahead(num_ahead: int) -> int:
    """Return the number of samples after a sample that determine its reduction.

    Args:
        num_ahead: Samples before a peak at which its reduction begins.
    """
    return num_ahead - 1 + REACH


class Limiting(Processor):
    """Processor that limits one utterance. Reductions are in decibels, 0 or more.

    Args:
        ceiling: Highest true peak, as an amplitude.
        num_ahead: Samples of look-ahead.
        release_db: Largest decrease of the reduction per sample, in decibels.
    """

    def __init__(self, ceiling: float, num_ahead: int, release_db: float) -> None:
        self._ceiling, self._num_ahead, self._release_db = ceiling, num_ahead, release_db
        self._weights = np.hanning(num_ahead + 2)[1:-1] / np.hanning(num_ahead + 2).sum()
        self._window: Samples = np.zeros(REACH - 1)
        """Samples without a computed demand yet, and the REACH - 1 samples before them."""
        self._num_before = num_ahead
        """Number of samples in `_waiting` that are silence before the utterance, so that the first peak has its look-ahead."""
        self._waiting: Samples = np.zeros(num_ahead)
        """Samples that have not been returned yet."""
        self._demands = np.zeros(num_ahead + 1)
        """Reduction that each sample demands, beginning one sample before the first of `_waiting`."""
        self._released = np.zeros(num_ahead)
        """Reductions after hold and release of the last `num_ahead` samples before those of `_demands`."""

    def wanted(self, n: int) -> int:
        return n + lookahead(self._num_ahead) - (len(self._waiting) - self._num_before)

    def finish(self) -> Samples:
        return self.feed(np.zeros(lookahead(self._num_ahead)))

    def feed(self, samples: Samples) -> Samples:
        samples = samples.astype(np.float64)
        self._waiting = np.concatenate([self._waiting, samples])
        self._window = np.concatenate([self._window, samples])
        self._demands = np.concatenate([self._demands, self._new_demands()])
        count = max(0, len(self._demands) - self._num_ahead)
        given = self._waiting[:count] * 10 ** (-self._reductions(count) / 20)
        self._waiting = self._waiting[count:]
        num_before = min(count, self._num_before)
        self._num_before -= num_before
        return given[num_before:]

    def _new_demands(self) -> Doubles:
        """Return the reduction that each sample with REACH samples after it demands, for itself and the waveform to the next."""
        count = max(0, len(self._window) - 2 * REACH + 1)
        window, self._window = self._window, self._window[count:]
        demands = np.zeros(count)
        if count == 0:
            return demands
        loud = np.flatnonzero(sliding_max(np.abs(window), 2 * REACH) * _LARGEST_OVERSHOOT > self._ceiling)
        around = np.lib.stride_tricks.sliding_window_view(window, 2 * REACH)[loud]
        peaks = np.maximum(np.abs(around @ _BETWEEN.T).max(axis=1), np.abs(around[:, REACH - 1]))
        demands[loud] = 20 * np.log10(np.maximum(peaks / self._ceiling, 1.0))
        return demands

    def _reductions(self, count: int) -> Doubles:
        """Return the smoothed reductions of the next `count` samples.

        Each is a weighted mean of held and released reductions up to the sample before it, every one of which is large enough for
        the waveform on both sides of the sample.
        """
        released = np.concatenate([self._released, self._release(self._hold(count))])
        self._demands = self._demands[count:]
        self._released = released[count:]
        return np.convolve(released[1:], self._weights, "valid") if released.any() and count else np.zeros(count)

    def _hold(self, count: int) -> Doubles:
        """Return, for each of `count` samples, the largest demand of it and the `num_ahead` samples after it."""
        return sliding_max(self._demands[: count + self._num_ahead], self._num_ahead + 1) if count else np.zeros(0)

    def _release(self, held: Doubles) -> Doubles:
        """Return the smallest reductions that are at least `held` and fall by at most `release_db` a sample, all in dB.

        They continue the last released reduction. `held` is a result of `_hold`.
        """
        fallen = self._release_db * np.arange(len(held) + 1)
        risen = np.maximum.accumulate(np.concatenate([self._released[-1:], held]) + fallen)
        return np.asarray(risen[1:] - fallen[1:])
