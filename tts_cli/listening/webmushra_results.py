"""Results of webMUSHRA: the CSV files that its service writes, one for each type of page.

The columns are `session_test_id`, those of the questionnaire, `session_uuid` (type `mushra` alone), `trial_id`, and those of a
`_Form`; times are in milliseconds (github.com/audiolabs/webMUSHRA, service/write.php). Without `session_uuid`, as in earlier
versions, the questionnaire tells listeners apart.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.config.plain_yaml import shortened
from tts_cli.errors import InputError
from tts_cli.listening.answer_rows import OTHER_TEST, AnswerRow, number_at, shown_name
from tts_cli.listening.design import (
    MOST_CONDITIONS,
    Condition,
    ConditionRole,
    Kind,
    ListeningTest,
    Page,
    Screening,
    Stimulus,
)

TRIAL, SESSION = "trial_id", "session_uuid"


@dataclass(frozen=True)
class _Form:
    """Columns of the results of one type of page."""

    stimulus: str
    given: str
    time: str

    @property
    def columns(self) -> tuple[str, str, str]:
        """Columns that the file must have."""
        return TRIAL, self.stimulus, self.given


MUSHRA_PAGE = _Form("rating_stimulus", "rating_score", "rating_time")
LIKERT_PAGE = _Form("stimuli", "stimuli_rating", "rating_time")
PAIRED_PAGE = _Form("choice_non_reference", "choice_answer", "choice_time")
FORMS = (MUSHRA_PAGE, LIKERT_PAGE, PAIRED_PAGE)
"""Pages of type `mushra`; `likert_multi_stimulus` and `likert_single_stimulus`; `paired_comparison`."""
NOT_OF_LISTENERS = {
    "rating_comment",
    "choice_comment",
    "choice_reference",
    *(one for form in FORMS for one in (*form.columns, form.time)),
}
"""Columns that do not tell listeners apart."""
UNANSWERED = {"", "NA", "unknown", "undecided"}
LONGEST_CONDITION = 80
ROLES: Mapping[str, ConditionRole] = {"reference": "reference", "anchor35": "low-anchor", "anchor70": "mid-anchor"}
"""Roles of the stimuli that webMUSHRA names itself: the hidden reference and the low-pass anchors of 3.5 and 7 kHz."""

Line = tuple[str, dict[str, str]]
"""File and line number, and the values of the line by column."""


def read_lines(path: Path) -> list[Line]:
    """Read the lines of a CSV file of webMUSHRA.

    Raises:
        InputError: The file cannot be read, is empty or cut, or is no CSV file of MUSHRA ratings.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in _rows(reader, path) if row]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}", hint="name a readable file") from error
    if not rows:
        raise InputError(f"{path}: the file is empty", hint="name the mushra.csv that webMUSHRA wrote into results/")
    header = rows[0][1]
    if not any(set(form.columns) <= set(header) for form in FORMS):
        hint = "name a CSV file of webMUSHRA: mushra.csv, lms.csv, lss.csv or paired_comparison.csv"
        raise InputError(
            f"{path}:1: the header names no columns of webMUSHRA, such as {', '.join(MUSHRA_PAGE.columns)}", hint=hint
        )
    # Files that were appended to each other repeat the header.
    return [_line(path, number, header, row) for number, row in rows[1:] if row != header]


def _rows(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        hint = "the file may be cut: copy it again, or remove the line"
        raise InputError(f"{path}:{getattr(reader, 'line_num', 0)}: not CSV: {error}", hint=hint) from error


def _line(path: Path, number: int, header: Sequence[str], row: Sequence[str]) -> Line:
    where = f"{path}:{number}"
    if len(row) != len(header):
        message = f"{where}: {len(row)} values, but the header names {len(header)} columns"
        raise InputError(message, hint="the file may be cut: copy it again, or remove the line")
    return where, dict(zip(header, row, strict=True))


def answer_rows(lines: Sequence[Line], stimuli: Mapping[tuple[str, str], tuple[str, str]], kind: Kind) -> Iterator[AnswerRow]:
    """Yield the answers of webMUSHRA's lines; a stimulus that the listener left unanswered gives none.

    Args:
        lines: Lines of the CSV file.
        stimuli: Ids of page and stimulus, by trial and stimulus of webMUSHRA.
        kind: Kind of the test.

    Raises:
        InputError: A line names an unknown stimulus, or its score is no number.
    """
    for where, line in lines:
        form = next(one for one in FORMS if set(one.columns) <= set(line))
        key, given = (line[TRIAL], line[form.stimulus]), line[form.given].strip()
        if key not in stimuli:
            message = f"{where}: the test has no stimulus '{shortened(key[1])}' on a page '{shortened(key[0])}'"
            raise InputError(message, hint=OTHER_TEST)
        page, stimulus = stimuli[key]
        time = number_at(where, line.get(form.time), "time")
        listener, seconds = _listener(line), None if time is None else time / 1000
        if given in UNANSWERED:
            continue
        if form is PAIRED_PAGE:
            other = next(one for one_page, one in stimuli.values() if one_page == page and one != stimulus)
            is_right = given == "correct"
            yield AnswerRow(where, listener, page, stimulus, chosen=int(not is_right), seconds=seconds)
            yield AnswerRow(where, listener, page, other, chosen=int(is_right), seconds=seconds)
        elif kind in ("ab", "abx"):
            yield AnswerRow(where, listener, page, stimulus, chosen=int(number_at(where, given, "choice") or 0), seconds=seconds)
        else:
            yield AnswerRow(where, listener, page, stimulus, score=number_at(where, given, "score"), seconds=seconds)


def _listener(line: Mapping[str, str]) -> str:
    return line.get(SESSION) or "\t".join(value for name, value in line.items() if name not in NOT_OF_LISTENERS)


def names_of(rows: Sequence[AnswerRow]) -> dict[str, str]:
    """Return the name of each listener for a report: the start of the session id, or a number in place of a questionnaire.

    The answers to a questionnaire may name a person, and stay out of reports.
    """
    listeners = sorted({row.listener for row in rows})
    return {one: f"listener {place}" if "\t" in one else shown_name("", one) for place, one in enumerate(listeners, 1)}


def stimuli_of(test: ListeningTest) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the ids of page and stimulus in `test`, by webMUSHRA's names of trial and stimulus.

    Trials have the ids of our pages, stimuli our ids. The names that webMUSHRA gives itself stand for the stimulus of their role.
    """
    found = {}
    for page in test.pages:
        for name, role in ROLES.items():
            own = [one.id for one in page.stimuli if test.role_of(one.condition) == role]
            if len(own) == 1:
                found[page.id, name] = (page.id, own[0])
        found.update({(page.id, one.id): (page.id, one.id) for one in page.stimuli})
    return found


def foreign_test(path: Path, lines: Sequence[Line]) -> ListeningTest:
    """Return the design of a webMUSHRA test that was not built here: a condition for each stimulus name, an item for each trial.

    Raises:
        InputError: There is no line, or there are more than `MOST_CONDITIONS` conditions, or an empty name.
    """
    if lines and not set(MUSHRA_PAGE.columns) <= set(lines[0][1]):
        hint = "name the folder of the test with --test"
        raise InputError(f"{path}: without test.json, only results of pages of type mushra can be read", hint=hint)
    if not lines:
        raise InputError(f"{path}: no ratings after the header", hint="name results that a listener has sent")
    pairs = {(line[TRIAL], line[MUSHRA_PAGE.stimulus]): where for where, line in lines}
    for (trial, stimulus), where in pairs.items():
        _refuse_name(where, TRIAL, trial)
        _refuse_name(where, MUSHRA_PAGE.stimulus, stimulus)
    names = sorted({name for _, name in pairs}, key=lambda name: (name not in ROLES, name))
    if len(names) > MOST_CONDITIONS:
        message = f"{path}: {len(names)} different stimulus names, but a test has at most {MOST_CONDITIONS} conditions"
        raise InputError(message, hint="give a condition the same stimulus name on every page, such as C1")
    trials = sorted({trial for trial, _ in pairs})
    return ListeningTest(
        kind="mushra",
        title=shortened(lines[0][1].get("session_test_id", "") or path.stem),
        question="",
        sample_rate=0,
        conditions=tuple(Condition(name=name, role=ROLES.get(name, "system")) for name in names),
        pages=tuple(_page(trial, [name for name in names if (trial, name) in pairs]) for trial in trials),
        screening=Screening(hidden_reference="reference" in names, mid_anchor="anchor70" in names, attention=False),
        notes=("The conditions are the stimulus names of webMUSHRA; the test was not built by tts.",),
    )


def _refuse_name(where: str, column: str, name: str) -> None:
    """Raise InputError for a name that no table can show."""
    if not name.strip() or len(name) > LONGEST_CONDITION or not name.isprintable():
        message = f"{where}: '{column}' is empty, longer than {LONGEST_CONDITION} characters or not printable"
        raise InputError(message, hint="remove the line, or correct the name")


def foreign_stimuli(test: ListeningTest) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the ids of page and stimulus in a `foreign_test`, by webMUSHRA's names of trial and stimulus."""
    return {(page.item, one.condition): (page.id, one.id) for page in test.pages for one in page.stimuli}


def _page(trial: str, names: Sequence[str]) -> Page:
    stimuli = tuple(Stimulus(id=_digits(trial, name)[:16], condition=name) for name in names)
    return Page(id=_digits(trial), item=trial, stimuli=stimuli)


def _digits(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()
