"""Systems named in a YAML file: voices, folders of audio files, commands and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tts_cli.config import StrictModel

ORIGINS = ("addon", "folder", "command", "recordings")


class SystemSource(StrictModel):
    """Origin of the utterances of one system: exactly one of `addon`, `folder`, `command` and `recordings`."""

    addon: str | None = None
    """Name or path of a voice."""
    vocoder: str | None = None
    """Name or path of its vocoder; by default that of the voice."""
    selector: dict[str, Any] = Field(default_factory=dict)
    """Options of the voice's prosody selector, such as `strategy: centroid`."""
    folder: Path | None = None
    """Folder with the audio of each prompt: ID.wav, or SPEAKER/ID.wav."""
    command: str | None = None
    """Command of another synthesiser; see `evaluation.speech.peers`."""
    recordings: bool = False
    """The recordings of the prompts."""

    @model_validator(mode="after")
    def _check(self) -> SystemSource:
        given = [name for name in ORIGINS if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"a system has exactly one of {', '.join(ORIGINS)}; found {', '.join(given) or 'none'}")
        return self
