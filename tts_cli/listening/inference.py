"""Verdicts on pairs of systems, and the gap reduction with its interval; listeners and items are random in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import holm
from tts_cli.listening.crossed import (
    ONE_ITEM,
    ONE_LISTENER,
    CrossedDesign,
    Factor,
    Floats,
    MeanTest,
    covariances,
    crossed_means,
    mean_test,
    positive,
    without_empty,
)
from tts_cli.listening.ratings import Rating

METHOD = (
    "t-test of the mean difference, listeners and items random, with their deviations by system: variances by Henderson's "
    "method III, degrees of freedom by Satterthwaite (quasi-F test of Clark, 1973); p-values corrected by Holm over all pairs"
)
"""Method of `verdicts`, for reports."""
GAP_METHOD = (
    "listeners and items are resampled, each on its own, their draws are rescaled to the estimated covariance of the means and "
    "widened from the normal to Student's t; percentile interval of (new - baseline) / (recordings - baseline)"
)
"""Method of `gap_reduction`, for reports."""
RESAMPLES = 1999
NO_GAP = "the recordings are rated no better than the baseline: there is no gap to reduce"
OPEN_GAP = "the gap between recordings and baseline is too uncertain: the gap reduction has no bounded interval"
NO_SPREAD = "one answer alone, or answers without any spread: the gap reduction has no interval"
_Ends = tuple[float, float] | None
_NORMAL = 1.959963984540054
_SEED = 0


@dataclass(frozen=True)
class CrossedTable:
    """Scores by listener, item and condition."""

    listeners: tuple[str, ...]
    items: tuple[str, ...]
    conditions: tuple[str, ...]
    scores: Floats
    """(listeners, items, conditions); NaN where a score is missing."""

    def of(self, condition: str) -> Floats:
        """Return the scores (listeners, items) of a condition. Raises KeyError for an unknown one."""
        if condition not in self.conditions:
            raise KeyError(condition)
        return self.scores[..., self.conditions.index(condition)]

    def differences(self, first: str, second: str) -> Floats:
        """Return the scores of the first condition minus those of the second, (listeners, items)."""
        return self.of(first) - self.of(second)


def crossed_table(ratings: Iterable[Rating]) -> CrossedTable:
    """Return `ratings` of test pages as a table; several of one listener, item and condition are averaged.

    Listeners, items and conditions are sorted by name.
    """
    kept = [one for one in ratings if one.role == "test"]
    listeners, rows = _axis(one.listener for one in kept)
    items, columns = _axis(one.item for one in kept)
    conditions, layers = _axis(one.condition for one in kept)
    sums, counts = np.zeros((2, len(listeners), len(items), len(conditions)))
    np.add.at(sums, (rows, columns, layers), [one.score for one in kept])
    np.add.at(counts, (rows, columns, layers), 1.0)
    scores = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return CrossedTable(listeners, items, conditions, scores)


def _axis(names: Iterable[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the sorted names without duplicates, and the place of each of the `names` among them."""
    given = list(names)
    axis = tuple(sorted(set(given)))
    places = {name: place for place, name in enumerate(axis)}
    return axis, [places[name] for name in given]


@dataclass(frozen=True)
class Verdict:
    """Verdict of the report on two conditions."""

    first: str
    second: str
    test: MeanTest
    """Mean of the first minus the second, with interval, p-value and variances of the differences."""
    corrected_p: float
    """p-value after Holm's correction over all pairs of the report."""

    def is_significant(self, level: float = 0.05) -> bool:
        """Return whether the two conditions differ at this level, after the correction."""
        return self.corrected_p < level


def verdicts(table: CrossedTable, pairs: Sequence[tuple[str, str]] | None = None) -> tuple[Verdict, ...]:
    """Test pairs of conditions; see `METHOD`. Each uses the cells in which a listener rated both.

    Args:
        table: Scores of the test pages.
        pairs: Names of the first and second condition of each pair; by default all pairs. A pair that no listener rated on the
            same item is left out.
    """
    wanted = list(pairs or combinations(table.conditions, 2))
    differences = {pair: table.differences(*pair) for pair in wanted}
    tests = {pair: mean_test(values) for pair, values in differences.items() if np.isfinite(values).any()}
    corrected = holm([test.p for test in tests.values()]) if tests else []
    return tuple(Verdict(*pair, test, p) for (pair, test), p in zip(tests.items(), corrected, strict=True))


@dataclass(frozen=True)
class GapReduction:
    """Gap reduction of a new system, `(new - baseline) / (recordings - baseline)`, with its 95 % intervals."""

    new: str
    baseline: str
    recordings: str
    value: float | None
    """None where there is no gap."""
    interval: tuple[float, float] | None
    """Ends of the bootstrap interval; None if it has no bounds."""
    fieller: tuple[float, float] | None
    """Ends of the interval by Fieller's theorem, from the same covariances; None if it has no bounds."""
    num_listeners: int
    num_items: int
    num_values: int
    """Number of listener and item combinations in which all three conditions are rated."""
    notes: tuple[str, ...] = ()


def gap_reduction(
    table: CrossedTable, new: str, baseline: str, recordings: str, num_resamples: int = RESAMPLES
) -> GapReduction | None:
    """Estimate the gap reduction; see `GAP_METHOD`. None if no listener rated all three conditions on one item.

    Args:
        table: Scores of the test pages. Cells in which one of the three conditions is missing are left out.
        new: Name of the new system.
        baseline: Name of the baseline.
        recordings: Name of the recordings.
        num_resamples: Number of bootstrap draws; the seed is fixed.
    """
    gains, gaps = table.differences(new, baseline), table.differences(recordings, baseline)
    both = np.where(np.isfinite(gains + gaps), [gains, gaps], np.nan)
    if not np.isfinite(both).any():
        return None
    (gains, filled), (gaps, _) = map(without_empty, both)
    sizes = (len(filled), len(filled.T), int(filled.sum()))
    notes = tuple(note for note, length in zip((ONE_LISTENER, ONE_ITEM), filled.shape, strict=True) if length == 1)
    value, ends, fieller, reasons = _one_gap(gains, gaps, filled, num_resamples)
    return GapReduction(new, baseline, recordings, value, ends, fieller, *sizes, (*notes, *reasons))


def _one_gap(
    gains: Floats, gaps: Floats, filled: Floats, num_resamples: int
) -> tuple[float | None, _Ends, _Ends, tuple[str, ...]]:
    """Return the gap reduction of one table, its two intervals, and the reason if one is missing."""
    if gaps.sum() <= 0:
        return None, None, None, (NO_GAP,)
    found = gap_intervals(gains[None], gaps[None], filled, num_resamples)
    value = float(found.value[0])
    if found.freedom[0] == 0:
        return value, None, None, (NO_SPREAD,)
    if not np.isfinite(found.low[0]):
        return value, None, None, (OPEN_GAP,)
    ends, fieller = (found.low[0], found.high[0]), (found.fieller_low[0], found.fieller_high[0])
    return value, (float(ends[0]), float(ends[1])), (float(fieller[0]), float(fieller[1])), ()


@dataclass(frozen=True)
class GapIntervals:
    """Gap reductions of many tables of the same design; arrays (tables,). Ends without a bound are infinite."""

    value: Floats
    low: Floats
    high: Floats
    fieller_low: Floats
    fieller_high: Floats
    freedom: Floats
    """Degrees of freedom by Satterthwaite of `gain - value * gap`; 0 where the tables have no spread."""


def gap_intervals(gains: Floats, gaps: Floats, filled: Floats, num_resamples: int = RESAMPLES) -> GapIntervals:
    """Estimate gap reductions with 95 % intervals.

    Args:
        gains: New system minus baseline, (tables, listeners, items), 0 where empty.
        gaps: Recordings minus baseline, of the same shape. The mean of each table is above zero.
        filled: Cells that hold a value are 1, others 0: (listeners, items). No row or column is empty.
        num_resamples: Number of bootstrap draws.
    """
    design, values = CrossedDesign(filled), np.stack([gains, gaps])
    means = design.means(values).T
    value = means[:, 0] / means[:, 1]
    covariance, freedom = _covariance_of_means(values, value, design)
    reach = require("scipy.stats").t.ppf(0.975, np.maximum(freedom, 1.0))
    fieller = _fieller(means, covariance, reach)
    draws = _draws(values, covariance, design, num_resamples) * (reach / _NORMAL)[:, None, None] + means[:, None]
    ends = np.quantile(draws[..., 0] / draws[..., 1], [0.025, 0.975], axis=1)
    # A gap that may be zero makes the ratio of draws jump from one infinity to the other; Fieller's theorem notices.
    low, high = np.where(np.isfinite(fieller), ends, fieller)
    return GapIntervals(value, low, high, fieller[0], fieller[1], freedom)


def _covariance_of_means(values: Floats, value: Floats, design: CrossedDesign) -> tuple[Floats, Floats]:
    """Return the covariances (tables, 2, 2) of the means of `values` (2, tables, ...) and the degrees of freedom (tables,)."""
    contrast = values[0] - value[:, None, None] * values[1]
    if design.is_crossed:
        covariance, freedom = covariances(values, design).means, crossed_means(contrast, design).freedom
    else:
        parts = _resampled_parts(values, design)
        covariance = sum((np.einsum("atl,btl->tab", part, part) for part in parts), np.zeros((len(value), 2, 2)))
        freedom = np.full(len(value), min((size for size in design.filled.shape if size > 1), default=1) - 1.0)
    has_spread = np.trace(covariance, axis1=1, axis2=2) > 0
    return covariance, np.where(has_spread, freedom, 0.0)


def _resampled_parts(values: Floats, design: CrossedDesign) -> list[Floats]:
    """Return the parts (2, tables, levels) of listeners and of items in the means, without bias; a lone level is left out."""
    factors: list[tuple[Factor, Any]] = [(design.listeners, values), (design.items, np.swapaxes(values, -1, -2))]
    kept = [(factor, table, table.shape[-2]) for factor, table in factors if table.shape[-2] > 1]
    return [factor.influences(table) * np.sqrt(levels / (levels - 1)) for factor, table, levels in kept]


def _draws(values: Floats, covariance: Floats, design: CrossedDesign, num_resamples: int) -> Floats:
    """Return bootstrap deviations of both means, (tables, draws, 2), with the given covariance."""
    random = np.random.default_rng(_SEED)
    num_tables = values.shape[1]
    sums, raw = np.zeros((num_tables, num_resamples, 2)), np.zeros((num_tables, 2, 2))
    for part in _resampled_parts(values, design):
        levels = part.shape[-1]
        weights = random.multinomial(levels, np.full(levels, 1 / levels), num_resamples).astype(np.float64)
        sums += (weights @ np.moveaxis(part, -1, 0).reshape(levels, -1)).reshape(-1, 2, num_tables).transpose(2, 0, 1)
        raw += np.einsum("atl,btl->tab", part, part)
    # Both factors' draws hold the residual, which the means hold once.
    scale = positive(covariance, 0.5) @ positive(raw, -0.5)
    draws: Floats = sums @ np.swapaxes(scale, -1, -2)
    return draws


def _fieller(means: Floats, covariance: Floats, reach: Floats) -> Floats:
    """Return the ends (2, tables) of Fieller's interval of the ratio of two means; infinite if the interval has no bound."""
    square = means[:, 1] ** 2 - reach**2 * covariance[:, 1, 1]
    middle = means[:, 0] * means[:, 1] - reach**2 * covariance[:, 0, 1]
    rest = means[:, 0] ** 2 - reach**2 * covariance[:, 0, 0]
    is_bounded = square > 0
    root = np.sqrt(np.maximum(middle**2 - square * rest, 0.0))
    divisor = np.where(is_bounded, square, 1.0)
    ends = np.array([middle - root, middle + root]) / divisor
    return np.where(is_bounded, ends, np.array([[-np.inf], [np.inf]]))
