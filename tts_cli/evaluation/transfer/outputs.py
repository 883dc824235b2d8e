"""Outputs of prosody transfer: each made, measured in a worker process, and its figures kept.

Figures are kept in the user's cache as they come, so that a run that was killed goes on, and nothing is measured twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tts_cli.addon.config import ADDON_FILE
from tts_cli.addon.library import file_hash
from tts_cli.audio.files import read_audio, resample
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.corpora.journal import Journal, fingerprint, key_of, run_all
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError
from tts_cli.evaluation.measures.identity import voice_vector
from tts_cli.evaluation.measures.prosody import Contour, compare_prosody, compare_timing, contour_of, warping
from tts_cli.evaluation.measures.recognition import Recogniser, cache_folder
from tts_cli.evaluation.measures.signal import overall_quality
from tts_cli.evaluation.report import tracked
from tts_cli.evaluation.speech.evaluate import say
from tts_cli.evaluation.transfer.conditions import (
    Analysed,
    Condition,
    PitchRange,
    pitch_range,
    prescribed,
    spoken_in,
)
from tts_cli.transfer.listening import listen
from tts_cli.voice.synthesis import Voice, load

VERSION = 1
"""Changes whenever the same audio would be measured differently."""


@dataclass(frozen=True)
class VoiceFiles:
    """Where a voice lies, for a worker process to open."""

    acoustic: Path
    vocoder: Path | None
    selector: tuple[tuple[str, Any], ...] = ()
    """Options of its `ProsodySelector` that overrule those of its stack."""

    @classmethod
    def of(cls, voice: Voice) -> VoiceFiles:
        """Those that `voice` was opened from."""
        return cls(voice.acoustic.folder, voice.vocoder.folder if voice.vocoder else None)

    def open(self) -> Voice:
        """The voice, each network on one thread. It is opened once a process."""
        return _opened(self)

    @property
    def hashes(self) -> tuple[str, ...]:
        """Of the addons' descriptions, which hold those of all other files."""
        return tuple(_hash_of(folder / ADDON_FILE) for folder in (self.acoustic, self.vocoder) if folder)


@lru_cache(maxsize=2)
def _opened(files: VoiceFiles) -> Voice:
    overruled = {"ProsodySelector": dict(files.selector)} if files.selector else None
    return load(files.acoustic, files.vocoder, threads=1, block_options=overruled)


@dataclass(frozen=True)
class Task:
    """One output, and what is to be measured of it."""

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


_print_of = lru_cache(maxsize=None)(fingerprint)
_hash_of = lru_cache(maxsize=None)(file_hash)


@lru_cache(maxsize=8)
def analysed(listener: VoiceFiles, clip: Clip) -> Analysed:
    """The recording of `clip` as the voice takes it in. Raises AudioError where its text is not found in it."""
    voice = listener.open()
    heard = listen(clip.audio, clip.text, voice.acoustic)
    return Analysed(heard.source, heard.audio, voice.acoustic.mel)


@dataclass(frozen=True, eq=False)
class Output:
    """What a task made."""

    task: Task
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
    heard = [_recogniser().timed_words(audio, rate) for audio in (output.source.audio, output.audio)]
    return asdict(compare_timing(*heard))


def _voice(output: Output) -> dict[str, Any]:
    vector = voice_vector(output.audio, output.config.sample_rate)
    return {"vector": [round(float(value), 6) for value in vector]}


def _range(output: Output) -> dict[str, Any]:
    found = pitch_range(output.contour.f0_hz)
    return asdict(found) if found else {}


def _understood(output: Output) -> dict[str, Any]:
    rate = output.config.sample_rate
    words = _recogniser().word_errors(output.task.clip.text, output.audio, rate)
    return {
        "errors": words.errors,
        "words": words.words,
        "heard": words.hypothesis,
        "quality": overall_quality(output.audio, rate),
    }


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


@lru_cache(maxsize=1)
def _recogniser() -> Recogniser:
    return Recogniser()


def measure(task: Task) -> dict[str, Any]:
    """What `task` asks for, by measure; of a recording that cannot be taken in, `error` says why."""
    try:
        output = _made(task)
        return {name: MEASURES[name](output) for name in task.measures}
    except AudioError as error:
        return {"error": error.message}


def _made(task: Task) -> Output:
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


class Measured:
    """What was measured, by task and measure."""

    def __init__(self) -> None:
        self._scores: dict[tuple[str, Condition, str], dict[Clip, dict[str, Any]]] = {}
        self.errors: dict[str, str] = {}
        """Why something is missing, by recording."""

    def add(self, task: Task, name: str, scores: dict[str, Any]) -> None:
        """Keeps what `name` measured of `task`."""
        self._scores.setdefault((name, task.condition, task.target), {})[task.clip] = scores

    def of(self, name: str, condition: Condition, targets: Sequence[str] = ("",)) -> dict[Clip, dict[str, dict[str, Any]]]:
        """What `name` measured of the outputs of `condition`, by clip and then by target, of those of `targets` there are."""
        found: dict[Clip, dict[str, dict[str, Any]]] = {}
        for target in targets:
            for clip, scores in self._scores.get((name, condition, target), {}).items():
                found.setdefault(clip, {})[target] = scores
        return found


def run(tasks: Iterable[Task], jobs: int, title: str) -> Measured:
    """Measures `tasks` in `jobs` processes, but for what an earlier run measured. Raises OutputError without a cache."""
    tasks = list(tasks)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "transfer.jsonl")
    missing = {str(place): lacking for place, task in enumerate(tasks) if (lacking := _lacking(task, journal)).measures}
    measured = Measured()
    for place, result in tracked(run_all(measure, missing, jobs), title, len(missing)):
        task = missing[place]
        if "error" in result:
            measured.errors[f"{task.clip.corpus}/{task.clip.id}"] = result["error"]
        for name in result.keys() & set(task.measures):
            journal.add(task.key(name), result[name])
    for task in tasks:
        for name in task.measures:
            scores = journal.get(task.key(name))
            if scores is not None:
                measured.add(task, name, scores)
    return measured


def _lacking(task: Task, journal: Journal) -> Task:
    return replace(task, measures=tuple(name for name in task.measures if journal.get(task.key(name)) is None))
