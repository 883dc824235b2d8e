"""One output has one writer: a second one ends at once, a killed one holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Run

from tts_cli.locks import OutputLock

HOLDER = """
import sys, time
from pathlib import Path
from tts_cli.locks import OutputLock
lock = OutputLock(Path(sys.argv[1]))
lock.acquire()
print("locked", flush=True)
time.sleep(60)
"""
BOOK = "It was late.\n\nIt was dark.\n"
COMMANDS = {
    "synth": ("synth", "Hello.", "-o", "out.wav"),
    "long-form": ("synth", "--long-form", "-i", "book.txt", "-o", "out.wav"),
    "read": ("read", "book.txt", "-o", "out.wav"),
    "resume": ("read", "book.txt", "-o", "out.wav", "--resume"),
    "link": ("synth", "Hello.", "-o", "link.wav"),
    "folder": ("synth", "-i", "book.txt", "--output-dir", "lines"),
    "folder-resume": ("synth", "-i", "book.txt", "--output-dir", "lines", "--resume"),
}


@contextmanager
def other_writer(output: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the lock on `output`; it is killed at the end."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, output], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "locked\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_second_writer_of_an_output_ends_at_once(tts: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "book.txt").write_text(BOOK)
    (tmp_path / "lines").mkdir()
    (tmp_path / "link.wav").symlink_to("out.wav")
    # An older complete file must not be taken for the one that is being written.
    (tmp_path / "out.wav").write_bytes(b"before")
    output = tmp_path / ("lines" if "folder" in name else "out.wav")
    with other_writer(output) as process:
        outcome = tts(*COMMANDS[name])
        assert outcome.code == 2
        assert output.name.replace("out", "link" if name == "link" else "out") in outcome.err
        assert f"is being written by another process (process {process.pid})" in outcome.err
        assert outcome.err.count("\n") == 2
        assert (tmp_path / "out.wav").read_bytes() == b"before"
        assert not list((tmp_path / "lines").glob("*.wav"))
    # The other process was killed: its lock is gone, and its lock file is taken over and removed.
    if name == "resume":
        (tmp_path / "out.wav").unlink()
    assert tts(*COMMANDS[name]).code == 0
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_two_writers_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with OutputLock(tmp_path / "a.wav"), pytest.raises(Exception, match=f"process {os.getpid()}"):
        OutputLock(tmp_path / "a.wav").acquire()
    OutputLock(tmp_path / "a.wav").acquire()


def test_a_lock_that_is_dropped_is_released(tmp_path: Path) -> None:
    lock = OutputLock(tmp_path / "a.wav")
    lock.acquire()
    del lock
    with OutputLock(tmp_path / "a.wav"):
        pass
    assert not list(tmp_path.iterdir())


def test_an_interrupted_reading_gives_its_lock_back(tts: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_cli.audio.files import GrowingWav

    (tmp_path / "book.txt").write_text(BOOK)

    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(GrowingWav, "write", interrupted)
        assert tts("read", "book.txt", "-o", "out.wav").code == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.txt"]
    assert tts("read", "book.txt", "-o", "out.wav").code == 0


def test_temporary_files_of_dead_processes_go_with_the_next_writer(tts: Run, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    (tmp_path / f".out.wav.{dead.pid}.part").touch()
    (tmp_path / f".out.wav.{os.getppid()}.part").touch()
    (tmp_path / f".other.wav.{dead.pid}.part").touch()
    assert tts("synth", "Hello.", "-o", "out.wav").code == 0
    left = {path.name for path in tmp_path.glob(".*.part")}
    assert left == {f".out.wav.{os.getppid()}.part", f".other.wav.{dead.pid}.part"}
