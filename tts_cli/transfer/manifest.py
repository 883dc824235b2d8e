"""Manifests: files with one prosody transfer, a JSON object, in each line."""

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
_LINE_HINT = 'write one JSON object a line, such as {"source": "a.wav", "text": "Hello there.", "speaker": "slt"}'


@dataclass(frozen=True)
class Job:
    """One transfer to be made."""

    source: Path
    """Recording."""
    text: str | None = None
    """Text of the recording; None: it is recognised."""
    speaker: str | None = None
    """Speaker of the result; None: the default speaker of the voice."""
    strength: float = 1.0
    """Degree of the transfer, 0 to 1."""
    keep: Keep | None = None
    """`rhythm` takes the durations only; None takes durations and melody."""
    output: str | None = None
    """Name of the output file without its extension; None: the number of the line, such as 0001."""


class Line(StrictModel):
    """Line of a manifest. A key that is missing takes the value of the command's option."""

    source: Path
    """Recording, relative to the folder of the manifest."""
    text: str | None = None
    """Text of the recording; None: it is recognised."""
    speaker: str | None = None
    """Speaker of the result; None: that of the command."""
    output: Name | None = None
    """Name of the output file."""
    strength: float | None = Field(default=None, ge=0.0, le=1.0)
    """Degree of the transfer, 0 to 1."""
    keep: Keep | None = None
    """`rhythm` takes the durations only."""


def read_lines(manifest: Path) -> dict[int, str]:
    """Return the lines that are not blank, by their number from 1. Raises InputError if the file is unreadable or empty."""
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{manifest}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        raise InputError(message, hint="name a readable file of UTF-8 text") from error
    lines = {number: line for number, line in enumerate(text.split("\n"), start=1) if line.strip()}
    if not lines:
        raise InputError(f"{manifest}: there is no line in it", _LINE_HINT)
    return lines


def read_job(line: str, folder: Path, for_all: Job) -> Job:
    """Parse a line of a manifest.

    Args:
        line: JSON object with the keys of `Line`.
        folder: Folder of the manifest; relative recordings are looked up there.
        for_all: Job that supplies `speaker`, `strength` and `keep` where the line lacks them.

    Raises:
        ConfigError: The line is not JSON, or has an unknown key or an invalid value.
    """
    try:
        value = json.loads(line, object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}", hint=_LINE_HINT) from error
    own = parse(Line, value, "the line")
    return Job(
        folder / own.source,
        own.text,
        own.speaker or for_all.speaker,
        for_all.strength if own.strength is None else own.strength,
        own.keep or for_all.keep,
        own.output and own.output.removesuffix(".wav"),
    )
