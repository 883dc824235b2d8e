"""Requirements on the statistics of a report, over 1,000 simulated tests of the stated design."""

from __future__ import annotations

import numpy as np
import pytest
from measure_verdicts import (
    ALIKE,
    DESIGNS,
    GAIN,
    NO_GAIN,
    STATED,
    chances_of,
    coverage,
    holm_of_first,
    rate_of_verdicts,
    rate_over_listeners,
    rate_over_ratings,
    scores_of,
)
from numpy.typing import NDArray

from tts_cli.evaluation.statistics import holm
from tts_cli.listening.inference import crossed_table, gap_reduction, verdicts
from tts_cli.listening.simulated_answers import simulate_answers
from tts_cli.listening.simulation import ListenerModel, planted_gap_reduction

Floats = NDArray[np.float64]
SEEDS = range(1000)
RESAMPLES = 999


@pytest.fixture(scope="module")
def gain() -> Floats:
    return scores_of(STATED, GAIN, SEEDS)


@pytest.fixture(scope="module")
def null() -> Floats:
    return scores_of(STATED, NO_GAIN, SEEDS)


def test_the_verdict_finds_the_planted_gain(gain: Floats) -> None:
    assert rate_of_verdicts(STATED, gain) >= 0.8


def test_the_verdict_rarely_finds_a_null_effect_with_deviations_by_system(null: Floats) -> None:
    assert 0.02 < rate_of_verdicts(STATED, null) <= 0.08


def test_the_verdict_rarely_finds_a_null_effect_without_deviations_by_system() -> None:
    assert 0.01 < rate_of_verdicts(STATED, scores_of(STATED, NO_GAIN, SEEDS, **ALIKE)) <= 0.064


def test_a_null_effect_shows_the_faults_of_other_tests(null: Floats) -> None:
    assert rate_over_ratings(null) == pytest.approx(0.37, abs=0.04)
    assert rate_over_listeners(null) == pytest.approx(0.12, abs=0.02)


def test_the_interval_covers_the_planted_gap_reduction(gain: Floats, null: Floats) -> None:
    after_cutting = planted_gap_reduction(ListenerModel(), GAIN)
    for scores, value in ((gain, after_cutting), (gain, 0.48), (null, 0.0)):
        covers = coverage(STATED, scores, value, RESAMPLES)
        assert 0.92 <= covers.bootstrap <= 0.98
        assert 0.92 <= covers.fieller <= 0.98


@pytest.mark.parametrize("design", DESIGNS[1:], ids=lambda design: design.name)
def test_other_designs_keep_their_level(design: object) -> None:
    assert isinstance(design, type(STATED))
    null = scores_of(design, NO_GAIN, range(400))
    assert rate_of_verdicts(design, null) <= 0.08


def test_what_is_counted_is_the_verdict_of_the_report(gain: Floats) -> None:
    chances = chances_of(STATED, gain)
    # The first part holds each twentieth seed.
    assert list(holm_of_first(chances)[:3]) == pytest.approx([holm(list(column))[0] for column in chances.T[:3]])
    for place, seed in enumerate((0, 20, 40)):
        table = crossed_table(simulate_answers(seed=seed).answers.ratings)
        found = {(one.first, one.second): one for one in verdicts(table)}
        assert found["baseline", "new"].corrected_p == pytest.approx(holm_of_first(chances)[place])
        assert gap_reduction(table, "new", "baseline", "recordings") is not None
