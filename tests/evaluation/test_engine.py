"""Engine of measurements: results are kept and failed tasks are tried again, in one process or several."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tts_cli.errors import AudioError, InputError, OutputError
from tts_cli.evaluation.engine import cache_folder, run


@dataclass(frozen=True)
class Square:
    """Task that squares a number and logs its run in a file."""

    number: int
    log: Path
    measures: tuple[str, ...] = ("square",)

    @property
    def label(self) -> str:
        return f"number {self.number}"

    def key(self, measure: str) -> str:
        return f"{measure}-{self.number}"

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        with self.log.open("a") as file:
            file.write(f"{self.number}:{','.join(names)}\n")
        if self.number < 0:
            raise AudioError("it is negative")
        return {name: self.number**2 if name == "square" else self.number**3 for name in names}


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "log"


def measured(log: Path) -> list[str]:
    lines = sorted(log.read_text().splitlines()) if log.is_file() else []
    log.unlink(missing_ok=True)
    return lines


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_second_run_measures_what_is_new_and_what_failed(log: Path, jobs: int) -> None:
    tasks = [Square(number, log) for number in (2, 3, -1)]
    results = run(tasks, "first", jobs, "squares.jsonl", (AudioError,))
    assert results.found == {tasks[0]: {"square": 4}, tasks[1]: {"square": 9}, tasks[2]: {}}
    assert results.failures == {"number -1": "it is negative"}
    assert measured(log) == ["-1:square", "2:square", "3:square"]
    more = [*tasks[:2], Square(3, log, ("square", "cube")), Square(4, log)]
    results = run(more, "second", jobs, "squares.jsonl", (AudioError,))
    assert results.found[more[2]] == {"square": 9, "cube": 27}
    assert (results.found[more[3]], results.failures) == ({"square": 16}, {})
    assert measured(log) == ["3:cube", "4:square"]


def test_the_journal_is_a_line_a_result_and_survives_a_cut_one(log: Path) -> None:
    run([Square(2, log)], "first", 1, "squares.jsonl")
    file = cache_folder() / "squares.jsonl"
    assert json.loads(file.read_text()) == {"key": "square-2", "result": 4}
    with file.open("a") as journal:
        journal.write('{"key": "square-3", "resu')
    measured(log)
    results = run([Square(2, log), Square(3, log)], "second", 1, "squares.jsonl")
    assert measured(log) == ["3:square"]
    assert list(results.found.values()) == [{"square": 4}, {"square": 9}]


def test_equal_results_are_measured_once(log: Path) -> None:
    both = [Square(2, log, ("square", "cube")), Square(2, log)]
    assert run(both, "once").found == {both[0]: {"square": 4, "cube": 8}, both[1]: {"square": 4}}
    assert measured(log) == ["2:square,cube"]


def test_without_a_journal_nothing_is_kept(log: Path) -> None:
    for _ in range(2):
        run([Square(2, log)], "again")
    assert measured(log) == ["2:square", "2:square"]
    assert not cache_folder().exists()


def test_an_error_that_nobody_tolerates_ends_the_run(log: Path) -> None:
    tasks = [Square(2, log), Square(-1, log), Square(3, log)]
    with pytest.raises(InputError, match="negative"):
        run(tasks, "first", 1, "squares.jsonl")
    assert measured(log) == ["-1:square", "2:square"]
    assert run(tasks[:1], "second", 1, "squares.jsonl").found == {tasks[0]: {"square": 4}}
    assert measured(log) == [], "finished results are kept"


def test_without_a_home_folder_the_folder_of_results_is_asked_for(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(path: Path) -> Path:
        if path.parts[:1] == ("~",):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.setattr(Path, "expanduser", no_home)
    assert cache_folder().is_relative_to(log.parent)
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(OutputError, match="no home folder") as caught:
        cache_folder()
    assert "XDG_CACHE_HOME" in (caught.value.hint or "")
