"""What a transfer is measured beside: ways to speak a recording's text with its timing, and with more or less of its prosody."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.audio.pitch import interpolate_log_f0
from tts_cli.corpora.batching import token_mean, voiced_token_mean
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.prosody import Contour, contour_of
from tts_cli.evaluation.prompts import TYPICAL_HZ
from tts_cli.evaluation.systems import SystemOutput, say
from tts_cli.transfer.source import Source
from tts_cli.voice.request import Request
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice

Condition = Literal["recording", "reconstruction", "transfer", "no reference", "another clip's latents", "baseline"]
"""`recording`: the source itself. `reconstruction`: a recording of the target, transferred onto the target. `transfer`: as it is
meant. `no reference`: the latents at the prior mean. `another clip's latents`: those of another recording. `baseline`: another
voice, which is given F0, energy and duration of every phone. All but the first have the durations of the source."""


@dataclass(frozen=True)
class PitchRange:
    """Where a speaker's melody lies."""

    mean: float
    """Of the natural log of F0 in Hertz over voiced frames."""
    deviation: float
    num_voiced: int = 1
    """Frames it rests on."""


def pitch_range(f0_hz: Floats) -> PitchRange | None:
    """The range of `f0_hz` (T,), 0 where unvoiced; None where all is."""
    voiced = np.log(f0_hz[f0_hz > 0].astype(np.float64))
    return PitchRange(float(voiced.mean()), float(voiced.std()), len(voiced)) if len(voiced) else None


def common_range(ranges: Sequence[PitchRange]) -> PitchRange:
    """The range of all the frames that `ranges` rest on."""
    weights = [one.num_voiced for one in ranges]
    mean = float(np.average([one.mean for one in ranges], weights=weights))
    square = float(np.average([one.deviation**2 + one.mean**2 for one in ranges], weights=weights))
    return PitchRange(mean, float(np.sqrt(square - mean**2)), sum(weights))


@dataclass(frozen=True, eq=False)
class Analysed:
    """A recording as `prosody.transfer` takes it in: where its phones are, and the audio that its durations count from."""

    source: Source
    audio: Floats = field(repr=False)
    """(samples,) at the mel's rate, of which the source's mel is made: leading and trailing silence is cut."""
    config: MelConfig

    @cached_property
    def contour(self) -> Contour:
        """Its melody and loudness, frame by frame."""
        return contour_of(self.audio, self.config)

    @property
    def mel(self) -> Floats:
        """(T, bands)"""
        assert self.source.mel is not None
        return self.source.mel

    @cached_property
    def durations(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Frames of each token (N,)."""
        return np.array(self.source.sentence.durations, np.int64)

    @cached_property
    def phone_features(self) -> Floats:
        """What the baseline takes from it, token by token: (N, 3), of which none depends on how high or loud the speaker is.

        Log-F0, of mean 0 and deviation 1 over the voiced frames of the utterance; log energy, of mean 0 over its frames;
        ln(1 + duration).
        """
        f0_hz, energy = self.contour.f0_hz, self.contour.energy
        voicing = (f0_hz > 0).astype(np.float32)[:, None]
        contour = interpolate_log_f0(f0_hz, TYPICAL_HZ)[:, None]
        own = pitch_range(f0_hz) or PitchRange(float(np.log(TYPICAL_HZ)), 1.0)
        melody = (voiced_token_mean(contour, voicing, self.durations) - own.mean) / max(own.deviation, 1e-3)
        loudness = token_mean(energy[:, None], self.durations) - energy.mean()
        return np.concatenate([melody, loudness, np.log1p(self.durations)[:, None]], axis=1).astype(np.float32)


def partner(clips: Sequence[Clip], clip: Clip) -> Clip | None:
    """Whose latents `clip` gets instead of its own: the next of the same speaker with another text, else of anyone else."""
    place = clips.index(clip)
    others = [other for other in (*clips[place + 1 :], *clips[:place]) if other.text != clip.text]
    return next((other for other in others if other.speaker == clip.speaker), next(iter(others), None))


def with_latents_of(own: Source, other: Source) -> Source:
    """`own` with the mel and the speaker vector of `other`, the mel stretched evenly over the frames of `own`."""
    assert own.mel is not None and other.mel is not None
    return replace(own, mel=stretched(other.mel, len(own.mel)), speaker=other.speaker)


def stretched(mel: Floats, num_frames: int) -> Floats:
    """`mel` (T, bands) in `num_frames` frames, each interpolated between the two nearest."""
    places = np.linspace(0, len(mel) - 1, num_frames)
    before = np.floor(places).astype(np.int64)
    share = (places - before)[:, None]
    after = np.minimum(before + 1, len(mel) - 1)
    return np.asarray(mel[before] * (1 - share) + mel[after] * share, np.float32)


def prescribed(voice: Voice, speaker: str, analysed: Analysed, target: PitchRange) -> Sentence:
    """The baseline's request (Klimkov et al. 2019): F0, energy and duration of every phone of the recording.

    F0 is mapped to the mean and deviation of the `target`, and the energy has over the utterance the mean that `voice` predicts
    of the same text with the same durations.
    """
    timed = analysed.source.sentence
    durations = analysed.durations
    with closing(voice.stream([timed], speaker, best_effort=True)) as chunks:
        told = next(chunks).sentence
    predicted = np.zeros(len(durations)) if told is None or told.energy is None else np.array(told.energy, np.float64)
    mean = float(np.average(predicted, weights=durations))
    melody, loudness = analysed.phone_features[:, 0], analysed.phone_features[:, 1]
    f0_hz = np.exp(target.mean + target.deviation * melody.astype(np.float64))
    return timed.model_copy(update={"f0_hz": tuple(f0_hz.tolist()), "energy": tuple((mean + loudness).tolist())})


def spoken_in(condition: Condition, voice: Voice, target: str, analysed: Analysed, other: Analysed | None = None) -> SystemOutput:
    """The recording's text in the voice of `target`, with the recording's durations and what `condition` says of its prosody."""
    source = analysed.source
    if condition == "no reference":
        source = replace(source, mel=None, speaker=None)
    elif condition == "another clip's latents":
        assert other is not None
        source = with_latents_of(source, other.source)
    return say(voice, [source], target)


def latents_of(voice: Voice, source: Source) -> Floats:
    """The latents (L, C) that the reference encoder of `voice` makes of a recording. Raises InputError where it has none."""
    durations = np.array(source.sentence.durations, np.float32)
    phones = np.array([voice.acoustic.symbols.index(token) for token in source.sentence.tokens], np.int64)
    scope = Request(phones, 0, None, 0, given_durations=durations, **source.ports(phones))
    for network in voice.acoustic.networks("encoder"):
        if network.spec.when == "source_mel":
            return np.concatenate([values[0] for values in network.run(scope).values()], axis=-1)
    raise InputError(f"addon '{voice.acoustic.name}' has no reference encoder")
