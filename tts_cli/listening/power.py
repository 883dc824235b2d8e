"""Power of the next listening test, from the variances that a test has estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tts_cli.evaluation.extra import require
from tts_cli.listening.crossed import Floats, MeanTest

ENOUGH = 0.8
"""Usual power of a planned test."""
MOST_LISTENERS = 1000
"""Largest number of listeners that a plan considers."""


@dataclass(frozen=True)
class DifferenceVariances:
    """Variances of the difference of two systems."""

    listeners: float
    """Variance over listeners of their mean difference (the deviations of listeners by system)."""
    items: float
    """Variance over items of their mean difference (the deviations of items by system)."""
    residual: float


def variances_of(test: MeanTest) -> DifferenceVariances:
    """Return the variances that a test of the difference of two systems has estimated."""
    return DifferenceVariances(test.listeners, test.items, test.residual)


def power(
    gain: float,
    variances: DifferenceVariances,
    num_listeners: ArrayLike,
    num_items: ArrayLike,
    level: float = 0.05,
) -> Floats:
    """Return the power of the test of `inference.verdicts`: the chance that it finds a true difference.

    Args:
        gain: True difference of the two systems, in points of the scale.
        variances: Variances of the difference.
        num_listeners: Number of listeners, at least 2; every listener rates every item. Arrays give arrays.
        num_items: Number of items, at least 2.
        level: Level of one test. Holm's correction tests the least clear pair at the full level, the clearest of m at level / m.
    """
    rows, columns = np.broadcast_arrays(np.asarray(num_listeners, np.float64), np.asarray(num_items, np.float64))
    by_listener = columns * variances.listeners + variances.residual
    by_item = rows * variances.items + variances.residual
    mean_square = by_listener + by_item - variances.residual
    spread = by_listener**2 / (rows - 1) + by_item**2 / (columns - 1) + variances.residual**2 / ((rows - 1) * (columns - 1))
    if not np.all(mean_square > 0):
        return np.full(rows.shape, float(gain != 0))
    freedom, error = mean_square**2 / spread, np.sqrt(mean_square / (rows * columns))
    stats = require("scipy.stats")
    reach, shift = stats.t.ppf(1 - level / 2, freedom), abs(gain) / error
    # Far out, where the chance is zero, scipy's distribution function is NaN at some places.
    chance: Floats = stats.nct.sf(reach, freedom, shift) + np.nan_to_num(stats.nct.cdf(-reach, freedom, shift))
    return chance


@dataclass(frozen=True)
class PowerGrid:
    """Power over numbers of listeners and items."""

    gain: float
    listeners: tuple[int, ...]
    items: tuple[int, ...]
    chances: tuple[tuple[float, ...], ...]
    """Power by number of listeners, then by number of items."""
    smallest: tuple[int | None, ...]
    """Smallest number of listeners with a power of 80 %, by number of items; None if 1000 listeners are too few."""


def power_grid(
    gain: float,
    variances: DifferenceVariances,
    listeners: Sequence[int] = (10, 20, 30, 40, 60),
    items: Sequence[int] = (6, 12, 20, 30, 40),
    level: float = 0.05,
) -> PowerGrid:
    """Return the power of the next test, and the smallest numbers of listeners for 80 %; see `power`."""
    grid = power(gain, variances, np.array(listeners)[:, None], np.array(items), level)
    smallest = tuple(smallest_listeners(gain, variances, number, level=level) for number in items)
    return PowerGrid(gain, tuple(listeners), tuple(items), tuple(map(tuple, grid.tolist())), smallest)


def smallest_listeners(
    gain: float, variances: DifferenceVariances, num_items: int, wanted: float = ENOUGH, level: float = 0.05
) -> int | None:
    """Return the smallest number of listeners whose test has the power `wanted`; None if `MOST_LISTENERS` are too few."""
    numbers = np.arange(2, MOST_LISTENERS + 1)
    is_enough = power(gain, variances, numbers, num_items, level) >= wanted
    return int(numbers[is_enough.argmax()]) if is_enough.any() else None
