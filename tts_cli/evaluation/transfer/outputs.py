"""Outputs of prosody transfer: each made, measured in a worker process, and its figures kept.

Figures are kept in the user's cache as they come, so that a run that was killed goes on, and nothing is measured twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any

from tts_cli.audio.files import read_audio, resample
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.corpora.journal import fingerprint, key_of
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError
from tts_cli.evaluation.engine import Results, run
from tts_cli.evaluation.measures.identity import voice_vector
from tts_cli.evaluation.measures.prosody import Contour, compare_prosody, compare_timing, contour_of, warping
from tts_cli.evaluation.measures.recognition import shared_recogniser, understood
from tts_cli.evaluation.systems import VoiceFiles, say
from tts_cli.evaluation.transfer.conditions import Analysed, Condition, PitchRange, pitch_range, prescribed, spoken_in
from tts_cli.transfer.listening import listen

VERSION = 1
"""Changes whenever the same audio would be measured differently."""


@dataclass(frozen=True)
class TransferTask:
    """One output, and its measures. See `engine.Task`."""

    condition: Condition
    clip: Clip
    voice: VoiceFiles
    """Which makes the output; what takes the recording in is `listener`."""
    listener: VoiceFiles
    measures: tuple[str, ...]
    target: str = ""
    other: Clip | None = None
    """Whose latents are taken; in the measure `parallel` the target's own reading."""
    target_range: PitchRange | None = None
    """For the baseline."""

    def key(self, measure: str) -> str:
        """Changes whenever the result would. Recordings are the same for every addon."""
        addons = () if self.condition == "recording" else (*self.voice.hashes, *self.listener.hashes, self.target)
        clips = [(_print_of(clip.audio), clip.text) for clip in (self.clip, self.other) if clip]
        return key_of(VERSION, measure, self.condition, addons, clips, self.target_range)

    @property
    def label(self) -> str:
        """The recording."""
        return f"{self.clip.corpus}/{self.clip.id}"

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return figures by measure. Raises AudioError for a recording that cannot be taken in."""
        output = _made(self)
        return {name: MEASURES[name](output) for name in names}


_print_of = lru_cache(maxsize=None)(fingerprint)


@lru_cache(maxsize=8)
def analysed(listener: VoiceFiles, clip: Clip) -> Analysed:
    """The recording of `clip` as the voice takes it in. Raises AudioError where its text is not found in it."""
    voice = listener.open()
    heard = listen(clip.audio, clip.text, voice.acoustic)
    return Analysed(heard.source, heard.audio, voice.acoustic.mel)


@dataclass(frozen=True, eq=False)
class Output:
    """What a task made."""

    task: TransferTask
    audio: Floats
    """(samples,) at the mel's rate."""
    config: MelConfig

    @cached_property
    def contour(self) -> Contour:
        """Its melody and loudness."""
        return contour_of(self.audio, self.config)

    @cached_property
    def source(self) -> Analysed:
        """The recording whose prosody it shall have."""
        return analysed(self.task.listener, self.task.clip)


def _prosody(output: Output) -> dict[str, Any]:
    return asdict(compare_prosody(output.source.contour, output.contour))


def _durations(output: Output) -> dict[str, Any]:
    rate = output.config.sample_rate
    heard = [shared_recogniser().timed_words(audio, rate) for audio in (output.source.audio, output.audio)]
    return asdict(compare_timing(*heard))


def _voice(output: Output) -> dict[str, Any]:
    vector = voice_vector(output.audio, output.config.sample_rate)
    return {"vector": [round(float(value), 6) for value in vector]}


def _range(output: Output) -> dict[str, Any]:
    found = pitch_range(output.contour.f0_hz)
    return asdict(found) if found else {}


def _understood(output: Output) -> dict[str, Any]:
    return understood(output.task.clip.text, output.audio, output.config.sample_rate)


def _parallel(output: Output) -> dict[str, Any]:
    """Against the target's own reading, brought onto the output's frames, and against the source's."""
    assert output.task.other is not None
    reading = analysed(output.task.listener, output.task.other)
    frames = warping(reading.mel, log_mel(output.audio, output.config))
    own = compare_prosody(reading.contour.at(frames), output.contour)
    return {"own": asdict(own), "source": asdict(compare_prosody(output.source.contour, output.contour))}


MEASURES: Mapping[str, Callable[[Output], dict[str, Any]]] = {
    "prosody": _prosody,
    "durations": _durations,
    "voice": _voice,
    "range": _range,
    "understood": _understood,
    "parallel": _parallel,
}


def _made(task: TransferTask) -> Output:
    config = task.listener.open().acoustic.mel
    if task.condition == "recording":
        if "parallel" in task.measures:
            return Output(task, analysed(task.listener, task.clip).audio, config)
        return Output(task, read_audio(task.clip.audio, config.sample_rate), config)
    voice, source = task.voice.open(), analysed(task.listener, task.clip)
    if task.condition == "baseline":
        assert task.target_range is not None
        spoken = say(voice, [prescribed(voice, task.target, source, task.target_range)], task.target)
    else:
        takes_other = task.condition == "another clip's latents" and task.other is not None
        other = analysed(task.listener, task.other) if takes_other and task.other else None
        spoken = spoken_in(task.condition, voice, task.target, source, other)
    return Output(task, resample(spoken.samples, spoken.sample_rate, config.sample_rate), config)


class TransferFigures:
    """Figures of outputs, by measure, condition and target."""

    def __init__(self, results: Results[TransferTask]) -> None:
        self.failures = results.failures
        """Reasons why figures are missing, by recording."""
        self._scores: dict[tuple[str, Condition, str], dict[Clip, dict[str, Any]]] = {}
        for task, found in results.found.items():
            for name, scores in found.items():
                self._scores.setdefault((name, task.condition, task.target), {})[task.clip] = scores

    def of(self, name: str, condition: Condition, targets: Sequence[str] = ("",)) -> dict[Clip, dict[str, dict[str, Any]]]:
        """Return the figures of a measure of the outputs of `condition`, by clip and then by target, as far as there are any."""
        found: dict[Clip, dict[str, dict[str, Any]]] = {}
        for target in targets:
            for clip, scores in self._scores.get((name, condition, target), {}).items():
                found.setdefault(clip, {})[target] = scores
        return found


def measure_outputs(tasks: Iterable[TransferTask], jobs: int, title: str) -> TransferFigures:
    """Measure `tasks` in `jobs` processes; an earlier run's figures are kept. Raises OutputError without a cache."""
    return TransferFigures(run(tasks, title, jobs, "transfer.jsonl", tolerated=(AudioError,)))
