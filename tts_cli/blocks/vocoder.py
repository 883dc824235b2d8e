"""Source-filter vocoder: a network predicts filters from the mel spectrogram, numpy synthesises the audio.

Filters shape a band-limited pulse train and white noise in short overlapping windows (harmonic plus noise model, Serra and Smith,
1990, with filters from a network as in DDSP, Engel et al., 2020). The output depends on absolute positions only, not on chunk
sizes: the phase is kept in float64 cycles modulo 1, the noise of a frame is drawn by (seed, frame). `models/source_filter.py` is
the same synthesis in PyTorch, for training.
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
"""Harmonic filters per mel frame."""
WINDOW_HOPS = 2
"""Window length of harmonic filters, in hops."""
NOISE_SUBFRAMES = 4
"""Noise filters per mel frame. Their windows are two subframes long, short enough for the burst of a plosive."""
KNOT_OFFSET = 0.75
"""Position within a frame, as a fraction of the hop, at which its F0 value holds. F0 is linear between these knots."""
PULSE_BANDWIDTH = 0.96
"""Frequency of the highest harmonic, as a fraction of half the sample rate."""
LOOKAHEAD_FRAMES = 2
"""Frames fed after the last one to finish its samples: the delay of pulses, windows and overlaps, rounded up."""
LEAST_FRAMES = 72
"""Fewest frames of a run that estimates F0. ONNX Runtime sums a convolution of at most 64 output steps in another order. F0 would
differ by 1e-6, and the phase would accumulate it. 72 leaves room for a first convolution over 8 frames."""


class Vocoder(StreamableBlock):
    """Streamable block from mel frames to audio: runs the vocoder network and the source-filter synthesis.

    The network gives `log_f0` and the filters for `SourceFilter`. Its inputs come from the stream before the block: the mel
    spectrogram, and optionally `log_f0`, which it otherwise estimates from the mel spectrogram. Raises StackError if the network
    does not give the required outputs.
    """

    options_model: ClassVar[type[StrictModel]] = NetworkOptions
    outputs = (AUDIO,)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.network = addon.network("vocoder", self.options.network, self.path)
        wanted = [_filters(addon.mel.hop_samples, noise) for noise in _noise_framings(addon.mel.hop_samples)]
        if all(self._missing(ports) for ports in wanted):
            port = self._missing(wanted[0])[0]
            message = f"{self.path}: network '{self.network.name}' does not give {port.describe()}"
            raise StackError(message, hint='choose another network with "network": NAME, or another vocoder block')
        delay = SourceFilter(addon.mel.hop_samples, addon.sample_rate).delay_samples
        self.lookahead_samples = self.network.spec.margins.right * addon.mel.hop_samples + delay
        self.estimates_f0 = True
        """True if the network estimates F0, False if the block before gives it. Known once connected."""

    def _missing(self, ports: Sequence[PortSpec]) -> list[PortSpec]:
        """Return the ports in `ports` that the network does not give."""
        given = self.network.spec.outputs
        return [port for port in ports if not any(other.name == port.name and port.accepts(other) for other in given)]

    def needs(self, num_steps: int) -> int:
        source = SourceFilter(self.addon.mel.hop_samples, self.addon.sample_rate)
        return source.wanted(num_steps) + self.network.spec.margins.right

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        self.network.connect_stream(scope, upstream, self.path)
        given = upstream.keys() & {port.name for port in self.network.streamed}
        self.estimates_f0 = "log_f0" not in given
        return Wiring.of(self.outputs, self.path)

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        seed = int(scope["seed"].item()) if "seed" in scope else 0
        source = SourceFilter(self.addon.mel.hop_samples, self.addon.sample_rate, seed)
        # Where F0 is given, short runs differ by rounding alone, and padding would make small chunks slower.
        least = LEAST_FRAMES if self.estimates_f0 else 0
        return ProcessorStream(scope, NetworkStream(self.network, scope, upstream, least), source)


@dataclass(frozen=True)
class Framing:
    """Windowing of the filters of one source: filters per frame and length of the windows."""

    hop: int
    """Hop of a mel frame, in samples."""
    subframes: int
    """Filters per frame."""
    size: int
    """Length of a window and of its discrete Fourier transform, in samples."""

    @property
    def step(self) -> int:
        """Hop between windows, in samples."""
        return self.hop // self.subframes

    @property
    def num_bins(self) -> int:
        """Number of frequency bins of a filter, from 0 Hz to half the sample rate."""
        return self.size // 2 + 1

    @property
    def window(self) -> Array:
        """Window, (size,), applied before and after filtering: Hann, or its square root if only two windows overlap."""
        hann = np.hanning(self.size + 1)[:-1]
        window = np.sqrt(hann) if self.size == 2 * self.step else hann
        return np.asarray(window / np.sqrt(np.square(window).sum() / self.step), np.float32)


def harmonic_framing(hop: int) -> Framing:
    """Return the windowing of the harmonic filters for a hop in samples."""
    return Framing(hop, SUBFRAMES, WINDOW_HOPS * hop)


def noise_framing(hop: int) -> Framing:
    """Return the windowing of the noise filters for a hop in samples."""
    return Framing(hop, NOISE_SUBFRAMES, 2 * (hop // NOISE_SUBFRAMES))


def _noise_framings(hop: int) -> tuple[Framing, Framing]:
    """Return the possible framings of `noise_filter`. Vocoders exported before version 0.2 use the harmonic one."""
    return noise_framing(hop), harmonic_framing(hop)


def _filters(hop: int, noise: Framing) -> tuple[PortSpec, ...]:
    """Return the ports that the network must give, if its noise filters have the framing `noise`."""
    harmonic = harmonic_framing(hop)
    channels = {
        "log_f0": 1,
        "harmonic_filter": harmonic.subframes * harmonic.num_bins * 2,
        "noise_filter": noise.subframes * noise.num_bins,
    }
    return tuple(PortSpec(name=name, rate="frame", channels=count) for name, count in channels.items())


class FilterBank:
    """Filtering of a source signal in overlapping windows (overlap-add).

    Args:
        framing: Windowing of the filters.
    """

    def __init__(self, framing: Framing) -> None:
        self._step, self._size, self._window = framing.step, framing.size, framing.window
        before = (self._size - self._step) // 2
        self._source = np.zeros(before, np.float32)
        self._filters = np.zeros((0, framing.num_bins), np.complex64)
        self._overlap = np.zeros((self._size // self._step, self._step), np.float32)
        self._cut = before

    def feed(self, source: Array, filters: Array) -> Array:
        """Add source samples and filters; return the samples to which no later window adds, (n,).

        Args:
            source: Source signal, (samples,).
            filters: Frequency responses, (count, num_bins), real or complex.
        """
        self._source = np.concatenate([self._source, source])
        self._filters = np.concatenate([self._filters, filters])
        count = max(0, min(len(self._filters), (len(self._source) - self._size) // self._step + 1))
        samples = self._overlap_add(self._shape(count)) if count else np.zeros(0, np.float32)
        cut = min(self._cut, len(samples))
        self._cut -= cut
        return samples[cut:]

    def _shape(self, count: int) -> Array:
        """Return the next `count` windows after filtering, (count, size), and drop their input."""
        windows = np.lib.stride_tricks.sliding_window_view(self._source, self._size)[:: self._step][:count]
        # What is not finite is reported as a fault of the chunk.
        with np.errstate(invalid="ignore", over="ignore"):
            spectrum = np.fft.rfft(windows * self._window) * self._filters[:count]
            shaped = np.fft.irfft(spectrum, self._size) * self._window
        self._source, self._filters = self._source[count * self._step :], self._filters[count:]
        return np.asarray(shaped, np.float32)

    def _overlap_add(self, windows: Array) -> Array:
        """Add `windows`, (count, size), to the output; return the samples to which no later window adds."""
        count, parts = len(windows), windows.reshape(len(windows), -1, self._step)
        total = np.zeros((count + parts.shape[1], self._step), np.float32)
        total[: parts.shape[1]] = self._overlap
        for place in range(parts.shape[1]):
            total[place : place + count] += parts[:, place]
        self._overlap = total[count:]
        return total[:count].ravel()


class SourceFilter(Processor):
    """Processor from network outputs to audio, the source-filter synthesis of one utterance.

    The output lags the input: n frames finish `n * hop - delay_samples` samples; `finish` returns the rest.

    Args:
        hop: Hop of a mel frame, in samples.
        sample_rate: Sample rate in Hz.
        seed: Seed of the noise.
    """

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
        """Return the number of frames, at least 1, that finish the next `n` samples."""
        return max(1, -(-(self._num_given + n + self.delay_samples) // self._hop) - self._num_frames)

    def feed(self, frames: Tensors, /) -> Samples:
        """Synthesise the next frames; return the samples that they finish.

        Args:
            frames: `log_f0`, ln(F0 in Hz), (1, t, 1); `harmonic_filter` (1, t, subframes * 2 * bins), the real parts of each
                filter before the imaginary ones; `noise_filter` (1, t, subframes * bins), real.
        """
        # The float32 exponential has a bias that differs between runtimes, and the phase would accumulate it.
        f0 = np.exp(frames["log_f0"][0, :, 0].astype(np.float64))
        parts = frames["harmonic_filter"].reshape(-1, 2, harmonic_framing(self._hop).num_bins)
        if self._noise_bank is None:
            self._open_noise_bank(frames["noise_filter"].shape[-1])
        noise = frames["noise_filter"].reshape(len(f0) * self._noise_subframes, -1)
        return self._synthesise(f0, (parts[:, 0] + 1j * parts[:, 1]).astype(np.complex64), noise)

    def _open_noise_bank(self, channels: int) -> None:
        """Create the noise filter bank with the framing that has `channels` filter values a frame."""
        framing = next(f for f in _noise_framings(self._hop) if f.subframes * f.num_bins == channels)
        self._noise_bank, self._noise_subframes, self._noise_bins = FilterBank(framing), framing.subframes, framing.num_bins

    def finish(self) -> Samples:
        """Return the remaining samples, up to the end of the last frame."""
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
        """Return the pulse train up to the F0 knot of the last frame. `f0`: F0 of the next frames in Hz, (t,)."""
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
        """Return white noise for the next frames, (num_frames * hop,). Each frame is drawn by (seed, frame index)."""
        places = range(self._num_frames, self._num_frames + num_frames)
        self._num_frames += num_frames
        noise = np.empty((num_frames, self._hop), np.float32)
        for row, place in zip(noise, places, strict=True):
            # A new generator would request entropy from the system that it does not use.
            self._first_draw["state"]["key"][1] = place
            self._philox.state = self._first_draw
            self._draw.standard_normal(out=row, dtype=np.float32)
        return noise.ravel()


def pulse_train(phase: Array, frequency: Array, sample_rate: int) -> Array:
    """Return a band-limited pulse train of unit power: the sum of equal cosines up to `PULSE_BANDWIDTH`.

    The highest harmonic fades in as the frequency falls, so that the sum is continuous.

    Args:
        phase: Phase in cycles, in [0, 1), any shape.
        frequency: F0 in Hz, of the same shape.
        sample_rate: Sample rate in Hz.
    """
    count = PULSE_BANDWIDTH * sample_rate / 2 / frequency
    whole = np.floor(count)
    angle = 2 * np.pi * phase
    half_sine = np.sin(angle / 2)
    near = np.abs(half_sine) < 1e-6
    ratio = np.sin((whole + 0.5) * angle) / (2 * np.where(near, 1, half_sine)) - 0.5
    total = np.where(near, whole, ratio) + (count - whole) * np.cos((whole + 1) * angle)
    return np.asarray(total * np.sqrt(2 / count), np.float32)
