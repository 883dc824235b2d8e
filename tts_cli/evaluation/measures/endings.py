"""End of an utterance: height and slope of its last F0, and features by which a classifier tells questions from statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.measures.comparison import UtteranceAnalysis
from tts_cli.evaluation.measures.spectra import MEL
from tts_cli.evaluation.measures.utterances import FEWEST_VOICED, FINAL_S, UtteranceProsody

LAST_S = 0.3
"""Seconds before the last voiced frame over which the slope of the end is fitted."""
RISE = 1.0
"""Slope in semitones per second above which an end rises, and by which a question must be steeper than its statement."""
NUM_PARTS = 5
"""Number of equal parts of the last `utterances.FINAL_S` seconds, in each of which F0 and energy are averaged."""
_LAST_PHONES = 3
_SEMITONES = float(12 / np.log(2))


@dataclass(frozen=True)
class Ending:
    """Last F0 of an utterance. NaN stands for an end with too few voiced frames."""

    height: float
    """Mean of the last five voiced frames in semitones above the utterance's median."""
    slope: float
    """Slope in semitones per second over the voiced frames of the last `LAST_S` seconds of voiced speech."""

    @property
    def rises(self) -> bool:
        """True if the slope is above `RISE`."""
        return self.slope > RISE

    def is_asked(self, statement: Ending) -> bool:
        """Return True if this end is higher than that of `statement`, the same words stated, and steeper by over `RISE`."""
        return self.height > statement.height and self.slope > statement.slope + RISE


def ending_of(f0_hz: Floats, voiced: NDArray[np.bool_], frame_rate: float) -> Ending:
    """Measure the end of an utterance.

    Args:
        f0_hz: F0 in Hertz, shape (T,).
        voiced: mask of the voiced frames that count, shape (T,).
        frame_rate: frames per second.
    """
    frames = np.flatnonzero(voiced)
    last = frames[frames >= frames[-1] - round(LAST_S * frame_rate)] if len(frames) else frames
    if len(last) < FEWEST_VOICED:
        return Ending(float("nan"), float("nan"))
    semitones = _SEMITONES * np.log(f0_hz[frames].astype(np.float64))
    slope = np.polyfit(last / frame_rate, semitones[-len(last) :], 1)[0]
    return Ending(float(semitones[-FEWEST_VOICED:].mean() - np.median(semitones)), float(slope))


@dataclass(frozen=True)
class FinalShape:
    """F0, energy and durations of the last `utterances.FINAL_S` seconds before the end of the last phone."""

    f0: tuple[float, ...]
    """F0 of each part in semitones above the utterance's median, interpolated through unvoiced frames."""
    energy: tuple[float, ...]
    """Log energy of each part in nepers, relative to the mean from the first to the last phone."""
    durations: tuple[float, ...]
    """Natural log of the duration of the last phone, and mean of the last three, relative to the mean over all phones."""

    def features(self, deviation: float) -> tuple[float, ...]:
        """Return the features of a classifier; F0 is divided by `deviation`, that of the speaker's F0 in semitones."""
        return (*(value / deviation for value in self.f0), *self.energy, *self.durations)


def final_shape(aligned: UtteranceProsody) -> FinalShape | None:
    """Return the shape of the end of an utterance; None with too few voiced frames."""
    spans = aligned.spans()[aligned.is_phone]
    begin, end = int(spans[0, 0]), int(spans[-1, 1])
    f0_hz, energy = aligned.contour.f0_hz[:end], aligned.contour.energy[:end].astype(np.float64)
    frames = begin + np.flatnonzero(f0_hz[begin:] > 0)
    if len(frames) < FEWEST_VOICED:
        return None
    semitones = _SEMITONES * np.log(f0_hz[frames].astype(np.float64))
    wanted = np.arange(end - round(FINAL_S * aligned.frame_rate), end)
    melody = np.interp(wanted, frames, semitones) - np.median(semitones)
    loudness = energy[np.maximum(wanted, begin)] - energy[begin:].mean()
    lengths = np.log(np.maximum(aligned.durations[aligned.is_phone], 1))
    durations = (float(lengths[-1] - lengths.mean()), float(lengths[-_LAST_PHONES:].mean() - lengths.mean()))
    return FinalShape(_parts(melody), _parts(loudness), durations)


def _parts(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(part.mean()) for part in np.array_split(values, NUM_PARTS))


@dataclass(frozen=True)
class SpokenProsody:
    """Prosody of one utterance. Without forced alignment, only its end is known."""

    ending: Ending
    shape: FinalShape | None = None
    f0_range: float = float("nan")
    """Range of F0 in semitones; see `utterances.UtteranceMeasures`."""
    final_slope: float = float("nan")
    """Slope of the last half second in semitones per second; see `utterances.UtteranceMeasures`."""
    phones_ms: tuple[float, ...] = ()
    """Duration of each phone in milliseconds; empty without alignment."""
    silences_ms: tuple[float, ...] = ()
    """Silence at each boundary between words in milliseconds."""

    @classmethod
    def of(cls, analysis: UtteranceAnalysis) -> SpokenProsody:
        """Measure an analysed utterance."""
        ending = ending_of(analysis.spectra.f0_hz, analysis.spectra.voiced, MEL.frame_rate)
        aligned = analysis.aligned
        if aligned is None:
            return cls(ending)
        measures = aligned.measures()
        phones = np.flatnonzero(aligned.is_phone)
        between = ~aligned.is_phone
        between[: phones[0]] = between[phones[-1] :] = False
        return cls(
            ending,
            final_shape(aligned),
            measures.f0_range,
            measures.final_slope,
            _milliseconds(aligned, aligned.is_phone),
            _milliseconds(aligned, between),
        )

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> SpokenProsody:
        """Return the prosody that `dataclasses.asdict` made `values` of; lists stand for tuples, as in JSON."""
        shape = values["shape"]
        return cls(
            Ending(**values["ending"]),
            FinalShape(**{name: tuple(part) for name, part in shape.items()}) if shape else None,
            values["f0_range"],
            values["final_slope"],
            tuple(values["phones_ms"]),
            tuple(values["silences_ms"]),
        )


def _milliseconds(aligned: UtteranceProsody, mask: NDArray[np.bool_]) -> tuple[float, ...]:
    return tuple(float(value) for value in aligned.durations[mask] * (1000 / aligned.frame_rate))
