"""Report of a preparation: hours, speakers, F0 ranges and every reject, for `report.json` and the terminal."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tts_cli.corpora.layouts import Reject, RejectKind
from tts_cli.corpora.manifest import CorpusSummary, Recording
from tts_cli.errors import RefusedError
from tts_cli.files import atomic_write


@dataclass(frozen=True)
class SpeakerReport:
    """Figures of one speaker."""

    speaker: str
    clips: int
    hours: float
    mean_f0_hz: float
    low_f0_hz: float
    """F0 two standard deviations of log F0 below the mean."""
    high_f0_hz: float
    """F0 two standard deviations of log F0 above the mean."""


@dataclass(frozen=True)
class PrepareReport:
    """Result of a preparation."""

    hours: float
    """Length of all valid clips."""
    splits: dict[str, int]
    """Number of valid clips of each split."""
    num_unseen: int
    """Number of clips that are left out because their split is unseen."""
    speakers: list[SpeakerReport]
    rejects: list[Reject]
    reasons: dict[RejectKind, int]
    """Number of rejects of each kind."""

    @property
    def num_clips(self) -> int:
        """Return the number of valid clips."""
        return sum(self.splits.values())

    def check(self, strict: bool) -> None:
        """Raise RefusedError if no clip is valid or, with `strict`, if any clip is rejected."""
        first = f", first {self.rejects[0].where}: {self.rejects[0].reason}" if self.rejects else ""
        if self.num_clips == 0:
            raise RefusedError(f"no valid clip{first}", hint="report.json lists every reject")
        if strict and self.rejects:
            raise RefusedError(f"{len(self.rejects)} rejects under --strict{first}", hint="report.json lists every reject")


def make_report(recordings: list[Recording], summary: CorpusSummary, rejects: list[Reject], num_unseen: int) -> PrepareReport:
    """Return the report of a preparation.

    Args:
        recordings: Valid clips.
        summary: Summary of the corpus.
        rejects: Rejected clips and lines.
        num_unseen: Number of clips that are left out because their split is unseen.
    """
    return PrepareReport(
        hours=round(sum(recording.duration for recording in recordings) / 3600, 3),
        splits=dict(sorted(Counter(recording.split for recording in recordings).items())),
        num_unseen=num_unseen,
        speakers=_speaker_reports(summary),
        rejects=rejects,
        reasons=dict(Counter(reject.kind for reject in rejects).most_common()),
    )


def _speaker_reports(summary: CorpusSummary) -> list[SpeakerReport]:
    reports = []
    for name, speaker in sorted(summary.speakers.items()):
        mean, spread = speaker.mean_log_f0, 2 * speaker.std_log_f0
        hertz = [round(math.exp(value), 1) for value in (mean, mean - spread, mean + spread)]
        reports.append(SpeakerReport(name, speaker.clips, round(speaker.seconds / 3600, 3), *hertz))
    return reports


def write_report(folder: Path, report: PrepareReport) -> None:
    """Write `report.json` into `folder`. Raises OutputError."""
    with atomic_write(folder / "report.json") as file:
        file.write(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n")
