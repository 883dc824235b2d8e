"""1-Wasserstein distance between two samples of values, with resampling of the utterances that the values come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.evaluation.statistics import Integers

Values = Sequence[Sequence[float]]
"""Values of each utterance: one, such as its F0 range, or several, such as the durations of its phones."""


class Transport:
    """1-Wasserstein distance between the pooled values of two sets of utterances, for any resample of them.

    Utterance i of both sets has the same text. The result equals `scipy.stats.wasserstein_distance`.
    """

    def __init__(self, first: Values, second: Values) -> None:
        """Prepare the distributions.

        Args:
            first: values of each utterance of one set, at least one in all.
            second: values of the utterances of the other set, as many utterances.

        Raises:
            ValueError: if the sets differ in size, a value is not finite, or a set has no value.
        """
        if len(first) != len(second):
            raise ValueError(f"the sets hold {len(first)} and {len(second)} utterances: give as many of both")
        pooled = [np.concatenate([np.asarray(one, np.float64) for one in values]) for values in (first, second)]
        if not all(len(one) and np.isfinite(one).all() for one in pooled):
            raise ValueError("a set of utterances has no values, or values that are not finite")
        support = np.unique(np.concatenate(pooled))
        self._steps = np.diff(support)
        self._cumulative = [_cumulative(values, support) for values in (first, second)]

    def distances(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distances of several resamples in the unit of the values, shape (resamples,); NaN without a value.

        Args:
            weights: number of times that each resample holds each utterance, shape (resamples, utterances); see `weights_of`.
        """
        sums = [weights @ cumulative for cumulative in self._cumulative]
        with np.errstate(invalid="ignore"):
            first, second = (total / total[:, -1:] for total in sums)
        return np.asarray(np.abs(first - second)[:, :-1] @ self._steps)


def weights_of(rows: Integers, num_utterances: int) -> NDArray[np.float64]:
    """Return the number of times that each resample holds each utterance, shape (resamples, utterances).

    Args:
        rows: indices of the utterances of each resample, shape (resamples, any).
        num_utterances: number of utterances.
    """
    places = rows + num_utterances * np.arange(len(rows))[:, None]
    counts = np.bincount(places.ravel(), minlength=len(rows) * num_utterances)
    return counts.reshape(len(rows), num_utterances).astype(np.float64)


def _cumulative(values: Values, support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of values of each utterance up to each value of `support`, shape (utterances, support)."""
    return np.stack([np.searchsorted(np.sort(np.asarray(one, np.float64)), support, side="right") for one in values]).astype(
        np.float64
    )
