"""Whether a voice varies as a speaker does: distances between distributions of how utterances are said, and how far they vary.

Figures of utterances are rows of standard scores, one column for each of `MEASURES`: less the mean and over the deviation that
the speaker's training recordings have.
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
"""(utterances, measures)"""

MEASURES = tuple(field.name for field in fields(UtteranceMeasures))
_SMALLEST = 1e-6


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
    return estimate_by_place(lambda rows: distance(recorded[rows], output[rows]), len(recorded))


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
    return estimate_by_place(
        lambda rows: 1 - distance(recorded[rows], output[rows]) / distance(recorded[rows], centroid[rows]), len(recorded)
    )


Readings = Mapping[str, Sequence[Scores]]
"""The sentences of every passage, by who reads them; everyone reads the same passages."""


class _Within:
    """What is needed of passages to say how far sentences vary within some of them."""

    def __init__(self, passages: Sequence[Scores]) -> None:
        known = [np.isfinite(passage) for passage in passages]
        counts = np.stack([one.sum(axis=0) for one in known])
        means = np.stack([np.nansum(passage, axis=0) for passage in passages]) / np.maximum(counts, 1)
        squares = [np.nansum((passage - mean) ** 2, axis=0) for passage, mean in zip(passages, means, strict=True)]
        self.squares, self.degrees = np.stack(squares), np.maximum(counts - 1, 0)

    def deviation(self, rows: Integers) -> Scores:
        """Over the passages at the places `rows`."""
        return np.asarray(np.sqrt(self.squares[rows].sum(axis=0) / np.maximum(self.degrees[rows].sum(axis=0), 1)))


def variety_ratios(readings: Readings, others: Readings, is_paired: bool = True) -> dict[str, Estimate]:
    """How many times as much `readings` vary as `others`, by measure: the mean over speakers, with its interval over passages.

    The name `mean` stands for the mean over measures. `is_paired`: the others are of the same passages, and drawn with them;
    otherwise they stay whole in every resample.
    """
    pairs = [(_Within(passages), _Within(others[speaker])) for speaker, passages in readings.items()]

    def ratios(rows: Integers) -> Scores:
        beside = [other.deviation(rows if is_paired else np.arange(len(other.squares))) for _, other in pairs]
        each = [one.deviation(rows) / np.maximum(usual, _SMALLEST) for (one, _), usual in zip(pairs, beside, strict=True)]
        return np.asarray(np.mean(each, axis=0))

    num_passages = len(next(iter(readings.values())))
    of_measure = {
        name: estimate_by_place(lambda rows, place=place: float(ratios(rows)[place]), num_passages)  # type: ignore[misc]
        for place, name in enumerate(MEASURES)
    }
    return {"mean": estimate_by_place(lambda rows: float(ratios(rows).mean()), num_passages), **of_measure}
