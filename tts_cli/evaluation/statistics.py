"""Estimates with bootstrap intervals, and paired tests corrected for their number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require

Integers = NDArray[np.int64]
Pairs = dict[str, tuple[Sequence[float], Sequence[float]]]
"""Figures of two conditions, utterance by utterance, by the name of their test."""

RESAMPLES = 9999
SLOW_RESAMPLES = 1999
"""Resamples of a statistic that is computed one resample at a time."""
_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A point estimate over clips with its 95 % bootstrap interval (percentile method, clips resampled)."""

    value: float
    low: float
    high: float
    num_clips: int

    def text(self, decimals: int, scale: float = 1.0, between: str = " ") -> str:
        """Return the value, `between`, and the interval: `2.71 [2.60, 2.82]`."""
        value, low, high = (f"{figure * scale:.{decimals}f}" for figure in (self.value, self.low, self.high))
        return f"{value}{between}[{low}, {high}]"


def mean_estimate(values: Sequence[float]) -> Estimate:
    """Estimate the mean of one figure a clip. Raises InputError without clips."""
    return ratio_estimate(values, [1.0] * len(values))


def ratio_estimate(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Estimate the sum of numerators over the sum of denominators, one of each a clip: errors over words give WER.

    Raises InputError without clips.
    """
    return bootstrap(_ratio, (numerators, denominators))


def difference_estimate(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> Estimate:
    """Estimate the ratio of `first`, pairs of numerator and denominator, one of each clip, less that of `second`.

    The clips are the same ones in the same order: a resample draws a clip with its figures in both, so that the interval is
    that of the paired difference. Raises InputError without clips.
    """
    return bootstrap(
        lambda a, b, c, d, axis: _ratio(a, b, axis) - _ratio(c, d, axis),
        (*zip(*first, strict=True), *zip(*second, strict=True)),
    )


def median_estimate(values: Sequence[float]) -> Estimate:
    """Estimate the median of one figure a clip. Raises InputError without clips."""
    return bootstrap(np.median, (values,))


def percentile_estimate(values: Sequence[float], percent: float) -> Estimate:
    """Estimate a percentile of one figure a clip. Raises InputError without clips."""
    return bootstrap(lambda x, axis: np.percentile(x, percent, axis=axis), (values,))


def estimate_by_place(statistic: Callable[[Integers], float], num_clips: int) -> Estimate:
    """Estimate a `statistic` that takes the places of clips; a resample repeats some.

    Raises InputError without clips.
    """
    return bootstrap(lambda places: statistic(places.astype(np.int64)), (range(num_clips),), is_vectorized=False)


def _ratio(numerators: Any, denominators: Any, axis: int) -> Any:
    return numerators.sum(axis=axis) / denominators.sum(axis=axis)


def bootstrap(statistic: Callable[..., Any], samples: Sequence[Sequence[float]], is_vectorized: bool = True) -> Estimate:
    """Estimate `statistic` of the `samples`, which belong together clip by clip, by `scipy.stats.bootstrap`.

    Args:
        is_vectorized: whether the statistic takes an `axis`; one that does not is computed for each of `SLOW_RESAMPLES`.

    Raises:
        InputError: without clips, and where the evaluation extra is missing.
    """
    if not samples or not len(samples[0]):
        raise InputError("there is no clip to measure")
    arrays = tuple(np.asarray(sample, np.float64) for sample in samples)
    value = float(statistic(*arrays, axis=0) if is_vectorized else statistic(*arrays))
    if len(arrays[0]) == 1:
        return Estimate(value, value, value, 1)
    result = require("scipy.stats").bootstrap(
        arrays,
        statistic,
        paired=True,
        vectorized=is_vectorized,
        n_resamples=RESAMPLES if is_vectorized else SLOW_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    interval = result.confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), len(arrays[0]))


@dataclass(frozen=True)
class PairedTest:
    """One condition against another, utterance by utterance."""

    name: str
    difference: Estimate
    """Mean of the first less the second, with its interval."""
    p: float
    """Two-sided, of the Wilcoxon signed-rank test."""
    corrected_p: float
    """The same by Holm's procedure, for all tests made together."""

    def cells(self) -> list[str]:
        """Return the cells of its row in a table of tests."""
        difference = self.difference
        return [self.name, str(difference.num_clips), difference.text(3), f"{self.p:.2g}", f"{self.corrected_p:.2g}"]

    def as_dict(self) -> dict[str, Any]:
        """Return the test for `--json`."""
        return asdict(self)


def paired_tests(pairs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> tuple[PairedTest, ...]:
    """Test every pair of `pairs`, by name: two figures of each utterance in the same order; NaN in one drops both.

    Wilcoxon's signed-rank test (1945) makes no assumption on how differences are distributed, but that they lie evenly about
    their middle. Raises InputError where a pair has no utterance left, or the evaluation extra is missing.
    """
    if not pairs:
        return ()
    kept = {name: _both_known(*sides) for name, sides in pairs.items()}
    chances = [_signed_rank(first, second) for first, second in kept.values()]
    corrected = holm(chances)
    return tuple(
        PairedTest(name, difference_estimate([(x, 1.0) for x in first], [(x, 1.0) for x in second]), p, q)
        for (name, (first, second)), p, q in zip(kept.items(), chances, corrected, strict=True)
    )


def holm(chances: Sequence[float]) -> list[float]:
    """Return the p-values `chances` corrected for their number (Holm 1979)."""
    return [float(p) for p in require("statsmodels.stats.multitest").multipletests(chances, method="holm")[1]]


def _both_known(first: Sequence[float], second: Sequence[float]) -> tuple[list[float], list[float]]:
    known = [(a, b) for a, b in zip(first, second, strict=True) if np.isfinite(a) and np.isfinite(b)]
    if not known:
        raise InputError("there is no utterance that both conditions have")
    return [a for a, _ in known], [b for _, b in known]


def _signed_rank(first: Sequence[float], second: Sequence[float]) -> float:
    """Return 1 where nothing differs: scipy refuses such pairs."""
    if np.array_equal(first, second):
        return 1.0
    return float(require("scipy.stats").wilcoxon(first, second).pvalue)
