"""Variance components of tables of listeners by items, and the t-test of a mean in which both are random.

A value of listener l and item i is `mean + listener[l] + item[i] + residual[l, i]`, with three variances. Henderson's method III
(1953) estimates them from three sums of squares; without empty cells these are the mean squares of the analysis of variance, and
the test is the quasi-F test of Clark (1973) with the degrees of freedom of Satterthwaite (1946). The difference of two systems is
such a value: its listener and item effects are the deviations of listeners and items by system. A variance below zero counts as
zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_cli.evaluation.extra import require

Floats = NDArray[np.float64]

NO_VARIANCE = 1e-9
"""Standard error, relative to the largest value, below which all values count as equal."""
ONE_LISTENER = "one listener: the result says nothing of other listeners"
ONE_ITEM = "one item: the result says nothing of other items"
ONE_VALUE = "one listener and one item: no test is possible"
NO_TEST = "all values are equal, so their variance is unknown: no test is possible"
NOT_CROSSED = "listeners and items hardly cross, so their variances cannot be told apart: both are added in full"


class Factor:
    """One factor of a crossed table, adjusted for the other factor (Henderson's method III).

    Args:
        filled: Cells that hold a value, (levels, levels of the other factor). No row or column is empty.
    """

    def __init__(self, filled: Floats) -> None:
        self.filled = filled
        self.counts = filled.sum(1)
        gram = np.diag(self.counts) - (filled / filled.sum(0)) @ filled.T
        roots, vectors = np.linalg.eigh(gram)
        is_kept = roots > 1e-9 * self.counts.max()
        self.roots: Floats = roots[is_kept]
        """Eigenvalues of the factor's matrix that are not zero; as many as degrees of freedom."""
        self.axes: Floats = vectors[:, is_kept] / np.sqrt(self.roots)

    @property
    def weight(self) -> float:
        """Multiple of the factor's variance in the variance of the mean of all values."""
        return float((self.counts**2).sum() / self.counts.sum() ** 2)

    def coordinates(self, values: Floats) -> Floats:
        """Return `values` (..., levels, others), 0 where empty, on the axes (..., freedom), whose squares add up to the sum."""
        sums = values.sum(-1) - np.einsum("...j,ij->...i", values.sum(-2) / self.filled.sum(0), self.filled)
        coordinates: Floats = sums @ self.axes
        return coordinates

    def influences(self, values: Floats) -> Floats:
        """Return the part of each level in the mean, (..., levels): its deviations from the mean over the number of values."""
        mean = values.sum((-1, -2), keepdims=True) / self.counts.sum()
        parts: Floats = ((values - mean) * self.filled).sum(-1) / self.counts.sum()
        return parts


@dataclass(frozen=True)
class CrossedDesign:
    """Places of the values in a table of listeners by items, with the constants that depend on them alone."""

    filled: Floats
    """Cells that hold a value are 1, others 0: (listeners, items). No row or column is empty."""

    @cached_property
    def listeners(self) -> Factor:
        """Factor of the rows."""
        return Factor(self.filled)

    @cached_property
    def items(self) -> Factor:
        """Factor of the columns."""
        return Factor(self.filled.T)

    @cached_property
    def num_values(self) -> float:
        """Number of filled cells."""
        return float(self.filled.sum())

    @cached_property
    def residual_freedom(self) -> float:
        """Degrees of freedom of the residual."""
        return self.num_values - float(self.filled.shape[1]) - len(self.listeners.roots)

    @cached_property
    def overlap(self) -> float:
        """Sum of the squared products of both factors' axes; 0 without empty cells."""
        mixed = (self.filled / self.filled.sum(0)) @ (self.filled.T / self.filled.sum(1)) @ self.filled - self.filled
        return float(((self.listeners.axes.T @ mixed @ self.items.axes) ** 2).sum())

    @property
    def is_crossed(self) -> bool:
        """The three variances can be told apart."""
        return bool(len(self.listeners.roots) and len(self.items.roots) and self.residual_freedom >= 1)

    def means(self, values: Floats) -> Floats:
        """Return the mean of `values` (..., listeners, items), 0 where empty, over the filled cells."""
        means: Floats = values.sum((-1, -2)) / self.num_values
        return means


@dataclass(frozen=True)
class Covariances:
    """Covariance matrices, (..., variables, variables), of the three parts of values, and of their means."""

    listeners: Floats
    items: Floats
    residual: Floats
    means: Floats
    """Covariances of the means of all values."""


def covariances(values: Floats, design: CrossedDesign) -> Covariances:
    """Estimate the covariances of variables in one crossed table.

    Args:
        values: (variables, ..., listeners, items), 0 where the design has no value.
        design: Places of the values; it must be crossed.
    """
    centred = (values - design.means(values)[..., None, None]) * design.filled
    rows = design.listeners.coordinates(centred)
    columns = design.items.coordinates(np.swapaxes(centred, -1, -2))
    of_rows, of_columns = _products(rows), _products(columns)
    within = centred - (centred.sum(-2, keepdims=True) / design.filled.sum(0)) * design.filled
    within_products = np.einsum("a...li,b...li->...ab", within, within)
    residual = (within_products - of_rows) / design.residual_freedom
    listeners = positive((of_rows - len(design.listeners.roots) * residual) / design.listeners.roots.sum())
    items = positive((of_columns - len(design.items.roots) * residual) / design.items.roots.sum())
    means = design.listeners.weight * listeners + design.items.weight * items + residual / design.num_values
    return Covariances(listeners, items, residual, means)


def _products(coordinates: Floats) -> Floats:
    products: Floats = np.einsum("a...r,b...r->...ab", coordinates, coordinates)
    return products


def positive(matrices: Floats, power: float = 1.0) -> Floats:
    """Return symmetric `matrices` (..., n, n) to a power, without their eigenvalues of zero and below."""
    roots, vectors = np.linalg.eigh(matrices)
    largest = np.abs(roots).max(-1, keepdims=True)
    is_kept = roots > 1e-12 * largest
    powers = np.where(is_kept, np.where(is_kept, roots, 1.0) ** power, 0.0)
    result: Floats = np.einsum("...ij,...j,...kj->...ik", vectors, powers, vectors)
    return result


@dataclass(frozen=True)
class CrossedMeans:
    """Means of many tables of the same design, with their tests; arrays (...)."""

    mean: Floats
    error: Floats
    """Standard error of the mean."""
    freedom: Floats
    """Degrees of freedom by Satterthwaite."""
    p: Floats
    """Two-sided p-value of a mean of zero; 1 where all values are equal."""
    listeners: Floats
    """Variance of listeners."""
    items: Floats
    """Variance of items."""
    residual: Floats
    """Variance of the residual."""


def crossed_means(values: Floats, design: CrossedDesign) -> CrossedMeans:
    """Test the means of tables (..., listeners, items) of one crossed design against zero; 0 where the design has no value."""
    parts = covariances(values[None], design)
    listeners, items, residual, variance = (
        part[..., 0, 0] for part in (parts.listeners, parts.items, parts.residual, parts.means)
    )
    mean, error = design.means(values), np.sqrt(variance)
    freedom = _freedom(listeners, items, residual, design)
    return CrossedMeans(mean, error, freedom, chances(mean, error, freedom, values), listeners, items, residual)


def _freedom(listeners: Floats, items: Floats, residual: Floats, design: CrossedDesign) -> Floats:
    """Return Satterthwaite's degrees of freedom: twice the squared variance of the mean over the variance of its estimate.

    They are at least those of the factor with fewer levels.
    """
    rows, columns = design.listeners, design.items
    row_share = np.where(listeners > 0, rows.weight / rows.roots.sum(), 0.0)
    column_share = np.where(items > 0, columns.weight / columns.roots.sum(), 0.0)
    left = 1 / design.num_values - row_share * len(rows.roots) - column_share * len(columns.roots)
    spread = (
        row_share**2 * ((listeners[..., None] * rows.roots + residual[..., None]) ** 2).sum(-1)
        + column_share**2 * ((items[..., None] * columns.roots + residual[..., None]) ** 2).sum(-1)
        + 2 * row_share * column_share * design.overlap * residual**2
        + left**2 * residual**2 / design.residual_freedom
    )
    variance = rows.weight * listeners + columns.weight * items + residual / design.num_values
    freedom: Floats = np.divide(variance**2, spread, out=np.zeros_like(variance), where=spread > 0)
    least = float(min(design.filled.shape) - 1)
    return np.maximum(freedom, np.full_like(freedom, least))


def chances(mean: Floats, error: Floats, freedom: Floats, values: Floats) -> Floats:
    """Return two-sided p-values of Student's t; 1 where the error is zero beside the largest of the `values`."""
    is_known = error > NO_VARIANCE * np.abs(values).max((-1, -2))
    t = np.divide(mean, error, out=np.zeros_like(mean), where=is_known)
    p: Floats = np.where(is_known, 2 * require("scipy.stats").t.sf(np.abs(t), freedom), 1.0)
    return p


@dataclass(frozen=True)
class MeanTest:
    """Mean of a table of listeners by items, its 95 % interval and its test against zero; listeners and items are random."""

    mean: float
    error: float
    """Standard error of the mean; 0 if it is unknown."""
    freedom: float
    """Degrees of freedom by Satterthwaite; 0 without a test."""
    p: float
    """Two-sided p-value; 1 without a test."""
    interval: tuple[float, float] | None
    """Ends of the interval; None without a test."""
    listeners: float
    """Variance of listeners."""
    items: float
    """Variance of items."""
    residual: float
    """Variance of the residual; of a table of one row or column, the only variance."""
    num_listeners: int
    num_items: int
    num_values: int
    notes: tuple[str, ...] = ()
    """Sentences on the limits of the test, for the report."""

    @property
    def t(self) -> float:
        """Student's t; 0 without a test."""
        return self.mean / self.error if self.freedom and self.error else 0.0


def mean_test(values: ArrayLike, level: float = 0.95) -> MeanTest:
    """Test the mean of one table of listeners by items against zero.

    The mean is that of all values, each with the same weight. For two systems, give the difference in each cell; for a preference
    test 1, -1 and 0; for an ABX test the share of right answers minus 0.5.

    Args:
        values: (listeners, items); NaN for an empty cell.
        level: Confidence level of the interval.

    Raises:
        ValueError: All cells are empty.
    """
    table, filled = without_empty(values)
    mean, (num_listeners, num_items), num_values = float(table.sum() / filled.sum()), table.shape, int(filled.sum())
    error, freedom, p, variances, notes = _tested(table, filled)
    reach = float(require("scipy.stats").t.ppf((1 + level) / 2, freedom)) * error if freedom else None
    ends = None if reach is None else (mean - reach, mean + reach)
    return MeanTest(mean, error, freedom, p, ends, *variances, num_listeners, num_items, num_values, notes)


def without_empty(values: ArrayLike) -> tuple[Floats, Floats]:
    """Return a table without its empty rows and columns, 0 for NaN, and its filled cells as 1.

    Raises:
        ValueError: All cells are empty.
    """
    table = np.asarray(values, np.float64)
    is_filled = np.isfinite(table)
    if not is_filled.any():
        raise ValueError("a table without values has no mean")
    kept = np.ix_(is_filled.any(1), is_filled.any(0))
    return np.where(is_filled, table, 0.0)[kept], is_filled[kept].astype(np.float64)


def _tested(table: Floats, filled: Floats) -> tuple[float, float, float, tuple[float, float, float], tuple[str, ...]]:
    """Return standard error, degrees of freedom, p-value, the three variances and the notes of one table."""
    design = CrossedDesign(filled)
    if table.size == 1:
        return 0.0, 0.0, 1.0, (0.0, 0.0, 0.0), (ONE_VALUE,)
    notes: tuple[str, ...] = ()
    if 1 in table.shape:
        notes = (ONE_LISTENER if len(table) == 1 else ONE_ITEM,)
        variance = float(table.var(ddof=1))
        error, freedom, parts = float(np.sqrt(variance / table.size)), table.size - 1.0, (0.0, 0.0, variance)
    elif design.is_crossed:
        means = crossed_means(table, design)
        error, freedom = float(means.error), float(means.freedom)
        parts = float(means.listeners), float(means.items), float(means.residual)
    else:
        notes = (NOT_CROSSED,)
        error, freedom = _cautious_error(table, design), min(table.shape) - 1.0
        parts = (0.0, 0.0, float(table[filled > 0].var()))
    if error <= NO_VARIANCE * float(np.abs(table).max()):
        return 0.0, 0.0, 1.0, parts, (*notes, NO_TEST)
    p = chances(design.means(table), np.array(error), np.array(freedom), table)
    return error, freedom, float(p), parts, notes


def _cautious_error(table: Floats, design: CrossedDesign) -> float:
    """Return a standard error that counts the residual twice, once in the listeners' means and once in the items'."""
    parts = ((design.listeners, table), (design.items, table.T))
    variances = [len(part) / (len(part) - 1) * (factor.influences(part) ** 2).sum() for factor, part in parts]
    return float(np.sqrt(sum(variances)))
