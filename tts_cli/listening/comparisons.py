"""Comparisons of two conditions: pairs to test, the verdict, paired tests of listeners' means, gap reduction and power."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tts_cli.config import suggest
from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import holm
from tts_cli.listening.crossed import Floats
from tts_cli.listening.design import ListeningTest
from tts_cli.listening.inference import GapReduction, Verdict, gap_reduction, verdicts
from tts_cli.listening.power import PowerGrid, power_grid, variances_of
from tts_cli.listening.summary import ScoreTable

Pair = tuple[str, str]
"""Names of two conditions; a difference is the first minus the second."""
PAIRED_METHOD = (
    "paired t-test and Wilcoxon's signed-rank test of listeners' mean differences, corrected by Holm over all pairs; both treat "
    "the items as fixed, so they say nothing of other items"
)
"""Method of `paired_tests_of`, for reports."""


@dataclass(frozen=True)
class AskedPairs:
    """Systems to compare, as the options of the command name them."""

    baseline: str | None = None
    """Condition that others are compared with; None: all pairs."""
    systems: tuple[str, ...] = ()
    """Conditions to compare; empty: all."""


def pairs_of(test: ListeningTest, present: Sequence[str], asked: AskedPairs) -> tuple[Pair, ...]:
    """Return the pairs of conditions to test.

    Args:
        test: The test.
        present: Conditions with answers. Pairs with others are left out.
        asked: Baseline and systems. Without them, all pairs of systems and recordings are tested; anchors only if named.

    Raises:
        InputError: The test has no condition of a name that is asked for, or the baseline is compared with itself.
    """
    names = [one.name for one in test.conditions]
    for option, given in (("--baseline", [asked.baseline] if asked.baseline else []), ("--system", asked.systems)):
        for name in given:
            if name not in names:
                raise InputError(f"{option} {name}: the test has no such condition", hint=suggest(name, names))
    if asked.baseline in asked.systems:
        raise InputError(f"--system {asked.baseline} is the baseline too", hint="name another system or another baseline")
    usual = _usual(test, present)
    found = [pair for pair in _pairs(usual, asked) if pair[0] in present and pair[1] in present]
    return tuple(dict.fromkeys(found))


def _usual(test: ListeningTest, present: Sequence[str]) -> list[str]:
    """Return the conditions that are compared by default: systems, then recordings."""
    ordered = [one.name for role in ("system", "reference") for one in test.conditions if one.role == role]
    return [name for name in ordered if name in present]


def _pairs(usual: Sequence[str], asked: AskedPairs) -> Iterator[Pair]:
    if asked.baseline:
        yield from ((name, asked.baseline) for name in asked.systems or usual if name != asked.baseline)
    elif asked.systems:
        others = [name for name in usual if name not in asked.systems]
        yield from ((later, earlier) for earlier, later in combinations(asked.systems, 2))
        yield from ((name, other) for name in asked.systems for other in others)
    else:
        yield from ((later, earlier) for earlier, later in combinations(usual, 2))


@dataclass(frozen=True)
class PairedTests:
    """Paired t-test and Wilcoxon's signed-rank test of listeners' mean differences; a p-value is None where there is no test."""

    first: str
    second: str
    num_listeners: int
    t_p: float | None
    """Two-sided p-value of the t-test."""
    t_corrected_p: float | None
    """The same after Holm's correction over all pairs."""
    wilcoxon_p: float | None
    wilcoxon_corrected_p: float | None


def paired_tests_of(table: ScoreTable, pairs: Sequence[Pair]) -> tuple[PairedTests, ...]:
    """Test the mean differences of listeners in each pair; see `PAIRED_METHOD`. A pair without answers to both is left out."""
    differences = {pair: _mean_differences(table.differences(*pair)) for pair in pairs}
    known = {pair: values for pair, values in differences.items() if len(values)}
    by_t, by_rank = [t_test(values) for values in known.values()], [wilcoxon(values) for values in known.values()]
    rows = zip(known, by_t, holm_of(by_t), by_rank, holm_of(by_rank), strict=True)
    return tuple(PairedTests(*pair, len(known[pair]), *chances) for pair, *chances in rows)


def _mean_differences(differences: Floats) -> Floats:
    """Return the mean of each listener who rated both conditions of any item."""
    kept = differences[np.isfinite(differences).any(1)]
    means: Floats = np.nanmean(kept, axis=1) if len(kept) else np.zeros(0)
    return means


def t_test(values: Floats) -> float | None:
    """Return the two-sided p-value of a mean of zero by Student's t-test; None for one value or equal values."""
    if len(values) < 2 or np.ptp(values) <= 1e-9 * max(1.0, float(np.abs(values).max())):
        return None
    return float(require("scipy.stats").ttest_1samp(values, 0.0).pvalue)


def wilcoxon(values: Floats) -> float | None:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; None where all values are zero, or for one value."""
    if len(values) < 2 or not values.any():
        return None
    return float(require("scipy.stats").wilcoxon(values).pvalue)


def holm_of(chances: Sequence[float | None]) -> list[float | None]:
    """Return p-values after Holm's correction; None stays None and does not count."""
    known = [p for p in chances if p is not None]
    corrected = iter(holm(known) if known else [])
    return [None if p is None else next(corrected) for p in chances]


@dataclass(frozen=True)
class Comparisons:
    """All comparisons of one set of answers."""

    verdicts: tuple[Verdict, ...]
    paired: tuple[PairedTests, ...]
    gaps: tuple[GapReduction, ...]
    powers: tuple[tuple[Pair, PowerGrid], ...]
    """Power of the next test for each pair of systems with a difference and variances."""


def compare(table: ScoreTable, test: ListeningTest, pairs: Sequence[Pair], asked: AskedPairs) -> Comparisons:
    """Compare the conditions of each pair."""
    found = verdicts(table.cells, pairs) if pairs else ()
    gaps = tuple(gap for gap in _gaps(table, test, asked) if gap is not None)
    powers = tuple(
        ((one.first, one.second), power_grid(one.test.mean, variances_of(one.test))) for one in found if _can_plan(one)
    )
    return Comparisons(found, paired_tests_of(table, pairs), gaps, powers)


def _can_plan(verdict: Verdict) -> bool:
    test = verdict.test
    return test.num_listeners > 1 and test.num_items > 1 and test.error > 0 and test.mean != 0


def _gaps(table: ScoreTable, test: ListeningTest, asked: AskedPairs) -> Iterator[GapReduction | None]:
    """Yield the gap reduction of each pair of systems with the baseline, by default the first system of the test."""
    recordings = next((one.name for one in test.conditions if one.role == "reference" and one.name in table.conditions), None)
    systems = [name for name in table.conditions if test.role_of(name) == "system"]
    baseline = asked.baseline or next(iter(systems), None)
    if recordings is None or baseline in (None, recordings) or baseline not in table.conditions:
        return
    wanted = asked.systems or systems
    for name in (name for name in wanted if name in table.conditions and name not in (baseline, recordings)):
        yield gap_reduction(table.cells, name, str(baseline), recordings)
