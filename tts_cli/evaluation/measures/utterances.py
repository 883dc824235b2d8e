"""How one utterance is said, in six figures, and how near it comes phone by phone to a recording of the same phones.

Recordings and outputs go the same way: F0 is tracked on the audio, and what comes before the first phone or after the last is
left out. When phones are spoken is known of both from what voices learn from: of a recording from the alignment that training
takes its durations from, of an output from the durations it was spoken with. To align outputs would add an aligner's errors to
what is known without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.evaluation.measures.prosody import Contour, contour_of, correlation

Integers = NDArray[np.int64]

FINAL_S = 0.5
"""Before the last phone ends: where the final slope is taken. In trials with questions it told more than 0.25 or 0.7 s."""
FEWEST_VOICED = 5
"""Frames that a slope needs."""
OUTER_PERCENTILES = (5, 95)
"""Between which a range is taken: single frames may be off."""
_SEMITONES = float(12 / np.log(2))


@dataclass(frozen=True)
class UtteranceMeasures:
    """How an utterance is said. What is not defined, because too little is voiced, is NaN."""

    mean_f0: float
    """Natural log of Hertz over voiced frames."""
    f0_range: float
    """Semitones between the 5th and the 95th percentile over voiced frames."""
    rate: float
    """Phones per second of speech, pauses not counted."""
    energy_range: float
    """Between the 5th and the 95th percentile of the log energies of voiced frames: where unvoiced ones end and pauses begin,
    alignments differ by a quarter of its deviation."""
    pause_share: float
    """Of the time from the first phone to the last, what lies between words."""
    final_slope: float
    """Semitones per second over voiced frames of the last `FINAL_S`."""


@dataclass(frozen=True)
class Nearness:
    """How near an output comes to a recording of the same phones. Average prosody is favoured by all of it."""

    f0_correlation: float
    """Pearson correlation of log-F0 over frames voiced in both; NaN where it is not defined."""
    f0_rmse: float
    """Root mean square difference of log-F0 there, in deviations of the speaker; NaN without such frames."""
    energy_correlation: float
    """Pearson correlation of the log energies of phones' frames."""
    duration_correlation: float
    """Pearson correlation of the phones' durations."""
    duration_error_ms: float
    """Mean absolute difference of the phones' durations."""


def is_phone(token: str) -> bool:
    """Whether a token is a phone, rather than the start or a boundary between words."""
    return token[0].isalpha()


@dataclass(frozen=True, eq=False)
class UtteranceProsody:
    """An utterance as it is measured: its sound, and when each token is spoken."""

    contour: Contour
    durations: Integers
    """(N,) frames of each token."""
    is_phone: NDArray[np.bool_]
    """(N,) whether it is a phone: the others are the start and the boundaries between words."""
    frame_rate: float

    @classmethod
    def of(cls, audio: Floats, config: MelConfig, tokens: Sequence[str], durations: Sequence[int]) -> UtteranceProsody:
        """`audio` (samples,) at the mel's rate, in which each of `tokens` lasts as many frames as `durations` says."""
        phones = np.array([is_phone(token) for token in tokens])
        return cls(contour_of(audio, config), np.array(durations, np.int64), phones, config.frame_rate)

    def spans(self) -> Integers:
        """First frame and end of each token (N, 2)."""
        ends = np.minimum(np.cumsum(self.durations), len(self.contour.f0_hz))
        return np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)

    def measures(self) -> UtteranceMeasures:
        """How it is said. Raises ValueError without phones."""
        spoken = np.flatnonzero(self.is_phone)
        within = slice(spoken[0], spoken[-1] + 1)
        phone_frames = int(self.durations[self.is_phone].sum())
        in_phones = self._frames_of_phones()
        voiced = in_phones[self.contour.f0_hz[in_phones] > 0]
        melody = np.log(self.contour.f0_hz[voiced].astype(np.float64))
        return UtteranceMeasures(
            mean_f0=float(melody.mean()) if len(melody) else float("nan"),
            f0_range=_SEMITONES * _spread(melody),
            rate=len(spoken) * self.frame_rate / phone_frames,
            energy_range=_spread(self.contour.energy[voiced]),
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


def _spread(values: Floats | NDArray[np.float64]) -> float:
    if not len(values):
        return float("nan")
    low, high = np.percentile(values, OUTER_PERCENTILES)
    return float(high - low)


def compare(recording: UtteranceProsody, output: UtteranceProsody, log_f0_deviation: float) -> Nearness:
    """How near `output` comes to `recording`, each frame compared with the one at the same share of the same phone.

    `log_f0_deviation` is how far the speaker's log-F0 usually is from its mean. Raises ValueError for other tokens.
    """
    if not np.array_equal(recording.is_phone, output.is_phone):
        raise ValueError("a recording is compared with the same tokens only")
    theirs, ours = _paired_frames(recording, output)
    first, second = recording.contour.at(theirs), output.contour.at(ours)
    both = (first.f0_hz > 0) & (second.f0_hz > 0)
    melodies = [np.log(one.f0_hz[both].astype(np.float64)) for one in (first, second)]
    durations = [one.durations[one.is_phone].astype(np.float32) for one in (recording, output)]
    distance = float(np.sqrt(np.mean((melodies[0] - melodies[1]) ** 2))) if both.any() else float("nan")
    return Nearness(
        f0_correlation=correlation(*melodies),
        f0_rmse=distance / log_f0_deviation,
        energy_correlation=correlation(first.energy, second.energy),
        duration_correlation=correlation(*durations),
        duration_error_ms=1000 / output.frame_rate * float(np.abs(durations[0] - durations[1]).mean()),
    )


def _paired_frames(recording: UtteranceProsody, output: UtteranceProsody) -> tuple[Integers, Integers]:
    """Frames of the recording, and those of the output that say the same: every frame of a phone of the output, two of (F,)."""
    theirs, ours = [], []
    for (start, end), (first, last) in zip(recording.spans()[recording.is_phone], output.spans()[output.is_phone], strict=True):
        if end > start and last > first:
            share = (np.arange(last - first) + 0.5) / (last - first)
            theirs.append(start + (share * (end - start)).astype(np.int64))
            ours.append(np.arange(first, last))
    return np.concatenate(theirs), np.concatenate(ours)
