"""Whether a voice varies as a speaker does: distances between distributions of how utterances are said, and how far they vary.

Figures of utterances are rows of standard scores, one column for each of `MEASURES`: less the mean and over the deviation that
the speaker's training recordings have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import InputError
from tts_cli.evaluation.report import Estimate
from tts_cli.evaluation.utterances import UtteranceMeasures

Scores = NDArray[np.float64]
"""(utterances, measures)"""
Integers = NDArray[np.int64]

MEASURES = tuple(field.name for field in fields(UtteranceMeasures))
_RESAMPLES = 1999
_SEED = 0


def table_of(measured: Sequence[Mapping[str, float]]) -> Scores:
    """The figures of utterances, by measure, as rows."""
    return np.array([[float(one[name]) for name in MEASURES] for one in measured]).reshape(-1, len(MEASURES))


class Scale:
    """How a speaker's utterances are usually said."""

    def __init__(self, training: Scores) -> None:
        """By figures of the speaker's training recordings. Raises InputError where they do not vary."""
        self.mean, self.deviation = np.nanmean(training, axis=0), np.nanstd(training, axis=0)
        if len(training) < 2 or not np.all(self.deviation > 0):
            raise InputError("too few training recordings to tell how a speaker's utterances vary")

    def standardised(self, figures: Scores) -> Scores:
        """The standard scores of `figures`."""
        return np.asarray((figures - self.mean) / self.deviation)


def distances(first: Scores, second: Scores) -> Scores:
    """1-Wasserstein distance of each measure's two distributions, of equally many utterances: (measures,).

    It is what `scipy.stats.wasserstein_distance` gives, which takes one measure at a time. Figures are all defined.
    """
    return np.asarray(np.abs(np.sort(first, axis=0) - np.sort(second, axis=0)).mean(axis=0))


def distance(first: Scores, second: Scores) -> float:
    """The mean of `distances`."""
    return float(distances(first, second).mean())


def distance_estimate(recorded: Scores, output: Scores) -> Estimate:
    """`distance` of the output of utterances to their recordings, row by row the same, with its interval over utterances."""
    return resampled(lambda rows: distance(recorded[rows], output[rows]), len(recorded))


def measure_estimates(recorded: Scores, output: Scores) -> dict[str, Estimate]:
    """The same for each measure by itself."""
    return {
        name: distance_estimate(recorded[:, place : place + 1], output[:, place : place + 1])
        for place, name in enumerate(MEASURES)
    }


def gap_closed(recorded: Scores, centroid: Scores, output: Scores) -> Estimate:
    """Share of the distance of `centroid` to the recordings that `output` closes: 1 - d(output) / d(centroid).

    A resample draws an utterance with its recording and both outputs of it.
    """
    return resampled(
        lambda rows: 1 - distance(recorded[rows], output[rows]) / distance(recorded[rows], centroid[rows]), len(recorded)
    )


def variety(passages: Sequence[Scores]) -> Scores:
    """Deviation of each measure from sentence to sentence within `passages`: (measures,). NaN figures are left out."""
    squares = np.concatenate([(passage - _known_mean(passage)) ** 2 for passage in passages])
    degrees = np.isfinite(squares).sum(axis=0) - len(passages)
    return np.asarray(np.sqrt(np.nansum(squares, axis=0) / np.maximum(degrees, 1)))


def _known_mean(figures: Scores) -> Scores:
    """The mean of what is known; 0 where nothing is, which `np.nanmean` warns of."""
    return np.asarray(np.nansum(figures, axis=0) / np.maximum(np.isfinite(figures).sum(axis=0), 1))


Readings = Mapping[str, Sequence[Scores]]
"""The sentences of every passage, by who reads them; everyone reads the same passages."""


def variety_ratio(readings: Readings, others: Readings, is_paired: bool = True) -> Estimate:
    """How many times as much `readings` vary as `others`: the mean over measures and speakers, with its interval over passages.

    `is_paired`: the others are of the same passages, and drawn with them; otherwise they stay whole in every resample.
    """

    def ratio(rows: Integers) -> float:
        ratios = []
        for speaker, passages in readings.items():
            beside = others[speaker]
            drawn = [beside[row] for row in rows] if is_paired else beside
            ratios.append(variety([passages[row] for row in rows]) / np.maximum(variety(drawn), 1e-6))
        return float(np.mean(ratios))

    return resampled(ratio, len(next(iter(readings.values()))))


def resampled(statistic: Callable[[Integers], float], num_units: int) -> Estimate:
    """`statistic` of units by their places, with its 95 % bootstrap interval (percentile method). Raises InputError without."""
    if not num_units:
        raise InputError("there is no utterance to measure")
    generator = np.random.default_rng(_SEED)
    draws = [statistic(generator.integers(num_units, size=num_units)) for _ in range(_RESAMPLES)]
    low, high = np.percentile(draws, (2.5, 97.5))
    return Estimate(statistic(np.arange(num_units)), float(low), float(high), num_units)
