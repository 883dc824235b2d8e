"""Runs the fenced blocks of a page in a folder that looks like a clone, in order; each kind of block in its own way.

`sh` runs, `python` runs with the names of the page's earlier blocks, `json`, `yaml` and `toml` are parsed; stacks, contexts and
recipes are loaded. `<!-- not run: REASON -->` before a block leaves it out, `<!-- file: NAME -->` writes it to a file instead.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from read_markdown import pieces

from tts_cli.addon.config import AddonConfig, Context
from tts_cli.addon.stack_file import read_stack
from tts_cli.config import parse
from tts_cli.training.recipe import parse_recipe

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
COPIED = ("data", "docs", "recipes")
LINKED = ("addons", "Makefile", "demo.py", "pyproject.toml", "README.md")
LEFT_OUT = re.compile(r"(\S*/)?(pip|git|apt|apt-get)\s|(\S*/)?python3? -m venv\s|\S*/activate|cd\s")
"""Commands that would change the environment."""
LONGEST_S = 120
"""Seconds that a block may take."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and its comments."""

    page: Path
    line: int
    language: str
    code: str
    not_run: str | None
    """The reason for which it is not run; None: it is."""
    file: str | None
    """The file that it is written to; None: it is run."""


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    notes: dict[str, str] = {}
    for piece in pieces(page):
        if piece.kind == "comment":
            notes[piece.name] = piece.text
            continue
        if piece.kind == "block":
            yield Block(page, piece.line, piece.name, piece.text, notes.get("not run"), notes.get("file"))
        notes = {}


def make_clone(folder: Path) -> None:
    """Lay the shipped addons, data, recipes and pages into `folder`, as a clone of the repository has them."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)


def try_block(block: Block, folder: Path, names: ModuleType) -> None:
    """Run or check a block in `folder`, which is the current one. Raise AssertionError with its place where it fails."""
    where = f"{block.page.name}:{block.line}"
    if block.file:
        (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.file).write_text(block.code, encoding="utf-8")
    if block.language in {"json", "yaml", "toml"}:
        _check(block, where, folder)
    elif block.not_run or block.file:
        return
    elif block.language == "sh":
        _run(block.code, where, folder)
    elif block.language == "python":
        exec(compile("\n" * block.line + block.code, str(block.page), "exec"), names.__dict__)


def shell(code: str) -> str:
    """Return the commands of a block as the tests run them: `make` only prints its commands, installations are left out."""
    lines = code.replace("\\\n", " ").splitlines()
    lines = [line for line in lines if not LEFT_OUT.match(line.strip())]
    return "\n".join(re.sub(r"^make ", "make --dry-run ", line.strip()) for line in lines)


def _run(code: str, where: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", shell(code)]
    environment = {**os.environ, "PATH": path}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{where}: takes more than {LONGEST_S} s") from error
    assert done.returncode == 0, f"{where}: exit code {done.returncode}\n{shell(code)}\n{done.stdout}\n{done.stderr}"


def _check(block: Block, where: str, folder: Path) -> None:
    value: Any = {"json": json.loads, "yaml": yaml.safe_load, "toml": tomllib.loads}[block.language](block.code)
    if block.not_run or not isinstance(value, dict):
        return
    if block.language == "json" and "stack" in value and value.keys() <= AddonConfig.model_fields.keys():
        file = folder / "stack-of-the-page.json"
        file.write_text(block.code, encoding="utf-8")
        read_stack(file)
    elif block.language == "json" and value and value.keys() <= Context.model_fields.keys():
        parse(Context, value, where)
    elif block.language == "yaml" and "model" in value:
        parse_recipe(value, where)
