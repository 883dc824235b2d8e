"""Generator of docs/architecture.md, the list of rooms and files, from docstrings: `python tests/architecture.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tts_cli"
FILE = ROOT / "docs" / "architecture.md"
INTRODUCTION = """# What is where

Written by `python tests/architecture.py` from the first lines of the docstrings. Rooms import downwards only, from the command
line at the top to the errors at the bottom; [CONTRIBUTING.md](../CONTRIBUTING.md) says in which order, and `make check` holds it.

How a text becomes audio: `voice/` splits it into sentences and makes a request of each, a mapping of ports that features fill;
`addon/` built the blocks of the voice from its JSON; a chunk is asked of the last block, which asks the one before it for exactly
what its receptive field needs, back to the encoders, which run once a sentence."""
OUTSIDE = """
## Beside the package

| | |
|---|---|
| `addons/` | the shipped voices, each with a model card |
| `data/` | a small licensed sample corpus, and lists of sentences |
| `demo.py` | speaks with the shipped voices, prints tables, draws pictures |
| `docs/` | the pages of the documentation site, and the JSON Schema of addon.json |
| `recipes/` | one YAML per training; its first line is the command that runs it |
| `recipes/stacks/` | stacks to be spoken with, and to begin one's own from |
| `recipes/components/` | a small package of components, to begin one's own from |
| `recipes/peers/` | other synthesisers to be measured beside ours, each in an environment of its own |
| `tests/` | mirrors the rooms; `tests/addons` holds tiny voices, `tests/docs` writes, builds and tests the documentation |
| `zensical.toml` | the documentation site: its pages, in order |
"""


def architecture() -> str:
    """Return the text of docs/architecture.md."""
    rooms = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
    return "\n".join([INTRODUCTION, *(line for room in rooms for line in _room(room)), OUTSIDE])


def _room(room: Path) -> Iterator[str]:
    """Yield the lines of a room: its purpose, and a table row for each of its files."""
    files = sorted(file for file in room.glob("*.py") if file.name != "__init__.py")
    yield f"\n## `{room.relative_to(ROOT)}/`\n\n{_first_line(room / '__init__.py')}"
    if files:
        yield "\n| | |\n|---|---|"
    yield from (f"| `{file.name}` | {_first_line(file)} |" for file in files)


def _first_line(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(architecture(), encoding="utf-8")
