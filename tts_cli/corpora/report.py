"""What a preparation did: hours, speakers, F0 ranges and every reject, for `report.json` and the summary on screen."""

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
    """One row of the summary."""

    speaker: str
    clips: int
    hours: float
    mean_f0_hz: float
    low_f0_hz: float
    """Two standard deviations below the mean, in log F0."""
    high_f0_hz: float


@dataclass(frozen=True)
class PrepareReport:
    """The outcome of a preparation."""

    hours: float
    splits: dict[str, int]
    """Clips by split."""
    num_unseen: int
    """Clips left out because the splits set them aside."""
    speakers: list[SpeakerReport]
    rejects: list[Reject]
    reasons: dict[RejectKind, int]
    """Number of rejects of each kind."""

    @property
    def num_clips(self) -> int:
        """Clips that are good."""
        return sum(self.splits.values())

    def check(self, strict: bool) -> None:
        """Raises RefusedError when nothing is valid, or, if `strict`, when anything was rejected."""
        first = f", first {self.rejects[0].where}: {self.rejects[0].reason}" if self.rejects else ""
        if self.num_clips == 0:
            raise RefusedError(f"no valid clip{first}", hint="report.json lists every reject")
        if strict and self.rejects:
            raise RefusedError(f"{len(self.rejects)} rejects under --strict{first}", hint="report.json lists every reject")


def make_report(recordings: list[Recording], summary: CorpusSummary, rejects: list[Reject], num_unseen: int) -> PrepareReport:
    """The report of a preparation."""
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
    """Writes `report.json`. Raises OutputError."""
    with atomic_write(folder / "report.json") as file:
        file.write(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n")
