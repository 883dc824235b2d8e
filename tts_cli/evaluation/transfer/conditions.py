"""Conditions of the transfer evaluation: a recording's text and timing, spoken with all, part or none of its prosody."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.audio.pitch import interpolate_log_f0
from tts_cli.corpora.layouts import Clip
from tts_cli.corpora.token_means import token_mean, voiced_token_mean
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.prosody import Contour, contour_of
from tts_cli.evaluation.prompts import TYPICAL_HZ
from tts_cli.evaluation.systems import SystemOutput, say
from tts_cli.transfer.source import Source
from tts_cli.voice.request import Request
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice

Condition = Literal["recording", "reconstruction", "transfer", "no reference", "another clip's latents", "baseline"]
"""Way an output is made. `recording`: the source recording itself. `reconstruction`: a recording of the target speaker,
transferred to the same speaker. `transfer`: the source, transferred to the target. `no reference`: like `transfer`, with the
latents at the prior mean. `another clip's latents`: like `transfer`, with the latents of another recording. `baseline`: another
voice, controlled by F0, energy and duration of every phone. All except `recording` have the durations of the source."""


@dataclass(frozen=True)
class PitchRange:
    """Mean and deviation of a speaker's log-F0."""

    mean: float
    """Mean over voiced frames of the natural log of F0 in Hertz."""
    deviation: float
    """Standard deviation over voiced frames of the natural log of F0."""
    num_voiced: int = 1
    """Number of voiced frames."""


def pitch_range(f0_hz: Floats) -> PitchRange | None:
    """Return the range of `f0_hz` (T,), F0 in Hertz and 0 in unvoiced frames; None without a voiced frame."""
    voiced = np.log(f0_hz[f0_hz > 0].astype(np.float64))
    return PitchRange(float(voiced.mean()), float(voiced.std()), len(voiced)) if len(voiced) else None


def common_range(ranges: Sequence[PitchRange]) -> PitchRange:
    """Return the range over the frames of all `ranges` together."""
    weights = [one.num_voiced for one in ranges]
    mean = float(np.average([one.mean for one in ranges], weights=weights))
    square = float(np.average([one.deviation**2 + one.mean**2 for one in ranges], weights=weights))
    return PitchRange(mean, float(np.sqrt(square - mean**2)), sum(weights))


@dataclass(frozen=True, eq=False)
class Analysed:
    """Recording after the analysis of prosody transfer: aligned phones, trimmed audio, and features of T frames and N tokens."""

    source: Source
    """Sentence with its durations, mel spectrogram and speaker embedding."""
    audio: Floats = field(repr=False)
    """Audio at the sample rate of `config`, shape (samples,), without leading and trailing silence; the mel is made of it."""
    config: MelConfig

    @cached_property
    def contour(self) -> Contour:
        """F0 and energy of each frame."""
        return contour_of(self.audio, self.config)

    @property
    def mel(self) -> Floats:
        """Natural-log mel spectrogram, shape (T, bands)."""
        assert self.source.mel is not None
        return self.source.mel

    @cached_property
    def durations(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Duration of each token in frames, shape (N,)."""
        return np.array(self.source.sentence.durations, np.int64)

    @cached_property
    def phone_features(self) -> Floats:
        """Features of each token that the baseline is controlled by, shape (N, 3), independent of the speaker's F0 and loudness.

        Log-F0, normalised to mean 0 and deviation 1 over the voiced frames of the utterance; log energy, with mean 0 over its
        frames; ln(1 + duration in frames).
        """
        f0_hz, energy = self.contour.f0_hz, self.contour.energy
        voicing = (f0_hz > 0).astype(np.float32)[:, None]
        contour = interpolate_log_f0(f0_hz, TYPICAL_HZ)[:, None]
        own = pitch_range(f0_hz) or PitchRange(float(np.log(TYPICAL_HZ)), 1.0)
        melody = (voiced_token_mean(contour, voicing, self.durations) - own.mean) / max(own.deviation, 1e-3)
        loudness = token_mean(energy[:, None], self.durations) - energy.mean()
        return np.concatenate([melody, loudness, np.log1p(self.durations)[:, None]], axis=1).astype(np.float32)


def partner(clips: Sequence[Clip], clip: Clip) -> Clip | None:
    """Return the clip that lends its latents to `clip` in the condition `another clip's latents`.

    It is the next clip of the same speaker with another text, or else the next clip of any speaker with another text; None if all
    clips have the same text.
    """
    place = clips.index(clip)
    others = [other for other in (*clips[place + 1 :], *clips[:place]) if other.text != clip.text]
    return next((other for other in others if other.speaker == clip.speaker), next(iter(others), None))


def with_latents_of(own: Source, other: Source) -> Source:
    """Return `own` with the mel spectrogram and speaker embedding of `other`, the mel stretched to the frames of `own`."""
    assert own.mel is not None and other.mel is not None
    return replace(own, mel=stretched(other.mel, len(own.mel)), speaker=other.speaker)


def stretched(mel: Floats, num_frames: int) -> Floats:
    """Return `mel` (T, bands) resampled in time to `num_frames` frames by linear interpolation."""
    places = np.linspace(0, len(mel) - 1, num_frames)
    before = np.floor(places).astype(np.int64)
    share = (places - before)[:, None]
    after = np.minimum(before + 1, len(mel) - 1)
    return np.asarray(mel[before] * (1 - share) + mel[after] * share, np.float32)


def prescribed(voice: Voice, speaker: str, analysed: Analysed, target: PitchRange) -> Sentence:
    """Return the sentence that controls the baseline (Klimkov et al. 2019): F0, energy and duration of every phone.

    Args:
        voice: the baseline, a voice with explicit durations, F0 and energy.
        speaker: name of the target speaker.
        analysed: the source recording.
        target: F0 range of the target, to which the F0 of the recording is mapped.

    Returns:
        The sentence of the recording. The mean energy of its utterance is the one that `voice` predicts for the same text and
        durations.
    """
    timed = analysed.source.sentence
    durations = analysed.durations
    with closing(voice.stream([timed], speaker, best_effort=True)) as chunks:
        spoken = next(chunks).sentence
    predicted = np.zeros(len(durations)) if spoken is None or spoken.energy is None else np.array(spoken.energy, np.float64)
    mean = float(np.average(predicted, weights=durations))
    melody, loudness = analysed.phone_features[:, 0], analysed.phone_features[:, 1]
    f0_hz = np.exp(target.mean + target.deviation * melody.astype(np.float64))
    return timed.model_copy(update={"f0_hz": tuple(f0_hz.tolist()), "energy": tuple((mean + loudness).tolist())})


def spoken_in(condition: Condition, voice: Voice, target: str, analysed: Analysed, other: Analysed | None = None) -> SystemOutput:
    """Speak the text of a recording in the voice of `target`, with the durations of the recording.

    Args:
        condition: `reconstruction`, `transfer`, `no reference` or `another clip's latents`; it decides the latents.
        voice: voice with prosody transfer.
        target: name of the target speaker.
        analysed: the source recording.
        other: recording that lends its latents; needed for `another clip's latents`.
    """
    source = analysed.source
    if condition == "no reference":
        source = replace(source, mel=None, speaker=None)
    elif condition == "another clip's latents":
        assert other is not None
        source = with_latents_of(source, other.source)
    return say(voice, [source], target)


def latents_of(voice: Voice, source: Source) -> Floats:
    """Return the posterior means of the latents of a recording, shape (L, C) for L latent steps.

    Raises:
        InputError: if the voice has no reference encoder.
    """
    durations = np.array(source.sentence.durations, np.float32)
    phones = np.array([voice.acoustic.symbols.index(token) for token in source.sentence.tokens], np.int64)
    scope = Request(phones, 0, None, 0, given_durations=durations, **source.ports(phones))
    for network in voice.acoustic.networks("encoder"):
        if network.spec.when == "source_mel":
            return np.concatenate([values[0] for values in network.run(scope).values()], axis=-1)
    message = f"addon '{voice.acoustic.name}' has no reference encoder"
    raise InputError(message, hint="choose a voice with prosody transfer")
