"""The true-peak limiter: no peak, nor the wave between samples, exceeds a ceiling.

Peaks are looked for in the signal oversampled four times (ITU-R BS.1770-5, annex 2). The reduction they demand is held for the
look-ahead, released at a constant rate in decibels, and smoothed over the look-ahead, so that it is complete when the peak comes.
All of it follows from absolute positions.
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
REACH = 12
"""Samples on either side from which the wave between two samples is computed."""
SAFETY_DB = 0.2
"""How far below the ceiling it aims: a reduction that changes while a peak passes lets up to 0.13 dB of it through, in noise."""


class LimiterOptions(StrictModel):
    """Options of `Limiter`."""

    ceiling_dbtp: float = Field(default=-1.0, ge=-40, le=0)
    """Highest true peak, in decibels relative to full scale."""
    lookahead_ms: float = Field(default=5.0, ge=1, le=50)
    """How long before a peak the reduction sets in."""
    release_db_per_s: float = Field(default=60.0, gt=0, le=10_000)
    """How fast the reduction ends."""


class Limiter(Effect):
    """Turns down what would exceed the ceiling, and leaves alone what does not. The audio is not delayed: it is read ahead."""

    options_model: ClassVar[type[StrictModel]] = LimiterOptions

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self._num_ahead = max(1, self.samples_in(self.options.lookahead_ms))
        self.lookahead_samples = lookahead(self._num_ahead)

    def processor(self, _scope: Tensors, /) -> Processor:
        ceiling = amplitude(self.options.ceiling_dbtp - SAFETY_DB)
        return Limiting(ceiling, self._num_ahead, self.options.release_db_per_s / self.sample_rate)


def interpolation() -> Doubles:
    """(OVERSAMPLING - 1, 2 * REACH) taps that give the wave between the two middle ones of 2 * REACH samples: a sinc in a Kaiser
    window."""
    shares = np.arange(1, OVERSAMPLING) / OVERSAMPLING
    distance = np.arange(1 - REACH, REACH + 1) - shares[:, None]
    window = np.i0(6.0 * np.sqrt(np.maximum(0.0, 1 - (distance / REACH) ** 2))) / np.i0(6.0)
    taps = np.sinc(distance) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))


def sliding_max(values: Doubles, width: int) -> Doubles:
    """The largest of every `width` values in a row: of ever longer rows that overlap."""
    row = 1
    while 2 * row <= width:
        values = np.maximum(values[:-row], values[row:])
        row *= 2
    return np.maximum(values[: len(values) + row - width], values[width - row :])


_BETWEEN = interpolation()
_LARGEST_OVERSHOOT = float(np.abs(_BETWEEN).sum(axis=1).max())
"""How much larger than all samples the wave between them can be."""


def lookahead(num_ahead: int) -> int:
    """Samples that must follow one before its reduction is known, which is in place `num_ahead` samples before a peak."""
    return num_ahead - 1 + REACH


class Limiting(Processor):
    """One utterance limited. Reductions are in decibels, 0 or above."""

    def __init__(self, ceiling: float, num_ahead: int, release_db: float) -> None:
        """`ceiling`: amplitude; `num_ahead`: samples of look-ahead; `release_db`: decibels a sample."""
        self._ceiling, self._num_ahead, self._release_db = ceiling, num_ahead, release_db
        self._weights = np.hanning(num_ahead + 2)[1:-1] / np.hanning(num_ahead + 2).sum()
        self._window: Samples = np.zeros(REACH - 1)
        """Samples whose demand is not known yet, and REACH - 1 before them."""
        self._num_before = num_ahead
        """How much of `_waiting` is silence before the utterance, in which the reduction of its first peak sets in."""
        self._waiting: Samples = np.zeros(num_ahead)
        """Samples that are not given yet."""
        self._demands = np.zeros(num_ahead + 1)
        """Reductions that samples demand, from the one before the first of `_waiting`."""
        self._released = np.zeros(num_ahead)
        """Reductions, held and released, of the last `num_ahead` samples before those that `_demands` tells of."""

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
        """What every sample with REACH samples after it demands, for itself and for the wave up to the next."""
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
        """Of the next `count` samples: a mean of what was held and released up to the sample before each, all of which cover the
        wave on both of its sides."""
        released = np.concatenate([self._released, self._release(self._hold(count))])
        self._demands = self._demands[count:]
        self._released = released[count:]
        return np.convolve(released[1:], self._weights, "valid") if released.any() and count else np.zeros(count)

    def _hold(self, count: int) -> Doubles:
        """The largest demand of each sample and the `num_ahead` after it."""
        return sliding_max(self._demands[: count + self._num_ahead], self._num_ahead + 1) if count else np.zeros(0)

    def _release(self, held: Doubles) -> Doubles:
        """The reduction falls by no more than `release_db` a sample."""
        fallen = self._release_db * np.arange(len(held) + 1)
        risen = np.maximum.accumulate(np.concatenate([self._released[-1:], held]) + fallen)
        return np.asarray(risen[1:] - fallen[1:])
