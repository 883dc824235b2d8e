"""Arbitrary values for every option of every command: exit code 0, 1, 2 or 130, one error line, no traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Outcome, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tts_cli.cli.main import app

LONGEST_LINE = 400
"""Characters of an error or a hint."""
LONG = {"bench", "doctor"}
"""Commands that do their work whatever they are given, in seconds: they are given a wrong option always."""
NUMBERS = ("0", "-1", "1", "2", "0.5", "1e9", "-1e400", "nan", "inf", str(2**31), str(2**63), "9" * 400, "٣", "0x10", "1_0", "")
NAMES = (
    "x",
    "..",
    "/",
    "a/b",
    "a\0b",
    "",
    " ",
    "é",
    "\ud800",
    "x" * 5000,
    "-",
    "--",
    "@x",
    "%s",
    "[",
    "{}",
    "tiny-vocoder",
    "default",
    "low",
)
FILES = (
    "absent",
    "folder",
    "empty",
    "text.txt",
    "list.json",
    "zeros.bin",
    "out.wav",
    "absent/x.wav",
    ".",
    "/dev/null/x",
    "pipe.json",
)
SETTINGS = ("steps=1e9", "steps", "=", "x.y=1", "steps=[", "steps=!!x y", "seed=2020-01-01", "mel.num_bands=-1", "name=../x")
ANYTHING = st.sampled_from(NUMBERS + NAMES + FILES + SETTINGS) | st.text(max_size=20)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that holds no others, by its name."""

    def of(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", {})
        for word, sub in inner.items():
            yield from of(f"{name} {word}".strip(), sub)
        if not inner:
            yield name, command

    return of("", typer.main.get_command(app))


COMMANDS = dict(commands())


@st.composite
def arguments(draw: st.DrawFn, name: str) -> list[str]:
    """Some of the options and arguments of a command, each with a value that it may not expect."""
    given_options: list[str] = []
    positional: list[str] = []
    for parameter in COMMANDS[name].params:
        is_argument = parameter.param_type_name == "argument"
        if parameter.name == "play" or not (is_argument or parameter.required or draw(st.integers(0, 4)) == 0):
            continue
        if is_argument:
            positional += draw(st.lists(ANYTHING, min_size=int(parameter.required), max_size=1))
        elif parameter.is_flag:
            given_options.append(draw(st.sampled_from([*parameter.opts, *parameter.secondary_opts])))
        else:
            given_options += [draw(st.sampled_from(parameter.opts)), draw(ANYTHING)]
    end = ["--"] if draw(st.booleans()) else []
    return [*name.split(), *given_options, *(["--bogus"] if name in LONG else []), *end, *positional]


@pytest.fixture
def _files(tts: Run, tmp_path: Path) -> None:  # noqa: ARG001 -- `tts` changes the folder
    """Whatever a value may name, in the folder where the commands run."""
    assert Path.cwd() == tmp_path
    Path("folder").mkdir(exist_ok=True)
    contents = {"empty": b"", "text.txt": b"Hello there.\n", "list.json": b"[1, {}]", "zeros.bin": bytes(1000), "pipe.json": b"{"}
    for name, data in contents.items():
        Path(name).write_bytes(data)


def assert_clear(outcome: Outcome) -> None:
    """An exit code that the manual names, and at most one error line and one hint."""
    lines = outcome.err.splitlines()
    errors, hints = ([line for line in lines if line.startswith(start)] for start in ("error: ", "hint: "))
    assert outcome.code in (0, 1, 2, 130), outcome.err
    assert "Traceback" not in outcome.err and "internal error: " not in outcome.err, outcome.err
    assert len(errors) == int(outcome.code in (1, 2)) and len(hints) <= len(errors), outcome.err
    assert all(len(line) <= LONGEST_LINE for line in errors + hints), f"{max(map(len, lines))} characters"


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("name", COMMANDS)
def test_any_value_of_any_option_is_one_clear_line_at_worst(tts: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: False)
    checks = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)

    @settings(max_examples=int(os.environ.get("TTS_EXAMPLES", "20")), deadline=None, database=None, derandomize=True,
              suppress_health_check=checks)  # fmt: skip
    @given(arguments(name))
    def clear(line: list[str]) -> None:
        assert_clear(tts(*line))

    clear()
