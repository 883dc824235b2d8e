"""Fixtures that run command lines in this process, in an empty folder, where only the tiny addons are installed."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tts_cli.addon import library
from tts_cli.cli.main import main

TINY = Path(__file__).parents[1] / "addons"
sys.path.insert(0, str(Path(__file__).parent))


@dataclass(frozen=True)
class Outcome:
    """Exit code and output of a command."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        """Return standard output, parsed as JSON."""
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def tts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Return a function that runs `tts` with the given arguments and bytes on standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(library, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(library, "DEFAULT_ADDON", "tiny-acoustic")

    def run(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Outcome(code, out, err.decode())

    return run


@pytest.fixture
def spoiled(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """Return a function that copies the tiny addons, changes the JSON of the acoustic one and returns its folder."""

    def spoil(change: Callable[[dict[str, Any]], object]) -> Path:
        shutil.copytree(TINY / "tiny-vocoder", tmp_path / "spoiled" / "tiny-vocoder")
        folder = shutil.copytree(TINY / "tiny-acoustic", tmp_path / "spoiled" / "tiny-acoustic")
        config = json.loads((folder / "addon.json").read_text())
        change(config)
        (folder / "addon.json").write_text(json.dumps(config))
        return Path(folder)

    return spoil
