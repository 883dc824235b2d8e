"""The vocoder: filters from a network, the source-filter synthesis in numpy.

A band-limited pulse train and white noise are shaped, in short overlapping frames, by predicted filters (the harmonic plus noise
model of Serra and Smith, 1990, with the filters of a network as in DDSP, Engel et al., 2020). Everything depends on absolute
positions alone: the oscillator's phase is kept in float64 cycles modulo 1, the noise of a frame is drawn by (seed, frame).
`models/source_filter.py` is the twin for training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tts_cli.blocks.block import BlockOptions, NetworkOptions
from tts_cli.blocks.decoder import NetworkStream
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.processor import AUDIO, Processor, ProcessorStream, Samples
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.errors import StackError
from tts_cli.ports import Array, PortSpec, Tensors

SUBFRAMES = 2
"""Harmonic filters per frame."""
WINDOW_HOPS = 2
"""Length of the harmonic filters' windows, in hops."""
NOISE_SUBFRAMES = 4
"""Noise filters per frame; their windows are two subframes long, short enough for the burst of a plosive."""
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
        wanted = [_filters(addon.mel.hop_samples, noise) for noise in _noise_framings(addon.mel.hop_samples)]
        if all(self._missing(ports) for ports in wanted):
            port = self._missing(wanted[0])[0]
            raise StackError(f"{self.path}: network '{self.network.name}' does not give {port.describe()}")
        delay = SourceFilter(addon.mel.hop_samples, addon.sample_rate).delay_samples
        self.lookahead_samples = self.network.spec.margins.right * addon.mel.hop_samples + delay

    def _missing(self, ports: Sequence[PortSpec]) -> list[PortSpec]:
        """Those of `ports` that the network does not give."""
        given = self.network.spec.outputs
        return [port for port in ports if not any(other.name == port.name and port.accepts(other) for other in given)]

    def needs(self, num_steps: int) -> int:
        source = SourceFilter(self.addon.mel.hop_samples, self.addon.sample_rate)
        return source.wanted(num_steps) + self.network.spec.margins.right

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        self.network.connect_stream(scope, upstream, self.path)
        return Wiring.of(self.outputs, self.path)

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        seed = int(scope["seed"].item()) if "seed" in scope else 0
        source = SourceFilter(self.addon.mel.hop_samples, self.addon.sample_rate, seed)
        return ProcessorStream(scope, NetworkStream(self.network, scope, upstream), source)


@dataclass(frozen=True)
class Framing:
    """Filters of one source: how many a frame, and how long their windows are."""

    hop: int
    """Samples of a frame."""
    subframes: int
    size: int
    """Samples of a window, and of the discrete Fourier transform that the filters belong to."""

    @property
    def step(self) -> int:
        """Samples between windows."""
        return self.hop // self.subframes

    @property
    def num_bins(self) -> int:
        """Frequencies of a filter, from 0 to half the sample rate."""
        return self.size // 2 + 1

    @property
    def window(self) -> Array:
        """The window (size,), applied before and after filtering: Hann, or its square root where only two windows overlap."""
        hann = np.hanning(self.size + 1)[:-1]
        window = np.sqrt(hann) if self.size == 2 * self.step else hann
        return np.asarray(window / np.sqrt(np.square(window).sum() / self.step), np.float32)


def harmonic_framing(hop: int) -> Framing:
    """Return the framing of the harmonic filters."""
    return Framing(hop, SUBFRAMES, WINDOW_HOPS * hop)


def noise_framing(hop: int) -> Framing:
    """Return the framing of the noise filters."""
    return Framing(hop, NOISE_SUBFRAMES, 2 * (hop // NOISE_SUBFRAMES))


def _noise_framings(hop: int) -> tuple[Framing, Framing]:
    """The framings that `noise_filter` may have; vocoders exported before version 0.2 use the harmonic one."""
    return noise_framing(hop), harmonic_framing(hop)


def _filters(hop: int, noise: Framing) -> tuple[PortSpec, ...]:
    """What the network has to give."""
    harmonic = harmonic_framing(hop)
    channels = {
        "log_f0": 1,
        "harmonic_filter": harmonic.subframes * harmonic.num_bins * 2,
        "noise_filter": noise.subframes * noise.num_bins,
    }
    return tuple(PortSpec(name=name, rate="frame", channels=count) for name, count in channels.items())


class FilterBank:
    """A source shaped by filters in overlapping windows; samples come once no later window adds to them."""

    def __init__(self, framing: Framing) -> None:
        self._step, self._size, self._window = framing.step, framing.size, framing.window
        before = (self._size - self._step) // 2
        self._source = np.zeros(before, np.float32)
        self._filters = np.zeros((0, framing.num_bins), np.complex64)
        self._overlap = np.zeros((self._size // self._step, self._step), np.float32)
        self._cut = before

    def feed(self, source: Array, filters: Array) -> Array:
        """Return the samples finished by more of the `source` (samples,) and more `filters` (count, bins)."""
        self._source = np.concatenate([self._source, source])
        self._filters = np.concatenate([self._filters, filters])
        count = max(0, min(len(self._filters), (len(self._source) - self._size) // self._step + 1))
        samples = self._overlap_add(self._shape(count)) if count else np.zeros(0, np.float32)
        cut = min(self._cut, len(samples))
        self._cut -= cut
        return samples[cut:]

    def _shape(self, count: int) -> Array:
        """The next `count` windows, filtered: (count, size)."""
        windows = np.lib.stride_tricks.sliding_window_view(self._source, self._size)[:: self._step][:count]
        spectrum = np.fft.rfft(windows * self._window) * self._filters[:count]
        self._source, self._filters = self._source[count * self._step :], self._filters[count:]
        return np.asarray(np.fft.irfft(spectrum, self._size) * self._window, np.float32)

    def _overlap_add(self, windows: Array) -> Array:
        """The samples that no later window adds to."""
        count, parts = len(windows), windows.reshape(len(windows), -1, self._step)
        total = np.zeros((count + parts.shape[1], self._step), np.float32)
        total[: parts.shape[1]] = self._overlap
        for place in range(parts.shape[1]):
            total[place : place + count] += parts[:, place]
        self._overlap = total[count:]
        return total[:count].ravel()


class SourceFilter(Processor):
    """The synthesis, fed frame by frame; samples come `delay_samples` after the end of the last frame they need."""

    def __init__(self, hop: int, sample_rate: int, seed: int = 0) -> None:
        self._hop, self._sample_rate = hop, sample_rate
        self._philox = np.random.Philox(key=[seed, 0])
        self._first_draw = self._philox.state
        self._draw = np.random.Generator(self._philox)
        framing = harmonic_framing(hop)
        self._harmonic_bank = FilterBank(framing)
        self._noise_bank: FilterBank | None = None
        self._noise_subframes = 0
        self._skip = hop - round(KNOT_OFFSET * hop)
        self.delay_samples = self._skip + framing.size - framing.step
        self._num_frames, self._num_given = 0, 0
        self._phase = 0.0
        self._last_f0: float | None = None
        self._harmonic = self._noise = np.zeros(0, np.float32)

    def wanted(self, n: int) -> int:
        """How many more frames finish the next `n` samples; at least 1."""
        return max(1, -(-(self._num_given + n + self.delay_samples) // self._hop) - self._num_frames)

    def feed(self, frames: Tensors, /) -> Samples:
        """Samples finished by `frames`: `log_f0` (1, t, 1), `harmonic_filter` (1, t, subframes * bins * 2), real parts before
        imaginary ones, `noise_filter` (1, t, subframes * bins)."""
        # In float32 the exponential is off in one direction, another in each runtime, and the phase adds that up.
        f0 = np.exp(frames["log_f0"][0, :, 0].astype(np.float64))
        parts = frames["harmonic_filter"].reshape(-1, 2, harmonic_framing(self._hop).num_bins)
        if self._noise_bank is None:
            self._open_noise_bank(frames["noise_filter"].shape[-1])
        noise = frames["noise_filter"].reshape(len(f0) * self._noise_subframes, -1)
        return self._synthesise(f0, (parts[:, 0] + 1j * parts[:, 1]).astype(np.complex64), noise)

    def _open_noise_bank(self, channels: int) -> None:
        """Begin with the framing whose filters of a frame have so many `channels`."""
        framing = next(f for f in _noise_framings(self._hop) if f.subframes * f.num_bins == channels)
        self._noise_bank, self._noise_subframes, self._noise_bins = FilterBank(framing), framing.subframes, framing.num_bins

    def finish(self) -> Samples:
        """The remaining samples."""
        if self._last_f0 is None:
            return np.zeros(0, np.float32)
        missing = self._num_frames * self._hop - self._num_given
        harmonic = np.zeros((SUBFRAMES * LOOKAHEAD_FRAMES, harmonic_framing(self._hop).num_bins), np.complex64)
        noise = np.zeros((self._noise_subframes * LOOKAHEAD_FRAMES, self._noise_bins), np.float32)
        return self._synthesise(np.full(LOOKAHEAD_FRAMES, self._last_f0), harmonic, noise)[:missing]

    def _synthesise(self, f0: Array, harmonic: Array, noise: Array) -> Array:
        assert self._noise_bank is not None
        self._noise = np.concatenate([self._noise, self._noise_bank.feed(self._next_noise(len(f0)), noise)])
        self._harmonic = np.concatenate([self._harmonic, self._harmonic_bank.feed(self._next_pulses(f0), harmonic)])
        count = min(len(self._harmonic), len(self._noise))
        samples = self._harmonic[:count] + self._noise[:count]
        self._harmonic, self._noise = self._harmonic[count:], self._noise[count:]
        self._num_given += count
        return np.asarray(samples, np.float32)

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
