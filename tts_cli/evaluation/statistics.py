"""Whether one condition lies above another: tests on pairs, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tts_cli.errors import InputError
from tts_cli.evaluation.report import Estimate, Report, difference_estimate, markdown_table, require

OBJECTIVE = "These are objective measures, not listeners' scores: nobody listened."

Pairs = dict[str, tuple[Sequence[float], Sequence[float]]]
"""What shall be tested: the figures of two conditions, utterance by utterance."""


@dataclass(frozen=True)
class PairedTest:
    """One condition against another, utterance by utterance."""

    name: str
    difference: Estimate
    """Mean of the first less the second, with its interval."""
    p: float
    """Two-sided, of the Wilcoxon signed-rank test."""
    corrected_p: float
    """The same by Holm's procedure, for all tests made together."""

    def text(self, decimals: int = 3) -> str:
        """In words: `+0.412 [0.391, 0.433] over 66, p = 1.6e-12 (corrected 4.8e-12)`."""
        shown = f"{'+' * (self.difference.value >= 0)}{self.difference.text(decimals)}"
        return f"{self.name}: {shown} over {self.difference.num_clips}, p = {self.p:.2g} (corrected {self.corrected_p:.2g})"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


@dataclass(frozen=True)
class Reports:
    """Tables that belong together, and the tests that were made together."""

    title: str
    reports: tuple[Report, ...]
    tests: tuple[PairedTest, ...]
    notes: tuple[str, ...] = (OBJECTIVE,)

    tests_header = ("paired test", "utterances", "difference", "p", "p by Holm")

    def tests_rows(self) -> list[list[str]]:
        """The cells of the table of tests."""
        return [
            [test.name, str(test.difference.num_clips), test.difference.text(3), f"{test.p:.2g}", f"{test.corrected_p:.2g}"]
            for test in self.tests
        ]

    def markdown(self) -> str:
        """All of it, for documentation and model cards."""
        tables = [report.markdown() for report in self.reports]
        if self.tests:
            tables.append(markdown_table(f"{self.title}: tests", self.tests_header, self.tests_rows()))
        return "\n".join([*tables, *(f"{note}\n" for note in self.notes)])

    def as_dict(self) -> dict[str, Any]:
        """All of it, for `--json`."""
        reports = [report.as_dict() for report in self.reports]
        return {"reports": reports, "tests": [asdict(test) for test in self.tests], "notes": list(self.notes)}


def paired_tests(pairs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> tuple[PairedTest, ...]:
    """Tests of every pair of `pairs`, by name: two figures of each utterance in the same order, of which NaN drops both.

    Wilcoxon's signed-rank test (1945) makes no assumption on how differences are distributed, but that they lie evenly about
    their middle. Raises InputError where a pair has no utterance left, or the evaluation extra is missing.
    """
    if not pairs:
        return ()
    kept = {name: _both_known(*sides) for name, sides in pairs.items()}
    chances = [_signed_rank(first, second) for first, second in kept.values()]
    corrected = holm(chances)
    return tuple(
        PairedTest(name, difference_estimate([(x, 1.0) for x in first], [(x, 1.0) for x in second]), p, q)
        for (name, (first, second)), p, q in zip(kept.items(), chances, corrected, strict=True)
    )


def holm(chances: Sequence[float]) -> list[float]:
    """The p-values `chances` corrected for their number (Holm 1979)."""
    return [float(p) for p in require("statsmodels.stats.multitest").multipletests(chances, method="holm")[1]]


def _both_known(first: Sequence[float], second: Sequence[float]) -> tuple[list[float], list[float]]:
    known = [(a, b) for a, b in zip(first, second, strict=True) if np.isfinite(a) and np.isfinite(b)]
    if not known:
        raise InputError("there is no utterance that both conditions have")
    return [a for a, _ in known], [b for _, b in known]


def _signed_rank(first: Sequence[float], second: Sequence[float]) -> float:
    """1 where nothing differs, which the test itself refuses."""
    if np.array_equal(first, second):
        return 1.0
    return float(require("scipy.stats").wilcoxon(first, second).pvalue)
