"""Prosody transfer of people nobody trained on, beside what it must be better than: `tts evaluate transfer`."""

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
NUM_RECONSTRUCTIONS = 10
"""Test recordings of each target that are transferred onto the target itself, at most."""
POOLED_FRAMES = 8
"""Of the mel, for the probes: about as many a second as there are latents."""

_MEASURES = {"prosody": "prosody", "durations": "durations", "identity": "voice", "recognition": "understood"}
"""The measure of an output that each part of the report needs."""
_TIMED: tuple[Condition, ...] = ("reconstruction", "transfer", "baseline")
"""The others have the same durations."""
_HEARD = ("durations", "understood")
"""Measures that take Whisper seconds an output. Of each clip it hears one target, in turns; only what is understood of the
transfer is asked of all."""
_SOUNDING: tuple[Condition, ...] = ("recording", "transfer", "no reference", "baseline")
"""What is compared with the target's own reading."""


@dataclass
class TransferEvaluation:
    """What is measured: `voice` transfers the split `unseen` of `corpora` to `targets`, and stands beside `baseline`.

    Raises CorpusError for corpora without such recordings, InputError for a target that the voice lacks, AddonError for a voice
    that cannot take the melody of a recording.
    """

    voice: Voice
    corpora: Path
    targets: tuple[str, ...]
    baseline: Voice | None = None
    limit: int | None = None
    """Clips of each speaker, at most."""
    jobs: int = 1
    """Processes."""
    sources: tuple[Clip, ...] = field(init=False)
    files: VoiceFiles = field(init=False)

    def __post_init__(self) -> None:
        speaker_encoder(self.voice.acoustic)
        for target in self.targets:
            for voice in (self.voice, self.baseline or self.voice):
                voice.acoustic.speaker_id(target)
        self.files = VoiceFiles.of(self.voice)
        self.sources = read_prompts(self.corpora, "unseen", limit=self.limit)

    def readings(self) -> dict[str, tuple[Clip, ...]]:
        """Recordings of each target, of those that voices are trained on."""
        return {target: own_recordings(self.corpora, target) for target in self.targets}

    def tasks(self, parts: Collection[str]) -> list[TransferTask]:
        """What `parts` of the report need of every output, those of one recording beside each other."""
        measures = {condition: tuple(_needed(condition, parts)) for condition in ("recording", *SPOKEN)}
        tasks = list(self._recordings(parts, measures["recording"]))
        ranges = self._ranges() if any(part in _MEASURES for part in parts) else {}
        for target in self.targets:
            own = read_prompts(self.corpora, "test", [target], min(self.limit or NUM_RECONSTRUCTIONS, NUM_RECONSTRUCTIONS))
            for condition in self._spoken(SPOKEN):
                clips = own if condition == "reconstruction" else self.sources
                for place, clip in enumerate(clips):
                    is_turn = condition == "reconstruction" or self.targets[place % len(self.targets)] == target
                    asked = tuple(name for name in measures[condition] if is_turn or name not in _HEARD)
                    tasks.append(self._task(condition, clip, asked, target, ranges.get(target)))
        tasks += self._parallel() if "parallel" in parts else []
        return sorted((task for task in tasks if task.measures), key=lambda task: (task.clip.corpus, task.clip.id))

    def _spoken(self, conditions: Sequence[Condition]) -> list[Condition]:
        """Those there are."""
        return [condition for condition in conditions if condition != "baseline" or self.baseline]

    def _recordings(self, parts: Collection[str], measures: tuple[str, ...]) -> Iterator[TransferTask]:
        yield from (self._task("recording", clip, measures) for clip in self.sources)
        if "identity" in parts:
            yield from (self._task("recording", clip, ("voice",)) for clips in self.readings().values() for clip in clips)

    def _ranges(self) -> dict[str, PitchRange]:
        """Where the melody of each target lies; needed for the baseline alone."""
        readings = self.readings() if self.baseline else {}
        tasks = [self._task("recording", clip, ("range",)) for clips in readings.values() for clip in clips]
        found = measure_outputs(tasks, self.jobs, "pitch ranges").of("range", "recording")
        return {
            target: common_range([PitchRange(**scores) for clip in clips if (scores := found.get(clip, {}).get(""))])
            for target, clips in readings.items()
        }

    def _parallel(self) -> list[TransferTask]:
        """Every test prompt of each of the speakers who read the same, in the voice of each other one of them."""
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
    """The measures that `parts` need of `condition`."""
    for part, measure in _MEASURES.items():
        without = condition == "recording" and part in ("prosody", "durations")
        if part in parts and not without and (part != "durations" or condition in _TIMED):
            yield measure


def evaluate_transfer(transfer: TransferEvaluation, parts: Collection[str] = PARTS) -> Reports:
    """The `parts` of PARTS that are asked for. Raises InputError for another, and where the evaluation extra is missing."""
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
    return [f"Left out, because they could not be taken in: {reasons}."]


def probe_transfer(transfer: TransferEvaluation) -> Table:
    """Tells the unseen speakers with enough clips apart: by latents, by mel, and by what the baseline takes.

    Raises InputError where fewer than two speakers have as many clips as there are folds.
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
    """CPU time and time to first audio, of one clip of each source to the first target, each network on one thread."""
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
        raise InputError("no recording could be taken in, so that there is nothing to time")
    estimates = {
        "cpu": mean_estimate([each["cpu"] for each in details]),
        "first_audio_ms": median_estimate([each["first_audio_ms"] for each in details]),
    }
    notes = (
        "One clip of each source, after a warm-up, on one thread: CPU seconds of reading, alignment, features and synthesis per "
        "second of audio (mean); from the end of the analysis until the chunk with the first speech sample (median).",
    )
    return Report("Transfer: speed", SPEED, (Row("transfer", estimates, target),), notes, tuple(details)), {}
