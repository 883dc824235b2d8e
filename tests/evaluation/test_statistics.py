import numpy as np
import pytest

from tts_cli.errors import InputError
from tts_cli.evaluation import statistics
from tts_cli.evaluation.statistics import estimate_by_place, holm, independent_difference, mean_estimate, paired_tests

pytest.importorskip("statsmodels")


def test_there_is_one_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).exponential(size=30)
    by_place = estimate_by_place(lambda places: float(values[places].mean()), len(values))
    assert by_place.low < by_place.value < by_place.high
    monkeypatch.setattr(statistics, "SLOW_RESAMPLES", statistics.RESAMPLES)
    same = estimate_by_place(lambda places: float(values[places].mean()), len(values))
    mean = mean_estimate(values.tolist())
    assert (same.value, same.low, same.high) == pytest.approx((mean.value, mean.low, mean.high), rel=1e-12)
    assert same.low != by_place.low, "fewer resamples where each is computed by itself"
    with pytest.raises(InputError, match="no clip"):
        estimate_by_place(lambda places: float(len(places)), 0)


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.8]) == pytest.approx([1.0, 1.0])


def test_signed_ranks_by_hand() -> None:
    # All of 6 differences are positive, so the exact two-sided p is 2 / 2**6.
    test = paired_tests({"rise": ([1.1, 2.2, 3.3, 4.4, 5.5, 6.6], [1, 2, 3, 4, 5, 6])})[0]
    assert test.p == test.corrected_p == pytest.approx(2 / 64)
    assert test.difference.value == pytest.approx(0.35)
    assert test.difference.low > 0
    assert test.cells()[:2] == ["rise", "6"] and test.cells()[2].startswith("0.350 [0.")


def test_tests_made_together_are_corrected_together() -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(size=40)
    tests = paired_tests(
        {"same": (base.tolist(), base.tolist()), "higher": ((base + generator.uniform(0.1, 0.3, 40)).tolist(), base.tolist())}
    )
    assert (tests[0].p, tests[0].corrected_p) == (1, 1)
    assert tests[1].corrected_p == pytest.approx(2 * tests[1].p)
    assert tests[1].corrected_p < 1e-6


def test_an_utterance_that_one_lacks_is_dropped_from_both() -> None:
    nan = float("nan")
    test = paired_tests({"gap": ([1.0, nan, 3.0, 9.0], [0.0, 5.0, nan, 7.0])})[0]
    assert (test.difference.num_clips, test.difference.value) == (2, 1.5)
    with pytest.raises(InputError, match="no utterance"):
        paired_tests({"empty": ([nan], [1.0])})
    assert paired_tests({}) == ()


def test_unrelated_clips_are_resampled_separately() -> None:
    generator = np.random.default_rng(2)
    many, few = generator.random(400) < 0.8, generator.random(30) < 0.3
    found = independent_difference([(float(one), 1.0) for one in many], [(float(one), 1.0) for one in few])
    assert found.value == pytest.approx(many.mean() - few.mean()) and found.num_clips == 430
    error = (many.var() / len(many) + few.var() / len(few)) ** 0.5
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.15), "the normal approximation"
    weighted = independent_difference([(1.0, 4.0), (3.0, 4.0)], [(0.0, 1.0)])
    assert (weighted.value, weighted.low, weighted.high) == (0.5, 0.25, 0.75), "a set of one clip does not vary"
    with pytest.raises(InputError, match="no clip"):
        independent_difference([(1.0, 1.0)], [])
