"""Examples hold: the blocks of every page run, and so do those of docstrings."""

from __future__ import annotations

import doctest
import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from examples import PAGES, ROOT, blocks, make_clone, shell, try_block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to_try = list(blocks(page))
    if not to_try:
        return
    folder, names = tmp_path / "tts", ModuleType(f"page_{page.stem.replace('-', '_')}")
    folder.mkdir()
    make_clone(folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(sys.modules, names.__name__, names)
    for block in to_try:
        try_block(block, folder, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_block_that_is_not_run_says_why(page: Path) -> None:
    for block in blocks(page):
        assert block.not_run is None or len(block.not_run.split()) > 1, f"{page.name}:{block.line}"


def test_make_and_installations_are_not_run() -> None:
    assert shell("pip install .\nmake demo\ntts synth A \\\n  -o a.wav\n") == "make --dry-run demo\ntts synth A    -o a.wav"


def test_the_examples_of_docstrings_run() -> None:
    for path in sorted((ROOT / "tts_cli").rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            assert doctest.testmod(importlib.import_module(name)).failed == 0, name
