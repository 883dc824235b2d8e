"""Skip guard: with TTS_ALLOWED_SKIPS set, a skipped test fails the run unless conftest.py allows its reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
FILES = {
    "allowed": "import pytest\n\n\ndef test_one() -> None:\n    pytest.skip('TTS_CORPORA names no corpora')\n",
    "reason": "import pytest\n\n\n@pytest.mark.skip(reason='too slow today')\ndef test_one() -> None: ...\n",
    "package": "import pytest\n\npytest.importorskip('a_package_that_nobody_has')\n\n\ndef test_one() -> None: ...\n",
    "passing": "def test_one() -> None: ...\n",
}


def run(folder: Path, files: tuple[str, ...], guarded: bool, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on some of `FILES` in its own folder, with or without the skip guard."""
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    for name in files:
        (folder / f"test_{name}.py").write_text(FILES[name])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TTS"))}
    switch = {"TTS_ALLOWED_SKIPS": "1"} if guarded else {}
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder), *options, str(folder)]
    return subprocess.run(command, env={**environment, **switch}, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_skip_that_nobody_allowed_fails_the_run_and_is_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    outcome = run(tmp_path, ("allowed", "reason", "package", "passing"), True, *options)
    assert outcome.returncode == 1, outcome.stdout
    assert "too slow today" in outcome.stdout
    assert "could not import 'a_package_that_nobody_has'" in outcome.stdout
    assert "names no corpora" not in outcome.stdout.partition("does not allow it")[2]


@pytest.mark.parametrize(("files", "guarded"), [(("allowed", "passing"), True), (("reason", "package", "passing"), False)])
def test_skips_on_the_list_pass_and_without_the_switch_all_do(tmp_path: Path, files: tuple[str, ...], guarded: bool) -> None:
    assert run(tmp_path, files, guarded).returncode == 0


def test_make_and_so_the_checks_before_a_merge_set_the_switch() -> None:
    root = Path(__file__).parents[1]
    (recipe,) = [line for line in (root / "Makefile").read_text().splitlines() if "bin/pytest" in line and "mutants" not in line]
    assert "TTS_ALLOWED_SKIPS=1" in recipe
    assert "test" in (root / ".ci/run").read_text().split()
