"""Power of the next test, against scipy's noncentral t and against simulated tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tts_cli.listening.crossed import CrossedDesign, crossed_means, mean_test
from tts_cli.listening.power import DifferenceVariances, power, power_grid, smallest_listeners, variances_of

STATED = DifferenceVariances(listeners=128, items=72, residual=648)
"""Variances of the difference of two systems in the stated design: twice those of one system."""


def test_power_by_hand() -> None:
    square = (12 * 128 + 648) + (20 * 72 + 648) - 648
    freedom = square**2 / ((12 * 128 + 648) ** 2 / 19 + (20 * 72 + 648) ** 2 / 11 + 648**2 / 209)
    error = np.sqrt(square / 240)
    reach = stats.t.ppf(0.975, freedom)
    expected = stats.nct.sf(reach, freedom, 12 / error) + stats.nct.cdf(-reach, freedom, 12 / error)
    assert power(12, STATED, 20, 12) == pytest.approx(expected)
    assert power(-12, STATED, 20, 12) == pytest.approx(expected)


def test_power_is_the_share_of_simulated_tests_that_find_the_gain() -> None:
    random = np.random.default_rng(3)
    shape = (3000, 20, 12)
    effects = np.sqrt(128) * random.standard_normal((3000, 20, 1)) + np.sqrt(72) * random.standard_normal((3000, 1, 12))
    values = 12 + effects + np.sqrt(648) * random.standard_normal(shape)
    share = (crossed_means(values, CrossedDesign(np.ones((20, 12)))).p < 0.05).mean()
    assert power(12, STATED, 20, 12) == pytest.approx(share, abs=0.02)


def test_power_without_gain_is_the_level_and_grows_with_everything() -> None:
    assert power(0, STATED, 20, 12) == pytest.approx(0.05)
    assert power(0, STATED, 20, 12, level=0.01) == pytest.approx(0.01)
    grid = power(12, STATED, np.array([5, 10, 20, 40])[:, None], np.array([4, 8, 16]))
    assert np.all(np.diff(grid, axis=0) > 0)
    assert np.all(np.diff(grid, axis=1) > 0)
    assert power(20, STATED, 20, 12) > power(12, STATED, 20, 12)


def test_smallest_number_of_listeners_reaches_the_power_and_one_less_does_not() -> None:
    number = smallest_listeners(12, STATED, 12)
    assert number is not None
    assert power(12, STATED, number, 12) >= 0.8 > power(12, STATED, number - 1, 12)


def test_too_few_items_cannot_be_made_up_for_by_listeners() -> None:
    assert smallest_listeners(12, STATED, 3) is None
    grid = power_grid(12, STATED, listeners=(10, 20), items=(3, 12))
    assert grid.smallest == (None, smallest_listeners(12, STATED, 12))
    assert grid.chances[1][1] == pytest.approx(float(power(12, STATED, 20, 12)))


def test_no_variance_finds_every_gain() -> None:
    nothing = DifferenceVariances(0, 0, 0)
    assert power(0.1, nothing, 2, 2) == 1
    assert power(0.0, nothing, 2, 2) == 0
    assert power(1.0, DifferenceVariances(4, 0, 0), 10, 5) == pytest.approx(
        float(power(1.0, DifferenceVariances(4, 0, 0), 10, 50))
    )


def test_variances_come_from_a_test() -> None:
    test = mean_test([[1.0, 3.0, 5.0], [7.0, 11.0, 9.0]])
    assert variances_of(test) == DifferenceVariances(test.listeners, test.items, test.residual)
