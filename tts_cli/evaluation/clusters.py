"""Estimates and tests of utterances in clusters: all utterances of one text stand or fall together.

Several speakers read the same prompt, and a strategy chooses alike for all of them, so these utterances are not independent.
Intervals draw whole clusters, and tests exchange the two conditions in whole clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import Estimate, Integers, PairedTest, bootstrap, estimate_by_place, holm, ratio_estimate

Doubles = NDArray[np.float64]
Clusters = Sequence[Hashable]
"""Cluster of each utterance, such as its text."""

FLIPS = 19_999
"""Random exchanges of a test. With at most 14 clusters, all exchanges are tried instead."""
_SEED = 0
METHOD = (
    "Tests are randomisation tests of the mean difference: the two conditions are exchanged in all utterances of a text together "
    f"({FLIPS} random exchanges, two-sided). Intervals draw texts with all of their utterances."
)
"""Method of `clustered_tests`, for reports."""


@dataclass(frozen=True)
class ClusteredPair:
    """Samples of a paired test: the values of two conditions for each utterance."""

    first: Sequence[float]
    second: Sequence[float]
    clusters: Clusters

    def known(self) -> tuple[Doubles, list[Hashable]]:
        """Return the differences, first minus second, of utterances with both values, and their clusters."""
        differences = np.asarray(self.first, np.float64) - np.asarray(self.second, np.float64)
        kept = np.isfinite(differences)
        return differences[kept], [cluster for cluster, is_kept in zip(self.clusters, kept, strict=True) if is_kept]


def clustered_ratio(numerators: Sequence[float], denominators: Sequence[float], clusters: Clusters) -> Estimate:
    """Estimate the sum of `numerators` over the sum of `denominators`, with an interval over clusters.

    Raises:
        InputError: if there are no utterances.
    """
    sums = [_sums(values, clusters) for values in (numerators, denominators)]
    return replace(ratio_estimate(*(one.tolist() for one in sums)), num_clips=len(clusters))


def clustered_mean(values: Sequence[float], clusters: Clusters) -> Estimate:
    """Estimate the mean of `values` over utterances, with an interval over clusters. Utterances with NaN do not count.

    Raises:
        InputError: if no value is known.
    """
    kept = [(value, cluster) for value, cluster in zip(values, clusters, strict=True) if np.isfinite(value)]
    return clustered_ratio([value for value, _ in kept], [1.0] * len(kept), [cluster for _, cluster in kept])


def clustered_root(numerators: Sequence[float], denominators: Sequence[float], clusters: Clusters) -> Estimate:
    """Estimate the square root of a ratio of sums, with an interval over clusters; see `clustered_ratio`."""
    sums = [_sums(values, clusters).tolist() for values in (numerators, denominators)]
    found = bootstrap(lambda a, b, axis: np.sqrt(a.sum(axis=axis) / b.sum(axis=axis)), sums)
    return replace(found, num_clips=len(clusters))


def estimate_by_cluster(statistic: Callable[[Integers], float], clusters: Clusters, is_centred: bool = False) -> Estimate:
    """Estimate a `statistic` of utterances that are given by their indices, with an interval over clusters.

    Args:
        statistic: function from indices of utterances (n,) to its value. Indices of a resample repeat, and n changes.
        clusters: cluster of each utterance.
        is_centred: see `statistics.bootstrap`.

    Raises:
        InputError: if there are no utterances.
    """
    places = _places(clusters)
    members = [np.flatnonzero(places == place) for place in range(places.max(initial=-1) + 1)]
    found = estimate_by_place(
        lambda drawn: statistic(np.concatenate([members[place] for place in drawn])), len(members), is_centred
    )
    return replace(found, num_clips=len(clusters))


def clustered_tests(families: Mapping[str, Mapping[str, ClusteredPair]]) -> tuple[PairedTest, ...]:
    """Test the mean difference of every pair, and correct the p-values of each family by Holm (1979).

    The test of one pair is `exchange_p`.

    Args:
        families: pairs by the name of the test, by the name of the family. The name of a family with a name stands before
            that of its tests.

    Raises:
        InputError: if a pair has no utterance with both values, or the extra `eval` is not installed.
    """
    return tuple(test for name, pairs in families.items() for test in _family(f"{name}: " if name else "", pairs))


def _family(prefix: str, pairs: Mapping[str, ClusteredPair]) -> list[PairedTest]:
    known = {prefix + name: pair.known() for name, pair in pairs.items()}
    for name, (differences, _) in known.items():
        if not len(differences):
            raise InputError(f"the paired test '{name}' has no utterance that is measured in both conditions")
    chances = [exchange_p(*one) for one in known.values()]
    corrected = holm(chances) if chances else []
    return [
        PairedTest(name, clustered_mean(differences.tolist(), clusters), p, q, len(set(clusters)))
        for (name, (differences, clusters)), p, q in zip(known.items(), chances, corrected, strict=True)
    ]


def exchange_p(differences: Doubles, clusters: Clusters) -> float:
    """Return the two-sided p-value of the mean of `differences` by exchanging the conditions in whole clusters.

    The signs of all differences of a cluster change together (Fisher's randomisation test; 1935). Under the hypothesis that both
    conditions are alike, every exchange is as likely. Unlike a test of ranks, it holds its level for differences that are not
    symmetric, as those from the mean of several draws, where the clusters are not few.

    Args:
        differences: differences of utterances (n,).
        clusters: cluster of each utterance.
    """
    sums = _sums(differences, clusters)
    if not np.any(sums):
        return 1.0
    result = require("scipy.stats").permutation_test(
        (sums,),
        lambda values, axis: values.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=FLIPS,
        batch=2000,
        rng=np.random.default_rng(_SEED),
    )
    return float(min(1.0, result.pvalue))


def _places(clusters: Clusters) -> Integers:
    order: dict[Hashable, int] = {}
    return np.array([order.setdefault(cluster, len(order)) for cluster in clusters], np.int64)


def _sums(values: Sequence[float] | Doubles, clusters: Clusters) -> Doubles:
    """Return the sum of each cluster."""
    places = _places(clusters)
    return np.asarray(np.bincount(places, weights=np.asarray(values, np.float64)), np.float64) if len(places) else np.zeros(0)
