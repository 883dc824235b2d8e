"""Mel-cepstral distortion, F0 error and voicing error of an utterance against a recording of the same text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.signal import compare_pitch
from tts_cli.evaluation.measures.spectra import Spectra

NUM_CEPSTRA = 24
"""Compared coefficients; the zeroth, that of loudness, is left out."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RecordingErrors:
    """Distance of an utterance from the recording of its text."""

    mel_cepstral_distortion: float
    """In dB, over frames that are speech in the recording; NaN without any."""
    f0_rmse_semitones: float
    """Root mean square error over frames voiced in both; NaN without any."""
    voicing_error: float
    """Share of frames that are voiced in one only."""


def compare_with_recording(recording: Spectra, made: Spectra, align: bool) -> RecordingErrors:
    """Compare `made` with the `recording` of the same text.

    A copy is compared frame by frame, the longer cropped (`align` False). Speech from text has its own rhythm: its frames are
    paired with those of the recording by dynamic time warping over the mel-cepstra (`align` True), and all three errors are means
    over the pairs of the path, as in ESPnet's evaluation scripts (Hayashi et al. 2021).

    Distortion is that of Kubichek 1993, 10 / ln 10 * sqrt(2 * sum of squared differences), of coefficients 1 to 24 (Toda, Black
    and Tokuda 2007). The cepstra are the cosine transform of the log-mel, scaled so that the distortion equals the root mean
    square difference in dB of the two smoothed log-mel envelopes. Pauses of the recording, which hold its room, do not count.
    """
    cepstra = [mel_cepstra(one.mel, NUM_CEPSTRA) for one in (recording, made)]
    theirs, ours = warping_path(*cepstra) if align else _in_step(*cepstra)
    distances = np.sqrt(2 * np.square(cepstra[0][theirs] - cepstra[1][ours]).sum(axis=1)) * 10 / np.log(10)
    speech = recording.is_speech[theirs]
    pitch = compare_pitch(recording.f0_hz[theirs], made.f0_hz[ours])
    distortion = float(distances[speech].mean()) if speech.any() else float("nan")
    return RecordingErrors(distortion, pitch.rmse_semitones, pitch.voicing_error)


def mel_cepstra(mel: Floats, count: int) -> NDArray[np.float64]:
    """Return coefficients 1 to `count` of the log-mel (T, bands), as those of a minimum-phase filter: (T, count).

    Raises:
        InputError: where the evaluation extra is missing.
    """
    found = require("scipy.fft").dct(mel.astype(np.float64), norm="ortho", axis=1)[:, 1 : count + 1]
    return np.asarray(found * np.sqrt(2 / mel.shape[1]))


def warping_path(recording: NDArray[np.float64], made: NDArray[np.float64]) -> tuple[Integers, Integers]:
    """Pair the frames of two sequences of cepstra (T, N) and (U, N) by dynamic time warping: two indices of one length.

    Raises:
        InputError: where the evaluation extra is missing.
    """
    _, path = require("librosa").sequence.dtw(recording.T, made.T)
    return np.asarray(path[::-1, 0], np.int64), np.asarray(path[::-1, 1], np.int64)


def _in_step(recording: NDArray[np.float64], made: NDArray[np.float64]) -> tuple[Integers, Integers]:
    frames = np.arange(min(len(recording), len(made)))
    return frames, frames
