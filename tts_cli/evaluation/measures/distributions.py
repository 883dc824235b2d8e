"""Distances between distributions of utterance-level prosody statistics, and their variation over sentences.

The statistics of utterances are rows of standard scores, one column for each of `MEASURES`: the mean of the speaker's training
recordings is subtracted, and the result is divided by their standard deviation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import InputError
from tts_cli.evaluation.measures.utterances import UtteranceMeasures
from tts_cli.evaluation.statistics import Estimate, Integers, estimate_by_place

Scores = NDArray[np.float64]
"""Prosody statistics of utterances, shape (utterances, measures)."""

MEASURES = tuple(field.name for field in fields(UtteranceMeasures))
_SMALLEST = 1e-6


def table_of(measured: Sequence[Mapping[str, float]]) -> Scores:
    """Return the prosody statistics of utterances, each given by name of the measure, as an array (utterances, measures)."""
    return np.array([[float(one[name]) for name in MEASURES] for one in measured]).reshape(-1, len(MEASURES))


class Scale:
    """Mean and standard deviation of a speaker's prosody statistics, which turn statistics into standard scores."""

    def __init__(self, training: Scores) -> None:
        """Compute the scale from the statistics of the speaker's training recordings, shape (utterances, measures).

        Raises:
            InputError: if there are fewer than two recordings, or a measure does not vary.
        """
        self.mean, self.deviation = np.nanmean(training, axis=0), np.nanstd(training, axis=0)
        if len(training) < 2 or not np.all(self.deviation > 0):
            raise InputError(
                "a speaker has too few training recordings: at least two that differ in every prosody measure are needed",
                hint="choose other speakers, or prepare more recordings of this one",
            )

    def standardised(self, figures: Scores) -> Scores:
        """Return the standard scores of the statistics `figures` (utterances, measures)."""
        return np.asarray((figures - self.mean) / self.deviation)


def distances(first: Scores, second: Scores) -> Scores:
    """Return the 1-Wasserstein distance between two samples for each measure, in the units of the scores, shape (measures,).

    Both samples have the same number of utterances and no NaN. The result equals `scipy.stats.wasserstein_distance`, which takes
    one measure at a time.
    """
    return np.asarray(np.abs(np.sort(first, axis=0) - np.sort(second, axis=0)).mean(axis=0))


def distance(first: Scores, second: Scores) -> float:
    """Return the mean over measures of the 1-Wasserstein `distances`."""
    return float(distances(first, second).mean())


def distance_estimate(recorded: Scores, output: Scores) -> Estimate:
    """Estimate the distance of synthesised utterances to their recordings, with an interval over utterances.

    Args:
        recorded: scores of the recordings.
        output: scores of the synthesised utterances; row i has the text of recording i.
    """
    return estimate_by_place(lambda rows: distance(recorded[rows], output[rows]), len(recorded))


def measure_estimates(recorded: Scores, output: Scores) -> dict[str, Estimate]:
    """Estimate the 1-Wasserstein distance of each measure separately; arguments as in `distance_estimate`."""
    return {
        name: distance_estimate(recorded[:, place : place + 1], output[:, place : place + 1])
        for place, name in enumerate(MEASURES)
    }


def gap_closed(recorded: Scores, centroid: Scores, output: Scores) -> Estimate:
    """Estimate the share of the centroid's distance to the recordings that `output` closes: 1 - d(output) / d(centroid).

    1 means as near as the recordings themselves, 0 no nearer than the centroid, negative farther. Row i of all three arrays has
    the same text, and a resample draws the three rows together.

    Args:
        recorded: scores of the recordings.
        centroid: scores of the utterances spoken with the speaker's mean embedding.
        output: scores of the utterances of the strategy under test.
    """
    return estimate_by_place(
        lambda rows: 1 - distance(recorded[rows], output[rows]) / distance(recorded[rows], centroid[rows]), len(recorded)
    )


Readings = Mapping[str, Sequence[Scores]]
"""Scores of the sentences of each passage, by speaker; all speakers read the same passages in the same order."""


class _Within:
    """Sums of squares and degrees of freedom of each passage, for the pooled deviation within passages."""

    def __init__(self, passages: Sequence[Scores]) -> None:
        known = [np.isfinite(passage) for passage in passages]
        counts = np.stack([one.sum(axis=0) for one in known])
        means = np.stack([np.nansum(passage, axis=0) for passage in passages]) / np.maximum(counts, 1)
        squares = [np.nansum((passage - mean) ** 2, axis=0) for passage, mean in zip(passages, means, strict=True)]
        self.squares, self.degrees = np.stack(squares), np.maximum(counts - 1, 0)

    def deviation(self, rows: Integers) -> Scores:
        """Return the pooled standard deviation within the passages of index `rows`, shape (measures,)."""
        return np.asarray(np.sqrt(self.squares[rows].sum(axis=0) / np.maximum(self.degrees[rows].sum(axis=0), 1)))


def variety_ratios(readings: Readings, others: Readings, is_paired: bool = True) -> dict[str, Estimate]:
    """Estimate the ratio of the variation of `readings` to that of `others`, for each measure, as a mean over speakers.

    Variation is the pooled standard deviation over the sentences within a passage.

    Args:
        readings: scores under test, by speaker.
        others: scores to compare with, for the same speakers.
        is_paired: `others` has the same passages, and a resample draws both together; otherwise `others` is never resampled.

    Returns:
        The ratio of each measure and, under the name `mean`, the mean ratio over measures; intervals are over passages.
    """
    pairs = [(_Within(passages), _Within(others[speaker])) for speaker, passages in readings.items()]

    def ratios(rows: Integers) -> Scores:
        usuals = [other.deviation(rows if is_paired else np.arange(len(other.squares))) for _, other in pairs]
        each = [one.deviation(rows) / np.maximum(usual, _SMALLEST) for (one, _), usual in zip(pairs, usuals, strict=True)]
        return np.asarray(np.mean(each, axis=0))

    num_passages = len(next(iter(readings.values())))
    of_measure = {
        name: estimate_by_place(lambda rows, place=place: float(ratios(rows)[place]), num_passages)  # type: ignore[misc]
        for place, name in enumerate(MEASURES)
    }
    return {"mean": estimate_by_place(lambda rows: float(ratios(rows).mean()), num_passages), **of_measure}
