"""Small listening tests, and files of answers to them, for tests."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_cli.listening.answer_rows import AnswerRow, joined
from tts_cli.listening.design import Condition, ConditionRole, Expected, Kind, ListeningTest, Page, PageRole, Screening, Stimulus
from tts_cli.listening.ratings import Answers
from tts_cli.listening.results import CollectedAnswers

ROLES: Mapping[str, ConditionRole] = {"recordings": "reference", "low": "low-anchor", "mid": "mid-anchor"}
HEADER = (
    "session_test_id",
    "age",
    "session_uuid",
    "trial_id",
    "rating_stimulus",
    "rating_score",
    "rating_time",
    "rating_comment",
)
Score = tuple[str, str, str, float]
"""Listener, item, condition and score."""


def stimulus_id(item: str, condition: str) -> str:
    return f"{item}{condition}".encode().hex().rjust(16, "0")[-16:]


def listening_test(
    conditions: Sequence[str], items: Sequence[str], kind: Kind = "mushra", groups: Mapping[str, str] | None = None
) -> ListeningTest:
    """Return a test with a page for each item. The page's id is that of the item."""
    groups = groups or {}
    return ListeningTest(
        kind=kind,
        title="A small test",
        question="How good?",
        sample_rate=16000,
        conditions=tuple(Condition(name=name, role=ROLES.get(name, "system")) for name in conditions),
        pages=tuple(page(item, conditions, kind, groups.get(item, "")) for item in items),
        screening=Screening(hidden_reference="recordings" in conditions, mid_anchor="mid" in conditions),
    )


def page(item: str, conditions: Sequence[str], kind: Kind = "mushra", group: str = "", role: PageRole = "test") -> Page:
    stimuli = tuple(Stimulus(id=stimulus_id(item, name), condition=name) for name in conditions)
    return Page(id=item, role=role, item=item, group=group, stimuli=stimuli, answer=conditions[0] if kind == "abx" else "")


def attention_page(low: float, high: float) -> Page:
    said, other = stimulus_id("watch", ""), stimulus_id("watch", "new")
    stimuli = (Stimulus(id=said, condition=""), Stimulus(id=other, condition="new"))
    return Page(id="watch", role="attention", item="watch", stimuli=stimuli, expected=Expected(stimulus=said, low=low, high=high))


def rows_of(scores: Iterable[Score]) -> list[AnswerRow]:
    return [AnswerRow("here", who, item, stimulus_id(item, name), score) for who, item, name, score in scores]


def answers_of(test: ListeningTest, scores: Iterable[Score]) -> Answers:
    return joined(test, rows_of(scores))[0]


def choices_of(test: ListeningTest, chosen: Iterable[tuple[str, str, str]]) -> Answers:
    """Return answers with the chosen condition of each listener and item; "" is no preference."""
    names = [one.name for one in test.conditions]
    rows = [
        AnswerRow("here", who, item, stimulus_id(item, name), chosen=int(name == choice))
        for who, item, choice in chosen
        for name in names
    ]
    return joined(test, rows)[0]


def results_of(answers: Answers, folder: Path | None = None) -> CollectedAnswers:
    names = {one.listener: one.listener for one in answers.given}
    return CollectedAnswers(answers, names, Path("results"), folder)


def write_test(folder: Path, test: ListeningTest) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.json").write_text(test.model_dump_json())
    return folder


def write_database(path: Path, rows: Iterable[AnswerRow], names: Mapping[str, str] | None = None) -> Path:
    """Write a database as the server does."""
    rows = list(rows)
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE listeners(token TEXT PRIMARY KEY, name TEXT, created TEXT, consented TEXT, finished TEXT, agent TEXT)"
    )
    database.execute(
        "CREATE TABLE answers(token TEXT, page TEXT, stimulus TEXT, score REAL, chosen INTEGER, seconds REAL, plays INTEGER, "
        "position INTEGER, answered TEXT, PRIMARY KEY(token, page, stimulus))"
    )
    for token in sorted({row.listener for row in rows}):
        database.execute("INSERT INTO listeners VALUES(?, ?, '', '', '', '')", (token, (names or {}).get(token, token)))
    for row in rows:
        values = (row.listener, row.page, row.stimulus, row.score, row.chosen, row.seconds, 1, 0, row.answered)
        database.execute(f"INSERT INTO answers VALUES({', '.join('?' * 9)})", values)
    database.commit()
    database.close()
    return path


def download(token: str, rows: Iterable[AnswerRow], **others: Any) -> dict[str, Any]:
    """Return the values of a file of downloaded results."""
    own = [row for row in rows if row.listener == token]
    fields = ("page", "stimulus", "score", "chosen", "seconds", "answered")
    answers = [{**{name: getattr(row, name) for name in fields}, "plays": 1, "position": 0} for row in own]
    return {"format": 1, "title": "t", "token": token, "name": token, "finished": True, "answers": answers, **others}


def write_downloads(folder: Path, rows: Iterable[AnswerRow]) -> Path:
    rows = list(rows)
    folder.mkdir(exist_ok=True)
    for token in sorted({row.listener for row in rows}):
        (folder / f"results-{token}.json").write_text(json.dumps(download(token, rows)))
    return folder


def write_csv(path: Path, lines: Iterable[Sequence[object]], header: Sequence[str] = HEADER) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *lines])
    return path


def csv_lines(scores: Iterable[Score]) -> list[tuple[object, ...]]:
    """Return lines of webMUSHRA's results in a test that was built here."""
    return [("small", 30, who, item, stimulus_id(item, name), score, 2500, "") for who, item, name, score in scores]
