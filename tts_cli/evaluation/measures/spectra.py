"""Deviation and detail of mel spectrograms, voiced and unvoiced speech apart: an over-smoothed voice has less of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import track_f0

SPEECH_DB = 30.0
"""Frames more than this below the loudness of their clip are pauses: between room noise and unvoiced speech, levels are rarest
there in the recordings of the test speakers."""
MEL = MelConfig()
"""The definition that all audio is measured by, whatever its own rate."""

Frames = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Mel spectrogram of an utterance, and the class of each of its frames."""

    mel: Floats
    """(T, bands), natural log."""
    f0_hz: Floats
    """(T,), 0 where unvoiced."""
    is_speech: Frames
    """(T,)"""

    @classmethod
    def of(cls, audio: Floats, sample_rate: int) -> Spectra:
        """Analyse `audio` (samples,) at 16 kHz; the voicing is that of the signal itself.

        Raises:
            AudioError: where the F0 tracker is not installed.
        """
        heard = resample(audio, sample_rate, MEL.sample_rate)
        mel = log_mel(heard, MEL)
        return cls(mel, track_f0(heard, MEL), is_speech(mel))

    @property
    def voiced(self) -> Frames:
        """(T,) voiced frames of speech."""
        return self.is_speech & (self.f0_hz > 0)

    @property
    def unvoiced(self) -> Frames:
        """(T,) unvoiced frames of speech."""
        return np.asarray(self.is_speech & (self.f0_hz == 0))

    @property
    def inner_unvoiced(self) -> Frames:
        """(T,) unvoiced frames of speech without a voiced neighbour, whose pulses would reach into them."""
        voiced = np.pad(self.f0_hz > 0, 1)
        return self.unvoiced & ~voiced[:-2] & ~voiced[2:]


def is_speech(mel: Floats) -> Frames:
    """Tell frames of speech from pauses: mel (T, bands) -> (T,).

    The level of a frame is that of its mean mel magnitude, the loudness of the clip that of the mean square of these over
    frames; speech lies at most `SPEECH_DB` below it. Digital silence has no speech.
    """
    level = energy(mel)[:, 0].astype(np.float64)
    if not len(level) or level.max() <= MEL.silence + 1e-3:
        return np.zeros(len(level), np.bool_)
    loudness = 0.5 * np.log(np.exp(2 * level).mean())
    return np.asarray(level >= loudness - SPEECH_DB * np.log(10) / 20)


class Texture(NamedTuple):
    """Spread and detail of one class of frames, in nepers."""

    deviation: float
    """Standard deviation over frames of each band, mean over bands."""
    detail_bands: float
    """Mean absolute difference of neighbouring bands."""
    detail_frames: float
    """Mean absolute difference of neighbouring frames, both of the class."""


KINDS = ("voiced", "unvoiced")
"""Classes of frames of speech."""
TEXTURES = tuple(f"{name}_{kind}" for name in Texture._fields for kind in KINDS)
"""Keys of what `textures` gives."""


def textures(spectra: Spectra) -> dict[str, float]:
    """Return the texture of voiced and of unvoiced frames, by the keys of `TEXTURES`.

    Noise that is added in unvoiced frames does not count as detail of voiced ones. NaN stands for a class of fewer than two
    neighbouring frames.
    """
    kinds = {"voiced": texture(spectra.mel, spectra.voiced), "unvoiced": texture(spectra.mel, spectra.unvoiced)}
    return {f"{name}_{kind}": getattr(found, name) for kind, found in kinds.items() for name in Texture._fields}


def texture(mel: Floats, frames: Frames) -> Texture:
    """Measure the chosen `frames` (T,) of `mel` (T, bands); NaN without two neighbouring ones."""
    pairs = frames[1:] & frames[:-1]
    if not pairs.any():
        return Texture(float("nan"), float("nan"), float("nan"))
    chosen = mel[frames].astype(np.float64)
    return Texture(
        deviation=float(chosen.std(axis=0).mean()),
        detail_bands=float(np.abs(np.diff(chosen, axis=1)).mean()),
        detail_frames=float(np.abs(np.diff(mel.astype(np.float64), axis=0)[pairs]).mean()),
    )
