"""Lists every table of figures with the command that prints it: `python tests/docs/figures.py`, which `make figures` runs.

A table of figures is one in which at least a third of the body's cells hold a measured number. Its command is the nearest one
before it, in its own section or in the lead text of a section around it: a fenced `sh` block, or a comment
`<!-- figures: COMMAND -->`; `<!-- figures: none: REASON -->` where no command prints it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from read_markdown import Piece, pieces

ROOT = Path(__file__).parents[2]
EXEMPT = {"architecture.md", "addon-format.md", "cli.md", "lab-notes.md", "python.md", "recipes.md", "troubleshooting.md"}
"""Generated pages, and the lab notes: no command prints their figures any more."""
MEASURED = re.compile(r"[*_~]*[±<>≤≥+−-]?\s?\d")


class Table(NamedTuple):
    """A table of figures."""

    page: Path
    line: int
    section: str
    """Its heading."""
    command: str
    """The command that prints it; empty: the page names none."""


def pages() -> list[Path]:
    """Return the pages in which tables of figures name their commands."""
    return [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in EXEMPT)]


def tables(page: Path) -> Iterator[Table]:
    """Yield the tables of figures of a page."""
    headings: list[str] = [page.name]
    commands: list[str] = [""]
    for piece in pieces(page):
        if piece.kind == "heading":
            # A section inherits the command that stands in the lead text of the one around it.
            del headings[piece.level :], commands[piece.level :]
            while len(headings) < piece.level:
                headings.append("")
                commands.append(commands[-1])
            headings.append(piece.text)
            commands.append(commands[-1])
        elif piece.kind == "block" and piece.name == "sh":
            commands[-1] = "; ".join(_commands(piece.text)) or commands[-1]
        elif piece.kind == "comment" and piece.name == "figures":
            commands[-1] = piece.text
        elif piece.kind == "table" and is_of_figures(piece):
            yield Table(page, piece.line, headings[-1], commands[-1])


def is_of_figures(table: Piece) -> bool:
    """Return whether at least a third of a table's cells hold a measured number."""
    cells = [cell for row in table.rows for cell in row]
    return bool(cells) and 3 * sum(bool(MEASURED.match(cell)) for cell in cells) >= len(cells)


def _commands(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.startswith("#")]


if __name__ == "__main__":
    for page in pages():
        for table in tables(page):
            print(f"{page.relative_to(ROOT)}:{table.line}: {table.section}\n    {table.command or 'NO COMMAND'}")
