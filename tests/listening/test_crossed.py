"""Variance components and the test of a mean, against numbers by hand, scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.formula.api import mixedlm, ols
from statsmodels.stats.anova import anova_lm

from tts_cli.listening.crossed import (
    NO_TEST,
    NOT_CROSSED,
    ONE_ITEM,
    ONE_LISTENER,
    ONE_VALUE,
    CrossedDesign,
    covariances,
    crossed_means,
    mean_test,
)

Floats = NDArray[np.float64]

TABLE = np.array(
    [
        [22.0, 4.0, 15.0, 31.0],
        [8.0, -9.0, 2.0, 6.0],
        [30.0, 11.0, 8.0, 28.0],
        [14.0, 2.0, 17.0, 3.0],
        [-2.0, -12.0, 5.0, 9.0],
    ]
)
"""Differences of two systems: five listeners, four items."""
GAPPED = np.where(np.add.outer(np.arange(5) * 2, np.arange(4)) % 7 == 3, np.nan, TABLE)
"""The table without some cells."""


def long(table: Floats) -> pd.DataFrame:
    rows = [(f"l{i}", f"i{j}", value) for (i, j), value in np.ndenumerate(table) if np.isfinite(value)]
    return pd.DataFrame(rows, columns=["listener", "item", "value"])


def test_balanced_components_by_hand() -> None:
    small = np.array([[1.0, 3.0, 5.0], [7.0, 11.0, 9.0]])
    # Means: rows 3 and 9, columns 4, 7 and 7, all 6. Sums of squares: rows 54, columns 12, residual 70 - 66 = 4. Degrees of
    # freedom: 1, 2 and 2. Mean squares: 54, 6 and 2.
    found = mean_test(small)
    assert found.mean == 6
    assert (found.listeners, found.items, found.residual) == pytest.approx(((54 - 2) / 3, (6 - 2) / 2, 2))
    assert found.error**2 == pytest.approx((54 + 6 - 2) / 6)
    assert found.freedom == pytest.approx(58**2 / (54**2 / 1 + 6**2 / 2 + 2**2 / 2))
    assert found.p == pytest.approx(2 * stats.t.sf(6 / np.sqrt(58 / 6), found.freedom))
    assert (found.num_listeners, found.num_items, found.num_values, found.notes) == (2, 3, 6, ())


def test_balanced_components_are_those_of_the_mean_squares_of_statsmodels() -> None:
    squares = anova_lm(ols("value ~ listener + item", long(TABLE)).fit())
    rows, columns, residual = squares["mean_sq"]
    found = mean_test(TABLE)
    assert (found.listeners, found.items, found.residual) == pytest.approx(
        ((rows - residual) / 4, (columns - residual) / 5, residual)
    )
    assert found.error**2 == pytest.approx((rows + columns - residual) / 20)
    assert found.freedom == pytest.approx((rows + columns - residual) ** 2 / (rows**2 / 4 + columns**2 / 3 + residual**2 / 12))


def test_balanced_components_are_those_of_the_mixed_model_of_statsmodels() -> None:
    data = long(TABLE).assign(all="all")
    parts = {"listener": "0 + C(listener)", "item": "0 + C(item)"}
    model = mixedlm("value ~ 1", data, groups="all", vc_formula=parts, re_formula="0").fit(reml=True)
    found = mean_test(TABLE)
    estimated = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True))
    assert estimated["listener"] == pytest.approx(found.listeners, rel=1e-2)
    assert estimated["item"] == pytest.approx(found.items, rel=1e-2)
    assert model.scale == pytest.approx(found.residual, rel=1e-2)
    assert model.bse_fe.iloc[0] == pytest.approx(found.error, rel=1e-2)


def projection(columns: Floats) -> Floats:
    projected: Floats = columns @ np.linalg.pinv(columns)
    return projected


@pytest.mark.parametrize("table", [TABLE, GAPPED], ids=["balanced", "gapped"])
def test_components_and_freedom_are_those_of_dense_quadratic_forms(table: Floats) -> None:
    data = long(table)
    rows, columns = (pd.get_dummies(data[name]).to_numpy(float) for name in ("listener", "item"))
    both = projection(np.hstack([rows, columns]))
    forms = [both - projection(columns), both - projection(rows), np.eye(len(data)) - both]
    parts = [rows @ rows.T, columns @ columns.T, np.eye(len(data))]
    y = data["value"].to_numpy()
    by_ols = anova_lm(ols("value ~ listener + item", data).fit(), typ=2)["sum_sq"]
    assert [y @ form @ y for form in forms] == pytest.approx(list(by_ols))
    system = np.array([[np.trace(form @ part) for part in parts] for form in forms])
    components = np.linalg.solve(system, [y @ form @ y for form in forms])
    assert components.min() > 0
    found = mean_test(table)
    assert (found.listeners, found.items, found.residual) == pytest.approx(tuple(components))
    weights = np.full(len(y), 1 / len(y))
    whole = sum(component * part for component, part in zip(components, parts, strict=True))
    assert found.error**2 == pytest.approx(weights @ whole @ weights)
    shares = np.linalg.solve(system.T, [weights @ part @ weights for part in parts])
    mixed = sum(share * form for share, form in zip(shares, forms, strict=True))
    assert found.freedom == pytest.approx(2 * found.error**4 / (2 * np.trace(mixed @ whole @ mixed @ whole)))


def test_without_variance_of_items_it_is_the_t_test_over_the_means_of_listeners() -> None:
    centred = TABLE - TABLE.mean(0) + TABLE.mean()
    expected = stats.ttest_1samp(centred.mean(1), 0.0)
    found = mean_test(centred)
    assert found.items == 0
    assert (found.t, found.p, found.freedom) == pytest.approx((expected.statistic, expected.pvalue, 4))
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert mean_test(centred.T).p == pytest.approx(expected.pvalue)


def test_without_effects_it_is_the_t_test_over_all_values_with_the_residual() -> None:
    flat = TABLE - TABLE.mean(0) - TABLE.mean(1, keepdims=True) + 2 * TABLE.mean()
    found = mean_test(flat)
    assert (found.listeners, found.items) == (0, 0)
    assert found.freedom == pytest.approx(12)
    assert found.error == pytest.approx(np.sqrt(found.residual / 20))


def test_one_listener_and_one_item_say_so() -> None:
    row = TABLE[:1]
    expected = stats.ttest_1samp(row[0], 0.0)
    for table, note in ((row, ONE_LISTENER), (row.T, ONE_ITEM)):
        found = mean_test(table)
        assert (found.p, found.freedom, found.notes) == (pytest.approx(expected.pvalue), 3, (note,))
    lone = mean_test(TABLE[:1, :1])
    assert (lone.mean, lone.p, lone.interval, lone.notes) == (22, 1, None, (ONE_VALUE,))


@pytest.mark.parametrize("value", [0.0, 3.7])
@pytest.mark.parametrize("shape", [(5, 4), (1, 4), (5, 1)])
def test_equal_values_are_no_evidence(value: float, shape: tuple[int, int]) -> None:
    found = mean_test(60.3 + np.full(shape, value) - 60.3)
    assert (found.p, found.error, found.t, found.interval) == (1, 0, 0, None)
    assert found.notes[-1] == NO_TEST


def test_listeners_with_items_of_their_own_are_tested_with_caution() -> None:
    alone = np.where(np.eye(4) > 0, TABLE[:4], np.nan)
    found = mean_test(alone)
    values = np.diag(TABLE[:4])
    assert found.notes == (NOT_CROSSED,)
    assert found.freedom == 3
    # Listeners and items are the same four values, so their variance counts twice.
    assert found.error**2 == pytest.approx(2 * values.var(ddof=1) / 4)


def test_empty_rows_and_columns_do_not_count() -> None:
    padded = np.full((7, 6), np.nan)
    padded[1:6, 2:6] = TABLE
    assert mean_test(padded) == mean_test(TABLE)
    with pytest.raises(ValueError, match="no mean"):
        mean_test(np.full((3, 2), np.nan))


def test_many_tables_at_once_are_tested_like_each_alone() -> None:
    stack = np.stack([TABLE, TABLE**2, TABLE[::-1] * 3 - 20])
    together = crossed_means(stack, CrossedDesign(np.ones((5, 4))))
    for place, table in enumerate(stack):
        alone = mean_test(table)
        assert together.p[place] == pytest.approx(alone.p)
        assert together.freedom[place] == pytest.approx(alone.freedom)


def test_covariances_of_two_variables_contain_the_variances_of_each() -> None:
    design = CrossedDesign(np.isfinite(GAPPED).astype(float))
    second = TABLE[::-1] * 0.5 + TABLE
    values = np.stack([np.nan_to_num(GAPPED), second * design.filled])
    found = covariances(values, design)
    assert found.residual[0, 0] == pytest.approx(mean_test(GAPPED).residual)
    assert found.residual[1, 1] == pytest.approx(mean_test(np.where(design.filled > 0, second, np.nan)).residual)
    summed = covariances((values[0] - 2 * values[1])[None], design).residual[0, 0]
    assert summed == pytest.approx(np.array([1, -2]) @ found.residual @ np.array([1, -2]))


def test_estimates_are_right_on_average_where_cells_are_missing() -> None:
    random = np.random.default_rng(5)
    filled = (random.random((12, 9)) > 0.3).astype(float)
    shape = (4000, 12, 9)
    values = (
        4 * random.standard_normal((4000, 12, 1)) + 3 * random.standard_normal((4000, 1, 9)) + 5 * random.standard_normal(shape)
    )
    found = crossed_means(values * filled, CrossedDesign(filled))
    assert found.listeners.mean() == pytest.approx(16, rel=0.04)
    assert found.items.mean() == pytest.approx(9, rel=0.04)
    assert found.residual.mean() == pytest.approx(25, rel=0.01)
    assert (found.error**2).mean() == pytest.approx(found.mean.var(), rel=0.06)
    assert (found.p < 0.05).mean() == pytest.approx(0.05, abs=0.01)


tables = st.tuples(st.integers(2, 6), st.integers(2, 6), st.integers(0, 10**6)).map(
    lambda drawn: np.random.default_rng(drawn[2]).normal(5, 20, drawn[:2]).round(1)
)


@settings(max_examples=40, deadline=None)
@given(tables, st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_scaling_and_order_change_nothing(table: Floats, factor: float, random: object) -> None:
    found, scaled = mean_test(table), mean_test(table * factor)
    assert (scaled.mean, scaled.error) == pytest.approx((found.mean * factor, found.error * factor))
    assert (scaled.p, scaled.freedom) == pytest.approx((found.p, found.freedom))
    order = list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled, turned, opposite = mean_test(table[order]), mean_test(table.T), mean_test(-table)
    for other in (shuffled, turned, opposite):
        assert (other.p, other.freedom, other.error) == pytest.approx((found.p, found.freedom, found.error))
    assert opposite.mean == pytest.approx(-found.mean)
    assert found.listeners >= 0
    assert found.freedom >= min(table.shape) - 1
