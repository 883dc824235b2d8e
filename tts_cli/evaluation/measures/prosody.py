"""How near one utterance's prosody comes to another's: contours of F0 and energy, frame by frame, and the timing of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import track_f0
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.cepstra import mel_cepstra
from tts_cli.evaluation.measures.signal import compare_pitch

GROSS_ERROR = 0.2
"""An F0 that is further off than this share of its reference is grossly wrong."""
_NUM_CEPSTRA = 13
"""What alignment compares of the mel; the higher ones are of the voice's harmonics."""


@dataclass(frozen=True, eq=False)
class Contour:
    """An utterance's melody and loudness on the mel's frame grid."""

    f0_hz: Floats
    """(T,), 0 where unvoiced."""
    energy: Floats
    """(T,) natural log of the mean mel magnitude."""

    def at(self, frames: NDArray[np.int64]) -> Contour:
        """What it has in `frames` (N,): another contour of N frames."""
        return Contour(self.f0_hz[frames], self.energy[frames])

    def cropped(self, num_frames: int) -> Contour:
        """Its first `num_frames`, or all it has."""
        return Contour(self.f0_hz[:num_frames], self.energy[:num_frames])


def contour_of(audio: Floats, config: MelConfig) -> Contour:
    """The contour of `audio` (samples,) at the mel's rate. Raises AudioError where the F0 tracker is not installed."""
    return Contour(track_f0(audio, config), energy(log_mel(audio, config))[:, 0])


@dataclass(frozen=True)
class ProsodyScores:
    """How near the contour of an output comes to that of its source, whose F0 was mapped to the output's range."""

    f0_correlation: float
    """Pearson correlation of log-F0 over frames voiced in both; NaN where it is not defined."""
    f0_rmse_semitones: float
    """Root mean square error over frames voiced in both; NaN without any."""
    gross_pitch_error: float
    """Share of the frames voiced in both whose F0 is off by more than `GROSS_ERROR` (Nakatani et al. 2008)."""
    voicing_error: float
    """Share of all frames that are voiced in one and unvoiced in the other."""
    f0_frame_error: float
    """Share of all frames with a gross pitch error or a voicing error (Chu and Alwan 2009)."""
    energy_correlation: float
    """Pearson correlation of the log energies of all frames."""


def compare_prosody(source: Contour, output: Contour) -> ProsodyScores:
    """Compares `output` with `source` frame by frame; the longer is cropped. Who speaks lower or livelier does not matter."""
    num_frames = min(len(source.f0_hz), len(output.f0_hz))
    source, output = source.cropped(num_frames), output.cropped(num_frames)
    mapped_hz = map_f0(source.f0_hz, output.f0_hz)
    both = (mapped_hz > 0) & (output.f0_hz > 0)
    gross = both & (np.abs(output.f0_hz - mapped_hz) > GROSS_ERROR * mapped_hz)
    scores = compare_pitch(mapped_hz, output.f0_hz)
    return ProsodyScores(
        f0_correlation=correlation(np.log(mapped_hz[both]), np.log(output.f0_hz[both])),
        f0_rmse_semitones=scores.rmse_semitones,
        gross_pitch_error=float(gross.sum() / both.sum()) if both.any() else float("nan"),
        voicing_error=scores.voicing_error,
        f0_frame_error=scores.voicing_error + float(gross.mean()),
        energy_correlation=correlation(source.energy, output.energy),
    )


def map_f0(f0_hz: Floats, onto_hz: Floats) -> Floats:
    """`f0_hz` (T,) with the mean and deviation that the logarithm of `onto_hz` (T,) has, both over frames voiced in both.

    A monotonous contour has no deviation to map and only takes the mean. Without a frame voiced in both it stays as it is.
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


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's; NaN below two values and where either does not vary."""
    if len(first) < 2 or min(np.ptp(first), np.ptp(second)) < 1e-6:
        return float("nan")
    return float(np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1])


def warping(of: Floats, onto: Floats) -> NDArray[np.int64]:
    """For every frame of the mel `onto` (U, bands) the frame of the mel `of` (T, bands) that says the same: (U,), never falling.

    Dynamic time warping of 13 cepstra without the one of loudness, each of mean 0 and deviation 1 over its utterance, so that who
    speaks weighs little; of several frames that match one, the middle one. Raises InputError where the extra is missing.
    """
    _, path = require("librosa").sequence.dtw(_cepstra(of).T, _cepstra(onto).T)
    matches: list[list[int]] = [[] for _ in range(len(onto))]
    for mine, theirs in path[::-1]:
        matches[theirs].append(int(mine))
    return np.array([found[len(found) // 2] for found in matches], np.int64)


def _cepstra(mel: Floats) -> NDArray[np.float64]:
    found = mel_cepstra(mel, _NUM_CEPSTRA)
    return np.asarray((found - found.mean(axis=0)) / np.maximum(found.std(axis=0), 1e-6))


class TimedWord(NamedTuple):
    """A word and when it is spoken."""

    text: str
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class TimingScores:
    """How near the timing of words comes to another's, over the words found in both."""

    num_words: int
    start_difference_ms: float
    """Mean absolute difference of the words' starts; NaN without a word in common, as the next one."""
    duration_difference_ms: float
    """Mean absolute difference of the words' durations."""
    duration_correlation: float
    """Pearson correlation of the words' durations; NaN where it is not defined."""


def compare_timing(source: Sequence[TimedWord], output: Sequence[TimedWord]) -> TimingScores:
    """Compares when the words of two utterances are spoken. Raises InputError where the evaluation extra is missing."""
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
    """The words that both have, by the Levenshtein alignment of their sequences."""
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
    """Letters and digits alone; never nothing, so that places stay as they are."""
    return "".join(filter(str.isalnum, word.lower())) or "-"
