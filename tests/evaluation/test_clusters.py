from itertools import product

import numpy as np
import pytest

from tts_cli.errors import InputError
from tts_cli.evaluation import clusters as room
from tts_cli.evaluation.clusters import (
    ClusteredPair,
    clustered_mean,
    clustered_ratio,
    clustered_root,
    clustered_tests,
    estimate_by_cluster,
    exchange_p,
)
from tts_cli.evaluation.statistics import mean_estimate

pytest.importorskip("scipy")
pytest.importorskip("statsmodels")
LEVEL = 0.05
MOST_WRONG = 0.11
"""Share of wrong verdicts in 100 tests that a test at `LEVEL` exceeds in one of 100 runs."""


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FLIPS", 999)


def wrong(differences: list[np.ndarray], clusters: list[int]) -> float:
    return float(np.mean([exchange_p(one, clusters) < LEVEL for one in differences]))


def test_few_clusters_are_exchanged_in_all_ways() -> None:
    values, texts = np.array([0.4, 0.1, -0.2, 0.5, 0.3]), ["a", "a", "b", "c", "d"]
    sums = np.array([0.5, -0.2, 0.5, 0.3])
    ways = [abs(float(np.dot(signs, sums))) for signs in product((1, -1), repeat=4)]
    assert exchange_p(values, texts) == pytest.approx(np.mean([way >= sums.sum() - 1e-12 for way in ways]))


def test_readers_of_one_text_count_once(_quick: None) -> None:
    """All readers of a text differ alike by chance: a test of utterances would find differences where there are none."""
    random = np.random.default_rng(1)
    texts = [text for text in range(50) for _ in range(3)]
    planted = [np.repeat(random.normal(size=50), 3) + 0.3 * random.normal(size=150) for _ in range(100)]
    assert wrong(planted, texts) <= MOST_WRONG
    assert wrong(planted, list(range(150))) > 2 * MOST_WRONG


def test_the_mean_of_several_draws_is_no_winner_by_its_shape(_quick: None) -> None:
    """A skewed measure less the mean of five draws of the same is above 0 in most utterances, and 0 on average."""
    scipy = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(2)
    drawn = 1 - random.gamma(0.7, 0.3, size=(100, 6, 200))
    planted = list(drawn[:, 0] - drawn[:, 1:].mean(axis=1))
    assert wrong(planted, list(range(200))) <= MOST_WRONG
    assert np.mean([scipy.wilcoxon(one).pvalue < LEVEL for one in planted]) > 0.3


def test_a_small_difference_is_found(_quick: None) -> None:
    random = np.random.default_rng(3)
    texts = [text for text in range(60) for _ in range(3)]
    planted = [np.repeat(0.5 + random.normal(size=60), 3) + random.normal(size=180) for _ in range(20)]
    assert wrong(planted, texts) >= 0.8


def test_alike_is_no_difference() -> None:
    assert exchange_p(np.zeros(9), list(range(9))) == 1


def test_each_family_is_corrected_alone(_quick: None) -> None:
    random = np.random.default_rng(4)
    first = random.normal(size=40)
    pairs = {name: ClusteredPair(list(first + shift), list(first), list(range(40))) for name, shift in (("a", 1.0), ("b", 0.0))}
    far = ClusteredPair(list(first + random.normal(0.45, 1, 40)), list(first), list(range(40)))
    alone, *others = clustered_tests({"": {"one": far}, "stories": {"one": far, **pairs}})
    assert (alone.name, [one.name for one in others]) == ("one", ["stories: one", "stories: a", "stories: b"])
    assert alone.corrected_p == alone.p == others[0].p
    assert others[0].corrected_p > others[0].p
    assert others[2].p == 1


def test_the_numbers_of_utterances_and_texts_are_shown() -> None:
    pair = ClusteredPair([0.5, 0.6, 0.7, np.nan], [0.4, 0.4, 0.4, 0.4], ["a", "a", "b", "b"])
    (test,) = clustered_tests({"": {"x": pair}})
    assert test.cells()[1] == "3 of 2 texts"
    assert test.difference.value == pytest.approx(0.2)
    with pytest.raises(InputError, match="'x' has no utterance"):
        clustered_tests({"": {"x": ClusteredPair([np.nan], [1.0], ["a"])}})


def test_intervals_are_those_of_whole_texts() -> None:
    random = np.random.default_rng(5)
    values = np.repeat(random.normal(size=40), 4)
    texts = list(np.repeat(np.arange(40), 4))
    ours, alone = clustered_mean(list(values), texts), mean_estimate(list(values))
    assert (ours.value, ours.num_clips) == (pytest.approx(alone.value), 160)
    assert ours.high - ours.low == pytest.approx(2 * (alone.high - alone.low), rel=0.15)
    by_place = estimate_by_cluster(lambda rows: float(values[rows].mean()), texts)
    assert (by_place.low, by_place.high) == (pytest.approx(ours.low, abs=0.04), pytest.approx(ours.high, abs=0.04))
    assert clustered_mean([1.0, np.nan, 3.0], ["a", "b", "c"]).value == 2


def test_ratios_are_those_of_the_sums() -> None:
    assert clustered_ratio([1, 2, 3], [2, 4, 4], ["a", "a", "b"]).value == pytest.approx(0.6)
    assert clustered_root([1, 3, 4], [2, 4, 2], ["a", "b", "b"]).value == pytest.approx(1.0)
