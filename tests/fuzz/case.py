"""One hostile case: a folder of files, a command line and its standard input, made from (seed, surface, number) alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "addons"
DESCRIPTION = "case.json"
"""File of a kept case, beside the folder with its files."""
FILES = "work"


@dataclass(frozen=True)
class Case:
    """A command line of `tts`, which runs in the folder with the files of the case."""

    arguments: tuple[str, ...]
    stdin: str = ""
    """Standard input, one character a byte (Latin-1)."""
    output: str | None = None
    """Name of the WAV that the command writes; it may be there only after exit code 0."""
    imports: tuple[str, ...] = ()
    """Modules that the command imports, for which the clock does not run."""
    corpus: str | None = None
    """Folder of the corpus that the command prepares. Its report names a line for each reject, and each error has a remedy."""

    def write(self, path: Path) -> None:
        """Write the description of the case."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_case(path: Path) -> Case:
    """Return the case that `Case.write` described."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return Case(**values | {name: tuple(values[name]) for name in ("arguments", "imports")})


def random_of(seed: int, surface: str, number: int) -> Random:
    """Return the random generator of a case; equal arguments give equal cases on every machine."""
    return Random(f"{seed}/{surface}/{number}")
