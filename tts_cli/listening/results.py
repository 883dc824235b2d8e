"""Results of a listening test: read from a test's folder, from downloaded files, or from webMUSHRA's CSV."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tts_cli.config import parse, read_mapping
from tts_cli.errors import InputError
from tts_cli.listening.answer_rows import AnswerRow, joined, number_at, shown_name
from tts_cli.listening.design import RESULTS_FILE, TEST_FILE, read_test
from tts_cli.listening.ratings import Answers
from tts_cli.listening.webmushra_results import answer_rows, foreign_stimuli, foreign_test, names_of, read_lines, stimuli_of

DOWNLOADS = "results-*.json"
COLUMNS = "token, page, stimulus, score, chosen, seconds, answered"
RECOPY = "the file may be cut: copy it again, with the files -wal and -shm beside it if there are any"
MOST_BYTES = 64_000_000
"""Largest file of downloaded results that is read."""


@dataclass(frozen=True)
class CollectedAnswers:
    """Answers of a test, and their origin."""

    answers: Answers
    names: Mapping[str, str]
    """Name of each listener as a report shows it, by the listener's token."""
    path: Path
    """Folder or file of the results, as it was named."""
    folder: Path | None = None
    """Folder of the test with its stimuli; None where it is not known."""
    notes: tuple[str, ...] = ()
    """Sentences on the reading, for the report."""


class DownloadedAnswer(BaseModel):
    """Answer in a file of downloaded results."""

    model_config = ConfigDict(frozen=True)
    page: str
    stimulus: str
    score: float | None = Field(default=None, allow_inf_nan=False)
    chosen: int | None = None
    seconds: float | None = Field(default=None, allow_inf_nan=False)
    answered: str | None = None


class DownloadedResults(BaseModel):
    """File of results that the page of the listeners offers as a download, and that the server answers."""

    model_config = ConfigDict(frozen=True)
    token: str = Field(min_length=1)
    name: str | None = None
    simulated: bool = False
    """The listener was simulated."""
    answers: tuple[DownloadedAnswer, ...]


def read_results(path: Path, test_folder: Path | None = None) -> CollectedAnswers:
    """Read the answers of a listening test.

    Args:
        path: Folder of a test, folder of downloaded `results-TOKEN.json`, one of those files, a `results.sqlite`, or a CSV file
            of webMUSHRA.
        test_folder: Folder with `test.json`; by default that of the results. A CSV file can do without.

    Raises:
        InputError: There are no results, or a file is damaged, or an answer does not belong to the test.
        ConfigError: `test.json` is missing or damaged.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder of results", hint="check the path")
    files = _files(path)
    folder = test_folder or (path if path.is_dir() else path.parent)
    if [file.suffix.lower() for file in files] == [".csv"]:
        return _webmushra(files[0], test_folder or (folder if (folder / TEST_FILE).is_file() else None))
    if not (folder / TEST_FILE).is_file():
        raise InputError(f"{folder}: no {TEST_FILE} beside the results", hint="name the folder of the test with --test")
    test = read_test(folder)
    rows, names, is_simulated = _read_all(files)
    answers, notes = joined(test, rows)
    shown = {token: shown_name(name, token) for token, name in names.items()}
    return CollectedAnswers(replace(answers, is_simulated=is_simulated), shown, path, folder, notes)


def _files(path: Path) -> tuple[Path, ...]:
    """Return the files of results at `path`. Raises InputError if there are none, or none of a known form."""
    if path.is_file():
        if path.suffix.lower() not in (".sqlite", ".json", ".csv"):
            hint = f"name a test's folder, a {RESULTS_FILE}, a {DOWNLOADS}, or a CSV file of webMUSHRA"
            raise InputError(f"{path}: no known form of results", hint=hint)
        return (path,)
    own = [path / RESULTS_FILE] if (path / RESULTS_FILE).is_file() else []
    found = own + sorted(path.glob(DOWNLOADS)) or sorted(path.glob("*.csv"))
    if not found:
        raise InputError(
            f"{path}: the folder holds no results", hint=f"it needs a {RESULTS_FILE}, a {DOWNLOADS}, or one CSV file"
        )
    if len(found) > 1 and found[0].suffix == ".csv":
        raise InputError(f"{path}: the folder holds several CSV files", hint=f"name one of them, such as {found[0]}")
    return tuple(found)


def _read_all(files: tuple[Path, ...]) -> tuple[list[AnswerRow], dict[str, str], bool]:
    """Return the rows and the listeners' names in all files, and True if any listener was simulated."""
    rows: list[AnswerRow] = []
    names: dict[str, str] = {}
    are_simulated = []
    for file in files:
        is_database = file.suffix.lower() == ".sqlite"
        own_rows, own_names, is_simulated = _read_database(file) if is_database else _read_download(file)
        rows += own_rows
        names.update(own_names)
        are_simulated.append(is_simulated)
    return rows, names, any(are_simulated)


def _read_database(path: Path) -> tuple[list[AnswerRow], dict[str, str], bool]:
    try:
        with closing(_connect(path)) as database:
            database.text_factory = lambda value: value.decode("utf-8", "replace")
            rows = [_stored_row(path, *values) for values in database.execute(f"SELECT rowid, {COLUMNS} FROM answers")]  # noqa: S608
            listeners = database.execute("SELECT token, name FROM listeners").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # Messages of a damaged database may hold bytes that are no text.
        raise InputError(f"{path}: no readable database of results: {error}", hint=RECOPY) from error
    return rows, {str(token): str(name or "") for token, name in listeners}, False


def _connect(path: Path) -> sqlite3.Connection:
    """Open a database for reading alone. One that nobody has open is read without making files beside it."""
    is_open = path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(f"{path.resolve().as_uri()}?{'mode=ro' if is_open else 'immutable=1'}", uri=True)


def _stored_row(path: Path, number: int, token: Any, page: Any, stimulus: Any, *given: Any) -> AnswerRow:
    where = f"{path}: answer {number}"
    score, chosen, seconds, answered = given
    picked = number_at(where, chosen, "choice")
    return AnswerRow(
        where,
        str(token),
        str(page),
        str(stimulus),
        number_at(where, score, "score"),
        None if picked is None else int(picked),
        number_at(where, seconds, "time"),
        str(answered or ""),
    )


def _read_download(path: Path) -> tuple[list[AnswerRow], dict[str, str], bool]:
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: larger than {MOST_BYTES // 10**6} MB", hint="name results that the page of a test offered")
    mapping = read_mapping(path)
    read = parse(DownloadedResults, mapping, str(path))
    rows = [
        AnswerRow(
            f"{path}: answers.{place}", read.token, one.page, one.stimulus, one.score, one.chosen, one.seconds, one.answered or ""
        )
        for place, one in enumerate(read.answers)
    ]
    return rows, {read.token: read.name or ""}, read.simulated


def _webmushra(path: Path, test_folder: Path | None) -> CollectedAnswers:
    """Read a CSV file of webMUSHRA, with the test that it belongs to or, without one, as a foreign test."""
    lines = read_lines(path)
    test = read_test(test_folder) if test_folder else foreign_test(path, lines)
    rows = list(answer_rows(lines, stimuli_of(test) if test_folder else foreign_stimuli(test), test.kind))
    answers, notes = joined(test, rows)
    return CollectedAnswers(answers, names_of(rows), path, test_folder, notes)
