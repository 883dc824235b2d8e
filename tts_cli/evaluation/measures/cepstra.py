"""Mel-cepstral distortion, F0 error and voicing error of an utterance against a recording of the same text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.pitch import compare_pitch
from tts_cli.evaluation.measures.spectra import Spectra

NUM_CEPSTRA = 24
"""Cepstral coefficients compared: 1 to 24. Coefficient 0, the loudness, is left out."""

Integers = NDArray[np.int64]
FramePairs = tuple[Integers, Integers]
"""Frames of a recording and of an utterance that are compared with each other, shape (P,) each."""


@dataclass(frozen=True)
class RecordingErrors:
    """Errors of an utterance against a recording of the same text. Lower is better."""

    mel_cepstral_distortion: float
    """Mel-cepstral distortion (MCD) in dB, mean over frames of speech in the recording; NaN without any."""
    f0_rmse_semitones: float
    """Root mean square error of F0 in semitones, over frames voiced in both; NaN without any."""
    voicing_error: float
    """Voicing decision error: share of frames (0 to 1) that are voiced in one signal only."""


def compare_with_recording(recording: Spectra, made: Spectra, align: bool) -> RecordingErrors:
    """Compare an utterance with a recording of the same text.

    Args:
        recording: analysis of the recording.
        made: analysis of the utterance.
        align: False compares frame by frame and crops the longer signal, for copy-synthesis. True pairs the frames by dynamic
            time warping over the mel-cepstra, for speech from text, which has its own timing; all three errors are then means
            over the pairs of the path, as in ESPnet's evaluation scripts (Hayashi et al. 2021).

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    theirs, ours = path = paired_frames(recording, made, align)
    pitch = compare_pitch(recording.f0_hz[theirs], made.f0_hz[ours])
    return RecordingErrors(mel_cepstral_distortion(recording, made, path), pitch.rmse_semitones, pitch.voicing_error)


def mel_cepstral_distortion(recording: Spectra, made: Spectra, path: FramePairs) -> float:
    """Return the mel-cepstral distortion (MCD) in dB, mean over the frames of speech in the recording; NaN without any.

    The distortion is that of Kubichek 1993, 10 / ln 10 * sqrt(2 * sum of squared differences), of coefficients 1 to 24 (Toda,
    Black and Tokuda 2007). The cepstra are the cosine transform of the log-mel, scaled so that the distortion equals the root
    mean square difference in dB of the two smoothed log-mel envelopes. Pauses of the recording do not count, since they hold the
    noise of its room.

    Args:
        recording: analysis of the recording.
        made: analysis of the utterance.
        path: frames of the two that are compared with each other, from `paired_frames`.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    theirs, ours = path
    speech = recording.is_speech[theirs]
    if not speech.any():
        return float("nan")
    cepstra = [mel_cepstra(one.mel, NUM_CEPSTRA) for one in (recording, made)]
    squares = np.square(cepstra[0][theirs] - cepstra[1][ours]).sum(axis=1)
    return float((10 / np.log(10) * np.sqrt(2 * squares))[speech].mean())


def paired_frames(recording: Spectra, made: Spectra, align: bool) -> FramePairs:
    """Return the frames of a recording and of an utterance that are compared with each other.

    Args:
        recording: analysis of the recording.
        made: analysis of the utterance.
        align: True pairs them by dynamic time warping over mel-cepstra 1 to 24; False pairs frame t with frame t and crops the
            longer signal.

    Returns:
        Frame indices of the recording and of the utterance, shape (P,) each; empty if either has no frames.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    num_frames = min(len(recording.mel), len(made.mel))
    if not align or not num_frames:
        return np.arange(num_frames), np.arange(num_frames)
    return warping_path(mel_cepstra(recording.mel, NUM_CEPSTRA), mel_cepstra(made.mel, NUM_CEPSTRA))


def mel_cepstra(mel: Floats, count: int) -> NDArray[np.float64]:
    """Return the mel-cepstra of a log-mel spectrogram, scaled as those of a minimum-phase filter.

    Args:
        mel: natural-log mel spectrogram, shape (T, bands).
        count: number of coefficients, counted from 1: coefficient 0 is left out.

    Returns:
        Coefficients 1 to `count` of each frame, shape (T, count).

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    found = require("scipy.fft").dct(mel.astype(np.float64), norm="ortho", axis=1)[:, 1 : count + 1]
    return np.asarray(found * np.sqrt(2 / mel.shape[1]))


def warping_path(recording: NDArray[np.float64], made: NDArray[np.float64]) -> FramePairs:
    """Align two sequences of cepstra by dynamic time warping.

    Args:
        recording: cepstra of the recording, shape (T, N).
        made: cepstra of the utterance, shape (U, N).

    Returns:
        Frame indices of the recording and of the utterance along the path, shape (P,) each.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    _, path = require("librosa").sequence.dtw(recording.T, made.T)
    return np.asarray(path[::-1, 0], np.int64), np.asarray(path[::-1, 1], np.int64)
