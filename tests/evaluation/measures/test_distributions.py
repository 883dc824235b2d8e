import numpy as np
import pytest

from tts_cli.errors import InputError
from tts_cli.evaluation.measures.distributions import (
    MEASURES,
    Scale,
    distance_estimate,
    distances,
    gap_closed,
    measure_estimates,
    table_of,
    variety_ratios,
)

RANDOM = np.random.default_rng(0)
RECORDED = RANDOM.normal(size=(60, len(MEASURES)))


def test_distances_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    other = 0.5 * RANDOM.normal(size=RECORDED.shape) + np.arange(len(MEASURES))
    expected = [stats.wasserstein_distance(RECORDED[:, place], other[:, place]) for place in range(len(MEASURES))]
    np.testing.assert_allclose(distances(RECORDED, other), expected)
    assert distance_estimate(RECORDED, other).value == pytest.approx(np.mean(expected))
    assert measure_estimates(RECORDED, other)[MEASURES[2]].value == pytest.approx(expected[2])


def test_a_distribution_matters_and_not_which_utterance_has_what() -> None:
    assert distances(RECORDED, RECORDED[::-1]).max() == 0


def test_the_gap_is_closed_from_the_centroid_to_the_recordings() -> None:
    centroid = np.zeros_like(RECORDED)
    assert gap_closed(RECORDED, centroid, centroid).value == 0
    assert gap_closed(RECORDED, centroid, RECORDED).value == 1
    half = gap_closed(RECORDED, centroid, RECORDED / 2)
    assert half.value == pytest.approx(0.5)
    assert 0.4 < half.low <= half.value <= half.high < 0.6
    assert gap_closed(RECORDED, centroid, centroid - 3).value < 0


def test_an_interval_is_wider_with_fewer_utterances() -> None:
    output = RECORDED / 2 + RANDOM.normal(size=RECORDED.shape)
    centroid = np.zeros_like(RECORDED)
    many, few = (gap_closed(RECORDED[:count], centroid[:count], output[:count]) for count in (60, 10))
    assert few.high - few.low > 1.5 * (many.high - many.low)
    assert (many.num_clips, few.num_clips) == (60, 10)


def test_scores_are_of_the_speakers_training_recordings() -> None:
    training = 3 * RANDOM.normal(size=(500, len(MEASURES))) + 7
    training[::5, 0] = np.nan
    scores = Scale(training).standardised(training)
    np.testing.assert_allclose(np.nanmean(scores, axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.nanstd(scores, axis=0), 1)
    with pytest.raises(InputError, match="too few"):
        Scale(np.ones((10, len(MEASURES))))


def test_a_table_has_a_column_for_each_measure() -> None:
    figures = {name: float(place) for place, name in enumerate(MEASURES)}
    np.testing.assert_array_equal(table_of([figures, figures]), [range(6)] * 2)
    assert table_of([]).shape == (0, 6)


def test_variety_is_within_passages() -> None:
    passage = RANDOM.normal(size=(200, len(MEASURES)))
    apart = [passage, passage + 100]
    with_gap = passage.copy()
    with_gap[0, 3] = np.nan
    for others, tolerance in (([passage, passage], 1e-9), ([with_gap, passage], 0.02)):
        ratios = variety_ratios({"anna": apart}, {"anna": others})
        assert [ratio.value for ratio in ratios.values()] == pytest.approx([1.0] * len(ratios), rel=tolerance)


def test_variety_is_a_multiple_of_others() -> None:
    passages = [RANDOM.normal(size=(12, len(MEASURES))) for _ in range(5)]
    lively = {"anna": [2 * one for one in passages], "ben": [4 * one for one in passages]}
    even = {"anna": passages, "ben": passages, "carl": passages}
    ratios = variety_ratios(lively, even)
    ratio = ratios["mean"]
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3.0, 3.0, 3.0))
    assert ratios[MEASURES[1]].value == pytest.approx(3.0)
    others = variety_ratios(lively, {"anna": [2 * passages[0]], "ben": [4 * passages[0]]}, is_paired=False)
    beside = others["mean"]
    expected = np.sqrt(np.mean([one.var(axis=0, ddof=1) for one in passages], axis=0)) / passages[0].std(axis=0, ddof=1)
    assert beside.value == pytest.approx(np.mean(expected))
    assert others[MEASURES[4]].value == pytest.approx(expected[4])
    assert beside.low < beside.value < beside.high
