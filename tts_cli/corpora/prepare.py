"""Preparation of a corpus from recordings and transcripts: phones, forced alignment and features (`tts prepare`)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import numpy as np

from tts_cli.audio.alignment import ALIGNMENT_VERSION
from tts_cli.audio.mel import MelConfig
from tts_cli.audio.pitch import RANGE_OF_MEDIAN
from tts_cli.config import StrictModel
from tts_cli.corpora.alignments import Alignments, GivenAlignment, counts_of, write_alignments
from tts_cli.corpora.clips import (
    FEATURES_VERSION,
    AnalysisTask,
    BandwidthTask,
    ClipAnalysis,
    FeatureTask,
    LevelTask,
    PitchStatistics,
    analyse,
    measure_bandwidth,
    measure_level,
    write_features,
)
from tts_cli.corpora.cutting import cut
from tts_cli.corpora.drift import ClipFacts, Drift, DriftSummary, estimate_drift
from tts_cli.corpora.facts import English
from tts_cli.corpora.given import with_phones_of
from tts_cli.corpora.guesses import GuessedWord, guessed_words, write_guesses
from tts_cli.corpora.journal import Journal, fingerprint, run_all
from tts_cli.corpora.language import foreign_share
from tts_cli.corpora.layouts import Clip, Reject
from tts_cli.corpora.manifest import (
    CorpusSummary,
    Recording,
    SpeakerSummary,
    Split,
    check_mel,
    write_corpus,
)
from tts_cli.corpora.quality import QualityMeasure, QualityTask, score_clip
from tts_cli.corpora.report import ClipFindings, PrepareReport, make_report, write_report
from tts_cli.corpora.sources import read_sources, refuse_loss, split_sources
from tts_cli.errors import InputError, TextError
from tts_cli.files import remove_leftovers, unwritable
from tts_cli.text import TextFrontEnd
from tts_cli.text.dictionary import read_lexicon
from tts_cli.text.phones import SYMBOLS, Utterance

Progress = Callable[[str, int, int], None]
"""Callback with the name of the stage, the number of finished clips and the number of all clips."""

_LOWEST_HZ, _HIGHEST_HZ = 50.0, 1000.0
"""Bounds of every F0 range."""
_RANGE_STEP_HZ = 10.0
"""Rounding of F0 ranges. It is coarse, so that a few more clips do not change the features of all clips of a speaker."""
_NOT_ANALYSED = ClipAnalysis()
_Task = AnalysisTask | BandwidthTask | FeatureTask | LevelTask | QualityTask


class PrepareOptions(StrictModel):
    """Options of the preparation of a corpus."""

    layout: str | None = None
    """Name of the layout of all sources, see `layouts.LAYOUTS`; None detects that of each source."""
    splits: Path | None = None
    """File `splits.csv`, which may list some of the clips. The texts of the others choose their splits."""
    details: tuple[Path, ...] = ()
    """Tables of document, position, session and kind of clips, see `details.read_details`."""
    speaker: str | None = None
    """Name of the speaker of recordings whose transcripts name none; None for the name of their folder."""
    lexicon: Path | None = None
    """File of pronunciations that override the dictionary."""
    language: English = "en-US"
    """English of the texts: dates, numbers and some words."""
    alignments: Path | None = None
    """Folder of TextGrids or CTM files with the times of phones; None aligns all clips here."""
    save_alignments: Path | None = None
    """Folder for a TextGrid of each clip; None writes none."""
    mel: MelConfig = MelConfig()
    num_processes: int = 1
    """Number of worker processes."""
    replace: bool = False
    """Permission to remove clips of an earlier corpus in the output that the sources lack."""


@dataclass(frozen=True)
class _Entry:
    """Clip in preparation, with the results of the stages so far."""

    clip: Clip
    utterance: Utterance
    fingerprint: str
    given: GivenAlignment | None = None
    analysis: ClipAnalysis = _NOT_ANALYSED

    @property
    def name(self) -> str:
        """Return the name of the clip in reports: corpus/id."""
        return f"{self.clip.corpus}/{self.clip.id}"

    @property
    def features(self) -> str:
        """Return the path of the features, relative to the folder of the corpus."""
        return f"features/{self.clip.corpus}/{self.clip.id}.npz"


def prepare(
    sources: Sequence[Path],
    output: Path,
    options: PrepareOptions,
    progress: Progress = lambda *_: None,
    quality: QualityMeasure | None = None,
) -> PrepareReport:
    """Prepare `sources` as one corpus in `output`, and return a report.

    Results of an earlier run in `output`, even a killed one, are reused. Rejected clips are listed in the report, which is also
    written to `report.json`; `report.check(strict)` raises an error for them.

    Args:
        sources: Folders of recordings with transcripts.
        output: Folder of the prepared corpus.
        options: Layout, splits, lexicon, mel configuration and number of processes.
        progress: Called after each clip of each stage.
        quality: Measure of quality, to list the worst clips; None measures none.

    Raises:
        CorpusError: A source or the splits cannot be used, or `output` has a corpus of another mel configuration, or one with
            clips that the sources lack.
        OutputError: `output` cannot be written.
    """
    check_mel(output, options.mel)
    found = read_sources(sources, options.layout, options.speaker)
    if not options.replace:
        refuse_loss(output, found)
    clips, rejects, num_unseen, shared = split_sources(found, options.splits, options.details)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(output, error) from error
    run = _Preparation(output, options, progress, rejects)
    spoken = run.pronounce(run.cut(clips))
    entries = run.analyse(spoken)
    pitch = run.write_features(entries)
    drifts, of_speakers = run.drifts(entries, pitch)
    summary = _summarise(entries, pitch, options).model_copy(update={"drift": of_speakers})
    recordings = [_recording(entry, drift) for entry, drift in zip(entries, drifts, strict=True)]
    lexicon = read_lexicon(options.lexicon) if options.lexicon else {}
    foreign_words = foreign_share([clip.text for clip in clips], lexicon)
    rejects.sort(key=lambda reject: reject.where)
    findings = run.findings(entries, guessed_words(((entry.name, entry.utterance.words) for entry in spoken), lexicon), quality)
    report = make_report(recordings, summary, rejects, num_unseen, foreign_words, findings)
    report = replace(report, alignments=counts_of(run.alignments), shared_texts=shared)
    write_report(output, report)
    if recordings:
        write_corpus(output, summary, recordings, [entry.fingerprint for entry in entries])
        run.journal.compact()
    if options.save_alignments:
        done = ((one.clip, one.utterance, one.analysis.durations, one.analysis.seconds) for one in entries)
        write_alignments(options.save_alignments, done, options.mel.frame_rate)
    return report


class _Preparation:
    """Stages that work clip by clip. Each continues from the results of an earlier run."""

    def __init__(self, output: Path, options: PrepareOptions, progress: Progress, rejects: list[Reject]) -> None:
        self.output, self.options, self.progress, self.rejects = output, options, progress, rejects
        remove_leftovers(output, below=True)
        self.journal = Journal(output / "journal.jsonl")
        self.alignments = Alignments(options.alignments) if options.alignments else None

    def cut(self, clips: list[Clip]) -> list[Clip]:
        """Return the clips with a recording of its own for each part of a longer one. The others become rejects."""
        whole, rejects = cut(clips, self.output, self.journal, self.progress)
        self.rejects += rejects
        return whole

    def pronounce(self, clips: list[Clip]) -> list[_Entry]:
        """Return the clips with a text that can be spoken, and their tokens. The others become rejects."""
        front_end = TextFrontEnd(self.options.lexicon, language=self.options.language)
        entries = []
        for number, clip in enumerate(clips, start=1):
            found = self._pronounced(clip, front_end)
            if isinstance(found, Reject):
                self.rejects.append(found)
            else:
                entries.append(found)
            self.progress("text", number, len(clips))
        if self.alignments:
            self.alignments.refuse_none()
        return entries

    def _pronounced(self, clip: Clip, front_end: TextFrontEnd) -> _Entry | Reject:
        """Return the clip with its tokens and the alignment that is given for it, or the reject of an unusable one."""
        if not clip.text:
            return Reject(clip.where, clip.id, "empty text", "empty text")
        try:
            utterance = front_end.utterance(clip.text)
        except TextError as error:
            return Reject(clip.where, clip.id, "text that cannot be spoken", error.message)
        given = None
        try:
            if self.alignments:
                utterance, given = self.alignments.of(clip, utterance)
            if given is None:
                utterance, given = with_phones_of(clip, utterance)
        except InputError as error:
            return Reject(clip.where, clip.id, "alignment file does not fit", error.message)
        return _Entry(clip, utterance, fingerprint(clip.audio), given)

    def analyse(self, entries: list[_Entry]) -> list[_Entry]:
        """Return the entries with valid, aligned recordings. The others become rejects."""
        mel = self.options.mel
        tasks = [
            AnalysisTask(entry.fingerprint, entry.clip.audio, spoken.tokens, spoken.word_of_token, mel, spoken.words, entry.given)
            for entry in entries
            for spoken in (entry.utterance,)
        ]
        good = []
        for entry, result in zip(entries, self._finish("alignment", analyse, tasks), strict=True):
            analysis = ClipAnalysis(**result)
            if analysis.kind:
                reason = f"{entry.clip.audio.name}: {analysis.reason}"
                self.rejects.append(Reject(entry.clip.where, entry.clip.id, analysis.kind, reason))
            else:
                good.append(replace(entry, analysis=analysis))
        return good

    def write_features(self, entries: list[_Entry]) -> list[PitchStatistics]:
        """Write the features of every entry and return its F0 statistics."""
        ranges = _f0_ranges(entries)
        tasks = [
            FeatureTask(
                entry.fingerprint, entry.clip.audio, self.output, entry.features, self.options.mel, ranges[entry.clip.speaker]
            )
            for entry in entries
        ]
        return [PitchStatistics(**result) for result in self._finish("features", write_features, tasks)]

    def drifts(self, entries: list[_Entry], pitch: list[PitchStatistics]) -> tuple[list[Drift], dict[str, DriftSummary]]:
        """Return the drift of F0 and level of every entry over the sessions of its speaker, and a summary of each speaker."""
        mel_hash = self.options.mel.hash
        tasks = [LevelTask(entry.fingerprint, self.output / entry.features, mel_hash) for entry in entries]
        levels = [result["level"] for result in self._finish("level", measure_level, tasks)]
        return estimate_drift([_facts(*one) for one in zip(entries, pitch, levels, strict=True)])

    def findings(self, entries: list[_Entry], guessed: list[GuessedWord], quality: QualityMeasure | None) -> ClipFindings:
        """Write the guessed words, and return them with bandwidth and, if `quality` is given, score of every entry."""
        file = write_guesses(self.output, guessed, self.options.lexicon)
        found = ClipFindings(self._bandwidths(entries), guessed, file)
        if quality is None:
            return found
        tasks = [QualityTask(entry.fingerprint, entry.clip.audio, quality) for entry in entries]
        scores = [result["score"] for result in self._finish("quality", score_clip, tasks)]
        return replace(found, measure=quality.name, scores=scores)

    def _bandwidths(self, entries: list[_Entry]) -> list[float]:
        """Return the bandwidth of every entry, in Hz. Those that an older version analysed are measured now."""
        rate = self.options.mel.sample_rate
        old = [entry for entry in entries if entry.analysis.bandwidth_hz is None]
        results = self._finish(
            "bandwidth", measure_bandwidth, [BandwidthTask(entry.fingerprint, entry.clip.audio, rate) for entry in old]
        )
        measured = (result["bandwidth_hz"] for result in results)
        known = (entry.analysis.bandwidth_hz for entry in entries)
        return [next(measured) if bandwidth is None else bandwidth for bandwidth in known]

    def _finish(self, stage: str, function: Callable[[Any], Any], tasks: Sequence[_Task]) -> list[dict[str, Any]]:
        """Return the result of every task, from the journal if it has one, else from running `function`."""
        keys = [task.key for task in tasks]
        pending = {
            key: task
            for key, task in zip(keys, tasks, strict=True)
            if (kept := self.journal.get(key)) is None or not task.is_done(kept) or not self._owns(task, key, if_unknown=True)
        }
        for key, task in pending.items():
            # Noted before the file is written: a process that is killed then leaves no file that counts as another clip's.
            if isinstance(task, FeatureTask) and not self._owns(task, key, if_unknown=False):
                self.journal.add(task.features, {"key": key})
        num_kept = len(tasks) - len(pending)
        for number, (key, result) in enumerate(run_all(function, pending, self.options.num_processes), start=1):
            self.journal.add(key, asdict(result))
            self.progress(stage, num_kept + number, len(tasks))
        return [self.journal[key] for key in keys]

    def _owns(self, task: _Task, key: str, if_unknown: bool) -> bool:
        """Return whether the file of a task, if it has one, was last written for `key`. Older journals do not say."""
        owner = self.journal.get(task.features) if isinstance(task, FeatureTask) else None
        return if_unknown if owner is None else owner["key"] == key


def _f0_ranges(entries: Iterable[_Entry]) -> dict[str, tuple[float, float] | None]:
    """Return the F0 range of each speaker in Hz, around the median of the medians of its training recordings.

    The range of a speaker without voiced training recordings is None, which searches all frequencies.
    """
    medians = defaultdict[str, list[float]](list)
    for entry in entries:
        own = medians[entry.clip.speaker]
        if entry.clip.split == "train":
            own.append(entry.analysis.median_f0_hz)
    ranges: dict[str, tuple[float, float] | None] = {}
    for speaker, values in medians.items():
        voiced = [value for value in values if value > 0]
        median = float(np.median(voiced)) if voiced else 0.0
        low, high = (round(median * factor / _RANGE_STEP_HZ) * _RANGE_STEP_HZ for factor in RANGE_OF_MEDIAN)
        ranges[speaker] = (max(_LOWEST_HZ, low), min(_HIGHEST_HZ, high)) if voiced else None
    return ranges


def _summarise(entries: list[_Entry], pitch: list[PitchStatistics], options: PrepareOptions) -> CorpusSummary:
    """Return the summary of the corpus. F0 statistics use training clips only, because every model keeps them."""
    seconds, training_pitch = defaultdict[str, list[float]](list), defaultdict[str, list[PitchStatistics]](list)
    for entry, statistics in zip(entries, pitch, strict=True):
        seconds[entry.clip.speaker].append(entry.analysis.seconds)
        if entry.clip.split == "train":
            training_pitch[entry.clip.speaker].append(statistics)
    # A model needs statistics of every speaker, also of one without training clips: it gets those of all speakers.
    everyone = [statistics for own in training_pitch.values() for statistics in own]
    speakers = {name: _speaker_summary(seconds[name], training_pitch.get(name, everyone)) for name in sorted(seconds)}
    facts: dict[str, Any] = {"symbols": tuple(SYMBOLS), "versions": _versions(), "language": options.language}
    return CorpusSummary(mel=options.mel, mel_hash=options.mel.hash, speakers=speakers, **facts)


def _speaker_summary(seconds: list[float], pitch: list[PitchStatistics]) -> SpeakerSummary:
    count = max(1, sum(part.num_voiced for part in pitch))
    mean = sum(part.sum_log_f0 for part in pitch) / count
    variance = sum(part.sum_square_log_f0 for part in pitch) / count - mean**2
    return SpeakerSummary(
        clips=len(seconds),
        seconds=round(sum(seconds), 3),
        mean_log_f0=round(mean, 6),
        std_log_f0=round(math.sqrt(max(0.0, variance)), 6),
    )


def _versions() -> dict[str, str]:
    versions = {"alignment": str(ALIGNMENT_VERSION), "features": str(FEATURES_VERSION)}
    for package in ("tts-cli", "pocketsphinx", "swift-f0"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions


def _facts(entry: _Entry, pitch: PitchStatistics, level: float) -> ClipFacts:
    clip = entry.clip
    return ClipFacts(
        clip.speaker, clip.corpus, clip.id, clip.session, clip.document, clip.split == "train",
        pitch.num_voiced, pitch.sum_log_f0 / max(1, pitch.num_voiced), level,
    )  # fmt: skip


def _recording(entry: _Entry, drift: Drift) -> Recording:
    clip, utterance, analysis = entry.clip, entry.utterance, entry.analysis
    return Recording(
        id=clip.id,
        audio_filepath=str(clip.audio.resolve()),
        text=clip.text,
        normalized_text=utterance.normalised,
        duration=round(analysis.seconds, 4),
        speaker=clip.speaker,
        corpus=clip.corpus,
        split=cast(Split, clip.split),
        kind=clip.kind,
        tokens=utterance.tokens,
        durations=analysis.durations,
        num_frames=sum(analysis.durations),
        features=entry.features,
        document=clip.document,
        position=clip.position,
        session=clip.session,
        f0_drift=drift.f0,
        level_drift=drift.level,
    )
