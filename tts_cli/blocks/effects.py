"""Effects: audio in, audio out, in any stack after what gives audio.

An effect is exact under streaming: read in chunks of any sizes, it gives what it gives in one piece. What an utterance needs to
remember lives in a `Processor`, which one stream owns. Here are the effects that need nothing of their surroundings; the others
are in `equaliser`, `limiter`, `resampling` and `pitch_tempo`.
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
    """Audio that says how many samples it has in a second; where a port does not, it is as many as the addon's."""

    sample_rate: int
    """In Hertz."""
    loudness_lufs: float | None = None
    """To what every speaker whose loudness is known has been brought; None: to nothing."""


def sample_rate_of(port: PortSpec, otherwise: int) -> int:
    """Samples per second of an audio port; `otherwise` where it does not say."""
    return port.sample_rate if isinstance(port, AudioPort) else otherwise


class Effect(StreamableBlock):
    """Reads and gives `audio`. Its duty is to say what processes an utterance."""

    stream_inputs = (AUDIO,)
    outputs = (AUDIO,)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.settle(addon.sample_rate)

    @property
    def output_rate(self) -> int:
        """Of the audio that goes out, in Hertz."""
        return self.sample_rate

    def settle(self, sample_rate: int) -> None:
        """Computes what is the same for all utterances, given the Hertz of the audio that comes in.

        They are the addon's, until `connect` learns better.
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
        """To what speakers are brought here, if they come in as `loudness_lufs` says."""
        return loudness_lufs

    @abstractmethod
    def processor(self, scope: Tensors, /) -> Processor:
        """What processes the utterance of `scope`."""

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return EffectStream(scope, upstream, self.processor(scope))

    def samples_in(self, milliseconds: float) -> int:
        """Samples of the audio that comes in."""
        return round(milliseconds * self.sample_rate / 1000)


class EffectStream(ProcessorStream):
    """Feeds the samples of `audio`."""

    def piece(self, chunk: Tensors) -> Samples:
        return chunk["audio"][0, :, 0]


Milliseconds = Annotated[float, Field(ge=0, le=60_000)]


class GainOptions(StrictModel):
    """Options of `Gain`."""

    gain_db: float = Field(default=0.0, ge=-80, le=80)
    target_lufs: float | None = Field(default=None, ge=-70, le=0)
    """The integrated loudness (EBU R128) that the speaker is brought to."""


class Gain(Effect):
    """Makes louder or softer by a factor that is the same for all a speaker says.

    `target_lufs` takes the speaker's own loudness, measured when the voice was exported, from the scope's `loudness_lufs`. A
    speaker whose loudness is not known is left as it is, so that a vocoder's stack serves any voice. After another `Gain` with a
    target, that one's is where this one starts.
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
    """The factor that so many decibels are."""
    return float(10 ** (decibels / 20))


class Scaling(Processor):
    """Multiplies by one number."""

    def __init__(self, factor: float) -> None:
        self._factor = np.float32(factor)

    def feed(self, samples: Samples) -> Samples:
        return np.asarray(samples * self._factor)


class EdgeFadeOptions(StrictModel):
    """Options of `EdgeFade`."""

    fade_in_ms: Milliseconds = 5.0
    fade_out_ms: Milliseconds = 5.0


class EdgeFade(Effect):
    """Fades every utterance in and out, with halves of a Hann window. It looks ahead by the length of the fade-out."""

    options_model: ClassVar[type[StrictModel]] = EdgeFadeOptions

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self.lookahead_samples = self.samples_in(self.options.fade_out_ms)

    def processor(self, _scope: Tensors, /) -> Processor:
        return Fading(self.samples_in(self.options.fade_in_ms), self.lookahead_samples)


class Fading(Processor):
    """Keeps back the samples that might be the last."""

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
    """The rising half of a Hann window of which `num_samples` samples are neither 0 nor 1, at places counted from 1."""
    share = np.minimum(places / (num_samples + 1), 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * share), np.float32)


class SilenceOptions(StrictModel):
    """Options of `Silence`."""

    before_ms: Milliseconds = 0.0
    after_ms: Milliseconds = 0.0


class Silence(Effect):
    """Adds silence before and after every utterance."""

    options_model: ClassVar[type[StrictModel]] = SilenceOptions

    def needs(self, num_steps: int) -> int:
        return max(0, num_steps - self.samples_in(self.options.before_ms))

    def output_time(self, seconds: float) -> float:
        before_ms: float = self.options.before_ms
        return seconds + before_ms / 1000

    def processor(self, _scope: Tensors, /) -> Processor:
        return Padding(self.samples_in(self.options.before_ms), self.samples_in(self.options.after_ms))


class Padding(Processor):
    """Zeros, the samples, zeros."""

    def __init__(self, num_before: int, num_after: int) -> None:
        self._num_before, self._num_after = num_before, num_after

    def start(self) -> Samples:
        return np.zeros(self._num_before, np.float32)

    def feed(self, samples: Samples) -> Samples:
        return samples

    def finish(self) -> Samples:
        return np.zeros(self._num_after, np.float32)
