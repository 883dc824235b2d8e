"""Effects made of cascaded second-order filters (biquads): `Equaliser` and `TelephoneBand`.

The formulas are those of Robert Bristow-Johnson's Audio EQ Cookbook. The cascade is one linear state-space system with two state
variables a section. It runs in blocks: the output of a block is a matrix product of its samples and the state before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from tts_cli.blocks.effects import Effect
from tts_cli.blocks.processor import Doubles, Processor, Samples
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.errors import StackError
from tts_cli.ports import Tensors

BLOCK_SAMPLES = 64
"""Samples of one block. More samples mean fewer steps in Python, but larger matrices."""

Hertz = Annotated[float, Field(gt=0, le=100_000)]


class Band(StrictModel):
    """Options of one band of an `Equaliser`, a second-order filter."""

    type: Literal["peak", "low_shelf", "high_shelf", "low_pass", "high_pass", "band_pass", "notch"]
    """Form of the frequency response."""
    frequency_hz: Hertz
    """Centre frequency of a peak, notch or band pass, or corner frequency of a shelf, low pass or high pass, in Hz."""
    gain_db: float = Field(default=0.0, ge=-40, le=40)
    """Gain in decibels. Only for peaks and shelves."""
    q: float = Field(default=math.sqrt(0.5), ge=0.05, le=50)
    """Quality factor Q: a higher value means a narrower band or a steeper corner."""

    @model_validator(mode="after")
    def _has_a_use_for_its_gain(self) -> Band:
        if self.gain_db and self.type not in ("peak", "low_shelf", "high_shelf"):
            raise ValueError(f"a band of type '{self.type}' has no gain_db; only peak, low_shelf and high_shelf have one")
        return self


def coefficients(band: Band, sample_rate: int) -> Doubles:
    """Return the filter coefficients of `band`, (2, 3): numerator (b0, b1, b2) and denominator (1, a1, a2).

    The formulas are those of the Audio EQ Cookbook.

    Args:
        sample_rate: Sample rate in Hz.
    """
    angle = 2 * math.pi * band.frequency_hz / sample_rate
    cosine, alpha = math.cos(angle), math.sin(angle) / (2 * band.q)
    resonance = [1 + alpha, -2 * cosine, 1 - alpha]
    if band.type in ("low_shelf", "high_shelf"):
        rows = _shelf(band, cosine, alpha)
    elif band.type == "peak":
        gain = 10 ** (band.gain_db / 40)
        rows = [[1 + alpha * gain, -2 * cosine, 1 - alpha * gain], [1 + alpha / gain, -2 * cosine, 1 - alpha / gain]]
    else:
        numerators = {
            "low_pass": [(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2],
            "high_pass": [(1 + cosine) / 2, -1 - cosine, (1 + cosine) / 2],
            "band_pass": [alpha, 0.0, -alpha],
            "notch": [1.0, -2 * cosine, 1.0],
        }
        rows = [numerators[band.type], resonance]
    return np.array(rows) / rows[1][0]


def _shelf(band: Band, cosine: float, alpha: float) -> list[list[float]]:
    """Return numerator and denominator of a shelf, before normalisation.

    The high shelf is the low shelf mirrored in frequency, which flips the sign of the cosine.
    """
    gain = 10 ** (band.gain_db / 40)
    sign = 1 if band.type == "low_shelf" else -1
    turned, slope = sign * cosine, 2 * math.sqrt(gain) * alpha
    up, down = gain + 1, gain - 1
    numerator = [up - down * turned + slope, sign * 2 * (down - up * turned), up - down * turned - slope]
    denominator = [up + down * turned + slope, sign * -2 * (down + up * turned), up + down * turned - slope]
    return [[gain * value for value in numerator], denominator]


class Cascade:
    """Matrices of a cascade of second-order sections, for blocks of samples. The state of an utterance is in `CascadeProcessor`.

    Args:
        sections: Coefficients of each section, (2, 3), see `coefficients`.
    """

    def __init__(self, sections: Sequence[Doubles]) -> None:
        step, entry, exit_, through = _in_a_row(sections)
        self.powers = [np.eye(len(step))]
        """State transition over k samples of zero input, (states, states) for k = 0 .. BLOCK_SAMPLES."""
        for _ in range(BLOCK_SAMPLES):
            self.powers.append(step @ self.powers[-1])
        self.from_state = np.stack([exit_ @ power for power in self.powers[:-1]])
        """Output of a block due to the state before it, (BLOCK_SAMPLES, states)."""
        self.to_state = np.stack([power @ entry for power in self.powers[-2::-1]], axis=1)
        """Contribution of the samples of a block to the state after it, (states, BLOCK_SAMPLES)."""
        response = np.concatenate([[through], self.from_state[:-1] @ entry])
        places = np.arange(BLOCK_SAMPLES)
        lag = places[:, None] - places
        self.from_samples = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0)
        """Output of a block due to its own samples, (BLOCK_SAMPLES, BLOCK_SAMPLES)."""


def _in_a_row(sections: Sequence[Doubles]) -> tuple[Doubles, Doubles, Doubles, float]:
    """Return (step, entry, exit, through) of the state-space system s' = step s + entry x, y = exit s + through x.

    The system is the cascade of `sections` in transposed direct form II, two state variables each.
    """
    step, entry, exit_, through = np.zeros((0, 0)), np.zeros(0), np.zeros(0), 1.0
    for (b0, b1, b2), (_, a1, a2) in sections:
        own_step, own_entry = np.array([[-a1, 1.0], [-a2, 0.0]]), np.array([b1 - a1 * b0, b2 - a2 * b0])
        above = np.concatenate([step, np.zeros((len(step), 2))], axis=1)
        step = np.concatenate([above, np.concatenate([np.outer(own_entry, exit_), own_step], axis=1)])
        entry = np.concatenate([entry, own_entry * through])
        exit_, through = np.concatenate([b0 * exit_, [1.0, 0.0]]), b0 * through
    return step, entry, exit_, through


class CascadeProcessor(Processor):
    """Processor that filters one utterance with a cascade, in float64."""

    def __init__(self, cascade: Cascade) -> None:
        self._cascade = cascade
        self._state = np.zeros(len(cascade.powers[0]))

    def feed(self, samples: Samples) -> Samples:
        whole = len(samples) - len(samples) % BLOCK_SAMPLES
        blocks = self._whole_blocks(samples[:whole].reshape(-1, BLOCK_SAMPLES).astype(np.float64))
        return np.concatenate([blocks.ravel(), self._part_of_a_block(samples[whole:].astype(np.float64))])

    def _whole_blocks(self, blocks: Doubles) -> Doubles:
        """Filter whole blocks, (blocks, BLOCK_SAMPLES), and update the state."""
        states = np.empty((len(blocks), len(self._state)))
        power = self._cascade.powers[BLOCK_SAMPLES]
        for index, added in enumerate(blocks @ self._cascade.to_state.T):
            states[index] = self._state
            self._state = power @ self._state + added
        return blocks @ self._cascade.from_samples.T + states @ self._cascade.from_state.T

    def _part_of_a_block(self, samples: Doubles) -> Doubles:
        """Filter fewer samples than a block, (samples,), and update the state."""
        count = len(samples)
        given = self._cascade.from_samples[:count, :count] @ samples + self._cascade.from_state[:count] @ self._state
        self._state = self._cascade.powers[count] @ self._state + self._cascade.to_state[:, BLOCK_SAMPLES - count :] @ samples
        return given


class FilterEffect(Effect):
    """Base of effects that are a cascade of second-order filters."""

    def bands(self) -> Sequence[Band]:
        """Return the filters of the cascade, in order. Default: the option `bands`."""
        return tuple(self.options.bands)

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self._cascade = Cascade([coefficients(band, sample_rate) for band in self.bands()])

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        given = super()._connect(scope, upstream)
        highest = max(band.frequency_hz for band in self.bands())
        if highest >= self.sample_rate / 2:
            message = f"{self.path}: {highest:g} Hz is not below half the sample rate, which is {self.sample_rate} Hz"
            raise StackError(message, hint=f"give frequencies below {self.sample_rate / 2:g} Hz")
        return given

    def processor(self, _scope: Tensors, /) -> Processor:
        return CascadeProcessor(self._cascade)


class EqualiserOptions(StrictModel):
    """Options of `Equaliser`."""

    bands: tuple[Band, ...] = Field(min_length=1, max_length=32)
    """Filters, in order."""


class Equaliser(FilterEffect):
    """Effect that boosts, attenuates or removes frequency bands with 1 to 32 second-order filters."""

    options_model: ClassVar[type[StrictModel]] = EqualiserOptions


class TelephoneBandOptions(StrictModel):
    """Options of `TelephoneBand`."""

    low_hz: Hertz = 300.0
    """Lower corner frequency, in Hz."""
    high_hz: Hertz = 3400.0
    """Upper corner frequency, in Hz."""

    @model_validator(mode="after")
    def _is_a_band(self) -> Any:
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz is {self.low_hz:g}, not below high_hz, which is {self.high_hz:g}")
        return self


class TelephoneBand(FilterEffect):
    """Effect that limits audio to the band of an analogue telephone line.

    It applies a high pass and a low pass, Butterworth filters of sixth order each (36 dB per octave).
    """

    options_model: ClassVar[type[StrictModel]] = TelephoneBandOptions

    def bands(self) -> Sequence[Band]:
        low, high = self.options.low_hz, self.options.high_hz
        corners: tuple[tuple[Literal["high_pass", "low_pass"], float], ...] = (("high_pass", low), ("low_pass", high))
        return [Band(type=kind, frequency_hz=corner, q=q) for kind, corner in corners for q in butterworth_qs(6)]


def butterworth_qs(order: int) -> list[float]:
    """Return the quality factors of the second-order sections of a Butterworth filter.

    Args:
        order: Order of the filter, even.
    """
    return [1 / (2 * math.sin(math.pi * (2 * index + 1) / (2 * order))) for index in range(order // 2)]
