"""Comparison of the prosody of two utterances: F0 and energy contours frame by frame, and word timing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import track_f0
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.cepstra import mel_cepstra, warping_path
from tts_cli.evaluation.measures.pitch import compare_pitch, correlation

_NUM_CEPSTRA = 13
"""Cepstral coefficients used for alignment; higher ones describe the harmonics of the voice."""


@dataclass(frozen=True, eq=False)
class Contour:
    """F0 and energy of an utterance, one value per mel frame."""

    f0_hz: Floats
    """F0 in Hertz, shape (T,); 0 in unvoiced frames."""
    energy: Floats
    """Natural log of the mean mel magnitude, shape (T,)."""

    def at(self, frames: NDArray[np.int64]) -> Contour:
        """Return the contour at the frame indices `frames` (N,), with N frames."""
        return Contour(self.f0_hz[frames], self.energy[frames])

    def cropped(self, num_frames: int) -> Contour:
        """Return the first `num_frames` frames of the contour, or all if it is shorter."""
        return Contour(self.f0_hz[:num_frames], self.energy[:num_frames])


def contour_of(audio: Floats, config: MelConfig) -> Contour:
    """Return F0 and energy of `audio` (samples,), which has the sample rate of `config`.

    Raises:
        AudioError: if the F0 tracker is not installed.
    """
    return Contour(track_f0(audio, config), energy(log_mel(audio, config))[:, 0])


@dataclass(frozen=True)
class ProsodyScores:
    """Scores of an output's contour against its source, after the F0 of the source is mapped to the range of the output."""

    f0_correlation: float
    """Pearson correlation of log-F0 over frames voiced in both; NaN below two frames or without variation."""
    f0_rmse_semitones: float
    """Root mean square error of F0 in semitones over frames voiced in both; NaN without any."""
    gross_pitch_error: float
    """Gross pitch error (GPE), 0 to 1: share of the frames voiced in both with an F0 error above 20 % (Nakatani et al. 2008)."""
    voicing_error: float
    """Voicing decision error (VDE), 0 to 1: share of all frames that are voiced in one utterance only."""
    f0_frame_error: float
    """F0 frame error (FFE), 0 to 1: share of all frames with a gross pitch or voicing error (Chu and Alwan 2009)."""
    energy_correlation: float
    """Pearson correlation of the log energies of all frames."""


def compare_prosody(source: Contour, output: Contour) -> ProsodyScores:
    """Compare two contours frame by frame; the longer is cropped.

    The F0 of `source` is first mapped to the mean and deviation of `output`, so the speakers' F0 ranges do not matter.
    """
    num_frames = min(len(source.f0_hz), len(output.f0_hz))
    source, output = source.cropped(num_frames), output.cropped(num_frames)
    scores = compare_pitch(map_f0(source.f0_hz, output.f0_hz), output.f0_hz)
    return ProsodyScores(
        f0_correlation=scores.correlation,
        f0_rmse_semitones=scores.rmse_semitones,
        gross_pitch_error=scores.gross_pitch_error,
        voicing_error=scores.voicing_error,
        f0_frame_error=scores.f0_frame_error,
        energy_correlation=correlation(source.energy, output.energy),
    )


def map_f0(f0_hz: Floats, onto_hz: Floats) -> Floats:
    """Map an F0 contour to the mean and standard deviation of another, in the log domain.

    Mean and deviation are taken over frames voiced in both. A contour without variation takes only the mean.

    Args:
        f0_hz: F0 to map in Hertz, shape (T,), 0 in unvoiced frames.
        onto_hz: F0 that gives mean and deviation, shape (T,), 0 in unvoiced frames.

    Returns:
        The mapped F0 in Hertz, shape (T,); `f0_hz` itself if no frame is voiced in both.
    """
    both = (f0_hz > 0) & (onto_hz > 0)
    if not both.any():
        return f0_hz
    mine, theirs = np.log(f0_hz[both].astype(np.float64)), np.log(onto_hz[both].astype(np.float64))
    factor = theirs.std() / mine.std() if mine.std() > 1e-6 else 1.0
    voiced = f0_hz > 0
    mapped = np.zeros(len(f0_hz))
    mapped[voiced] = np.exp((np.log(f0_hz[voiced].astype(np.float64)) - mine.mean()) * factor + theirs.mean())
    return mapped.astype(np.float32)


def warping(of: Floats, onto: Floats) -> NDArray[np.int64]:
    """Align two mel spectrograms of the same text by dynamic time warping.

    The alignment compares 13 cepstra, without the one of loudness. Each is normalised to mean 0 and deviation 1 over its
    utterance, which reduces differences between speakers. If several frames match one, the middle one is taken.

    Args:
        of: mel spectrogram to align, shape (T, bands).
        onto: mel spectrogram that gives the timing, shape (U, bands).

    Returns:
        Index into `of` for every frame of `onto`, shape (U,), never decreasing.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    matches: list[list[int]] = [[] for _ in range(len(onto))]
    for mine, theirs in zip(*warping_path(_cepstra(of), _cepstra(onto)), strict=True):
        matches[theirs].append(int(mine))
    return np.array([found[len(found) // 2] for found in matches], np.int64)


def _cepstra(mel: Floats) -> NDArray[np.float64]:
    found = mel_cepstra(mel, _NUM_CEPSTRA)
    return np.asarray((found - found.mean(axis=0)) / np.maximum(found.std(axis=0), 1e-6))


class TimedWord(NamedTuple):
    """Word with the times in seconds at which it begins and ends."""

    text: str
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Duration of the word in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class TimingScores:
    """Differences in word timing between two utterances, over the words found in both."""

    num_words: int
    """Number of words found in both."""
    start_difference_ms: float
    """Mean absolute difference of word starts in the two utterances, in milliseconds; NaN without common words."""
    duration_difference_ms: float
    """Mean absolute difference of word durations in the two utterances, in milliseconds; NaN without common words."""
    duration_correlation: float
    """Pearson correlation of word durations; NaN below two words or without variation."""


def compare_timing(source: Sequence[TimedWord], output: Sequence[TimedWord]) -> TimingScores:
    """Compare the word timing of two utterances of the same text.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    pairs = _common(source, output)
    if not pairs:
        return TimingScores(0, float("nan"), float("nan"), float("nan"))
    starts = np.array([(a.start_s, b.start_s) for a, b in pairs])
    durations = np.array([(a.duration_s, b.duration_s) for a, b in pairs])
    return TimingScores(
        num_words=len(pairs),
        start_difference_ms=1000 * float(np.abs(np.diff(starts)).mean()),
        duration_difference_ms=1000 * float(np.abs(np.diff(durations)).mean()),
        duration_correlation=correlation(durations[:, 0], durations[:, 1]),
    )


def _common(source: Sequence[TimedWord], output: Sequence[TimedWord]) -> list[tuple[TimedWord, TimedWord]]:
    """Return the pairs of equal words, found by Levenshtein alignment of the two word sequences."""
    if not source or not output:
        return []
    spelled = [[_spelled(word.text) for word in words] for words in (source, output)]
    aligned = require("jiwer").process_words(" ".join(spelled[0]), " ".join(spelled[1])).alignments[0]
    return [
        (source[chunk.ref_start_idx + place], output[chunk.hyp_start_idx + place])
        for chunk in aligned
        if chunk.type == "equal"
        for place in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def _spelled(word: str) -> str:
    """Return the letters and digits of a word in lower case; `-` for a word without any, to keep the word count."""
    return "".join(filter(str.isalnum, word.lower())) or "-"
