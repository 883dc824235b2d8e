from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_listening import KINDS, small_test
from small_results import (
    HEADER,
    answers_of,
    csv_lines,
    download,
    listening_test,
    rows_of,
    stimulus_id,
    write_csv,
    write_database,
    write_downloads,
    write_test,
)

from tts_cli.errors import InputError
from tts_cli.listening.answer_rows import AnswerRow, joined, shown_name
from tts_cli.listening.design import RESULTS_FILE
from tts_cli.listening.ratings import Answers
from tts_cli.listening.results import read_results
from tts_cli.listening.store import SCORES, AnswerStore, GivenAnswer
from tts_cli.listening.webmushra_results import foreign_test, read_lines

TEST = listening_test(("recordings", "low", "mid", "new"), ("one", "two"))
RATED = [
    (who, item, name, 10.0 * place + len(who))
    for who in ("anna", "bo")
    for item in ("one", "two")
    for place, name in enumerate(("recordings", "low", "mid", "new"))
]


def said(answers: Answers) -> list[tuple[str, str, str, float]]:
    return sorted((one.listener, one.item, one.condition, one.score) for one in answers.ratings)


def test_each_form_of_results_gives_the_same_answers(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", TEST)
    write_database(folder / "results.sqlite", rows_of(RATED), {"anna": "Anna A."})
    served = read_results(folder)
    assert said(served.answers) == sorted(RATED)
    assert served.names == {"anna": "Anna A.", "bo": "bo"}
    assert said(read_results(folder / "results.sqlite").answers) == sorted(RATED)
    loose = write_downloads(tmp_path / "loose", rows_of(RATED))
    assert said(read_results(loose, folder).answers) == sorted(RATED)
    assert len(said(read_results(loose / "results-bo.json", folder).answers)) == 8
    table = write_csv(folder / "mushra.csv", csv_lines(RATED))
    read = read_results(table)
    assert said(read.answers) == sorted(RATED)
    assert read.answers.ratings[0].seconds == 2.5
    assert read.names == {"anna": "anna", "bo": "bo"}


def test_answers_in_the_database_and_in_downloads_are_joined(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", TEST)
    write_database(folder / "results.sqlite", rows_of(one for one in RATED if one[0] == "anna"))
    write_downloads(folder, rows_of(RATED))
    read = read_results(folder)
    assert said(read.answers) == sorted(RATED)
    assert read.notes == ("8 rows that stood twice in the results count once.",)


def test_reading_a_database_leaves_no_file_beside_it(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "a 100%? #1", TEST)
    write_database(folder / "results.sqlite", rows_of(RATED))
    before = sorted(file.name for file in folder.iterdir())
    read_results(folder)
    assert sorted(file.name for file in folder.iterdir()) == before


def test_webmushra_names_its_own_stimuli(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", TEST)
    names = {"recordings": "reference", "low": "anchor35", "mid": "anchor70"}
    lines = [("small", 30, who, item, names.get(name, stimulus_id(item, name)), score, 1, "") for who, item, name, score in RATED]
    assert said(read_results(write_csv(folder / "r.csv", lines)).answers) == sorted(RATED)


def test_a_foreign_test_of_webmushra_gets_its_conditions_and_roles(tmp_path: Path) -> None:
    lines = [
        ("mine", 30, who, trial, name, score, 1000, "")
        for who in ("u1", "u2")
        for trial in ("trial 1", "trial 2")
        for name, score in (("C1", 40), ("reference", 95), ("anchor35", 10), ("anchor70", 30))
    ]
    read = read_results(write_csv(tmp_path / "mushra.csv", lines))
    test = read.answers.test
    assert [(one.name, one.role) for one in test.conditions] == [
        ("anchor35", "low-anchor"),
        ("anchor70", "mid-anchor"),
        ("reference", "reference"),
        ("C1", "system"),
    ]
    assert (test.title, [one.item for one in test.pages], read.folder) == ("mine", ["trial 1", "trial 2"], None)
    assert (test.screening.hidden_reference, test.screening.mid_anchor, test.screening.attention) == (True, True, False)
    assert sum(one.score for one in read.answers.ratings if one.condition == "reference") == 4 * 95
    assert read.answers.unfinished == ()


def test_old_and_appended_files_of_webmushra_are_read(tmp_path: Path) -> None:
    header = ("session_test_id", "email", "trial_id", "rating_stimulus", "rating_score")
    lines: list[tuple[object, ...]] = [("mine", who, "t", name, 50) for who in ("a@b", "c@d") for name in ("C1", "C2")]
    path = write_csv(tmp_path / "old.csv", [*lines[:2], header, *lines[2:], ()], header)
    path.write_text("\ufeff" + path.read_text())
    answers = read_results(path).answers
    assert len({one.listener for one in answers.ratings}) == 2 and len(answers.ratings) == 4
    assert set(read_results(path).names.values()) == {"listener 1", "listener 2"}, "the addresses stay out of reports"


def test_scales_and_choices_of_webmushra_are_read(tmp_path: Path) -> None:
    header = ("session_test_id", "listener", "trial_id", "stimuli_rating", "stimuli", "rating_time")
    for kind, given, name in (("mos", " 4 ", "score"), ("ab", " 1 ", "chosen")):
        test = listening_test(("new", "old"), ("one",), kind)
        folder = write_test(tmp_path / kind, test)
        lines = [
            ("small", "anna", "one", given, stimulus_id("one", "new"), 9),
            ("small", "anna", "one", "NA" if name == "score" else " 0 ", stimulus_id("one", "old"), 9),
        ]
        answers = read_results(write_csv(folder / "lms.csv", lines, header)).answers
        assert [one.score for one in answers.ratings] == ([4.0] if name == "score" else [])
        assert [one.chosen for one in answers.choices] == ([] if name == "score" else ["new"])


@pytest.mark.parametrize(("given", "chosen"), [("correct", ["new"]), ("incorrect", ["old"])])
def test_paired_comparisons_of_webmushra_are_answers_to_abx(tmp_path: Path, given: str, chosen: list[str]) -> None:
    folder = write_test(tmp_path, listening_test(("new", "old"), ("one", "two"), "abx"))
    header = (
        "session_test_id",
        "listener",
        "trial_id",
        "choice_reference",
        "choice_non_reference",
        "choice_answer",
        "choice_time",
    )
    lines = [
        ("small", "anna", "one", "reference", stimulus_id("one", "old"), given, 9),
        ("small", "anna", "two", "reference", stimulus_id("two", "old"), "undecided", 9),
    ]
    choices = read_results(write_csv(folder / "paired_comparison.csv", lines, header)).answers.choices
    assert [one.chosen for one in choices] == chosen
    assert choices[0].answer == "new"


def test_a_later_answer_replaces_an_earlier_one() -> None:
    first, second = (AnswerRow("here", "a", "one", stimulus_id("one", "new"), 10, answered="2026-01-01T10") for _ in range(2))
    later = AnswerRow("there", "a", "one", stimulus_id("one", "new"), 20, answered="2026-01-02T10")
    for rows in ([first, later], [later, first], [first, second, later]):
        answers, _ = joined(TEST, rows)
        assert [one.score for one in answers.ratings] == [20]


def test_listeners_who_stopped_are_named() -> None:
    answers = answers_of(TEST, [one for one in RATED if one[:2] != ("bo", "two")])
    assert answers.unfinished == ("bo",)
    assert len(answers.ratings) == 12


def test_choices_know_their_conditions() -> None:
    test = listening_test(("new", "old"), ("one",), "ab")
    rows = [AnswerRow("x", "a", "one", stimulus_id("one", name), chosen=0) for name in ("old", "new")]
    (choice,) = joined(test, rows)[0].choices
    assert (choice.first, choice.second, choice.chosen) == ("new", "old", "")


def test_answers_that_the_server_has_not_yet_moved_to_the_file_are_read(tmp_path: Path) -> None:
    folder = write_test(tmp_path, TEST)
    path = write_database(folder / "results.sqlite", rows_of(one for one in RATED if one[0] == "anna"))
    with closing(sqlite3.connect(path)) as server:
        server.execute("PRAGMA journal_mode=WAL")
        values = ("bo", "one", stimulus_id("one", "new"), 33.0)
        server.execute("INSERT INTO answers(token, page, stimulus, score) VALUES(?, ?, ?, ?)", values)
        server.commit()
        assert {one.listener for one in read_results(folder).answers.ratings} == {"anna", "bo"}


def test_simulated_listeners_are_known_by_any_file(tmp_path: Path) -> None:
    folder = write_test(tmp_path, TEST)
    write_downloads(folder, rows_of(RATED))
    assert not read_results(folder).answers.is_simulated
    (folder / "results-bo.json").write_text(json.dumps(download("bo", rows_of(RATED), simulated=True)))
    assert read_results(folder).answers.is_simulated


def database(folder: Path, change: Callable[[AnswerRow], AnswerRow]) -> Path:
    rows = rows_of(RATED)
    write_database(folder / "results.sqlite", [change(rows[0]), *rows[1:]])
    return folder


def text(folder: Path, name: str, content: str | bytes) -> Path:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def cut(folder: Path) -> Path:
    file = write_database(folder / "results.sqlite", rows_of(RATED * 1))
    file.write_bytes(file.read_bytes()[:5000])
    return folder


def damaged(folder: Path) -> Path:
    """Write a database with a name of a table that is no text, which the message of SQLite repeats."""
    file = write_database(folder / "results.sqlite", rows_of(RATED))
    file.write_bytes(file.read_bytes().replace(b"tableanswers", b"tablea\x81swers"))
    return folder


def changed(folder: Path, **others: object) -> Path:
    """Write a download whose first answer is changed."""
    values = download("bo", rows_of(RATED))
    values["answers"][0] |= others
    return text(folder, "results-bo.json", json.dumps(values))


def lines(folder: Path, *more: tuple[object, ...]) -> Path:
    return write_csv(folder / "r.csv", [*csv_lines(RATED), *more])


GOOD = stimulus_id("one", "new")
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing there": (lambda folder: folder / "none", r"none: no such file or folder"),
    "no results": (lambda folder: folder, "the folder holds no results"),
    "unknown form": (lambda folder: text(folder, "r.txt", "x"), "r.txt: no known form"),
    "two tables": (lambda folder: next(reversed([text(folder, f"{n}.csv", "x") for n in "ab"])).parent, "several CSV files"),
    "a cut download": (
        lambda folder: text(folder, "results-a.json", '{"token": "a", "ans'),
        r"results-a.json: line 1, column \d+",
    ),
    "an empty download": (lambda folder: text(folder, "results-a.json", ""), "results-a.json: is empty"),
    "a download of bytes": (lambda folder: text(folder, "results-a.json", b"\xff\xfe\x00"), "results-a.json: "),
    "a list": (lambda folder: text(folder, "results-a.json", "[]"), "expected a mapping"),
    "no token": (lambda folder: text(folder, "results-a.json", '{"answers": []}'), "'token'"),
    "no answer": (lambda folder: text(folder, "results-a.json", '{"token": "a", "answers": []}'), "hold no answer"),
    "a score of text": (lambda folder: changed(folder, score="high"), r"results-bo.json: 'answers.0.score'"),
    "a score of nan": (lambda folder: changed(folder, score=float("nan")), r"'answers.0.score'"),
    "a score too high": (lambda folder: changed(folder, score=101), "answers.0: score 101 lies outside 0 to 100"),
    "a negative score": (lambda folder: changed(folder, score=-1), "score -1 lies outside"),
    "no score": (lambda folder: changed(folder, score=None), "answers.0: the row has no score"),
    "an unknown page": (lambda folder: changed(folder, page="<b>"), "no page '<b>'"),
    "an unknown stimulus": (lambda folder: changed(folder, stimulus="x" * 10**6), "page 'one' has no stimulus 'xxx"),
    "a cut database": (cut, "results.sqlite: no readable database"),
    "no database": (lambda folder: text(folder, "results.sqlite", "x" * 5000).parent, "results.sqlite: no readable database"),
    "an empty database": (lambda folder: text(folder, "results.sqlite", "").parent, "results.sqlite: no readable database"),
    "a damaged schema": (damaged, "results.sqlite: no readable database"),
    "no rows": (lambda folder: write_database(folder / "results.sqlite", []).parent, "hold no answer"),
    "text in a database": (
        lambda folder: database(folder, lambda row: AnswerRow("", row.listener, row.page, row.stimulus, "x")),  # type: ignore[arg-type]
        "results.sqlite: answer 1: the score 'x' is no number",
    ),
    "infinity in a database": (
        lambda folder: database(folder, lambda row: AnswerRow("", row.listener, row.page, row.stimulus, float("inf"))),
        "results.sqlite: answer 1: the score 'inf' is no number",
    ),
    "an empty table": (lambda folder: text(folder, "r.csv", ""), "r.csv: the file is empty"),
    "a table alone of a header": (lambda folder: write_csv(folder / "r.csv", []), "hold no answer"),
    "another table": (lambda folder: text(folder, "r.csv", "a,b\n1,2\n"), "r.csv:1: the header names no columns"),
    "a cut line": (lambda folder: lines(folder, ("small", 30, "bo")), "r.csv:18: 3 values, but the header names 8 columns"),
    "a cut quotation": (lambda folder: text(folder, "r.csv", ",".join(HEADER) + '\n"sma'), "r.csv:2: not CSV"),
    "a word for a score": (
        lambda folder: lines(folder, ("s", 30, "c", "one", GOOD, "good", 1, "")),
        "r.csv:18: the score 'good'",
    ),
    "a foreign stimulus": (
        lambda folder: lines(folder, ("s", 30, "c", "one", "C1", 3, 1, "")),
        "r.csv:18: the test has no stimulus",
    ),
    "a contradiction": (
        lambda folder: lines(folder, ("small", 30, "bo", "one", GOOD, 99, 1, "")),
        r"r.csv:18: page 'one' has another answer of the same listener at \S+r.csv:13",
    ),
    "a field of 1 MB": (
        lambda folder: lines(folder, ("s", "x" * 10**6, "c", "one", GOOD, 5, 1, "")),
        "r.csv:18: not CSV: field larger",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_results_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    write, message = BAD[case]
    write_test(tmp_path, TEST)
    with pytest.raises(InputError, match=message) as raised:
        read_results(write(tmp_path))
    assert raised.value.hint
    assert len(raised.value.message) < 1000


def test_results_without_a_test_are_refused(tmp_path: Path) -> None:
    write_downloads(tmp_path, rows_of(RATED))
    with pytest.raises(InputError, match=r"no test\.json") as raised:
        read_results(tmp_path)
    assert "--test" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([("t", 1, "u", "one", f"C{number}", 5, 1, "") for number in range(13)], "13 different stimulus names"),
        ([("t", 1, "u", "one", " ", 5, 1, "")], "r.csv:2: 'rating_stimulus' is empty"),
        ([("t", 1, "u", "", "C1", 5, 1, "")], "r.csv:2: 'trial_id' is empty"),
        ([("t", 1, "u", "one", "x" * 81, 5, 1, "")], "longer than 80"),
        ([("t", 1, "u", "one", "red \x1b[31m", 5, 1, "")], "not printable"),
        ([], "no ratings after the header"),
    ],
)
def test_foreign_tests_that_no_table_can_show_are_refused(tmp_path: Path, lines: list[tuple[object, ...]], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_results(write_csv(tmp_path / "r.csv", lines))


def test_foreign_scales_need_their_test(tmp_path: Path) -> None:
    header = ("session_test_id", "listener", "trial_id", "stimuli_rating", "stimuli", "rating_time")
    path = write_csv(tmp_path / "lms.csv", [("t", "a", "one", 3, "C1", 1)], header)
    with pytest.raises(InputError, match=r"without test\.json"):
        foreign_test(path, read_lines(path))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna", "Anna"),
        ("  An\nna\t\x1b[31m ", "An na [31m"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("x" * 10**6, "x" * 37 + "..."),
        ("\u202e\ud800", "0123abcd"),
        ("", "0123abcd"),
    ],
)
def test_names_of_listeners_become_one_short_line(name: str, shown: str) -> None:
    assert shown_name(name, "0123abcd" * 4) == shown


def test_a_hostile_name_reaches_no_file(tmp_path: Path) -> None:
    folder = write_test(tmp_path, TEST)
    names = {"anna": "<b>\x00" + "y" * 10**6}
    write_database(folder / "results.sqlite", rows_of(RATED), names)
    assert read_results(folder).names["anna"] == "<b> " + "y" * 33 + "..."


@pytest.mark.parametrize("kind", KINDS)
def test_answers_in_the_store_of_the_server_are_read(tmp_path: Path, kind: Any) -> None:
    test = small_test(kind)
    folder = write_test(tmp_path, test)
    store = AnswerStore(folder / RESULTS_FILE, test)
    (token,) = store.invite(1)
    store.consent(token, "Anna", "a browser")
    for page in test.pages:
        given = [
            GivenAnswer(page=page.id, stimulus=one.id, **({"score": 3.0} if kind in SCORES else {"chosen": int(place == 0)}))
            for place, one in enumerate(page.stimuli)
        ]
        store.record(token, given)
    session = store.session(token)
    answers = read_results(folder).answers
    assert answers.given and answers.unfinished == ()
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / f"results-{token}.json").write_text(json.dumps(session))
    assert set(read_results(tmp_path / "loose", folder).answers.given) == set(answers.given)
