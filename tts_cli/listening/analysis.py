"""Analysis of a listening test: screening, then means, comparisons and models of the listeners who stay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from typing import Any

from rich.markup import escape
from rich.table import Table

from tts_cli.errors import InputError
from tts_cli.evaluation.report import Grid
from tts_cli.listening.analysis_tables import Labels, Sections, screening_grids, sections_of
from tts_cli.listening.comparisons import AskedPairs, Comparisons, compare, pairs_of
from tts_cli.listening.design import ListeningTest
from tts_cli.listening.mixed_model import FittedModel, fit_model
from tts_cli.listening.preferences import Preference, preferences
from tts_cli.listening.ratings import Answers
from tts_cli.listening.results import CollectedAnswers
from tts_cli.listening.screening import Screened, screen
from tts_cli.listening.simulation import NOT_PEOPLE
from tts_cli.listening.store import SCORES
from tts_cli.listening.summary import MeanScore, ScoreTable, mean_scores, score_table


@dataclass(frozen=True)
class Findings:
    """Results of one set of answers."""

    num_listeners: int
    num_answers: int
    """Number of ratings, or of choices, on test pages."""
    table: ScoreTable | None = None
    """Scores; None of a test with choices."""
    means: tuple[MeanScore, ...] = ()
    comparisons: Comparisons | None = None
    model: FittedModel | None = None
    preferences: tuple[Preference, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as JSON values."""
        names = ("num_listeners", "num_answers", "means", "comparisons", "model", "preferences")
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def find(answers: Answers, asked: AskedPairs) -> Findings:
    """Return the results of all test pages in `answers`."""
    given = [one for one in answers.given if one.role == "test"]
    num_listeners = len({one.listener for one in given})
    if answers.test.kind not in SCORES:
        return Findings(num_listeners, len(given), preferences=preferences(answers, asked))
    table = score_table(answers)
    pairs = pairs_of(answers.test, table.conditions, asked)
    comparisons = compare(table, answers.test, pairs, asked)
    return Findings(num_listeners, len(given), table, mean_scores(table), comparisons, fit_model(table, pairs))


@dataclass(frozen=True)
class Analysis:
    """Analysis of a listening test. A command prints it as tables, Markdown or JSON."""

    results: CollectedAnswers
    screened: Screened
    findings: Findings
    """Results of the listeners who stay; of all listeners if none stays."""
    unscreened: Findings | None
    """Results of all listeners; None unless screening removed some and left some."""
    asked: AskedPairs
    off: tuple[str, ...]
    """Rules of screening that were switched off."""

    @property
    def test(self) -> ListeningTest:
        """Design of the test."""
        return self.results.answers.test

    @property
    def is_simulated(self) -> bool:
        """The listeners were simulated."""
        return self.results.answers.is_simulated

    @property
    def removes_everybody(self) -> bool:
        """Screening removes every listener, so the findings are those of all."""
        return bool(self.screened.removals) and self.unscreened is None

    @property
    def first_line(self) -> str:
        """First line of every form of the report: the origin of the answers."""
        if self.is_simulated:
            return NOT_PEOPLE
        number = len({one.listener for one in self.results.answers.given})
        return f"{number} listener{'' if number == 1 else 's'} answered."

    @cached_property
    def sections(self) -> Sections:
        """Tables of the listeners who stay, then of all listeners, then of screening."""
        labels = Labels(self.test, self.is_simulated, self._those_who_stay)
        everybody = Labels(self.test, self.is_simulated, "all listeners, without screening")
        before = sections_of(self.unscreened, everybody) if self.unscreened else {}
        unscreened = tuple(grid for name in ("Means", "Differences", "Choices") for grid in before.get(name, ()))
        last = screening_grids(self.screened, self.results.names, labels)
        return {**sections_of(self.findings, labels), "Screening": last, "Without screening": unscreened}

    @property
    def grids(self) -> tuple[Grid, ...]:
        """All tables, in the order of the sections."""
        return tuple(grid for own in self.sections.values() for grid in own)

    @property
    def _those_who_stay(self) -> str:
        return "listeners who passed screening" if self.unscreened else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the answers and the test, for every form of the report."""
        notes = [*self.results.notes]
        if self.removes_everybody:
            notes.append(
                "Screening would remove every listener, so the results are those of all listeners: --no-rule switches a rule off."
            )
        unfinished = len(self.results.answers.unfinished)
        if unfinished:
            notes.append(f"{unfinished} of the listeners stopped before the last page; their answers count.")
        return (*notes, *(note for note in self.test.notes if note != self.first_line))

    def drawings(self) -> Iterator[Table | str]:
        yield self.first_line
        for grid in self.grids:
            yield grid.drawing()
        yield from map(escape, self.notes)

    def markdown(self) -> str:
        return "\n".join(
            [f"{self.first_line}\n", *(grid.markdown() for grid in self.grids), *(f"{note}\n" for note in self.notes)]
        )

    def as_dict(self) -> dict[str, Any]:
        screening = {"rules": _plain(self.screened.rules), "removed": [_removed(self, one) for one in self.screened.removals]}
        return {
            "origin": self.first_line,
            "is_simulated": self.is_simulated,
            "title": self.test.title,
            "kind": self.test.kind,
            "screening": screening,
            "results": self.findings.as_dict(),
            "results_without_screening": self.unscreened and self.unscreened.as_dict(),
            "notes": list(self.notes),
        }


def answers_hash(answers: Answers) -> str:
    """Return the SHA-256 of answers, in an order that does not depend on that of their file."""
    rows = sorted(json.dumps(astuple(one)) for one in answers.given)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _removed(analysis: Analysis, removal: Any) -> dict[str, Any]:
    return {**asdict(removal), "listener": analysis.results.names.get(removal.listener, "nameless")}


def analyse_results(results: CollectedAnswers, asked: AskedPairs | None = None, off: tuple[str, ...] = ()) -> Analysis:
    """Screen the listeners of a test and analyse the answers of those who stay.

    Args:
        results: Answers, as `read_results` returns them.
        asked: Baseline and systems to compare; None: all pairs.
        off: Rules of screening to switch off.

    Raises:
        InputError: No test page is answered, or `asked` names an unknown condition, or `off` an unknown rule.
    """
    answers, asked = results.answers, asked or AskedPairs()
    if not any(one.role == "test" for one in answers.given):
        message = "nobody has answered a test page; there are answers to training or attention pages alone"
        raise InputError(f"{results.path}: {message}", hint="wait until a listener has answered a test page")
    screened = screen(answers, off)
    everybody = find(answers, asked)
    is_changed = bool(screened.removals) and _has_tests(screened.kept)
    kept = find(screened.kept, asked) if is_changed else everybody
    return Analysis(results, screened, kept, everybody if is_changed else None, asked, off)


def _has_tests(answers: Answers) -> bool:
    return any(one.role == "test" for one in answers.given)
