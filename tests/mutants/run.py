"""Mutation testing: applies one mistake at a time to a copy of the code and reports if the tests catch it: `make mutants`.

The mistakes of `table` come first, and all of them must be caught. Random mutations of `generated` follow, in the blocks, the
audio, training and the losses, until the time is up. Note the survivors in docs/lab-notes.md.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from generated import Edit, edits_of_file
from table import MISTAKES, Mistake

ROOT = Path(__file__).parents[2]
COPIED = ("tts_cli", "tests", "recipes", "docs", "Makefile", "README.md", "pyproject.toml", "demo.py", ".ci")
LINKED = ("addons", "data")
LONGEST_S = 300.0
"""Time limit in seconds for the tests of one mistake. A timeout is counted apart: endless loop or slow machine."""
CAUGHT, SURVIVED, NOT_RUN, TIMED_OUT = "caught", "SURVIVED", "NOT RUN", "TIMED OUT"


class Area(NamedTuple):
    """Files to mutate by rule, and the tests that must catch the mutations."""

    files: str
    """Glob pattern of the files, relative to tts_cli."""
    is_wanted: Callable[[str], bool]
    """Predicate on the name of a function to mutate."""
    tests: tuple[str, ...]
    """Tests to run if those in the file named after the code pass."""


def _any(_: str) -> bool:
    return True


def _of_losses(name: str) -> bool:
    return any(
        part in name
        for part in (
            "loss",
            "regression",
            "reconstruction",
            "leakage",
            "weighted",
            "prediction_error",
            "distance",
            "augmented",
            "losses",
        )
    )


AREAS = (
    Area("blocks/**/*.py", _any, ("tests/blocks",)),
    Area("audio/*.py", _any, ("tests/audio", "tests/transfer", "tests/evaluation/test_signal.py")),
    Area("training/*.py", _any, ("tests/training",)),
    Area("models/*.py", _of_losses, ("tests/models",)),
)


class Copy:
    """Copy of the source tree, in which mistakes are applied and reverted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name, target_is_directory=True)

    @property
    def package(self) -> Path:
        """Folder of the copied package."""
        return self.folder / "tts_cli"

    def run(self, tests: Sequence[str]) -> tuple[str, float]:
        """Run tests on the copy; return `CAUGHT`, `SURVIVED`, `NOT_RUN` or `TIMED_OUT`, and the seconds it took."""
        known = [place_of_tests(name, self.folder) for name in tests]
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("TTS_ALLOWED_SKIPS", None)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *known]
        start = time.monotonic()
        try:
            done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=LONGEST_S, check=False)
        except subprocess.TimeoutExpired:
            return TIMED_OUT, time.monotonic() - start
        # Exit code 2 (a file cannot be imported) counts as caught, like a failing test (1).
        result = {0: SURVIVED, 1: CAUGHT, 2: CAUGHT}.get(done.returncode, NOT_RUN)
        return result, time.monotonic() - start

    def tried(self, path: Path, text: str, tests: Sequence[str]) -> tuple[str, float]:
        """Return the result of `run` with `text` in the file at `path`, which is restored afterwards."""
        right = path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        try:
            return self.run(tests)
        finally:
            path.write_text(right, encoding="utf-8")


def place_of(mistake: Mistake, package: Path) -> Path | None:
    """Return the file that holds the text of a mistake exactly once: that of the table, or another if the code has moved."""
    for candidate in (package / mistake.file, *sorted(package.rglob("*.py"))):
        if candidate.is_file() and candidate.read_text(encoding="utf-8").count(mistake.old) == 1:
            return candidate
    return None


def place_of_tests(name: str, folder: Path) -> str:
    """Return an argument of pytest; for a test file that has moved, the only file of that name."""
    if not name.startswith("tests/") or (folder / name).exists():
        return name
    found = sorted((folder / "tests").rglob(Path(name).name))
    return str(found[0].relative_to(folder)) if len(found) == 1 else name


def try_table(copy: Copy, names: Sequence[str], with_baseline: bool) -> bool:
    """Try the named mistakes of the table, or all; return True if all were caught."""
    asked = [mistake for mistake in MISTAKES if not names or mistake.name in names]
    if unknown := set(names) - {mistake.name for mistake in asked}:
        raise SystemExit(f"tests/mutants/table.py has no {', '.join(sorted(unknown))}")
    passing: dict[tuple[str, ...], bool] = {}
    results = []
    for mistake in asked:
        path = place_of(mistake, copy.package)
        if path is None:
            results.append(NOT_RUN)
            print(
                f"{NOT_RUN:9} {mistake.name}: no file of tts_cli holds its text once: repair tests/mutants/table.py", flush=True
            )
            continue
        if with_baseline and mistake.tests not in passing:
            passing[mistake.tests] = copy.run(mistake.tests)[0] == SURVIVED
        if not passing.get(mistake.tests, True):
            results.append(NOT_RUN)
            print(f"{NOT_RUN:9} {mistake.name}: its tests fail without the mistake: {' '.join(mistake.tests)}", flush=True)
            continue
        text = path.read_text(encoding="utf-8").replace(mistake.old, mistake.new)
        result, seconds = copy.tried(path, text, mistake.tests)
        results.append(result)
        where = path.relative_to(copy.folder)
        print(f"{result:9} {mistake.name}: {where}, by {' '.join(mistake.tests)}, {seconds:.0f} s", flush=True)
    print(f"{results.count(CAUGHT)} of {len(asked)} mistakes of the table are caught", flush=True)
    return results.count(CAUGHT) == len(asked)


def places(package: Path) -> list[tuple[Area, Path, Edit]]:
    """Return every generated mutation. Exits if no file matches the pattern of an area."""
    found = []
    for area in AREAS:
        paths = sorted(package.glob(area.files))
        if not paths:
            raise SystemExit(f"tests/mutants/run.py: no file matches {area.files}: repair AREAS")
        found += [(area, path, edit) for path in paths for edit in edits_of_file(path, area.is_wanted)]
    return found


def in_turns(found: Sequence[tuple[Area, Path, Edit]], seed: int) -> Iterator[tuple[Area, Path, Edit]]:
    """Yield the mutations in random order; the areas take turns."""
    generator = random.Random(seed)
    queues = [[one for one in found if one[0] is area] for area in AREAS]
    for queue in queues:
        generator.shuffle(queue)
    for place in range(max(map(len, queues))):
        yield from (queue[place] for queue in queues if place < len(queue))


def try_generated(copy: Copy, minutes: float, seed: int) -> None:
    """Try generated mutations until the time is up, and print each result."""
    end = time.monotonic() + 60 * minutes
    found = places(copy.package)
    results: list[str] = []
    for area, path, edit in in_turns(found, seed):
        if time.monotonic() > end:
            break
        own = f"{area.tests[0]}/test_{path.stem}.py"
        text = path.read_text(encoding="utf-8")
        result, seconds = copy.tried(path, edit.applied(text), (own,)) if (copy.folder / own).exists() else (SURVIVED, 0.0)
        if result == SURVIVED:
            result, more = copy.tried(path, edit.applied(text), area.tests)
            seconds += more
        results.append(result)
        where = f"{path.relative_to(copy.folder)}:{edit.line}"
        print(f"{result:9} {where}: {edit.shown(text)}, {seconds:.0f} s", flush=True)
    tried = f"{len(results)} of {len(found)} mistakes made by rule were tried (--seed {seed})"
    counts = (results.count(result) for result in (CAUGHT, SURVIVED, TIMED_OUT, NOT_RUN))
    print("{}: {} caught, {} survived, {} took too long, {} could not be run".format(tried, *counts), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="mistakes of the table; by default all")
    parser.add_argument("--minutes", type=float, default=20.0, help="minutes for generated mutations; 0 tries none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random order of generated mutations")
    parser.add_argument("--no-baseline", action="store_true", help="do not check first that the tests pass without a mistake")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Copy(Path(folder))
        noticed = try_table(copy, asked.names, not asked.no_baseline)
        if asked.minutes > 0:
            try_generated(copy, asked.minutes, asked.seed)
    return 0 if noticed else 1


if __name__ == "__main__":
    sys.exit(main())
