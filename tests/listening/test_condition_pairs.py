from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_results import answers_of, choices_of, listening_test

from tts_cli.errors import InputError
from tts_cli.listening import mixed_model
from tts_cli.listening.comparisons import AskedPairs, compare, holm_of, paired_tests_of, pairs_of, t_test, wilcoxon
from tts_cli.listening.mixed_model import FittedModel, fit_model
from tts_cli.listening.preferences import count_tests, preferences
from tts_cli.listening.summary import ScoreTable, mean_scores, score_table


@pytest.fixture(autouse=True)
def _no_collections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep statsmodels from collecting garbage at every correction of p-values, which takes a third of a second each."""
    monkeypatch.setattr("gc.collect", lambda *_: 0)


stats = pytest.importorskip("scipy.stats")
pytest.importorskip("statsmodels")

OLD = [
    [24, 22, 38, 45, 28],
    [19, 16, 31, 29, 35],
    [49, 49, 54, 63, 57],
    [38, 49, 51, 69, 64],
    [28, 43, 45, 56, 54],
    [29, 41, 51, 63, 48],
]
NEW = [
    [65, 63, 62, 71, 55],
    [51, 34, 46, 54, 37],
    [58, 58, 55, 61, 45],
    [72, 54, 60, 65, 58],
    [83, 71, 93, 87, 77],
    [73, 60, 72, 86, 60],
]
"""Scores of six listeners (rows) and five items."""
LISTENERS = tuple("abcdef")
ITEMS = tuple("vwxyz")
CONDITIONS = ("recordings", "low", "old", "new", "newer")


def table_of(
    scores: dict[str, list[list[float]]], items: tuple[str, ...] = ITEMS, groups: dict[str, str] | None = None
) -> ScoreTable:
    test = listening_test(tuple(scores), items, groups=groups)
    given = [
        (listener, item, name, score)
        for name, rows in scores.items()
        for listener, row in zip(LISTENERS, rows, strict=False)
        for item, score in zip(items, row, strict=True)
        if score is not None
    ]
    return score_table(answers_of(test, given))


BOTH = table_of({"old": OLD, "new": NEW})  # type: ignore[dict-item]


def test_means_by_condition_and_group() -> None:
    table = table_of({"old": OLD, "new": NEW}, groups={"v": "long", "w": "long", "x": "short", "y": "short", "z": "short"})  # type: ignore[dict-item]
    found = {(one.group, one.condition): one for one in mean_scores(table)}
    assert list(found) == [(group, name) for group in (None, "long", "short") for name in ("old", "new")]
    assert found[None, "old"].mean.mean == pytest.approx(np.mean(OLD))
    assert found["long", "new"].mean.mean == pytest.approx(np.mean([row[:2] for row in NEW]))
    assert found["short", "new"].deviation == pytest.approx(np.std([row[2:] for row in NEW], ddof=1))
    assert found[None, "new"].quartiles == tuple(np.percentile(NEW, (25, 50, 75)))


def test_paired_tests_agree_with_scipy() -> None:
    (found,) = paired_tests_of(BOTH, [("new", "old")])
    listeners = np.mean(NEW, axis=1), np.mean(OLD, axis=1)
    assert found.num_listeners == 6
    assert found.t_p == pytest.approx(stats.ttest_rel(*listeners).pvalue)
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(*listeners).pvalue)
    # All six mean differences are positive, so the exact two-sided p of the signed ranks is 2 / 2**6.
    assert found.wilcoxon_p == pytest.approx(2 / 64)
    # By hand: the differences are 31.8, 18.4, 1.0, 7.6, 37.0 and 23.8, with mean 19.9333 and standard deviation 13.8562, so
    # t = 19.9333 / (13.8562 / sqrt(6)) = 3.5238.
    differences = listeners[0] - listeners[1]
    assert (differences.mean(), differences.std(ddof=1)) == pytest.approx((19.9333, 13.8562), abs=1e-4)
    assert found.t_p == pytest.approx(2 * stats.t.sf(3.5238, 5), rel=1e-3)


def test_p_values_are_corrected_over_all_pairs() -> None:
    third = [[score + place for place, score in enumerate(row)] for row in OLD]
    table = table_of({"old": OLD, "new": NEW, "newer": third})  # type: ignore[dict-item]
    pairs = [("new", "old"), ("newer", "old"), ("newer", "new")]
    found = paired_tests_of(table, pairs)
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    for kind in ("t", "wilcoxon"):
        plain = [getattr(one, f"{kind}_p") for one in found]
        known = [p for p in plain if p is not None]
        corrected = [getattr(one, f"{kind}_corrected_p") for one in found if getattr(one, f"{kind}_p") is not None]
        assert corrected == pytest.approx(list(multipletests(known, method="holm")[1]))
    # "newer" lies two points above "old" for every listener, so Student's t has no variance to divide by.
    assert found[1].t_p is None and found[1].t_corrected_p is None
    assert found[1].wilcoxon_p == pytest.approx(2 / 64)


def test_tests_without_evidence_have_no_p_value() -> None:
    assert t_test(np.array([1.0])) is None and t_test(np.array([2.0, 2.0])) is None
    assert wilcoxon(np.array([1.0])) is None and wilcoxon(np.zeros(5)) is None
    assert holm_of([None, 0.02, None, 0.04]) == [None, 0.04, None, 0.04]
    assert holm_of([None]) == [None]


def reference_model(table: ScoreTable) -> tuple[float, float, list[float]]:
    """Return difference, standard error and standard deviations by hand, from the mean squares of a table without gaps.

    With l listeners, i items and 2 conditions, the difference has the variance 2 (MS_lc + MS_ic - MS_r) / (l i).
    """
    scores = np.stack([table.of("old"), table.of("new")])
    conditions, listeners, items = scores.shape
    grand = scores.mean()
    of_condition = scores.mean((1, 2), keepdims=True)
    of_listener, of_item = scores.mean((0, 2), keepdims=True), scores.mean((0, 1), keepdims=True)
    by_listener, by_item = scores.mean(2, keepdims=True), scores.mean(1, keepdims=True)
    inner_listener, inner_item = by_listener - of_listener - of_condition + grand, by_item - of_item - of_condition + grand
    square_listener = items * conditions * ((of_listener - grand) ** 2).sum() / (listeners - 1)
    square_item = listeners * conditions * ((of_item - grand) ** 2).sum() / (items - 1)
    square_lc = items * (inner_listener**2).sum() / ((listeners - 1) * (conditions - 1))
    square_ic = listeners * (inner_item**2).sum() / ((items - 1) * (conditions - 1))
    residual = scores - of_condition - (of_listener - grand) - (of_item - grand) - inner_listener - inner_item
    square = (residual**2).sum() / (scores.size - conditions - (listeners - 1) * conditions - (items - 1) * conditions)
    variances = [
        (square_listener - square_lc) / (items * conditions),
        (square_item - square_ic) / (listeners * conditions),
        (square_lc - square) / items,
        (square_ic - square) / listeners,
        square,
    ]
    error = np.sqrt(2 * (square_lc + square_ic - square) / (listeners * items))
    return float(np.ptp(of_condition)), float(error), [float(one) for one in np.sqrt(variances)]


def test_the_mixed_model_agrees_with_mean_squares_by_hand() -> None:
    found = fit_model(BOTH, [("new", "old")])
    difference, error, deviations = reference_model(BOTH)
    assert found.has_converged and found.notes == () and found.num_ratings == 60
    (contrast,) = found.contrasts
    assert (contrast.first, contrast.second) == ("new", "old")
    assert contrast.difference == pytest.approx(difference)
    assert contrast.difference == pytest.approx(np.mean(NEW) - np.mean(OLD))
    assert contrast.error == pytest.approx(error, rel=1e-3)
    assert contrast.p == contrast.corrected_p == pytest.approx(2 * stats.norm.sf(difference / error), rel=1e-2)
    names = ["listener", "item", "listener by condition", "item by condition", "residual"]
    assert [name for name, _ in found.deviations] == names
    assert [one for _, one in found.deviations] == pytest.approx(deviations, rel=1e-2)


def test_the_mixed_model_agrees_with_statsmodels_formula_where_ratings_are_missing() -> None:
    pandas, mixed = pytest.importorskip("pandas"), pytest.importorskip("statsmodels.formula.api").mixedlm
    holes = {(0, 1), (2, 3), (5, 0)}
    new = [[None if (who, i) in holes else score for i, score in enumerate(row)] for who, row in enumerate(NEW)]
    table = table_of({"old": OLD, "new": new})  # type: ignore[dict-item]
    found = fit_model(table, [("new", "old")])
    rows = [
        {"score": float(score), "condition": name, "listener": who, "item": i, "one": 1}
        for name, scores in (("old", OLD), ("new", new))
        for who, row in enumerate(scores)  # type: ignore[arg-type]
        for i, score in enumerate(row)
        if score is not None
    ]
    parts = {"a": "C(listener)", "b": "C(item)", "c": "C(listener):C(condition)", "d": "C(item):C(condition)"}
    model = mixed(
        "score ~ 0 + C(condition)",
        pandas.DataFrame(rows),
        groups="one",
        vc_formula={name: f"0 + {part}" for name, part in parts.items()},
    )
    fit = model.fit(method=["powell", "bfgs"], reml=True)
    new_less_old = fit.fe_params["C(condition)[new]"] - fit.fe_params["C(condition)[old]"]
    assert found.num_ratings == 57
    assert found.contrasts[0].difference == pytest.approx(new_less_old, abs=0.02)
    covariance = fit.cov_params().iloc[:2, :2].to_numpy()
    assert found.contrasts[0].error == pytest.approx(
        np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]), rel=0.01
    )
    assert [one for _, one in found.deviations][:4] == pytest.approx(list(np.sqrt(fit.vcomp)), abs=0.1)


def test_contrasts_are_corrected_over_all_pairs() -> None:
    third = [[score + 3 * place for place, score in enumerate(row)] for row in OLD]
    table = table_of({"old": OLD, "new": NEW, "newer": third})  # type: ignore[dict-item]
    found = fit_model(table, [("new", "old"), ("newer", "old"), ("newer", "new")])
    assert [one.corrected_p for one in found.contrasts] == pytest.approx(holm_of([one.p for one in found.contrasts]))


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({"old": OLD}, "two conditions"),
        ({"old": OLD[:1], "new": NEW[:1]}, "two listeners"),
        ({"old": [row[:1] for row in OLD], "new": [row[:1] for row in NEW]}, "two items"),
        ({"old": [[50] * 5] * 6, "new": [[50] * 5] * 6}, "all ratings are equal"),
    ],
)
def test_a_model_that_is_impossible_has_a_reason(scores: dict[str, list[list[float]]], reason: str) -> None:
    found = fit_model(table_of(scores, ITEMS[: len(next(iter(scores.values()))[0])]), [("new", "old")][: len(scores) - 1])
    assert found.contrasts == ()
    assert len(found.notes) == 1 and reason in found.notes[0]


def test_a_model_of_too_many_ratings_leaves_out_deviations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_cli.listening.mixed_model.MOST_WORK", 60 * 10**2)
    found = fit_model(BOTH, [("new", "old")])
    assert [name for name, _ in found.deviations] == ["listener", "item", "residual"]
    assert "no deviations by condition" in found.notes[0]


def test_a_model_without_spread_says_so() -> None:
    """All ratings are equal but one: the optimizer meets variances of zero, and the model must not raise or give NaN."""
    scores = [[50.0] * 5 for _ in range(6)]
    found = fit_model(table_of({"old": scores, "new": [[51.0, *scores[0][1:]], *scores[1:]]}), [("new", "old")])
    assert isinstance(found, FittedModel)
    assert all(np.isfinite([one.difference, one.error, one.p]).all() for one in found.contrasts)
    assert np.isfinite([one for _, one in found.deviations]).all()


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        (
            AskedPairs(),
            [
                ("new", "old"),
                ("newer", "old"),
                ("recordings", "old"),
                ("newer", "new"),
                ("recordings", "new"),
                ("recordings", "newer"),
            ],
        ),
        (AskedPairs("old"), [("new", "old"), ("newer", "old"), ("recordings", "old")]),
        (AskedPairs("old", ("new",)), [("new", "old")]),
        (AskedPairs("recordings", ("new", "low")), [("new", "recordings"), ("low", "recordings")]),
        (AskedPairs(None, ("new",)), [("new", "old"), ("new", "newer"), ("new", "recordings")]),
        (
            AskedPairs(None, ("new", "old")),
            [("old", "new"), ("new", "newer"), ("new", "recordings"), ("old", "newer"), ("old", "recordings")],
        ),
    ],
)
def test_pairs_follow_the_options(asked: AskedPairs, pairs: list[tuple[str, str]]) -> None:
    test = listening_test(CONDITIONS, ITEMS)
    assert list(pairs_of(test, CONDITIONS, asked)) == pairs
    assert all("new" not in pair for pair in pairs_of(test, [name for name in CONDITIONS if name != "new"], asked))


def test_pairs_of_unknown_conditions_are_refused() -> None:
    test = listening_test(CONDITIONS, ITEMS)
    with pytest.raises(InputError, match="--baseline ol: ") as raised:
        pairs_of(test, CONDITIONS, AskedPairs("ol"))
    assert raised.value.hint == "did you mean 'old'?"
    with pytest.raises(InputError, match="--system xyz: "):
        pairs_of(test, CONDITIONS, AskedPairs(None, ("xyz",)))
    with pytest.raises(InputError, match="is the baseline too"):
        pairs_of(test, CONDITIONS, AskedPairs("old", ("old",)))


def test_the_gap_reduction_of_the_first_system_or_of_the_one_asked_for() -> None:
    scores = {
        "recordings": [[90.0, 80.0], [70.0, 85.0]],
        "old": [[40.0, 50.0], [45.0, 60.0]],
        "new": [[70.0, 60.0], [50.0, 75.0]],
    }
    table, test = table_of(scores, ("v", "w")), listening_test(tuple(scores), ("v", "w"))
    (gap,) = compare(table, test, pairs_of(test, table.conditions, AskedPairs()), AskedPairs()).gaps
    # By hand: the sums are 325, 195 and 255, so (255 - 195) / (325 - 195).
    assert (gap.new, gap.baseline, gap.value) == ("new", "old", pytest.approx(60 / 130))
    (other,) = compare(table, test, [("old", "new")], AskedPairs("new", ("old",))).gaps
    assert other.value == pytest.approx(-60 / 70)
    (without,) = [compare(table_of({"old": OLD, "new": NEW}), listening_test(("old", "new"), ITEMS), [], AskedPairs()).gaps]  # type: ignore[dict-item]
    assert without == ()


AB = listening_test(("new", "old"), ITEMS, "ab")
CHOSEN = [
    (listener, item, name)
    for listener, names in {
        "a": ("new", "new", "new", "old", ""),
        "b": ("new", "new", "old", "new", "new"),
        "c": ("old", "old", "new", "", ""),
        "d": ("new", "new", "new", "new", ""),
    }.items()
    for item, name in zip(ITEMS, names, strict=True)
]


def test_preferences_by_hand() -> None:
    (found,) = preferences(choices_of(AB, CHOSEN), AskedPairs())
    assert (found.first, found.second, found.num_choices) == ("new", "old", 20)
    assert (found.first_share.mean, found.second_share.mean, found.no_share.mean) == pytest.approx((12 / 20, 4 / 20, 4 / 20))
    assert found.verdict.mean == pytest.approx(8 / 20)
    # Of 16 choices with a preference 12 are for the new system: p = 2 (C(16,0) + ... + C(16,4)) / 2**16.
    assert (found.choices.num_for, found.choices.num_all) == (12, 16)
    assert found.choices.p == pytest.approx(2 * (1 + 16 + 120 + 560 + 1820) / 2**16)
    assert found.choices.interval == pytest.approx(tuple(stats.binomtest(12, 16).proportion_ci(0.95, "exact")))
    # Three of four listeners prefer the new system mostly: p = 2 (1 + 4) / 2**4.
    assert (found.listeners.num_for, found.listeners.num_all, found.listeners.p) == (3, 4, pytest.approx(10 / 16))


def test_a_baseline_is_the_second_of_its_pairs() -> None:
    (found,) = preferences(choices_of(AB, CHOSEN), AskedPairs("new"))
    assert (found.first, found.second, found.verdict.mean) == ("old", "new", pytest.approx(-8 / 20))
    assert preferences(choices_of(AB, CHOSEN), AskedPairs(None, ("old",)))[0].first == "old"


def test_shares_of_groups() -> None:
    test = listening_test(("new", "old"), ITEMS, "ab", dict.fromkeys("vw", "long"))
    found = preferences(choices_of(test, CHOSEN), AskedPairs())
    assert [(one.group, one.num_choices) for one in found] == [(None, 20), ("", 12), ("long", 8)]
    assert found[2].first_share.mean == pytest.approx(6 / 8)


def test_right_answers_of_abx_by_hand() -> None:
    abx = listening_test(("new", "old"), ITEMS, "abx")
    right = [
        (listener, item, "old" if (listener, item) in {("a", "v"), ("b", "w")} else "new") for listener in "abc" for item in ITEMS
    ]
    (found,) = preferences(choices_of(abx, right), AskedPairs())
    # X is the new system throughout: 13 of 15 answers are right.
    assert (found.first_share.mean, found.choices.num_for, found.choices.num_all) == (pytest.approx(13 / 15), 13, 15)
    assert found.choices.p == pytest.approx(stats.binomtest(13, 15).pvalue)
    assert found.choices.p == pytest.approx(2 * (1 + 15 + 105) / 2**15)


def test_no_choice_has_no_test() -> None:
    (found,) = preferences(choices_of(AB, [("a", "v", ""), ("b", "v", "")]), AskedPairs())
    assert (found.choices.p, found.choices.interval, found.listeners.p) == (None, None, None)
    assert found.no_share.mean == 1
    assert count_tests([np.array([1.0, -1.0, 0.0])])[0].num_all == 2


def test_a_model_that_does_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = mixed_model._fitted

    def stopped(*given: Any) -> tuple[Any, list[str]]:
        fit, notes = plain(*given)
        fit.converged = False
        return fit, notes

    monkeypatch.setattr(mixed_model, "_fitted", stopped)
    found = fit_model(BOTH, [("new", "old")])
    assert not found.has_converged
    assert found.notes == ("The mixed model did not converge: do not rely on its figures.",)


def test_a_model_without_standard_errors_has_no_contrasts(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = mixed_model._fitted

    def singular(*given: Any) -> tuple[Any, list[str]]:
        fit, notes = plain(*given)
        monkeypatch.setattr(type(fit), "cov_params", lambda _: np.full((6, 6), np.nan), raising=False)
        return fit, notes

    monkeypatch.setattr(mixed_model, "_fitted", singular)
    found = fit_model(BOTH, [("new", "old")])
    assert found.contrasts == () and found.notes == ("The mixed model gives no standard errors.",)
    assert len(found.deviations) == 5


@pytest.mark.parametrize("error", [np.linalg.LinAlgError("Singular matrix"), ValueError("no start")])
def test_a_model_that_fails_says_so(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(mixed_model, "_fitted", fail)
    found = fit_model(BOTH, [("new", "old")])
    assert not found.has_converged and found.notes == (f"No mixed model: the fit failed ({error}).",)
