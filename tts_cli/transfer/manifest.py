"""Many transfers in one file: a JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from tts_cli.config import StrictModel, parse, without_duplicates
from tts_cli.errors import ConfigError, InputError
from tts_cli.ports import Name

Keep = Literal["rhythm"]


@dataclass(frozen=True)
class Job:
    """One recording, and what is to be made of it."""

    source: Path
    text: str | None = None
    """None: to be recognised."""
    speaker: str | None = None
    """None: the voice's default speaker."""
    strength: float = 1.0
    keep: Keep | None = None
    output: str | None = None
    """Name of the file, without its extension."""


class Line(StrictModel):
    """A line of a manifest; what it leaves out is as for all."""

    source: Path
    """Relative to the manifest."""
    text: str | None = None
    speaker: str | None = None
    output: Name | None = None
    strength: float | None = Field(default=None, ge=0.0, le=1.0)
    keep: Keep | None = None


def read_lines(manifest: Path) -> dict[int, str]:
    """The lines that are not blank, by their number. Raises InputError for a file that cannot be read or has none."""
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{manifest}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error
    lines = {number: line for number, line in enumerate(text.split("\n"), start=1) if line.strip()}
    if not lines:
        hint = 'a line is {"source": "a.wav", "text": "What is said.", "speaker": "slt"}'
        raise InputError(f"{manifest}: there is no line in it", hint)
    return lines


def read_job(line: str, folder: Path, for_all: Job) -> Job:
    """The job of a line of a manifest in `folder`; what it leaves out is that of `for_all`. Raises ConfigError."""
    try:
        value = json.loads(line, object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}") from error
    asked = parse(Line, value, "the line")
    return Job(
        folder / asked.source,
        asked.text,
        asked.speaker or for_all.speaker,
        for_all.strength if asked.strength is None else asked.strength,
        asked.keep or for_all.keep,
        asked.output and asked.output.removesuffix(".wav"),
    )
