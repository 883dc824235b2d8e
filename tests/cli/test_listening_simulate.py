"""Command `tts listening-test simulate`: its words, its files and its refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run

from tts_cli.listening.design import TEST_FILE, read_test
from tts_cli.listening.simulation import default_test


def test_the_first_line_says_that_nobody_listened(tts: Run) -> None:
    done = tts("listening-test", "simulate", "-o", "new", "--listeners", 4, "--items", 2, "--mean", "new=70")
    assert done.code == 0, done.err
    first, means, *_, last = done.out.decode().splitlines()
    assert first.startswith("Simulated: ")
    assert "No person listened" in first
    assert "recordings 75 (72.9), baseline 50 (50.0), new 70 (68.6)" in means
    assert last == "new: results of 4 simulated listeners"
    assert len(list(Path("new").glob("results-*.json"))) == 4
    assert len(read_test(Path("new")).pages) == 2


def test_the_same_seed_writes_the_same_files(tts: Run) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert tts("listening-test", "simulate", "-o", folder, "--listeners", 1, "--items", 2, "--seed", seed).code == 0
    a, b, c = (next(Path(folder).glob("results-*.json")).read_text() for folder in "abc")
    assert a == b
    assert a != c


def test_listeners_answer_the_test_in_a_folder(tts: Run) -> None:
    Path("built").mkdir()
    Path("built", TEST_FILE).write_text(default_test(3).model_copy(update={"title": "Mine"}).model_dump_json())
    assert tts("listening-test", "simulate", "built", "-o", "new").code == 0
    assert (read_test(Path("new")).title, len(read_test(Path("new")).pages)) == ("Mine", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mean", "new"), "--mean new: expected NAME=VALUE with a value from 0 to 100"),
        (("--mean", "new=nan"), "--mean new=nan: expected NAME=VALUE"),
        (("--mean", "new=101"), "--mean new=101: expected NAME=VALUE"),
        (("--mean", "=5"), "--mean =5: expected NAME=VALUE"),
        (("--mean", "other=5"), "--mean other: the test has no such condition"),
        (("--set", "residual=-1"), "--set residual=-1: 'residual'"),
        (("--set", "lowest=100"), "must lie below the highest"),
        (("--set", "noise=1"), "unknown key 'noise'"),
        (("missing",), "missing/test.json: no such file"),
        (("missing", "--items", 5), "--items does not go with a folder"),
        (("--listeners", 0), "--listeners"),
    ],
)
def test_wrong_options_are_one_line(tts: Run, arguments: tuple[object, ...], message: str) -> None:
    done = tts("listening-test", "simulate", "-o", "new", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not Path("new").exists()


def test_answers_of_people_are_not_touched(tts: Run) -> None:
    Path("real").mkdir()
    Path("real/results.sqlite").write_text("answers")
    done = tts("listening-test", "simulate", "-o", "real")
    assert (done.code, "real: exists already" in done.err) == (2, True)
    assert Path("real/results.sqlite").read_text() == "answers"
