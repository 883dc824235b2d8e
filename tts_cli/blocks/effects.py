"""Effects: streamable blocks from audio to audio. Base class `Effect`; `Gain`, `EdgeFade` and `Silence`.

An effect gives the same audio for chunks of any size. The state of an utterance lives in a `Processor`, which one stream owns.
Further effects are in `equaliser`, `limiter`, `resampling` and `pitch_tempo`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.processor import AUDIO, NOTHING, Processor, ProcessorStream, Samples
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.ports import PortSpec, Tensors


class AudioPort(PortSpec):
    """Audio port with its sample rate and loudness. A plain `PortSpec` of audio has the sample rate of the addon."""

    sample_rate: int
    """Samples per second, in Hz."""
    loudness_lufs: float | None = None
    """Integrated loudness in LUFS that an earlier `Gain` gave to every speaker of known loudness; None: each has its own."""


def sample_rate_of(port: PortSpec, otherwise: int) -> int:
    """Return the sample rate of an audio port in Hz; `otherwise` if the port does not declare one."""
    return port.sample_rate if isinstance(port, AudioPort) else otherwise


class Effect(StreamableBlock):
    """Base of effects: streamable blocks that read and give `audio`.

    Subclasses implement `processor`. Those that depend on the sample rate override `settle`.

        class Invert(Effect):
            def processor(self, _scope: Tensors, /) -> Processor:
                return Inverting()
    """

    stream_inputs = (AUDIO,)
    outputs = (AUDIO,)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.settle(addon.sample_rate)

    @property
    def output_rate(self) -> int:
        """Sample rate of the output, in Hz. Default: the sample rate of the input."""
        return self.sample_rate

    def settle(self, sample_rate: int) -> None:
        """Set up everything that depends on the sample rate: filters, `lookahead_samples`.

        Called when the effect is built, with the addon's sample rate, and again when it is connected, with the actual one.

        Args:
            sample_rate: Sample rate of the input, in Hz.
        """
        self.sample_rate = sample_rate

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        super()._connect(scope, upstream)
        given = upstream["audio"].port
        self.settle(sample_rate_of(given, self.addon.sample_rate))
        loudness = self.output_loudness(given.loudness_lufs if isinstance(given, AudioPort) else None)
        port = AudioPort(**AUDIO.model_dump(), sample_rate=self.output_rate, loudness_lufs=loudness)
        return Wiring.of([port], self.path)

    def output_loudness(self, loudness_lufs: float | None) -> float | None:
        """Return the integrated loudness after the effect in LUFS, the same for all speakers; None if it differs or is unknown.

        Args:
            loudness_lufs: Loudness before the effect, in LUFS, or None.
        """
        return loudness_lufs

    @abstractmethod
    def processor(self, scope: Tensors, /) -> Processor:
        """Return a new processor for one utterance. `scope` holds its sequence ports, (1, T, C)."""

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return EffectStream(scope, upstream, self.processor(scope))

    def samples_in(self, milliseconds: float) -> int:
        """Return the duration `milliseconds` in samples of the input."""
        return round(milliseconds * self.sample_rate / 1000)


class EffectStream(ProcessorStream):
    """`ProcessorStream` that feeds the samples of the port `audio`, (n,)."""

    def piece(self, chunk: Tensors) -> Samples:
        return chunk["audio"][0, :, 0]


Milliseconds = Annotated[float, Field(ge=0, le=60_000)]


class GainOptions(StrictModel):
    """Options of `Gain`."""

    gain_db: float = Field(default=0.0, ge=-80, le=80)
    """Gain in decibels, after that of `target_lufs`."""
    target_lufs: float | None = Field(default=None, ge=-70, le=0)
    """Integrated loudness of the speaker after the gain, in LUFS (EBU R128). None: no such gain."""


class Gain(Effect):
    """Effect that applies one constant gain per speaker.

    With `target_lufs`, the gain is the difference between the target and the speaker's loudness, measured when the voice was
    exported (port `loudness_lufs`). It is not applied to speakers without a measured loudness, so that one vocoder stack serves
    any voice. After another `Gain` with a target, the gain is the difference from the loudness that the other one reaches.
    """

    options_model: ClassVar[type[StrictModel]] = GainOptions
    inputs = (PortSpec(name="loudness_lufs", rate="utterance", optional=True),)
    _given_lufs: float | None = None

    def output_loudness(self, loudness_lufs: float | None) -> float | None:
        self._given_lufs = loudness_lufs
        reached: float | None = loudness_lufs if self.options.target_lufs is None else self.options.target_lufs
        gain_db: float = self.options.gain_db
        return None if reached is None else reached + gain_db

    def processor(self, scope: Tensors, /) -> Processor:
        gain_db = self.options.gain_db
        if self.options.target_lufs is not None and "loudness_lufs" in scope:
            own = float(scope["loudness_lufs"].item()) if self._given_lufs is None else self._given_lufs
            gain_db += self.options.target_lufs - own
        return Scaling(amplitude(gain_db))


def amplitude(decibels: float) -> float:
    """Return the amplitude factor of a level in decibels: 10 ** (decibels / 20)."""
    return float(10 ** (decibels / 20))


class Scaling(Processor):
    """Processor that multiplies every sample by `factor`."""

    def __init__(self, factor: float) -> None:
        self._factor = np.float32(factor)

    def feed(self, samples: Samples) -> Samples:
        return np.asarray(samples * self._factor)


class EdgeFadeOptions(StrictModel):
    """Options of `EdgeFade`."""

    fade_in_ms: Milliseconds = 5.0
    """Duration of the fade-in, in milliseconds."""
    fade_out_ms: Milliseconds = 5.0
    """Duration of the fade-out, in milliseconds. It is also the look-ahead of the effect."""


class EdgeFade(Effect):
    """Effect that fades every utterance in and out with halves of a Hann window. The fade-out is its look-ahead."""

    options_model: ClassVar[type[StrictModel]] = EdgeFadeOptions

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self.lookahead_samples = self.samples_in(self.options.fade_out_ms)

    def processor(self, _scope: Tensors, /) -> Processor:
        return Fading(self.samples_in(self.options.fade_in_ms), self.lookahead_samples)


class Fading(Processor):
    """Processor that fades the first `num_in` and the last `num_out` samples.

    It delays `num_out` samples, since they may be the last ones.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        self._num_in, self._num_out = num_in, num_out
        self._position = 0
        self._kept: Samples = NOTHING

    def feed(self, samples: Samples) -> Samples:
        self._kept = np.concatenate([self._kept, samples])
        return self._given(max(0, len(self._kept) - self._num_out))

    def finish(self) -> Samples:
        distance = np.arange(len(self._kept), 0, -1)
        return self._given(len(self._kept)) * fade(distance, self._num_out)

    def wanted(self, n: int) -> int:
        return n + self._num_out - len(self._kept)

    def _given(self, num_samples: int) -> Samples:
        given, self._kept = self._kept[:num_samples], self._kept[num_samples:]
        places = np.arange(self._position + 1, self._position + num_samples + 1)
        self._position += num_samples
        return given * fade(places, self._num_in)


def fade(places: NDArray[np.int64], num_samples: int) -> Samples:
    """Return the rising half of a Hann window at `places`, and 1 after it.

    Args:
        places: Indices of samples, from 1.
        num_samples: Length of the rise: the number of samples strictly between 0 and 1.
    """
    share = np.minimum(places / (num_samples + 1), 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * share), np.float32)


class SilenceOptions(StrictModel):
    """Options of `Silence`."""

    before_ms: Milliseconds = 0.0
    """Silence before every utterance, in milliseconds."""
    after_ms: Milliseconds = 0.0
    """Silence after every utterance, in milliseconds."""


class Silence(Effect):
    """Effect that adds silence before and after every utterance."""

    options_model: ClassVar[type[StrictModel]] = SilenceOptions

    def needs(self, num_steps: int) -> int:
        return max(0, num_steps - self.samples_in(self.options.before_ms))

    def output_time(self, seconds: float) -> float:
        before_ms: float = self.options.before_ms
        return seconds + before_ms / 1000

    def processor(self, _scope: Tensors, /) -> Processor:
        return Padding(self.samples_in(self.options.before_ms), self.samples_in(self.options.after_ms))


class Padding(Processor):
    """Processor that adds `num_before` zeros before the utterance and `num_after` zeros after it."""

    def __init__(self, num_before: int, num_after: int) -> None:
        self._num_before, self._num_after = num_before, num_after

    def start(self) -> Samples:
        return np.zeros(self._num_before, np.float32)

    def feed(self, samples: Samples) -> Samples:
        return samples

    def finish(self) -> Samples:
        return np.zeros(self._num_after, np.float32)
