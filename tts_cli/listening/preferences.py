"""Choices of AB and ABX tests: shares with intervals, binomial tests, and sign tests of listeners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import holm
from tts_cli.listening.comparisons import AskedPairs, holm_of
from tts_cli.listening.crossed import Floats, MeanTest, mean_test
from tts_cli.listening.inference import crossed_table
from tts_cli.listening.ratings import Answers, Choice, Rating
from tts_cli.listening.summary import numbered

CHOICE_METHOD = (
    "Shares have 95 % intervals in which listeners and items are random. The verdict tests the mean of the choices in the same "
    "way; a choice without preference counts half to each side. P-values are corrected by Holm over all pairs."
)
"""Method of the shares and verdicts of `preferences`, for reports."""
COUNT_METHOD = (
    "For comparison. The binomial test and its interval (Clopper and Pearson) count every choice as independent, so the p-value "
    "is too small where listeners or items differ. The sign test counts each listener once, by the majority of the listener's "
    "choices. Choices without preference are left out. P-values are corrected by Holm over all pairs."
)
"""Method of the counts of `preferences`, for reports."""


@dataclass(frozen=True)
class CountTest:
    """Exact two-sided test of a share of one half."""

    num_for: int
    num_all: int
    p: float | None
    """None where nothing was counted."""
    corrected_p: float | None
    interval: tuple[float, float] | None
    """95 % interval of the share by Clopper and Pearson."""


@dataclass(frozen=True)
class Preference:
    """Choices between two conditions (`ab`), or right and wrong answers about them (`abx`)."""

    first: str
    second: str
    group: str | None
    """Group of items; None: all items."""
    num_choices: int
    first_share: MeanTest
    """Share of choices for the first condition; of an ABX test, share of right answers."""
    second_share: MeanTest
    no_share: MeanTest
    """Share of choices without a preference."""
    verdict: MeanTest
    """Mean of the choices (1: first or right, 0: none, -1: second or wrong), listeners and items random."""
    corrected_p: float
    """p-value of the verdict after Holm's correction over all pairs."""
    choices: CountTest
    """Binomial test of all choices with a preference."""
    listeners: CountTest
    """Sign test: listeners whose choices are mostly for the first condition, or mostly right."""


@dataclass(frozen=True)
class _Signs:
    """Choices of one pair as numbers: 1 for the first condition or a right answer, -1 for the second or a wrong one, else 0."""

    pair: tuple[str, str]
    group: str | None
    values: Floats
    """(listeners, items); NaN where a listener did not choose. Several choices count with their mean."""
    single: Floats
    """(choices,)"""


def preferences(answers: Answers, asked: AskedPairs) -> tuple[Preference, ...]:
    """Return the preferences of each pair of conditions over all items, then by group if there are groups.

    Args:
        answers: Choices of an AB or ABX test.
        asked: With a baseline, it is the second condition of its pairs, and pairs without it are left out; with systems, pairs
            without any of them are.
    """
    tested = [one for one in answers.choices if one.role == "test"]
    by_pair: dict[tuple[str, str], list[Choice]] = defaultdict(list)
    for one in tested:
        by_pair[_oriented((one.first, one.second), asked)].append(one)
    kept = {pair: own for pair, own in sorted(by_pair.items()) if _is_asked(pair, asked)}
    groups = sorted({one.group for one in tested})
    found = _tested([_signs(pair, None, own) for pair, own in kept.items()])
    for group in groups if len(groups) > 1 else ():
        of_group = {pair: [one for one in own if one.group == group] for pair, own in kept.items()}
        found += _tested([_signs(pair, group, own) for pair, own in of_group.items() if own])
    return tuple(found)


def _oriented(pair: tuple[str, str], asked: AskedPairs) -> tuple[str, str]:
    return pair[::-1] if pair[0] == asked.baseline or (pair[1] in asked.systems and pair[0] not in asked.systems) else pair


def _is_asked(pair: tuple[str, str], asked: AskedPairs) -> bool:
    return (asked.baseline is None or asked.baseline in pair) and (not asked.systems or any(one in pair for one in asked.systems))


def _sign(choice: Choice, first: str) -> float:
    if choice.answer:
        return 1.0 if choice.chosen == choice.answer else -1.0
    return 0.0 if not choice.chosen else 1.0 if choice.chosen == first else -1.0


def _signs(pair: tuple[str, str], group: str | None, choices: Sequence[Choice]) -> _Signs:
    renamed, _ = numbered(choices, lambda one: _sign(one, pair[0]))
    scores = [Rating(one.listener, one.item, "", _sign(one, pair[0])) for one in renamed]
    return _Signs(pair, group, crossed_table(scores).of(""), np.array([one.score for one in scores]))


def _tested(signs: Sequence[_Signs]) -> list[Preference]:
    """Return the preferences of pairs, with p-values corrected together."""
    if not signs:
        return []
    tests = [mean_test(one.values) for one in signs]
    majorities = [np.sign(np.nanmean(one.values, axis=1)) for one in signs]
    choices, listeners = count_tests([one.single for one in signs]), count_tests(majorities)
    rows = zip(signs, tests, holm([test.p for test in tests]), choices, listeners, strict=True)
    return [_preference(one, test, p, of_choices, of_listeners) for one, test, p, of_choices, of_listeners in rows]


def _preference(signs: _Signs, test: MeanTest, corrected_p: float, choices: CountTest, listeners: CountTest) -> Preference:
    is_known = np.isfinite(signs.values)
    # The mean of several choices of one listener about one item lies between -1 and 1.
    shares = [np.where(is_known, part, np.nan) for part in (np.maximum(signs.values, 0), np.maximum(-signs.values, 0))]
    none = np.where(is_known, 1 - shares[0] - shares[1], np.nan)
    first, second, no = (mean_test(part) for part in (*shares, none))
    number = len(signs.single)
    return Preference(*signs.pair, signs.group, number, first, second, no, test, corrected_p, choices, listeners)


def count_tests(signs: Iterable[Floats]) -> list[CountTest]:
    """Test signs against an even share with the binomial test, corrected by Holm; zeros are left out."""
    counts = [(int((one > 0).sum()), int((one != 0).sum())) for one in signs]
    results = [require("scipy.stats").binomtest(num_for, num_all) if num_all else None for num_for, num_all in counts]
    chances = [None if result is None else float(result.pvalue) for result in results]
    ends = [None if result is None else result.proportion_ci(0.95, "exact") for result in results]
    return [
        CountTest(*count, p, corrected, None if end is None else (float(end.low), float(end.high)))
        for count, p, corrected, end in zip(counts, chances, holm_of(chances), ends, strict=True)
    ]
