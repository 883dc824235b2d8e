"""Standard streams that are closed or not UTF-8, signals, and the length of errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tts_cli.cli.main import _fail
from tts_cli.cli.refusals import do_each
from tts_cli.cli.terminal import say
from tts_cli.errors import LONGEST_LINE, InputError, TextError

TINY = Path(__file__).parents[1] / "addons"
TTS = f"{sys.executable} -c 'from tts_cli.cli import run; run()'"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell with `tts` for the command, and the tiny voice."""
    line = command.replace("tts ", f"{TTS} ", 1) + " "
    env = {**os.environ, "TTS_ADDONS": str(TINY), **environment}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=env, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("command", "code", "written"),
    [
        ("tts synth Hello. --addon tiny-acoustic -o a.wav >&-", 0, True),
        ("tts synth Hello. --addon tiny-acoustic -o a.wav 2>&-", 0, True),
        ("tts synth Hello. --addon tiny-acoustic -o a.wav <&- >&- 2>&-", 0, True),
        ("tts synth Hello. --addon tiny-acoustic --output-raw >&-", 2, False),
        ("tts synth Hello. --addon tiny-acoustic -o a.wav --json >&-", 2, True),
        ("tts synth --addon tiny-acoustic -o a.wav <&-", 2, False),
        ("tts parse 'The old man sat.' --parser right-branching >&-", 2, False),
        ("tts parse 'The old man sat.' --parser right-branching --json >&-", 2, False),
    ],
)
def test_closed_streams(tmp_path: Path, command: str, code: int, written: bool) -> None:
    outcome = shell(command, tmp_path)
    assert (outcome.returncode, (tmp_path / "a.wav").exists()) == (code, written), outcome.stderr
    assert b"Traceback" not in outcome.stderr
    assert code == 0 or outcome.stderr.count(b"error: ") == 1


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_streams_that_are_not_utf_8(tmp_path: Path, encoding: str) -> None:
    outcome = shell("tts synth Hello. --addon tiny-acoustic -o \u4e16\u03b1.wav", tmp_path, PYTHONIOENCODING=encoding)
    assert outcome.returncode == 0, outcome.stderr
    # Click itself writes UTF-8 where the encoding is ASCII.
    assert outcome.stdout.strip() in (b"\\u4e16\\u03b1.wav", "\u4e16\u03b1.wav".encode())


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_a_hangup_removes_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("It was late and dark. " * 5000)
    command = [sys.executable, "-c", "from tts_cli.cli import run; run()", "synth", "-i", "long.txt", "--addon", "tiny-acoustic"]
    with subprocess.Popen([*command, "-o", "a.wav"], cwd=tmp_path, env={**os.environ, "TTS_ADDONS": str(TINY)}) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".a.wav.*.part")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 129
    assert [path.name for path in tmp_path.iterdir()] == ["long.txt"]


@pytest.mark.parametrize("value", ["9" * 4400, "word " * 900, "a/" * 2000])
def test_errors_are_never_long(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    _fail(InputError(f"addon.json: {value}: must be a number", hint=f"leave out {value}"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(len(line) <= LONGEST_LINE + len("error: ") for line in lines)
    assert lines[0].startswith("error: addon.json: ")
    assert lines[0].endswith("must be a number")


def test_lines_beside_errors_are_never_long_either(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def fail() -> None:
        raise TextError("the text " + "x" * 5000 + " has no words")

    with pytest.raises(TextError):
        do_each({"line 1": fail, "line 2": fail}, tmp_path, (TextError,))
    say("word " * 900)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(len(line) <= LONGEST_LINE for line in lines)
    assert lines[1].startswith("line 2: the text xxx")
    assert lines[1].endswith("has no words")


@pytest.mark.parametrize(
    "moment", ["main.main = lambda _: (atexit.register(os.kill, os.getpid(), {number}), 1)[1]", "main.main = lambda _: 1"]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_end_of_a_command_changes_nothing(moment: str, number: signal.Signals) -> None:
    """Send a signal while the process of a command that is done ends, or in the last moments of the interpreter."""
    program = f"""
import atexit, os, sys
from tts_cli import cli
from tts_cli.cli import main

class Late:
    def __del__(self, kill=os.kill, process=os.getpid()):
        kill(process, {int(number)})

main.main = lambda _: 1
{moment.format(number=int(number))}
sys.late = Late()
cli.run()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
