"""Atomic writing: a file is written completely or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tts_cli.audio.files import WavFile
from tts_cli.errors import OutputError
from tts_cli.files import atomic_write, remove_leftovers
from tts_cli.output.outlets import new_text_file


@pytest.fixture
def leftovers(tmp_path: Path) -> list[str]:
    """Leave temporary files of a dead process and of this one, and files that only look like them."""
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    names = [f".a[1].wav.{dead.pid}.part", f".a[1].wav.rf64.{dead.pid}.part", f".b.npz.{dead.pid}.part"]
    names += [f".a[1].wav.{os.getpid()}.part", "a[1].wav.part", ".a[1].wav.old.part", f"a[1].wav.{dead.pid}.part"]
    names += [f".a[1].wav.{10**40}.part"]
    (tmp_path / "below").mkdir()
    for folder in (tmp_path, tmp_path / "below"):
        for name in names:
            (folder / name).write_text("")
    return names


def test_temporary_files_of_dead_processes_are_removed_and_no_others(tmp_path: Path, leftovers: list[str]) -> None:
    remove_leftovers(tmp_path, "a[1].wav")
    assert set(names_in(tmp_path)) == {"below", *leftovers[2:]}
    assert set(names_in(tmp_path / "below")) == set(leftovers)
    remove_leftovers(tmp_path, below=True)
    assert set(names_in(tmp_path)) == {"below", *leftovers[3:]}
    assert set(names_in(tmp_path / "below")) == set(leftovers[3:])
    remove_leftovers(tmp_path / "missing")


def test_outputs_remove_what_killed_processes_left_beside_them(tmp_path: Path, leftovers: list[str]) -> None:
    with WavFile(tmp_path / "a[1].wav", 16000):
        pass
    with new_text_file(tmp_path / "b.npz"):
        pass
    assert set(names_in(tmp_path)) == {"below", "a[1].wav", "b.npz", *leftovers[4:]}


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write("new: ä")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_bytes() == "new: ä".encode()
    assert names_in(tmp_path) == ["report.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old")
    with pytest.raises(OutputError if error is OSError else error), atomic_write(path, "wb") as file:
        file.write(b"half")
        raise error
    assert (path.read_text(), names_in(tmp_path)) == ("old", ["report.txt"])


def test_folders_are_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "data.bin"
    with pytest.raises(OutputError, match=r"data\.bin: cannot be written \(No such file"), atomic_write(path, "wb"):
        pass
    assert not path.parent.exists()
    with atomic_write(path, "wb", parents=True, sync=True) as file:
        file.write(b"\0\1")
    assert path.read_bytes() == b"\0\1"


def test_what_the_disk_refuses_is_one_error_that_names_the_file() -> None:
    with pytest.raises(OutputError, match=r"^/proc/report: cannot be written") as caught, atomic_write(Path("/proc/report")):
        pass
    assert caught.value.hint
