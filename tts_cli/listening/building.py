"""Building of a listening test: stimuli, pages and files, written as one folder, completely or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.listening.design import ListeningTest


@dataclass(frozen=True)
class BuiltTest:
    """Listening test that was written, and one line about it."""

    test: ListeningTest
    summary: str


def build_test(config: Path, output: Path, corpora: Path | None, overrides: Sequence[str], replace: bool) -> BuiltTest:
    """Build the listening test that the file `config` describes, in the folder `output`."""
    raise NotImplementedError
