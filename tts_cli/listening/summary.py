"""Scores of a test as one table, and means with intervals by condition and by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from tts_cli.listening.crossed import Floats, MeanTest, mean_test
from tts_cli.listening.inference import CrossedTable, crossed_table
from tts_cli.listening.ratings import Answers, Choice, Rating

Answer = TypeVar("Answer", Rating, Choice)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of the test pages, with the order of the conditions and the group of each item."""

    cells: CrossedTable
    """Scores by listener, item and condition. Listeners and items have numbers for names."""
    conditions: tuple[str, ...]
    """Conditions with a score, in the order of the test."""
    groups: tuple[str, ...]
    """Group of each item of `cells`."""

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the groups, sorted; empty unless there are at least two."""
        names = sorted(set(self.groups))
        return tuple(names) if len(names) > 1 else ()

    def of(self, condition: str, group: str | None = None) -> Floats:
        """Return the scores (listeners, items) of a condition, of the items of one group or for None of all."""
        return self.cells.of(condition)[:, self._is_in(group)]

    def differences(self, first: str, second: str, group: str | None = None) -> Floats:
        """Return the scores of the first condition minus those of the second, like `of`."""
        return self.cells.differences(first, second)[:, self._is_in(group)]

    def _is_in(self, group: str | None) -> list[int]:
        return [place for place, own in enumerate(self.groups) if group is None or own == group]


def score_table(answers: Answers) -> ScoreTable:
    """Return the scores of the test pages of `answers` as a table."""
    ratings, groups = numbered([one for one in answers.ratings if one.role == "test"], lambda one: (one.condition, one.score))
    cells = crossed_table(ratings)
    conditions = tuple(one.name for one in answers.test.conditions if one.name in cells.conditions)
    return ScoreTable(cells, conditions, tuple(groups[item] for item in cells.items))


def numbered(answers: Sequence[Answer], content: Callable[[Answer], Any]) -> tuple[list[Answer], Mapping[str, str]]:
    """Return answers with numbers for the names of listeners and items, and the group of each item.

    The numbers of the listeners follow from their answers alone, so no result depends on names or on the order of rows. Items of
    one name in two groups are two items.

    Args:
        answers: Ratings or choices.
        content: Function from an answer to its values, which can be sorted.
    """
    own: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        own[one.listener].append(one)
    said = [sorted(of_one, key=lambda one: (one.group, one.item, content(one))) for of_one in own.values()]
    said.sort(key=lambda of_one: [(one.group, one.item, content(one)) for one in of_one])
    items = {key: f"{place:04}" for place, key in enumerate(sorted({(one.group, one.item) for one in answers}))}
    renamed = [
        replace(one, listener=f"{place:06}", item=items[one.group, one.item])
        for place, of_one in enumerate(said)
        for one in of_one
    ]
    return renamed, {name: group for (group, _), name in items.items()}


@dataclass(frozen=True)
class MeanScore:
    """Scores of one condition, over all items or those of a group."""

    condition: str
    group: str | None
    """Group of items; None: all items."""
    mean: MeanTest
    """Mean over listeners and items, with its 95 % interval."""
    deviation: float | None
    """Standard deviation of the scores; None of a single one."""
    quartiles: tuple[float, float, float]
    """Lower quartile, median and upper quartile."""


def mean_scores(table: ScoreTable) -> tuple[MeanScore, ...]:
    """Return the means of all conditions over all items, then by group if there are groups."""
    asked = ((group, name) for group in (None, *table.group_names) for name in table.conditions)
    return tuple(_mean_score(name, group, scores) for group, name in asked if np.isfinite(scores := table.of(name, group)).any())


def _mean_score(condition: str, group: str | None, scores: Floats) -> MeanScore:
    known = scores[np.isfinite(scores)]
    deviation = float(known.std(ddof=1)) if len(known) > 1 else None
    low, median, high = (float(one) for one in np.percentile(known, (25, 50, 75)))
    return MeanScore(condition, group, mean_test(scores), deviation, (low, median, high))


def interval_text(mean: MeanTest, decimals: int = 1, scale: float = 1.0, offset: float = 0.0) -> str:
    """Return a mean and its 95 % interval as text, each times `scale` plus `offset`; without the interval if it is unknown."""
    return ends_text(mean.mean * scale + offset, _shifted(mean.interval, scale, offset), decimals)


def _shifted(interval: tuple[float, float] | None, scale: float, offset: float) -> tuple[float, float] | None:
    return interval and (interval[0] * scale + offset, interval[1] * scale + offset)


def ends_text(value: float, interval: tuple[float, float] | None, decimals: int) -> str:
    """Return a value and its interval as text, `2.71 [2.60, 2.82]`; the value alone without an interval."""
    if interval is None:
        return f"{value:.{decimals}f}"
    return f"{value:.{decimals}f} [{interval[0]:.{decimals}f}, {interval[1]:.{decimals}f}]"


def limits(tests: Iterable[MeanTest]) -> tuple[str, ...]:
    """Return the notes of several tests, each once."""
    return tuple(dict.fromkeys(note for test in tests for note in test.notes))
