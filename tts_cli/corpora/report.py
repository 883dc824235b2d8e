"""Report of a preparation: minutes, speakers, F0 ranges, rejects and doubtful clips, for `report.json` and the terminal."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.corpora.guesses import GuessedWord
from tts_cli.corpora.language import is_foreign
from tts_cli.corpora.layouts import Reject, RejectKind
from tts_cli.corpora.manifest import CorpusSummary, Recording
from tts_cli.corpora.splits import SharedText
from tts_cli.errors import RefusedError
from tts_cli.files import atomic_write

_UNSAID: tuple[RejectKind, ...] = ("alignment failed", "text and recording differ")
_LEAST_HEARD, _MOST_UNSAID = 10, 1 / 3
"""Fewest recordings to judge, and the largest share of them that may not say their text. Another language has more."""
_NARROW = 0.8
"""Largest bandwidth of a narrow clip, as a share of that of the corpus; 5 of 2,240 clips of seven corpora were below it."""
_USUAL_BANDWIDTH = 0.75
"""Quantile of the clips' bandwidths that is the corpus's: a quarter of the clips reach it."""
NUM_WORST = 10
"""Clips of the lowest quality that a report lists."""


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
    minutes: dict[str, float] = field(default_factory=dict)
    """Length of the clips of each split, in minutes."""
    bandwidth_hz: float = 0.0
    """Median over the clips of the frequency above which there is no energy."""


@dataclass(frozen=True)
class NarrowClip:
    """Clip with a lower bandwidth than its corpus."""

    clip: str
    """Clip as corpus/id."""
    bandwidth_hz: float
    """Frequency above which the clip has no energy."""


@dataclass(frozen=True)
class ScoredClip:
    """Clip as corpus/id, and its score."""

    clip: str
    score: float


@dataclass(frozen=True)
class QualityReport:
    """Scores of the clips with a measure of quality."""

    measure: str
    mean: float
    worst: list[ScoredClip]
    """Clips with the lowest scores, the worst first."""


@dataclass(frozen=True)
class ClipFindings:
    """Measured values of the valid clips, in the order of the recordings, and guessed words of all transcripts."""

    bandwidths_hz: Sequence[float] = ()
    guessed: Sequence[GuessedWord] = ()
    guesses_file: str = "report.json"
    """Name of the file that lists the guessed words."""
    measure: str = ""
    """Name of the measure of quality; "" for none."""
    scores: Sequence[float] = ()
    """Score of each clip with the measure of quality; empty for none."""


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
    bandwidth_hz: float = 0.0
    """Bandwidth that at least a quarter of the clips have."""
    narrow: list[NarrowClip] = field(default_factory=list)
    """Clips with less than 0.8 of this bandwidth, the narrowest first."""
    guessed: list[GuessedWord] = field(default_factory=list)
    """Words that neither dictionary nor lexicon has, the commonest first."""
    guesses_file: str = "report.json"
    """Name of the file in the corpus that lists the guessed words."""
    quality: QualityReport | None = None
    """Scores of the clips; None if they were not measured."""
    shared_texts: list[SharedText] = field(default_factory=list)
    """Texts in several splits, which are kept as they are declared."""
    drift: Mapping[str, Any] = field(default_factory=dict)
    """Drift over sessions of each speaker who has any, as `drift.DriftSummary`."""

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
    recordings: list[Recording],
    summary: CorpusSummary,
    rejects: list[Reject],
    num_unseen: int,
    foreign_words: float,
    findings: ClipFindings,
) -> PrepareReport:
    """Return the report of a preparation.

    Args:
        recordings: Valid clips.
        summary: Summary of the corpus.
        rejects: Rejected clips and lines.
        num_unseen: Number of clips that are left out because their split is unseen.
        foreign_words: Share of the different words of the texts that are not English.
        findings: Measured values of the recordings, and guessed words.
    """
    names = [f"{recording.corpus}/{recording.id}" for recording in recordings]
    usual, narrow = _narrow_clips(dict(zip(names, findings.bandwidths_hz, strict=True)))
    return PrepareReport(
        hours=round(sum(recording.duration for recording in recordings) / 3600, 3),
        splits=dict(sorted(Counter(recording.split for recording in recordings).items())),
        num_unseen=num_unseen,
        speakers=_speaker_reports(recordings, summary, findings.bandwidths_hz),
        rejects=rejects,
        reasons=dict(Counter(reject.kind for reject in rejects).most_common()),
        foreign_words=round(foreign_words, 3),
        bandwidth_hz=usual,
        narrow=narrow,
        guessed=list(findings.guessed),
        guesses_file=findings.guesses_file,
        quality=_quality_report(findings.measure, names, findings.scores),
        drift={name: one.model_dump() for name, one in summary.drift.items() if one.source != "none"},
    )


def _speaker_reports(
    recordings: Iterable[Recording], summary: CorpusSummary, bandwidths_hz: Iterable[float]
) -> list[SpeakerReport]:
    seconds, bandwidths = defaultdict[str, dict[str, float]](dict), defaultdict[str, list[float]](list)
    for recording, bandwidth in zip(recordings, bandwidths_hz, strict=True):
        own = seconds[recording.speaker]
        own[recording.split] = own.get(recording.split, 0.0) + recording.duration
        bandwidths[recording.speaker].append(bandwidth)
    reports = []
    for name, speaker in sorted(summary.speakers.items()):
        mean, spread = speaker.mean_log_f0, 2 * speaker.std_log_f0
        middle, low, high = (round(math.exp(value), 1) for value in (mean, mean - spread, mean + spread))
        minutes = {split: round(total / 60, 2) for split, total in sorted(seconds[name].items())}
        bandwidth = round(float(np.median(bandwidths[name])), 1)
        hours = round(speaker.seconds / 3600, 3)
        reports.append(SpeakerReport(name, speaker.clips, hours, middle, low, high, minutes, bandwidth))
    return reports


def _narrow_clips(bandwidths_hz: Mapping[str, float]) -> tuple[float, list[NarrowClip]]:
    """Return the bandwidth of a corpus, 0 for an empty one, and its clips with clearly less."""
    if not bandwidths_hz:
        return 0.0, []
    usual = float(np.quantile(list(bandwidths_hz.values()), _USUAL_BANDWIDTH))
    narrow = [NarrowClip(name, bandwidth) for name, bandwidth in bandwidths_hz.items() if bandwidth < _NARROW * usual]
    return round(usual, 1), sorted(narrow, key=lambda one: (one.bandwidth_hz, one.clip))


def _quality_report(measure: str, names: Sequence[str], scores: Sequence[float]) -> QualityReport | None:
    if not scores:
        return None
    ranked = sorted(zip(scores, names, strict=True))
    worst = [ScoredClip(name, score) for score, name in ranked[:NUM_WORST]]
    return QualityReport(measure, round(float(np.mean(scores)), 3), worst)


def write_report(folder: Path, report: PrepareReport) -> None:
    """Write `report.json` into `folder`. Raises OutputError."""
    with atomic_write(folder / "report.json") as file:
        file.write(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n")
