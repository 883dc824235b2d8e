"""Report of a preparation: hours, speakers, F0 ranges and every reject, for `report.json` and the terminal."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tts_cli.corpora.language import is_foreign
from tts_cli.corpora.layouts import Reject, RejectKind
from tts_cli.corpora.manifest import CorpusSummary, Recording
from tts_cli.errors import RefusedError
from tts_cli.files import atomic_write

_UNSAID: tuple[RejectKind, ...] = ("alignment failed", "text and recording differ")
_LEAST_HEARD, _MOST_UNSAID = 10, 1 / 3
"""Fewest recordings to judge, and the largest share of them that may not say their text. Another language has more."""


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
    foreign_words: float = 0.0
    """Share of the different words of the texts that are not English, see `language.foreign_share`."""
    alignments: Mapping[str, int] = field(default_factory=dict)
    """Number of clips by the source of their alignment: given, or found here for a reason. Empty without `--alignments`."""

    @property
    def num_clips(self) -> int:
        """Return the number of valid clips."""
        return sum(self.splits.values())

    def check(self, strict: bool) -> None:
        """Raise RefusedError if no clip is valid, or the texts are not English or not those of the recordings.

        Raise it with `strict` if any clip is rejected.
        """
        first = f", first {self.rejects[0].where}: {self.rejects[0].reason}" if self.rejects else ""
        if is_foreign(self.foreign_words):
            message = f"the texts are not English: {self.foreign_words:.0%} of their different words are unknown{first}"
            raise RefusedError(message, hint="only English can be prepared; --lexicon FILE makes names and terms known")
        num_unsaid = sum(self.reasons.get(kind, 0) for kind in _UNSAID)
        num_heard = self.num_clips + num_unsaid
        if num_heard >= _LEAST_HEARD and num_unsaid > _MOST_UNSAID * num_heard:
            message = f"{num_unsaid} of {num_heard} recordings do not say their text ({num_unsaid / num_heard:.0%}){first}"
            raise RefusedError(message, hint="is it English, and does each id name its recording? report.json lists every reject")
        if self.num_clips == 0:
            raise RefusedError(f"no valid clip{first}", hint="report.json lists every reject")
        if strict and self.rejects:
            raise RefusedError(f"{len(self.rejects)} rejects under --strict{first}", hint="report.json lists every reject")


def make_report(
    recordings: list[Recording], summary: CorpusSummary, rejects: list[Reject], num_unseen: int, foreign_words: float
) -> PrepareReport:
    """Return the report of a preparation.

    Args:
        recordings: Valid clips.
        summary: Summary of the corpus.
        rejects: Rejected clips and lines.
        num_unseen: Number of clips that are left out because their split is unseen.
        foreign_words: Share of the different words of the texts that are not English.
    """
    return PrepareReport(
        hours=round(sum(recording.duration for recording in recordings) / 3600, 3),
        splits=dict(sorted(Counter(recording.split for recording in recordings).items())),
        num_unseen=num_unseen,
        speakers=_speaker_reports(summary),
        rejects=rejects,
        reasons=dict(Counter(reject.kind for reject in rejects).most_common()),
        foreign_words=round(foreign_words, 3),
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
