"""The README and the way from recordings to a voice are correct: every command and example runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRAINING = (ROOT / "docs" / "train-a-voice.md").read_text(encoding="utf-8")
TARGETS = (
    "make synth",
    "make train-copycat",
    "make train-vae",
    "make train-syntax",
    "make shipped CORPORA=DIR",
    "make train-copycat RECIPE=shipped CORPORA=DIR",
    "make train-acoustic RECIPE=shipped ACOUSTIC=arctic-attention-16k STAGE= FLOW= CORPORA=DIR",
)
"""Targets that docs/train-a-voice.md tells of; the tests of pages only try them with --dry-run."""
NUM_WALKS = 2
"""Shell blocks of docs/train-a-voice.md that are run here: the sample, and recordings of one's own."""
LONGEST_README_LINES = 150
LONGEST_README_WORDS = 900
INSTEAD = {
    # `.ci/run` runs it already.
    "make demo": "make --dry-run demo",
    "pip install '.[train]'": f"'{sys.executable}' -m pip install --quiet --dry-run '.[train]'",
    # The test environment has all packages installed.
    "make synth": "make synth TTS=tts EVERYTHING=",
    "make train-copycat RECIPE=shipped CORPORA=DIR": "make --dry-run train-copycat RECIPE=shipped CORPORA=data",
    "make train-copycat": "make train-copycat TTS=tts EVERYTHING=",
    "make train-vae": "make train-vae TTS=tts EVERYTHING=",
    "make train-syntax": "make train-syntax TTS=tts EVERYTHING=",
    # It needs whole corpora and hours of training.
    "make shipped CORPORA=DIR": "make --dry-run shipped CORPORA=data",
    "make train-acoustic RECIPE=shipped ACOUSTIC=arctic-attention-16k STAGE= FLOW= CORPORA=DIR": (
        "make --dry-run train-acoustic RECIPE=shipped ACOUSTIC=arctic-attention-16k STAGE= FLOW= CORPORA=data"
    ),
    "my-recordings": "data/kathleen",
    "recipes/fine-tune-16k.yaml": (
        "recipes/fine-tune-16k.yaml --set steps=6 --set network.adversarial.regression_steps=3 "
        "--set network.adversarial.first_step=1 --set rehearsal.sentences=2 --set rehearsal.tested=2"
    ),
}
"""Replacements of commands that would take too long, recurse, or need files that are not in the repository."""


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return the lines of the shell blocks, and the targets of `make`."""
    shell = [*blocks("sh"), *blocks("sh", TRAINING)[:NUM_WALKS]]
    return [line for block in shell for line in block.splitlines() if line and not line.startswith("#")] + [*TARGETS]


def stand_in(command: str) -> str:
    for written, run in INSTEAD.items():
        if written in command:
            command = command.replace(written, run)
    return command


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST_README_LINES
    assert len(README.split()) <= LONGEST_README_WORDS


def test_every_recipe_make_target_and_link_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy of all files under version control."""
    folder = tmp_path_factory.mktemp("clone")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def run(command: str, folder: Path, home: Path) -> str:
    """Run a shell command in `folder` with the user's data folder `home`, and return its output; fail if the command does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_DATA_HOME": str(home)}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_command_runs(clone: Path, tmp_path: Path) -> None:
    for command in commands():
        run(stand_in(command), clone, tmp_path)
    elsewhere = run(f"'{clone}/.venv/bin/tts' addons", tmp_path, tmp_path)
    assert "arctic-16k" in elsewhere, "the wheel brings the shipped voice"
    assert not list((clone / ".venv").glob("lib/*/site-packages/torch")), "the runtime brings no torch"


@pytest.mark.parametrize("example", blocks("python"))
def test_every_example_runs(example: str, clone: Path, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    assert run(f"'{sys.executable}' '{tmp_path / 'example.py'}'", clone, tmp_path)
