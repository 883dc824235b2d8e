"""Deviation and detail of mel spectrograms in voiced and unvoiced frames; both are low in over-smoothed speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import track_f0

SPEECH_DB = 30.0
"""Level in dB below the loudness of a clip at which frames become pauses. Levels around it are rarest in the recordings of the
test speakers, between unvoiced speech and room noise."""
MEL = MelConfig()
"""Mel spectrogram that all audio is analysed with, after resampling to 16 kHz."""

Frames = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Mel spectrogram of an utterance at 16 kHz, with F0 and a speech mask of its T frames."""

    mel: Floats
    """Natural-log mel spectrogram, shape (T, bands)."""
    f0_hz: Floats
    """F0 in Hertz, shape (T,); 0 in unvoiced frames."""
    is_speech: Frames
    """Mask of the frames of speech, shape (T,); the others are pauses."""

    @classmethod
    def of(cls, audio: Floats, sample_rate: int) -> Spectra:
        """Analyse `audio` (samples,), resampled from `sample_rate` to 16 kHz. F0 and voicing are tracked on the audio.

        Empty audio has no frames.

        Raises:
            AudioError: if the F0 tracker is not installed.
        """
        heard = resample(audio, sample_rate, MEL.sample_rate) if len(audio) else audio
        mel = log_mel(heard, MEL)
        return cls(mel, track_f0(heard, MEL) if len(heard) else np.zeros(0, np.float32), is_speech(mel))

    @property
    def voiced(self) -> Frames:
        """Mask of the voiced frames of speech, shape (T,)."""
        return self.is_speech & (self.f0_hz > 0)

    @property
    def unvoiced(self) -> Frames:
        """Mask of the unvoiced frames of speech, shape (T,)."""
        return np.asarray(self.is_speech & (self.f0_hz == 0))

    @property
    def inner_unvoiced(self) -> Frames:
        """Mask of the unvoiced frames of speech without a voiced neighbour (its pulses would leak in), shape (T,)."""
        voiced = np.pad(self.f0_hz > 0, 1)
        return self.unvoiced & ~voiced[:-2] & ~voiced[2:]


def is_speech(mel: Floats) -> Frames:
    """Return the mask of speech frames of a natural-log mel spectrogram (T, bands), shape (T,).

    The level of a frame is that of its mean mel magnitude; the loudness of the clip is the root mean square of these magnitudes
    over frames. A frame is speech if its level is at most `SPEECH_DB` below the loudness. Digital silence has no speech.
    """
    level = energy(mel)[:, 0].astype(np.float64)
    if not len(level) or level.max() <= MEL.silence + 1e-3:
        return np.zeros(len(level), np.bool_)
    loudness = 0.5 * np.log(np.exp(2 * level).mean())
    return np.asarray(level >= loudness - SPEECH_DB * np.log(10) / 20)


class Texture(NamedTuple):
    """Deviation and detail of one class of frames, in nepers (natural-log units)."""

    deviation: float
    """Standard deviation over frames of each mel band, mean over bands."""
    detail_bands: float
    """Mean absolute difference of neighbouring mel bands."""
    detail_frames: float
    """Mean absolute difference of neighbouring frames that are both of the class."""


KINDS = ("voiced", "unvoiced")
"""Classes of frames of speech."""
TEXTURES = tuple(f"{name}_{kind}" for name in Texture._fields for kind in KINDS)
"""Keys of the result of `textures`, such as `deviation_voiced`."""


def textures(spectra: Spectra) -> dict[str, float]:
    """Return deviation and detail of voiced and of unvoiced frames, by the keys of `TEXTURES`.

    The classes are measured apart, so noise added in unvoiced frames does not count as detail of voiced ones. NaN stands for a
    class without two neighbouring frames.
    """
    kinds = {"voiced": texture(spectra.mel, spectra.voiced), "unvoiced": texture(spectra.mel, spectra.unvoiced)}
    return {f"{name}_{kind}": getattr(found, name) for kind, found in kinds.items() for name in Texture._fields}


def texture(mel: Floats, frames: Frames) -> Texture:
    """Return deviation and detail of the masked `frames` (T,) of `mel` (T, bands); NaN without two neighbouring frames."""
    pairs = frames[1:] & frames[:-1]
    if not pairs.any():
        return Texture(float("nan"), float("nan"), float("nan"))
    chosen = mel[frames].astype(np.float64)
    return Texture(
        deviation=float(chosen.std(axis=0).mean()),
        detail_bands=float(np.abs(np.diff(chosen, axis=1)).mean()),
        detail_frames=float(np.abs(np.diff(mel.astype(np.float64), axis=0)[pairs]).mean()),
    )
