"""Verdicts on pairs of conditions, and the gap reduction with its intervals."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from tts_cli.evaluation.statistics import holm
from tts_cli.listening.crossed import ONE_LISTENER, CrossedDesign, covariances, crossed_means, mean_test
from tts_cli.listening.inference import (
    NO_GAP,
    NO_SPREAD,
    OPEN_GAP,
    CrossedTable,
    crossed_table,
    gap_intervals,
    gap_reduction,
    verdicts,
)
from tts_cli.listening.ratings import Rating
from tts_cli.listening.simulation import ListenerModel, draw_scores

Floats = NDArray[np.float64]
NAMES = ("recordings", "baseline", "new")


def table(scores: Floats) -> CrossedTable:
    listeners, items = (
        tuple(f"{letter}{place:02}" for place in range(size)) for letter, size in zip("li", scores.shape, strict=False)
    )
    return CrossedTable(listeners, items, NAMES[: scores.shape[2]], scores)


@pytest.fixture(scope="module")
def scores() -> Floats:
    drawn: Floats = draw_scores(ListenerModel(), seeds=[11])[0]
    return drawn


def test_ratings_become_a_table_of_test_pages() -> None:
    ratings = [
        Rating("b", "two", "new", 60.0),
        Rating("b", "two", "new", 70.0),
        Rating("a", "one", "new", 10.0),
        Rating("a", "one", "base", 5.0),
        Rating("a", "trial", "new", 0.0, role="training"),
        Rating("a", "check", "", 50.0, role="attention"),
    ]
    found = crossed_table(ratings)
    assert (found.listeners, found.items, found.conditions) == (("a", "b"), ("one", "two"), ("base", "new"))
    np.testing.assert_array_equal(found.of("new"), [[10, np.nan], [np.nan, 65]])
    np.testing.assert_array_equal(found.differences("new", "base"), [[5, np.nan], [np.nan, np.nan]])
    with pytest.raises(KeyError):
        found.of("other")


def test_all_pairs_are_tested_and_corrected_by_holm(scores: Floats) -> None:
    found = verdicts(table(scores))
    assert [(one.first, one.second) for one in found] == list(combinations(NAMES, 2))
    alone = [mean_test(scores[..., a] - scores[..., b]) for a, b in combinations(range(3), 2)]
    assert [one.test for one in found] == alone
    assert [one.corrected_p for one in found] == pytest.approx(holm([one.p for one in alone]))
    assert found[0].is_significant()
    assert not found[0].is_significant(level=1e-30)


def test_only_the_pairs_asked_for_count_in_the_correction(scores: Floats) -> None:
    (only,) = verdicts(table(scores), [("new", "baseline")])
    assert only.corrected_p == only.test.p
    assert only.test.mean == pytest.approx((scores[..., 2] - scores[..., 1]).mean())


def test_a_pair_that_nobody_rated_on_the_same_item_has_no_verdict(scores: Floats) -> None:
    split = scores.copy()
    split[::2, :, 1] = np.nan
    split[1::2, :, 2] = np.nan
    assert [(one.first, one.second) for one in verdicts(table(split))] == [("recordings", "baseline"), ("recordings", "new")]
    assert gap_reduction(table(split), "new", "baseline", "recordings") is None
    assert verdicts(table(scores[..., :1])) == ()


def test_shifting_scaling_and_order_of_listeners_change_no_verdict(scores: Floats) -> None:
    found = verdicts(table(scores))
    shifts = np.random.default_rng(0).normal(0, 30, (20, 1, 1)) + np.random.default_rng(1).normal(0, 30, (1, 12, 1))
    for changed, factor in ((scores + shifts, 1.0), (scores * 0.04 + 1, 0.04), (scores[::-1, ::-1], 1.0)):
        for one, other in zip(found, verdicts(table(changed)), strict=True):
            assert other.corrected_p == pytest.approx(one.corrected_p)
            assert other.test.mean == pytest.approx(one.test.mean * factor)


def test_gap_reduction_by_hand() -> None:
    means = {"recordings": 80.0, "baseline": 40.0, "new": 60.0}
    noise = np.random.default_rng(0).normal(0, 5, (8, 6, 3))
    exact = noise - noise.mean((0, 1)) + np.array([means[name] for name in NAMES])
    found = gap_reduction(table(exact), "new", "baseline", "recordings")
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert found.interval is not None
    assert 0.4 < found.interval[0] < 0.5 < found.interval[1] < 0.6
    assert (found.num_listeners, found.num_items, found.num_values, found.notes) == (8, 6, 48, ())


def test_fieller_is_the_set_of_ratios_that_the_test_does_not_refuse(scores: Floats) -> None:
    gains, gaps = scores[..., 2] - scores[..., 1], scores[..., 0] - scores[..., 1]
    design = CrossedDesign(np.ones(gains.shape))
    both = covariances(np.stack([gains, gaps]), design).means
    ratio = gains.mean() / gaps.mean()
    reach = stats.t.ppf(0.975, crossed_means(gains - ratio * gaps, design).freedom)

    def excess(theta: float) -> float:
        line = np.array([1, -theta])
        return float(abs(gains.mean() - theta * gaps.mean()) - reach * np.sqrt(line @ both @ line))

    found = gap_reduction(table(scores), "new", "baseline", "recordings")
    assert found is not None
    assert found.fieller == pytest.approx((optimize.brentq(excess, ratio - 2, ratio), optimize.brentq(excess, ratio, ratio + 2)))
    assert found.interval == pytest.approx(found.fieller, abs=0.06)


def test_bootstrap_draws_have_the_estimated_spread() -> None:
    many = draw_scores(ListenerModel(lowest=0, highest=100), seeds=range(40))
    gains, gaps = many[..., 2] - many[..., 1], many[..., 0] - many[..., 1]
    found = gap_intervals(gains, gaps, np.ones((20, 12)), num_resamples=4000)
    bootstrap, fieller = found.high - found.low, found.fieller_high - found.fieller_low
    assert np.median(bootstrap / fieller) == pytest.approx(1, abs=0.05)
    assert np.all(np.abs(bootstrap / fieller - 1) < 0.35)


def test_gap_reduction_is_the_same_on_another_scale_and_in_another_order(scores: Floats) -> None:
    found = gap_reduction(table(scores), "new", "baseline", "recordings")
    again = gap_reduction(table(scores), "new", "baseline", "recordings")
    moved = gap_reduction(table(scores * 0.04 + 1), "new", "baseline", "recordings")
    turned = gap_reduction(table(scores[::-1]), "new", "baseline", "recordings")
    assert found == again
    assert found is not None and moved is not None and turned is not None
    assert moved.value == pytest.approx(found.value)
    assert moved.interval == pytest.approx(found.interval)
    assert turned.fieller == pytest.approx(found.fieller)
    assert turned.interval == pytest.approx(found.interval, abs=0.05)


def test_cells_without_all_three_conditions_are_left_out(scores: Floats) -> None:
    gapped = scores.copy()
    gapped[3, 4, 0] = gapped[5, 6, 1] = gapped[7, 8, 2] = np.nan
    gapped[9] = np.nan
    found = gap_reduction(table(gapped), "new", "baseline", "recordings")
    assert found is not None
    assert (found.num_listeners, found.num_values) == (19, 19 * 12 - 3)
    whole = np.isfinite(gapped).all(2)
    means = gapped[whole].mean(0)
    assert found.value == pytest.approx((means[2] - means[1]) / (means[0] - means[1]))


def test_no_gap_and_an_uncertain_gap_say_so(scores: Floats) -> None:
    worse = gap_reduction(table(scores[..., [1, 0, 2]]), "new", "baseline", "recordings")
    assert worse is not None
    assert (worse.value, worse.interval, worse.fieller, worse.notes) == (None, None, None, (NO_GAP,))
    gap = (scores[..., 0] - scores[..., 1]).mean()
    near = scores - np.array([gap - 0.5, 0, 0])
    uncertain = gap_reduction(table(near), "new", "baseline", "recordings")
    assert uncertain is not None
    assert uncertain.value is not None
    assert (uncertain.interval, uncertain.notes) == (None, (OPEN_GAP,))


def test_one_listener_and_equal_ratings_say_so(scores: Floats) -> None:
    lone = gap_reduction(table(scores[:1]), "new", "baseline", "recordings")
    assert lone is not None
    assert lone.notes[0] == ONE_LISTENER
    flat = gap_reduction(table(np.broadcast_to([75.0, 50.0, 62.0], (20, 12, 3))), "new", "baseline", "recordings")
    assert flat is not None
    assert (flat.value, flat.interval, flat.notes) == (pytest.approx(0.48), None, (NO_SPREAD,))
    equal = gap_reduction(table(np.full((20, 12, 3), 50.0)), "new", "baseline", "recordings")
    assert equal is not None
    assert (equal.value, equal.notes) == (None, (NO_GAP,))
    single = gap_reduction(table(scores[:1, :1]), "new", "baseline", "recordings")
    assert single is not None
    assert single.interval is None


def test_a_new_system_that_equals_the_recordings_closes_the_gap(scores: Floats) -> None:
    found = gap_reduction(table(scores[..., [0, 1, 0]]), "new", "baseline", "recordings")
    assert found is not None
    assert found.value == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))
