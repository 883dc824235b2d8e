"""Rows of a results file, checked against the test and joined to answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from tts_cli.config.plain_yaml import shortened
from tts_cli.errors import InputError
from tts_cli.listening.design import ListeningTest, Page, Stimulus
from tts_cli.listening.ratings import Answers, Choice, Rating
from tts_cli.listening.store import SCORES

LONGEST_NAME = 40
"""Most characters of a listener's name in a report."""
OTHER_TEST = "the results belong to another test: name the folder of theirs with --test"
SHOWN_CHARACTERS = 8
"""Characters of a token that a report shows; the whole token would open the listener's session."""


@dataclass(frozen=True)
class AnswerRow:
    """Answer of one listener to one stimulus, as it stands in a results file."""

    where: str
    """File and line, or file and place in it, for messages."""
    listener: str
    """Token of the listener."""
    page: str
    stimulus: str
    score: float | None = None
    chosen: int | None = None
    """1: chosen, 0: not chosen (`ab`, `abx`)."""
    seconds: float | None = None
    answered: str = ""
    """Time of the answer (ISO 8601), by which a later answer replaces an earlier one."""

    @property
    def given(self) -> tuple[float | None, int | None]:
        """Score and choice."""
        return self.score, self.chosen


def shown_name(name: str, token: str) -> str:
    """Return a listener's name as one line of at most `LONGEST_NAME` printable characters.

    Args:
        name: Name that the listener gave; the start of the token stands in for an empty one.
        token: Token of the listener.
    """
    for text in (name, token[:SHOWN_CHARACTERS]):
        line = " ".join("".join(one if one.isprintable() else " " for one in text[: 20 * LONGEST_NAME]).split())
        if line:
            return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 3] + "..."
    return "nameless"


def number_at(where: str, value: object, name: str) -> float | None:
    """Return a number of a results file; None for an empty value.

    Raises:
        InputError: The value is no finite number.
    """
    if value is None or value == "":
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number):
        raise InputError(f"{where}: the {name} '{shortened(value)}' is no number", hint=f"correct the {name}, or remove the line")
    return number


def joined(test: ListeningTest, rows: Iterable[AnswerRow]) -> tuple[Answers, tuple[str, ...]]:
    """Return the answers that the rows of a test hold, and notes for the report.

    Raises:
        InputError: There is no row, or a row names no page or stimulus of the test, or its score is missing or out of range, or
            two rows contradict each other.
    """
    kept, num_repeated = _without_repeats(rows)
    if not kept:
        raise InputError("the results hold no answer", hint="wait until a listener has answered a page, or name other results")
    pages = {page.id: page for page in test.pages}
    answered: dict[tuple[str, str], list[AnswerRow]] = {}
    for row in kept:
        _page_of(row, pages)
        answered.setdefault((row.listener, row.page), []).append(row)
    notes = [f"{num_repeated} rows that stood twice in the results count once."] if num_repeated else []
    unfinished = _unfinished(test, answered)
    if test.kind in SCORES:
        ratings = tuple(one for (_, page), of_page in answered.items() for one in _ratings(test, pages[page], of_page))
        return Answers(test, ratings=ratings, unfinished=unfinished), tuple(notes)
    choices = tuple(_choice(test, pages[page], of_page) for (_, page), of_page in answered.items())
    return Answers(test, choices=choices, unfinished=unfinished), tuple(notes)


def _without_repeats(rows: Iterable[AnswerRow]) -> tuple[list[AnswerRow], int]:
    """Return the rows without those that a later row repeats or replaces, and the number of repeated rows."""
    kept: dict[tuple[str, str, str], AnswerRow] = {}
    num_repeated = 0
    for row in rows:
        key = (row.listener, row.page, row.stimulus)
        other = kept.get(key)
        if other is None or (other.given != row.given and other.answered < row.answered):
            kept[key] = row
        elif other.given == row.given:
            num_repeated += 1
        elif other.answered == row.answered:
            message = f"{row.where}: page '{shortened(row.page)}' has another answer of the same listener at {other.where}"
            raise InputError(message, hint="remove one of the two lines")
    return list(kept.values()), num_repeated


def _page_of(row: AnswerRow, pages: Mapping[str, Page]) -> None:
    """Raise InputError for a row with a page or stimulus that the test lacks."""
    if row.page not in pages:
        raise InputError(f"{row.where}: the test has no page '{shortened(row.page)}'", hint=OTHER_TEST)
    if all(one.id != row.stimulus for one in pages[row.page].stimuli):
        raise InputError(f"{row.where}: page '{row.page}' has no stimulus '{shortened(row.stimulus)}'", hint=OTHER_TEST)


def _ratings(test: ListeningTest, page: Page, rows: Iterable[AnswerRow]) -> Iterator[Rating]:
    low, high = SCORES[test.kind]
    conditions = {one.id: one.condition for one in page.stimuli}
    for row in rows:
        if row.score is None:
            raise InputError(f"{row.where}: the row has no score", hint="remove the row, or all rows of its page")
        if not low <= row.score <= high:
            message = f"{row.where}: score {row.score:g} lies outside {low:g} to {high:g}"
            raise InputError(message, hint="correct the score, or remove the row")
        name = conditions[row.stimulus]
        yield Rating(row.listener, page.item, name, row.score, page.id, page.group, page.role, row.seconds)


def _choice(test: ListeningTest, page: Page, rows: list[AnswerRow]) -> Choice:
    chosen = [row for row in rows if row.chosen]
    if len(page.stimuli) != 2:
        raise InputError(f"test.json: page '{page.id}' has {len(page.stimuli)} stimuli, not two", hint="build the test anew")
    wrong = next((row for row in rows if row.chosen not in (0, 1)), None)
    if wrong:
        raise InputError(f"{wrong.where}: 'chosen' is neither 1 nor 0", hint="correct the row, or remove all rows of its page")
    if len(chosen) > 1 or (test.kind == "abx" and not chosen):
        number = "two stimuli are" if chosen else "no stimulus is"
        raise InputError(f"{rows[-1].where}: {number} chosen on page '{page.id}'", hint="remove the rows of this page")
    names = {one.id: choice_name(one, page) for one in page.stimuli}
    first, *_, second = sorted(names.values())
    picked = names[chosen[0].stimulus] if chosen else ""
    seconds = rows[0].seconds
    return Choice(rows[0].listener, page.item, first, second, picked, page.answer, page.id, page.group, page.role, seconds)


def choice_name(stimulus: Stimulus, page: Page) -> str:
    """Return the name of a stimulus in a choice: its condition, on an attention page its id."""
    return stimulus.id if page.role == "attention" else stimulus.condition


def _unfinished(test: ListeningTest, answered: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the listeners who lack an answer to a page that counts."""
    needed = {page.id for page in test.pages if page.role != "training"}
    done: dict[str, set[str]] = {}
    for listener, page in answered:
        done.setdefault(listener, set()).add(page)
    return tuple(listener for listener, pages in done.items() if not needed <= pages)
