"""Evaluation of prosody transfer from unseen speakers against controls and a baseline: `tts evaluate transfer`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError, InputError
from tts_cli.evaluation.engine import check_parts, tracked
from tts_cli.evaluation.measures.identity import own_recordings
from tts_cli.evaluation.measures.probes import FOLDS, PROBES, cross_validate, pooled
from tts_cli.evaluation.prompts import describe, parallel_speakers, read_prompts
from tts_cli.evaluation.report import OBJECTIVE, Report, Reports, Row
from tts_cli.evaluation.statistics import mean_estimate, median_estimate, paired_tests
from tts_cli.evaluation.systems import VoiceFiles, say
from tts_cli.evaluation.transfer.conditions import Condition, PitchRange, common_range, latents_of, partner
from tts_cli.evaluation.transfer.outputs import TransferFigures, TransferTask, analysed, measure_outputs
from tts_cli.evaluation.transfer.tables import (
    SPEED,
    SPOKEN,
    Table,
    durations_table,
    identity_table,
    parallel_table,
    probe_table,
    prosody_table,
    recognition_table,
)
from tts_cli.transfer.listening import listen, speaker_encoder
from tts_cli.voice.synthesis import Voice

PARTS = ("prosody", "durations", "identity", "recognition", "parallel", "probes", "speed")
"""Parts of the report; each is one table."""
NUM_RECONSTRUCTIONS = 10
"""Largest number of test recordings of each target in the condition `reconstruction`."""
POOLED_FRAMES = 8
"""Mel frames averaged into one step for the probes, so that mel and latents have about the same rate."""

_MEASURES = {"prosody": "prosody", "durations": "durations", "identity": "voice", "recognition": "understood"}
"""Measure of an output that each part of the report needs, by part."""
_TIMED: tuple[Condition, ...] = ("reconstruction", "transfer", "baseline")
"""Conditions with word timing measured; the others have the same durations as `transfer`."""
_HEARD = ("durations", "understood")
"""Measures that run Whisper, which takes seconds per output. Each clip is measured in one target's voice only, in turns."""
_SOUNDING: tuple[Condition, ...] = ("recording", "transfer", "no reference", "baseline")
"""Conditions compared with the target's own reading of the same text."""


@dataclass
class TransferEvaluation:
    """Request for an evaluation of prosody transfer: clips of the split `unseen` are transferred to each target speaker.

    Raises:
        CorpusError: if the corpora have no clip of the split `unseen`.
        InputError: if the voice or the baseline lacks a target.
        AddonError: if the voice has no prosody transfer.
    """

    voice: Voice
    """Voice with prosody transfer."""
    corpora: Path
    """Folder with `splits.csv` and the corpora."""
    targets: tuple[str, ...]
    """Names of the target speakers."""
    baseline: Voice | None = None
    """Voice with explicit phone durations, F0 and energy; None leaves out the baseline."""
    limit: int | None = None
    """Largest number of clips of each speaker; None: all."""
    jobs: int = 1
    """Number of worker processes."""
    sources: tuple[Clip, ...] = field(init=False)
    """Clips of the unseen speakers."""
    files: VoiceFiles = field(init=False)
    """Addon folders of `voice`, for worker processes."""

    def __post_init__(self) -> None:
        speaker_encoder(self.voice.acoustic)
        for target in self.targets:
            for voice in (self.voice, self.baseline or self.voice):
                voice.acoustic.speaker_id(target)
        self.files = VoiceFiles.of(self.voice)
        self.sources = read_prompts(self.corpora, "unseen", limit=self.limit)

    def readings(self) -> dict[str, tuple[Clip, ...]]:
        """Return training recordings of each target, by its name."""
        return {target: own_recordings(self.corpora, target) for target in self.targets}

    def tasks(self, parts: Collection[str]) -> list[TransferTask]:
        """Return the tasks that `parts` of the report need, sorted so that tasks of one recording follow each other."""
        measures = {condition: tuple(_needed(condition, parts)) for condition in ("recording", *SPOKEN)}
        tasks = list(self._recordings(parts, measures["recording"]))
        ranges = self._ranges() if any(part in _MEASURES for part in parts) else {}
        for target in self.targets:
            own = read_prompts(self.corpora, "test", [target], min(self.limit or NUM_RECONSTRUCTIONS, NUM_RECONSTRUCTIONS))
            for condition in self._spoken(SPOKEN):
                clips = own if condition == "reconstruction" else self.sources
                for place, clip in enumerate(clips):
                    is_turn = condition == "reconstruction" or self.targets[place % len(self.targets)] == target
                    wanted = tuple(name for name in measures[condition] if is_turn or name not in _HEARD)
                    tasks.append(self._task(condition, clip, wanted, target, ranges.get(target)))
        tasks += self._parallel() if "parallel" in parts else []
        return sorted((task for task in tasks if task.measures), key=lambda task: (task.clip.corpus, task.clip.id))

    def _spoken(self, conditions: Sequence[Condition]) -> list[Condition]:
        """Return the `conditions`, without `baseline` if there is none."""
        return [condition for condition in conditions if condition != "baseline" or self.baseline]

    def _recordings(self, parts: Collection[str], measures: tuple[str, ...]) -> Iterator[TransferTask]:
        yield from (self._task("recording", clip, measures) for clip in self.sources)
        if "identity" in parts:
            yield from (self._task("recording", clip, ("voice",)) for clips in self.readings().values() for clip in clips)

    def _ranges(self) -> dict[str, PitchRange]:
        """Return the F0 range of each target over its training recordings; empty without a baseline, which alone needs it."""
        readings = self.readings() if self.baseline else {}
        tasks = [self._task("recording", clip, ("range",)) for clips in readings.values() for clip in clips]
        found = measure_outputs(tasks, self.jobs, "pitch ranges").of("range", "recording")
        return {
            target: common_range([PitchRange(**scores) for clip in clips if (scores := found.get(clip, {}).get(""))])
            for target, clips in readings.items()
        }

    def _parallel(self) -> list[TransferTask]:
        """Return the tasks of parallel readings: each shared test prompt of a target, in the voice of every other target."""
        speakers = [name for name in parallel_speakers(self.corpora, "test") if name in self.targets]
        prompts = {
            name: {clip.text: clip for clip in read_prompts(self.corpora, "test", [name], self.limit)} for name in speakers
        }
        ranges = self._ranges()
        return [
            self._task(condition, clip, ("parallel",), target, ranges.get(target), prompts[target][text])
            for speaker in speakers
            for target in speakers
            for text, clip in prompts[speaker].items()
            if target != speaker and text in prompts[target]
            for condition in self._spoken(_SOUNDING)
        ]

    def _task(
        self,
        condition: Condition,
        clip: Clip,
        measures: tuple[str, ...],
        target: str = "",
        target_range: PitchRange | None = None,
        other: Clip | None = None,
    ) -> TransferTask:
        is_baseline = condition == "baseline" and self.baseline is not None
        return TransferTask(
            condition,
            clip,
            voice=VoiceFiles.of(self.baseline) if is_baseline and self.baseline else self.files,
            listener=self.files,
            measures=measures,
            target=target,
            other=partner(self.sources, clip) if condition == "another clip's latents" else other,
            target_range=target_range if is_baseline else None,
        )


def _needed(condition: Condition, parts: Collection[str]) -> Iterator[str]:
    """Yield the measures that `parts` need of the outputs of `condition`."""
    for part, measure in _MEASURES.items():
        without = condition == "recording" and part in ("prosody", "durations")
        if part in parts and not without and (part != "durations" or condition in _TIMED):
            yield measure


def evaluate_transfer(transfer: TransferEvaluation, parts: Collection[str] = PARTS) -> Reports:
    """Measure prosody transfer and return its tables and paired tests.

    Args:
        transfer: the request: voice, targets and corpora.
        parts: parts of the report, of `PARTS`.

    Raises:
        InputError: if a part is unknown, a part has too few clips, or the extra `eval` is not installed.
        OutputError: if the cache of results cannot be written.
    """
    check_parts(parts, PARTS, "transfer")
    measured = measure_outputs(transfer.tasks(parts), transfer.jobs, "outputs")
    targets, sources = transfer.targets, transfer.sources
    made: dict[str, Callable[[], Table]] = {
        "prosody": lambda: prosody_table(measured, targets),
        "durations": lambda: durations_table(measured, targets),
        "identity": lambda: identity_table(measured, targets, sum(transfer.readings().values(), ()), sources),
        "recognition": lambda: recognition_table(measured, targets, sources),
        "parallel": lambda: parallel_table(measured, targets),
        "probes": lambda: probe_transfer(transfer),
        "speed": lambda: time_transfer(transfer),
    }
    tables = [made[part]() for part in PARTS if part in parts]
    pairs = {name: pair for _, found in tables for name, pair in found.items()}
    return Reports("Transfer", tuple(report for report, _ in tables), paired_tests(pairs), (OBJECTIVE, *_left_out(measured)))


def _left_out(measured: TransferFigures) -> list[str]:
    if not measured.failures:
        return []
    reasons = "; ".join(f"{clip} ({reason})" for clip, reason in sorted(measured.failures.items()))
    return [f"Left out, because the analysis of the recording failed: {reasons}."]


def probe_transfer(transfer: TransferEvaluation) -> Table:
    """Measure how accurately probes predict the source speaker from latents, mel and baseline features.

    Only unseen speakers with at least `FOLDS` clips are used.

    Raises:
        InputError: if fewer than two speakers have that many clips, or the extra `eval` is not installed.
    """
    counts = {
        speaker: sum(clip.speaker == speaker for clip in transfer.sources) for speaker in {c.speaker for c in transfer.sources}
    }
    clips = [clip for clip in transfer.sources if counts[clip.speaker] >= FOLDS]
    heard = []
    for clip in tracked(clips, "recordings for probes"):
        try:
            heard.append((clip, analysed(transfer.files, clip)))
        except AudioError:
            continue
    features = {
        "latents": [latents_of(transfer.voice, recording.source) for _, recording in heard],
        "mel": [pooled(recording.mel, POOLED_FRAMES) for _, recording in heard],
        "baseline's features": [recording.phone_features for _, recording in heard],
    }
    speakers = [clip.speaker for clip, _ in heard]
    results = {
        probe_name: {name: cross_validate(probe, sequences, speakers) for name, sequences in features.items()}
        for probe_name, probe in tracked(list(PROBES.items()), "probes")
    }
    return probe_table(results, len(set(speakers)))


def time_transfer(transfer: TransferEvaluation) -> Table:
    """Measure CPU time and time to first audio of one clip of each source, transferred to the first target, on one thread.

    Raises:
        InputError: if no recording could be analysed.
    """
    clips = {clip.speaker: clip for clip in transfer.sources}
    voice, target = transfer.files.open(), transfer.targets[0]
    details: list[dict[str, Any]] = []
    for place, clip in enumerate([next(iter(clips.values())), *clips.values()]):
        start = time.process_time()
        try:
            heard = listen(clip.audio, clip.text, voice.acoustic)
        except AudioError:
            continue
        analysis_s = time.process_time() - start
        spoken = say(voice, [heard.source], target)
        seconds = len(spoken.samples) / spoken.sample_rate
        if place:
            cpu = (analysis_s + spoken.cpu_s) / seconds
            details.append(
                {**describe(clip), "cpu": cpu, "analysis": analysis_s / seconds, "first_audio_ms": 1000 * spoken.first_audio_s}
            )
    if not details:
        raise InputError("no recording could be analysed: the part 'speed' has nothing to time")
    estimates = {
        "cpu": mean_estimate([each["cpu"] for each in details]),
        "first_audio_ms": median_estimate([each["first_audio_ms"] for each in details]),
    }
    notes = (
        "One clip of each source, after a warm-up, each network on one thread. CPU: CPU seconds of reading, alignment, features "
        "and synthesis per second of audio (mean). First audio: time from the end of the analysis to the chunk with the first "
        "speech sample (median).",
    )
    return Report("Transfer: speed", SPEED, (Row("transfer", estimates, target),), notes, tuple(details)), {}
