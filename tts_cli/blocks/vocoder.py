"""The vocoder: filters from a network, the source-filter synthesis in numpy.

A band-limited pulse train and white noise are shaped, in short overlapping frames, by predicted filters (the harmonic plus noise
model of Serra and Smith, 1990, with the filters of a network as in DDSP, Engel et al., 2020). Everything depends on absolute
positions alone: the oscillator's phase is kept in float64 cycles modulo 1, the noise of a frame is drawn by (seed, frame).
`models/source_filter.py` is the twin for training.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tts_cli.blocks.block import AddonParts, BlockOptions, NetworkOptions
from tts_cli.blocks.decoder import NetworkStream
from tts_cli.blocks.processor import AUDIO, Processor, ProcessorStream, Samples
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.errors import StackError
from tts_cli.ports import Array, PortSpec, Tensors

SUBFRAMES = 2
"""Filters per frame."""
WINDOW_HOPS = 2
"""Length of the filters' windows, in hops."""
KNOT_OFFSET = 0.75
"""Where in its frame a value of F0 holds; between these knots F0 goes in straight lines."""
PULSE_BANDWIDTH = 0.96
"""Highest harmonic, as a share of half the sample rate."""
LOOKAHEAD_FRAMES = 2
"""Frames pushed after the last one to finish its samples: the delay of pulses, windows and overlaps, rounded up."""


class Vocoder(StreamableBlock):
    """Mel frames in, samples out. `log_f0` may come from upstream; otherwise the network reads it from the mel."""

    options_model: ClassVar[type[StrictModel]] = NetworkOptions
    outputs = (AUDIO,)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.network = addon.network("vocoder", self.options.network, self.path)
        for port in _filters(addon.mel.hop_samples):
            if not any(given.name == port.name and port.accepts(given) for given in self.network.spec.outputs):
                raise StackError(f"{self.path}: network '{self.network.name}' does not give {port.describe()}")
        delay = SourceFilter(addon.mel.hop_samples, addon.sample_rate).delay_samples
        self.lookahead_samples = self.network.spec.margins.right * addon.mel.hop_samples + delay

    def needs(self, num_steps: int) -> int:
        source = SourceFilter(self.addon.mel.hop_samples, self.addon.sample_rate)
        return source.wanted(num_steps) + self.network.spec.margins.right

    def connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        self.network.connect_stream(scope, upstream, self.path)
        return Wiring.of(self.outputs, self.path)

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        seed = int(scope["seed"].item()) if "seed" in scope else 0
        source = SourceFilter(self.addon.mel.hop_samples, self.addon.sample_rate, seed)
        return ProcessorStream(scope, NetworkStream(self.network, scope, upstream), source)


def _filters(hop: int) -> tuple[PortSpec, ...]:
    """What the network has to give."""
    bins = WINDOW_HOPS * hop // 2 + 1
    channels = {"log_f0": 1, "harmonic_filter": SUBFRAMES * bins * 2, "noise_filter": SUBFRAMES * bins}
    return tuple(PortSpec(name=name, rate="frame", channels=count) for name, count in channels.items())


class SourceFilter(Processor):
    """The synthesis, fed frame by frame; samples come `delay_samples` after the end of the last frame they need."""

    def __init__(self, hop: int, sample_rate: int, seed: int = 0) -> None:
        self._hop, self._sample_rate = hop, sample_rate
        self._philox = np.random.Philox(key=[seed, 0])
        self._first_draw = self._philox.state
        self._draw = np.random.Generator(self._philox)
        self._step, self._size = hop // SUBFRAMES, WINDOW_HOPS * hop
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._skip = hop - round(KNOT_OFFSET * hop)
        self._before = (self._size - self._step) // 2
        self.delay_samples = self._skip + self._size - self._step
        self._num_frames, self._num_given = 0, 0
        self._phase = 0.0
        self._last_f0: float | None = None
        self._pulses = self._noise = np.zeros(self._before, np.float32)
        self._filters = np.zeros((2, 0, self._size // 2 + 1), np.complex64)
        self._overlap = np.zeros(0, np.float32)
        self._cut = self._before

    def wanted(self, n: int) -> int:
        """How many more frames finish the next `n` samples; at least 1."""
        return max(1, -(-(self._num_given + n + self.delay_samples) // self._hop) - self._num_frames)

    def feed(self, frames: Tensors, /) -> Samples:
        """Samples finished by `frames`: `log_f0` (1, t, 1), `harmonic_filter` (1, t, SUBFRAMES * bins * 2), real parts before
        imaginary ones, `noise_filter` (1, t, SUBFRAMES * bins)."""
        # In float32 the exponential is off in one direction, another in each runtime, and the phase adds that up.
        f0 = np.exp(frames["log_f0"][0, :, 0].astype(np.float64))
        bins = self._size // 2 + 1
        parts = frames["harmonic_filter"].reshape(-1, 2, bins)
        noise = frames["noise_filter"].reshape(-1, bins)
        filters = np.stack([parts[:, 0] + 1j * parts[:, 1], noise.astype(np.complex64)])
        return self._synthesise(f0, filters)

    def finish(self) -> Samples:
        """The remaining samples."""
        if self._last_f0 is None:
            return np.zeros(0, np.float32)
        missing = self._num_frames * self._hop - self._num_given
        after = np.zeros((2, SUBFRAMES * LOOKAHEAD_FRAMES, self._size // 2 + 1), np.complex64)
        return self._synthesise(np.full(LOOKAHEAD_FRAMES, self._last_f0), after)[:missing]

    def _synthesise(self, f0: Array, filters: Array) -> Array:
        self._noise = np.concatenate([self._noise, self._next_noise(len(f0))])
        self._pulses = np.concatenate([self._pulses, self._next_pulses(f0)])
        self._filters = np.concatenate([self._filters, filters], axis=1)
        count = max(0, min(self._filters.shape[1], (len(self._pulses) - self._size) // self._step + 1))
        samples = self._overlap_add(self._shape(count))
        self._num_given += len(samples)
        return samples

    def _next_pulses(self, f0: Array) -> Array:
        """Pulses up to the knot of the last frame of `f0`."""
        knots = np.concatenate([[f0[0] if self._last_f0 is None else self._last_f0], f0])
        step = np.arange(1, self._hop + 1)
        slope = np.diff(knots)[:, None] / self._hop
        advance = (knots[:-1, None] * step + slope * step * (step + 1) / 2) / self._sample_rate
        starts = np.empty(len(f0))
        for frame, cycles in enumerate(advance[:, -1]):
            starts[frame] = self._phase
            self._phase = (self._phase + cycles) % 1.0
        pulses = pulse_train((starts[:, None] + advance) % 1.0, knots[:-1, None] + slope * step, self._sample_rate).ravel()
        first = self._skip if self._last_f0 is None else 0
        self._last_f0 = float(f0[-1])
        return pulses[first:]

    def _next_noise(self, num_frames: int) -> Array:
        """White noise of the next frames, each drawn by (seed, its absolute place)."""
        places = range(self._num_frames, self._num_frames + num_frames)
        self._num_frames += num_frames
        noise = np.empty((num_frames, self._hop), np.float32)
        for row, place in zip(noise, places, strict=True):
            # A new generator would first ask the system for entropy it does not use.
            self._first_draw["state"]["key"][1] = place
            self._philox.state = self._first_draw
            self._draw.standard_normal(out=row, dtype=np.float32)
        return noise.ravel()

    def _shape(self, count: int) -> Array:
        """The next `count` subframes, windowed and filtered: (count, size)."""
        if count == 0:
            return np.zeros((0, self._size), np.float32)
        span = (count - 1) * self._step + self._size
        sources = np.stack([self._pulses[:span], self._noise[:span]])
        frames = np.lib.stride_tricks.sliding_window_view(sources, self._size, axis=1)[:, :: self._step] * self._window
        spectrum = (np.fft.rfft(frames) * self._filters[:, :count]).sum(0)
        self._pulses, self._noise = self._pulses[count * self._step :], self._noise[count * self._step :]
        self._filters = self._filters[:, count:]
        return (np.fft.irfft(spectrum, self._size) * self._window).astype(np.float32)

    def _overlap_add(self, frames: Array) -> Array:
        """The samples that no later subframe adds to."""
        num_final = len(frames) * self._step
        total = np.zeros(num_final + self._size, np.float32)
        total[: len(self._overlap)] = self._overlap
        for place, frame in enumerate(frames):
            total[place * self._step : place * self._step + self._size] += frame
        self._overlap = total[num_final:]
        cut = min(self._cut, num_final)
        self._cut -= cut
        window_power = 0.375 * self._size / self._step
        return total[cut:num_final] / np.float32(window_power)


def pulse_train(phase: Array, frequency: Array, sample_rate: int) -> Array:
    """Sum of equal cosines up to the bandwidth, of unit power, the highest faded in with the frequency.

    phase: cycles in [0, 1); frequency: Hertz, of the same shape.
    """
    count = PULSE_BANDWIDTH * sample_rate / 2 / frequency
    whole = np.floor(count)
    angle = 2 * np.pi * phase
    half_sine = np.sin(angle / 2)
    near = np.abs(half_sine) < 1e-6
    ratio = np.sin((whole + 0.5) * angle) / (2 * np.where(near, 1, half_sine)) - 0.5
    total = np.where(near, whole, ratio) + (count - whole) * np.cos((whole + 1) * angle)
    return np.asarray(total * np.sqrt(2 / count), np.float32)
