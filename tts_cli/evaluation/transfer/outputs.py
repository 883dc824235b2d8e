"""Outputs of prosody transfer, synthesised and measured in worker processes.

Results go to the user's cache as soon as they are known, so a stopped run resumes and nothing is measured twice.
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
"""Version of the measures. Raise it if the same audio would get other values; cached results are then measured again."""


@dataclass(frozen=True)
class TransferTask:
    """Task of one output: a clip in one condition, for one target. See `engine.Task`."""

    condition: Condition
    clip: Clip
    """Source recording."""
    voice: VoiceFiles
    """Voice that speaks the output."""
    listener: VoiceFiles
    """Voice that analyses recordings: the one with prosody transfer, also for outputs of the baseline."""
    measures: tuple[str, ...]
    """Names of the measures, of `MEASURES`."""
    target: str = ""
    """Name of the target speaker; empty for `recording`."""
    other: Clip | None = None
    """Clip that lends its latents; for the measure `parallel`, the target's own reading of the text."""
    target_range: PitchRange | None = None
    """F0 range of the target; needed for the baseline."""

    def key(self, measure: str) -> str:
        """Return the cache key: it holds everything that the result depends on, for recordings no addon."""
        addons = () if self.condition == "recording" else (*self.voice.hashes, *self.listener.hashes, self.target)
        clips = [(_print_of(clip.audio), clip.text) for clip in (self.clip, self.other) if clip]
        return key_of(VERSION, measure, self.condition, addons, clips, self.target_range)

    @property
    def label(self) -> str:
        """Corpus and id of the source recording."""
        return f"{self.clip.corpus}/{self.clip.id}"

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Make the output and return its values by measure.

        Raises:
            AudioError: if the analysis of a recording fails.
        """
        output = _made(self)
        return {name: MEASURES[name](output) for name in names}


_print_of = lru_cache(maxsize=None)(fingerprint)


@lru_cache(maxsize=8)
def analysed(listener: VoiceFiles, clip: Clip) -> Analysed:
    """Analyse the recording of `clip` with the voice `listener`: alignment, mel spectrogram, speaker embedding.

    Raises:
        AudioError: if the text cannot be aligned with the audio.
    """
    voice = listener.open()
    heard = listen(clip.audio, clip.text, voice.acoustic)
    return Analysed(heard.source, heard.audio, voice.acoustic.mel)


@dataclass(frozen=True, eq=False)
class Output:
    """Audio of a task, with the analyses that its measures share."""

    task: TransferTask
    audio: Floats
    """Audio at the sample rate of `config`, shape (samples,)."""
    config: MelConfig

    @cached_property
    def contour(self) -> Contour:
        """F0 and energy of each frame."""
        return contour_of(self.audio, self.config)

    @cached_property
    def source(self) -> Analysed:
        """Analysis of the source recording."""
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
    """Compare the output with the target's own reading, warped to the output's frames, and with the source."""
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
    """Measured values of outputs, by measure, condition and target."""

    def __init__(self, results: Results[TransferTask]) -> None:
        self.failures = results.failures
        """Error message of each failed recording, by corpus and id."""
        self._scores: dict[tuple[str, Condition, str], dict[Clip, dict[str, Any]]] = {}
        for task, found in results.found.items():
            for name, scores in found.items():
                self._scores.setdefault((name, task.condition, task.target), {})[task.clip] = scores

    def of(self, name: str, condition: Condition, targets: Sequence[str] = ("",)) -> dict[Clip, dict[str, dict[str, Any]]]:
        """Return the values of one measure in one condition.

        Args:
            name: name of the measure, of `MEASURES`.
            condition: condition of the outputs.
            targets: target speakers; the empty name for recordings.

        Returns:
            Values by clip and then by target; missing outputs are left out.
        """
        found: dict[Clip, dict[str, dict[str, Any]]] = {}
        for target in targets:
            for clip, scores in self._scores.get((name, condition, target), {}).items():
                found.setdefault(clip, {})[target] = scores
        return found


def measure_outputs(tasks: Iterable[TransferTask], jobs: int, title: str) -> TransferFigures:
    """Measure `tasks` in `jobs` processes, except those in the cache of earlier runs; `title` is shown in the progress bar.

    Raises:
        OutputError: if the cache cannot be written.
    """
    return TransferFigures(run(tasks, title, jobs, "transfer.jsonl", tolerated=(AudioError,)))
