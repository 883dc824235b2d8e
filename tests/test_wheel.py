"""The wheel holds all that speaking needs: built, installed with the runtime alone, it speaks in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKED = ROOT / "tests" / "requirements" / "runtime.txt"


def run(folder: Path, *command: object) -> str:
    """Run a command in a folder, with nothing of this checkout in its environment; return its output."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "TTS_ADDONS")}
    environment = {**kept, "XDG_DATA_HOME": str(folder / "data")}
    done = subprocess.run([*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of an environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / "source" / name)
    run(folder, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "wheels", folder / "source")
    run(folder, sys.executable, "-m", "venv", folder / "venv")
    pip = folder / "venv" / "bin" / "pip"
    if os.environ.get("LOCKED"):
        run(folder, pip, "install", "--quiet", "--require-hashes", "--requirement", LOCKED)
    (wheel,) = (folder / "wheels").iterdir()
    run(folder, pip, "install", "--quiet", wheel)
    return folder / "venv" / "bin"


def test_the_wheel_speaks_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    run(tmp_path, installed / "tts", "synth", "Hello there.", "-o", "hello.wav")
    with wave.open(str(tmp_path / "hello.wav")) as file:
        assert file.getnframes() > 0.3 * file.getframerate()
    assert not list(installed.parent.glob("lib/*/site-packages/torch")), "the runtime brings no torch"
