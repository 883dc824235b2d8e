"""Store of answers: `results.sqlite` in the folder of a test.

The file is in WAL mode with `synchronous=FULL`: an acknowledged answer survives a killed process and a power failure. One page of
one listener is one transaction. Each thread that works has a connection of its own.
"""

from __future__ import annotations

import secrets
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from tts_cli.config import StrictModel
from tts_cli.errors import InputError, OutputError, RefusedError
from tts_cli.listening.design import MOST_PAGES, Kind, ListeningTest, Page

BUSY_TIMEOUT_S = 20.0
"""Longest wait for another writer, in seconds."""
LONGEST_NAME = 200
LONGEST_AGENT = 300
SCORES = {"mushra": (0.0, 100.0), "mos": (1.0, 5.0)}
"""Lowest and highest score by the kind of test."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS invitations(number INTEGER PRIMARY KEY, token TEXT UNIQUE NOT NULL, is_open INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS listeners(
    token TEXT PRIMARY KEY, name TEXT, created TEXT, consented TEXT, finished TEXT, agent TEXT
);
CREATE TABLE IF NOT EXISTS answers(
    token TEXT, page TEXT, stimulus TEXT, score REAL, chosen INTEGER, seconds REAL, plays INTEGER, position INTEGER,
    answered TEXT, PRIMARY KEY(token, page, stimulus)
);
"""
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class GivenAnswer(StrictModel):
    """Answer to one stimulus, in the form that the page sends."""

    page: str
    stimulus: str
    score: float | None = Field(default=None, allow_inf_nan=False)
    """Score (`mushra`, `mos`)."""
    chosen: int | None = Field(default=None, ge=0, le=1)
    """1 if the listener chose this stimulus (`ab`, `abx`)."""
    seconds: Seconds = 0.0
    """Time on the page, in seconds."""
    plays: int = Field(default=0, ge=0, le=1_000_000)
    position: int = Field(default=0, ge=0, le=MOST_PAGES)
    """Place of the page in the order of this listener, from 0."""


class AnswerStore:
    """Store of the listeners and answers of one test. Its methods may be called from several threads at once."""

    def __init__(self, path: Path, test: ListeningTest) -> None:
        """Open the file at `path`, or make it.

        Raises:
            InputError: The file is no SQLite database.
            OutputError: The file cannot be written.
        """
        self._path, self._test = path, test
        self._pages = {page.id: page for page in test.pages}
        self._idle: list[sqlite3.Connection] = []
        try:
            with self._connection() as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(SCHEMA)
        except sqlite3.OperationalError as error:
            hint = "check that the disk has space and that the folder is writable"
            raise OutputError(f"{path}: cannot be written ({error})", hint=hint) from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path}: is no file of answers ({error})", hint="move the file away; a new one is made") from error

    def invite(self, number: int) -> list[str]:
        """Return the tokens of all invited listeners, at least `number`; missing ones are made."""
        with self._transaction() as connection:
            tokens = _column(connection, "SELECT token FROM invitations WHERE NOT is_open ORDER BY number")
            made = [secrets.token_urlsafe(16) for _ in range(number - len(tokens))]
            connection.executemany("INSERT INTO invitations(token, is_open) VALUES (?, 0)", [(token,) for token in made])
        return [*tokens, *made]

    def join(self) -> str:
        """Return the token of a new listener who was not invited."""
        token = secrets.token_urlsafe(16)
        with self._transaction() as connection:
            connection.execute("INSERT INTO invitations(token, is_open) VALUES (?, 1)", (token,))
        return token

    def knows(self, token: str) -> bool:
        """Return True if `token` belongs to a listener."""
        query = "SELECT token FROM invitations WHERE token = ? UNION SELECT token FROM listeners WHERE token = ?"
        with self._connection() as connection:
            return bool(_column(connection, query, token, token))

    def session(self, token: str) -> dict[str, Any]:
        """Return name, consent, end and answers of a listener, in the form of a file of results."""
        with self._connection() as connection:
            row = _listener(connection, token)
            query = "SELECT * FROM answers WHERE token = ? ORDER BY position, page, stimulus"
            answers = [dict(one) for one in connection.execute(query, (token,))]
        return {
            "format": 1,
            "title": self._test.title,
            "token": token,
            "name": row["name"] if row else "",
            "begun": row is not None,
            "consented": bool(row and row["consented"]),
            "finished": bool(row and row["finished"]),
            "answers": [{key: value for key, value in one.items() if key != "token"} for one in answers],
        }

    def progress(self) -> dict[str, tuple[int, bool]]:
        """Return the number of answered pages of every listener who began, and whether the listener finished, by token."""
        query = """SELECT listeners.token, COUNT(DISTINCT page), finished IS NOT NULL
            FROM listeners LEFT JOIN answers ON answers.token = listeners.token GROUP BY listeners.token"""
        with self._connection() as connection:
            return {token: (pages, bool(finished)) for token, pages, finished in connection.execute(query)}

    def consent(self, token: str, name: str, agent: str) -> None:
        """Note that a listener begins, and agrees to the text of consent if the test has one.

        Args:
            token: Token of the listener.
            name: Name that the listener gave, at most `LONGEST_NAME` characters; empty: none.
            agent: Name of the browser.
        """
        now = _now()
        values = (token, cleaned(name), now, now if self._test.consent else None, cleaned(agent)[:LONGEST_AGENT])
        with self._transaction() as connection:
            connection.execute(
                """INSERT INTO listeners(token, name, created, consented, agent) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT(token) DO UPDATE SET name = excluded.name WHERE finished IS NULL""",
                values,
            )

    def record(self, token: str, answers: Sequence[GivenAnswer]) -> None:
        """Store the answers of one page in one transaction. They replace earlier answers of this listener to this page.

        Raises:
            InputError: The answers do not fit the page, or the listener has not begun.
            RefusedError: The listener has finished.
        """
        page = self._page(answers)
        check_answers(self._test.kind, page, answers)
        columns = ("page", "stimulus", "score", "chosen", "seconds", "plays", "position")
        now = _now()
        rows = [(token, *(getattr(one, column) for column in columns), now) for one in answers]
        with self._transaction() as connection:
            _refuse_ended(_listener(connection, token))
            connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def finish(self, token: str) -> None:
        """Note that a listener has answered all pages.

        Raises:
            InputError: The listener has not begun, or a page has no answer.
        """
        with self._transaction() as connection:
            row = _listener(connection, token)
            if row is not None and row["finished"]:
                return
            _refuse_ended(row)
            answered = set(_column(connection, "SELECT DISTINCT page FROM answers WHERE token = ?", token))
            if missing := sorted(set(self._pages) - answered):
                raise InputError(f"{len(missing)} pages have no answer", hint="reload the page and answer them")
            connection.execute("UPDATE listeners SET finished = ? WHERE token = ?", (_now(), token))

    def close(self) -> None:
        """Close the file. Work that another thread has begun goes on."""
        while self._idle:
            self._idle.pop().close()

    def _page(self, answers: Sequence[GivenAnswer]) -> Page:
        names = {one.page for one in answers}
        page = self._pages.get(names.pop()) if len(names) == 1 else None
        if page is None:
            raise InputError("the answers belong to no page of this test, or to several", hint="send those of one page")
        return page

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that no other thread has."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except sqlite3.DatabaseError:
            connection.close()
            raise
        except BaseException:
            self._idle.append(connection)
            raise
        self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for one transaction, which is rolled back if the block raises."""
        with self._connection() as connection:
            # A transaction that begins by reading could not wait for a writer once it writes.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.DatabaseError):
                    connection.execute("ROLLBACK")
                raise


def check_answers(kind: Kind, page: Page, answers: Sequence[GivenAnswer]) -> None:
    """Raise InputError unless `answers` hold one answer of the right form to each stimulus of `page`, and nothing else."""
    given = [one.stimulus for one in answers]
    if sorted(given) != sorted(one.id for one in page.stimuli):
        raise InputError(f"page {page.id}: the stimuli are not those of the page", hint="send one answer a stimulus")
    if kind in SCORES:
        _check_scores(kind, page, answers)
    else:
        _check_choice(kind, page, answers)


def _check_scores(kind: Kind, page: Page, answers: Sequence[GivenAnswer]) -> None:
    low, high = SCORES[kind]
    for one in answers:
        is_step = kind == "mushra" or (one.score or 0) * 2 % 1 == 0
        if one.score is None or not low <= one.score <= high or not is_step or one.chosen is not None:
            hint = f"score from {low:g} to {high:g}{'' if kind == 'mushra' else ', whole or half'}, and no choice"
            raise InputError(f"page {page.id}: wrong score of stimulus {one.stimulus}", hint=hint)


def _check_choice(kind: Kind, page: Page, answers: Sequence[GivenAnswer]) -> None:
    chosen = [one.chosen for one in answers if one.chosen is not None]
    least = 1 if kind == "abx" else 0
    if len(chosen) < len(answers) or not least <= sum(chosen) <= 1 or any(one.score is not None for one in answers):
        hint = "chosen: 1 for one stimulus and 0 for the other" + ("" if least else ", or 0 for both")
        raise InputError(f"page {page.id}: wrong choice", hint=hint)


def cleaned(text: str) -> str:
    """Return `text` in one line, without characters that are not printed, such as NUL and lone surrogates."""
    printed = (" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text)
    return " ".join("".join(one for one in printed if unicodedata.category(one) != "Cs").split())


def _refuse_ended(listener: Mapping[str, Any] | sqlite3.Row | None) -> None:
    if listener is None:
        raise InputError("the listener has not begun", hint="agree on the first page")
    if listener["finished"]:
        raise RefusedError("the listener has finished; the answers stay as they are", hint="close the page")


def _listener(connection: sqlite3.Connection, token: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM listeners WHERE token = ?", (token,)).fetchone()
    return row


def _column(connection: sqlite3.Connection, query: str, *values: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(query, values)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
