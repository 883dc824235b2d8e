"""Estimates with 95 % bootstrap intervals, and paired Wilcoxon tests with Holm correction."""

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
"""Samples of paired tests, by name of the test: values of two conditions, one value per utterance, in the same order."""

RESAMPLES = 9999
"""Bootstrap resamples of a vectorized statistic."""
SLOW_RESAMPLES = 1999
"""Bootstrap resamples of a statistic that is not vectorized."""
_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """Point estimate over clips, with its 95 % bootstrap interval (percentile method, clips resampled)."""

    value: float
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    num_clips: int

    def text(self, decimals: int, scale: float = 1.0, between: str = " ") -> str:
        """Return the value and its interval as text, each times `scale`, separated by `between`: `2.71 [2.60, 2.82]`."""
        value, low, high = (f"{figure * scale:.{decimals}f}" for figure in (self.value, self.low, self.high))
        return f"{value}{between}[{low}, {high}]"


def mean_estimate(values: Sequence[float]) -> Estimate:
    """Estimate the mean of `values`, one value per clip. Raises InputError without clips."""
    return ratio_estimate(values, [1.0] * len(values))


def ratio_estimate(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Estimate the sum of `numerators` over the sum of `denominators`, one of each per clip.

    The word error rate is such a ratio: word errors over reference words.

    Raises:
        InputError: if there are no clips.
    """
    return bootstrap(_ratio, (numerators, denominators))


def difference_estimate(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> Estimate:
    """Estimate the paired difference of two ratios, `first` minus `second`.

    A ratio is the sum of all numerators over the sum of all denominators. Each resample draws the same clips of both
    conditions, so the interval is that of the paired difference.

    Args:
        first: numerator and denominator of each clip in the first condition.
        second: numerator and denominator of the same clips, in the same order, in the second condition.

    Raises:
        InputError: if there are no clips.
    """
    return bootstrap(
        lambda a, b, c, d, axis: _ratio(a, b, axis) - _ratio(c, d, axis),
        (*zip(*first, strict=True), *zip(*second, strict=True)),
    )


def median_estimate(values: Sequence[float]) -> Estimate:
    """Estimate the median of `values`, one value per clip. Raises InputError without clips."""
    return bootstrap(np.median, (values,))


def percentile_estimate(values: Sequence[float], percent: float) -> Estimate:
    """Estimate the percentile `percent` (0 to 100) of `values`, one value per clip. Raises InputError without clips."""
    return bootstrap(lambda x, axis: np.percentile(x, percent, axis=axis), (values,))


def estimate_by_place(statistic: Callable[[Integers], float], num_clips: int, is_centred: bool = False) -> Estimate:
    """Estimate a `statistic` of clips that are given by their indices.

    Args:
        statistic: function from clip indices (n,) to its value. Indices of a resample may repeat.
        num_clips: number of clips; the indices run from 0 to `num_clips` - 1.
        is_centred: see `bootstrap`.

    Raises:
        InputError: if there are no clips.
    """
    return bootstrap(lambda places: statistic(places.astype(np.int64)), (range(num_clips),), False, is_centred)


def _ratio(numerators: Any, denominators: Any, axis: int) -> Any:
    return numerators.sum(axis=axis) / denominators.sum(axis=axis)


def independent_difference(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> Estimate:
    """Estimate the difference of two ratios of unrelated clips, `first` minus `second`, which are resampled separately.

    Args:
        first: numerator and denominator of each clip of one set.
        second: numerator and denominator of each clip of the other set.

    Raises:
        InputError: if a set has no clips.
    """
    pairs = [np.asarray(one, np.float64).reshape(-1, 2) for one in (first, second)]

    def difference(*rows: Any, axis: int) -> Any:
        picked = [of[places.astype(np.int64)] for of, places in zip(pairs, rows, strict=True)]
        mine, others = (_ratio(one[..., 0], one[..., 1], axis) for one in picked)
        return mine - others

    return bootstrap(difference, [range(len(one)) for one in pairs], is_paired=False)


def bootstrap(
    statistic: Callable[..., Any],
    samples: Sequence[Sequence[float]],
    is_vectorized: bool = True,
    is_centred: bool = False,
    *,
    is_paired: bool = True,
    num_resamples: int | None = None,
) -> Estimate:
    """Estimate `statistic` of `samples` with `scipy.stats.bootstrap` (percentile method, fixed seed).

    Args:
        statistic: function of one array for each sample; it takes `axis` too if `is_vectorized`.
        samples: sequences, of one length if `is_paired`.
        is_vectorized: the statistic takes `axis`, and is computed over all resamples at once; otherwise in a call for each.
        is_centred: shift the interval by the difference between the value and the median of the resamples. It is needed where
            clips that a resample holds twice change the statistic itself, as distances between distributions.
        is_paired: element i of each sample belongs to clip i, and clips are resampled whole; otherwise the samples are of
            different clips, and each is resampled by itself.
        num_resamples: number of resamples. None: `RESAMPLES` if `is_vectorized`, else `SLOW_RESAMPLES`.

    Raises:
        InputError: if there are no clips, or the extra `eval` is not installed.
    """
    if not samples or not all(len(sample) for sample in samples):
        raise InputError("there is no clip to measure: every clip was left out or the selection is empty")
    arrays = tuple(np.asarray(sample, np.float64) for sample in samples)
    value = float(statistic(*arrays, axis=0) if is_vectorized else statistic(*arrays))
    num_clips = len(arrays[0]) if is_paired else sum(map(len, arrays))
    if max(map(len, arrays)) == 1:
        return Estimate(value, value, value, num_clips)
    result = require("scipy.stats").bootstrap(
        # scipy refuses a sample of one value; two of the same have the same resamples.
        tuple(np.repeat(one, 2) if len(one) == 1 else one for one in arrays),
        statistic,
        paired=is_paired,
        vectorized=is_vectorized,
        n_resamples=num_resamples or (RESAMPLES if is_vectorized else SLOW_RESAMPLES),
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    interval = result.confidence_interval
    shift = value - float(np.median(result.bootstrap_distribution)) if is_centred else 0.0
    return Estimate(value, float(interval.low) + shift, float(interval.high) + shift, num_clips)


@dataclass(frozen=True)
class PairedTest:
    """Result of a Wilcoxon signed-rank test between two conditions, paired by utterance."""

    name: str
    difference: Estimate
    """Mean of the first condition minus the second, with its interval."""
    p: float
    """Two-sided p-value."""
    corrected_p: float
    """p-value after Holm's correction over all tests of the report, or of its family."""
    num_texts: int | None = None
    """Number of texts, where utterances of one text stand together; None where each utterance stands alone."""

    def cells(self) -> list[str]:
        """Return the test as a row of text cells: name, utterances, difference, p, p (Holm)."""
        difference = self.difference
        number = f"{difference.num_clips}" if self.num_texts is None else f"{difference.num_clips} of {self.num_texts} texts"
        return [self.name, number, difference.text(3), f"{self.p:.2g}", f"{self.corrected_p:.2g}"]

    def as_dict(self) -> dict[str, Any]:
        """Return the test as JSON values, for `--json`."""
        return asdict(self)


def paired_tests(pairs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> tuple[PairedTest, ...]:
    """Test the two samples of every pair with Wilcoxon's signed-rank test (1945), and correct all p-values by Holm (1979).

    The test assumes that the differences are symmetric about their median, and nothing else of their distribution.

    Args:
        pairs: samples of each test, by its name: one value per utterance, in the same order in both. An utterance with NaN in
            either sample is dropped.

    Raises:
        InputError: if a pair has no utterance left, or the extra `eval` is not installed.
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
    """Return the p-values `chances` after Holm's step-down correction (1979), in the same order."""
    return [float(p) for p in require("statsmodels.stats.multitest").multipletests(chances, method="holm")[1]]


def _both_known(first: Sequence[float], second: Sequence[float]) -> tuple[list[float], list[float]]:
    known = [(a, b) for a, b in zip(first, second, strict=True) if np.isfinite(a) and np.isfinite(b)]
    if not known:
        raise InputError("a paired test has no utterance that is measured in both conditions")
    return [a for a, _ in known], [b for _, b in known]


def _signed_rank(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value; 1 for identical samples, which scipy refuses."""
    if np.array_equal(first, second):
        return 1.0
    return float(require("scipy.stats").wilcoxon(first, second).pvalue)
