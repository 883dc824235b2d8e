"""Utterance-level prosody statistics (six measures), and phone-by-phone comparison with a recording of the same phones.

Recordings and outputs are measured alike: F0 is tracked on the audio, and audio before the first and after the last phone is left
out. Phone times of a recording come from the forced alignment that training uses; those of an output are the durations it was
spoken with, since aligning the output would add errors of the aligner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.evaluation.measures.pitch import correlation
from tts_cli.evaluation.measures.prosody import Contour, contour_of

Integers = NDArray[np.int64]

FINAL_S = 0.5
"""Seconds before the end of the last phone over which the final slope is fitted. In trials it separated questions from
statements better than 0.25 s or 0.7 s."""
FEWEST_VOICED = 5
"""Voiced frames that a final slope needs."""
OUTER_PERCENTILES = (5, 95)
"""Percentiles between which a range is measured; extremes would depend on errors in single frames."""
_SEMITONES = float(12 / np.log(2))


@dataclass(frozen=True)
class UtteranceMeasures:
    """Utterance-level prosody statistics. NaN stands for a statistic with too few voiced frames."""

    mean_f0: float
    """Mean over voiced frames of the natural log of F0 in Hertz."""
    f0_range: float
    """Range of F0 in semitones between its 5th and 95th percentile over voiced frames."""
    rate: float
    """Speaking rate in phones per second, without pauses."""
    energy_range: float
    """Range of the log energy in nepers between its 5th and 95th percentile over voiced frames. Unvoiced frames are left out:
    alignments disagree about their border to pauses, by a quarter of the deviation of this measure."""
    pause_share: float
    """Share (0 to 1) of the time from the first to the last phone that lies between words."""
    final_slope: float
    """Slope of F0 in semitones per second over the voiced frames of the last `FINAL_S` seconds."""


@dataclass(frozen=True)
class Nearness:
    """Similarity of an output to a recording of the same phones. All of its measures favour average prosody."""

    f0_correlation: float
    """Pearson correlation of log-F0 over frames voiced in both; NaN below two frames or without variation."""
    f0_rmse: float
    """Root mean square difference of log-F0 over frames voiced in both, in deviations of the speaker; NaN without any."""
    energy_correlation: float
    """Pearson correlation of log energy over the frames of phones."""
    duration_correlation: float
    """Pearson correlation of phone durations."""
    duration_error_ms: float
    """Mean absolute difference of phone durations, in milliseconds."""


def is_phone(token: str) -> bool:
    """Return True if a token is a phone, False if it is the start token or a word boundary."""
    return token[0].isalpha()


@dataclass(frozen=True, eq=False)
class UtteranceProsody:
    """F0, energy and token durations of an utterance of N tokens."""

    contour: Contour
    durations: Integers
    """Duration of each token in frames, shape (N,)."""
    is_phone: NDArray[np.bool_]
    """Mask of the tokens that are phones, shape (N,); the others are the start and word boundaries."""
    frame_rate: float
    """Frames per second."""

    @classmethod
    def of(cls, audio: Floats, config: MelConfig, tokens: Sequence[str], durations: Sequence[int]) -> UtteranceProsody:
        """Analyse the audio of an utterance with known durations.

        Args:
            audio: samples (samples,) at the sample rate of `config`.
            config: definition of the mel spectrogram and its frames.
            tokens: phones and word boundaries (N,).
            durations: duration of each token in frames (N,).

        Raises:
            AudioError: if the F0 tracker is not installed.
        """
        phones = np.array([is_phone(token) for token in tokens])
        return cls(contour_of(audio, config), np.array(durations, np.int64), phones, config.frame_rate)

    def spans(self) -> Integers:
        """Return first frame and end (exclusive) of each token, shape (N, 2)."""
        ends = np.minimum(np.cumsum(self.durations), len(self.contour.f0_hz))
        return np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)

    def measures(self) -> UtteranceMeasures:
        """Return the prosody statistics of the utterance, which holds at least one phone."""
        spoken = np.flatnonzero(self.is_phone)
        within = slice(spoken[0], spoken[-1] + 1)
        phone_frames = int(self.durations[self.is_phone].sum())
        in_phones = self._frames_of_phones()
        voiced = in_phones[self.contour.f0_hz[in_phones] > 0]
        melody = np.log(self.contour.f0_hz[voiced].astype(np.float64))
        return UtteranceMeasures(
            mean_f0=float(melody.mean()) if len(melody) else float("nan"),
            f0_range=_SEMITONES * spread(melody),
            rate=len(spoken) * self.frame_rate / phone_frames,
            energy_range=spread(self.contour.energy[voiced]),
            pause_share=1 - phone_frames / int(self.durations[within].sum()),
            final_slope=self._final_slope(int(self.spans()[spoken[-1], 1])),
        )

    def _frames_of_phones(self) -> Integers:
        return np.concatenate([np.arange(start, end) for start, end in self.spans()[self.is_phone]])

    def _final_slope(self, end: int) -> float:
        first = max(0, end - round(FINAL_S * self.frame_rate))
        voiced = first + np.flatnonzero(self.contour.f0_hz[first:end] > 0)
        if len(voiced) < FEWEST_VOICED:
            return float("nan")
        semitones = _SEMITONES * np.log(self.contour.f0_hz[voiced].astype(np.float64))
        return float(np.polyfit(voiced / self.frame_rate, semitones, 1)[0])


def spread(values: Floats | NDArray[np.float64]) -> float:
    """Return the distance between the percentiles `OUTER_PERCENTILES` of `values`; NaN without any."""
    if not len(values):
        return float("nan")
    low, high = np.percentile(values, OUTER_PERCENTILES)
    return float(high - low)


def compare(recording: UtteranceProsody, output: UtteranceProsody, log_f0_deviation: float) -> Nearness:
    """Compare an output with a recording of the same phones.

    Each output frame is compared with the recording's frame at the same relative position in the same phone.

    Args:
        recording: the recording.
        output: the synthesised utterance of the same tokens.
        log_f0_deviation: standard deviation of the speaker's log-F0.

    Raises:
        ValueError: if the tokens differ.
    """
    durations = compare_durations(recording, output)
    theirs, ours = _paired_frames(recording, output)
    first, second = recording.contour.at(theirs), output.contour.at(ours)
    both = (first.f0_hz > 0) & (second.f0_hz > 0)
    melodies = [np.log(one.f0_hz[both].astype(np.float64)) for one in (first, second)]
    distance = float(np.sqrt(np.mean((melodies[0] - melodies[1]) ** 2))) if both.any() else float("nan")
    return Nearness(
        f0_correlation=correlation(*melodies),
        f0_rmse=distance / log_f0_deviation,
        energy_correlation=correlation(first.energy, second.energy),
        duration_correlation=durations.correlation,
        duration_error_ms=durations.error_ms,
    )


@dataclass(frozen=True)
class DurationScores:
    """Differences of the phone durations of two utterances of the same phones."""

    correlation: float
    """Pearson correlation of phone durations; NaN below two phones or without variation."""
    error_ms: float
    """Mean absolute difference of phone durations, in milliseconds."""


def compare_durations(recording: UtteranceProsody, output: UtteranceProsody) -> DurationScores:
    """Compare the phone durations of two utterances of the same phones, at least one, and of one frame rate.

    Raises:
        ValueError: if the tokens differ.
    """
    if not np.array_equal(recording.is_phone, output.is_phone):
        raise ValueError("the recording and the output have different tokens: compare utterances of the same phones")
    theirs, ours = (one.durations[one.is_phone].astype(np.float32) for one in (recording, output))
    return DurationScores(correlation(theirs, ours), 1000 / output.frame_rate * float(np.abs(theirs - ours).mean()))


def _paired_frames(recording: UtteranceProsody, output: UtteranceProsody) -> tuple[Integers, Integers]:
    """Return frame indices of the recording and of the output, shape (F,) each: F is the number of output frames in phones."""
    theirs, ours = [], []
    for (start, end), (first, last) in zip(recording.spans()[recording.is_phone], output.spans()[output.is_phone], strict=True):
        if end > start and last > first:
            share = (np.arange(last - first) + 0.5) / (last - first)
            theirs.append(start + (share * (end - start)).astype(np.int64))
            ours.append(np.arange(first, last))
    return np.concatenate(theirs), np.concatenate(ours)
