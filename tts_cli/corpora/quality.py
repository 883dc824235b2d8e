"""Quality of clips as a listener might judge it: scores of a measure that the caller gives, for the report of a preparation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.corpora.journal import key_of


@dataclass(frozen=True)
class QualityMeasure:
    """Measure of the quality of recordings; more is better."""

    name: str
    version: str
    """Version of the measure, such as package and weights. Scores of another version are measured again."""
    score: Callable[[Floats, int], float]
    """Function of samples (samples,) and sample rate in Hz; a module-level one, because worker processes import it."""


@dataclass(frozen=True)
class QualityTask:
    """Task of a worker: score a recording."""

    fingerprint: str
    """Hash of the recording, see `journal.fingerprint`."""
    audio: Path
    measure: QualityMeasure

    @property
    def key(self) -> str:
        """Return the key of the result in the journal. It depends on everything that affects the result."""
        return key_of("quality", self.measure.name, self.measure.version, self.fingerprint)

    def is_done(self, result: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether a result in the journal is complete."""
        return True


@dataclass(frozen=True)
class QualityScore:
    """Score of one recording."""

    score: float


def score_clip(task: QualityTask) -> QualityScore:
    """Return the score of one recording."""
    return QualityScore(round(task.measure.score(*read_native(task.audio)), 3))
