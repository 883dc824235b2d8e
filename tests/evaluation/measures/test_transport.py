"""1-Wasserstein distance of known shifts, and its resampling."""

import numpy as np
import pytest

from tts_cli.evaluation.measures.transport import Transport, weights_of

stats = pytest.importorskip("scipy.stats")


def distance(transport: Transport, rows: np.ndarray, count: int) -> float:
    return float(transport.distances(weights_of(rows[None], count))[0])


def test_a_known_shift_and_a_known_stretch_are_found() -> None:
    values = [[1.0], [2.0], [4.0], [9.0]]

    def measured(others: list[list[float]]) -> float:
        return distance(Transport(values, others), np.arange(4), 4)

    assert measured(values) == 0
    assert measured([[one + 2.5] for (one,) in values]) == pytest.approx(2.5)
    assert measured([[2 * one] for (one,) in values]) == pytest.approx(4.0)
    assert measured(values[::-1]) == 0, "the distributions count, not the pairs"


def test_it_equals_scipy_for_utterances_of_any_size_and_for_resamples() -> None:
    generator = np.random.default_rng(0)
    first, second = ([generator.integers(0, 40, size).tolist() for size in generator.integers(0, 9, 30)] for _ in range(2))
    measured = Transport(first, second)
    for rows in (np.arange(30), generator.integers(0, 30, 30), np.array([3, 3, 3, 17])):
        pooled = [np.concatenate([side[row] for row in rows]) for side in (first, second)]
        assert distance(measured, rows, 30) == pytest.approx(stats.wasserstein_distance(*pooled))


def test_resamples_of_a_shift_stay_near_it() -> None:
    generator = np.random.default_rng(1)
    first = generator.normal(size=(60, 8))
    rows = generator.integers(0, 60, (500, 60))
    found = Transport(first.tolist(), (first + 1.0).tolist()).distances(weights_of(rows, 60))
    assert found == pytest.approx(1.0), "a shift of all values is the same in every resample"
    other = Transport(first.tolist(), (generator.normal(size=(60, 8)) + 1.0).tolist()).distances(weights_of(rows, 60))
    assert 0.8 < np.percentile(other, 2.5) < np.percentile(other, 97.5) < 1.3


def test_sets_that_do_not_fit_are_refused_and_empty_resamples_have_no_distance() -> None:
    assert np.isnan(distance(Transport([[1.0], []], [[2.0], [3.0]]), np.array([1, 1]), 2))
    for first, second in (([[1.0]], [[1.0], [2.0]]), ([[]], [[1.0]]), ([[np.nan]], [[1.0]])):
        with pytest.raises(ValueError, match="set"):
            Transport(first, second)
