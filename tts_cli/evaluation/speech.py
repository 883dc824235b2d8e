"""Speech made from text: words, naturalness, identity and spectra, beside the recordings of the same prompts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.bench import first_audio
from tts_cli.evaluation.harmonics import harmonic_voice
from tts_cli.evaluation.instruments import PARTS, RECORDINGS, Figures, Instruments, Measured, Origin, Spoken
from tts_cli.evaluation.prompts import GroupedText, Prompt, read_prompts, recorded_prompts, unrecorded_prompts
from tts_cli.evaluation.report import tracked
from tts_cli.evaluation.significance import Reports
from tts_cli.evaluation.speech_report import speech_reports
from tts_cli.synthesis import Said, Voice

Speak = Callable[[Prompt, int], Spoken | tuple[Floats, int]]
"""From a prompt and a noise seed to audio (samples,) and its rate in Hertz, at least."""

SPEAKERS = ("kathleen", "slt", "bdl")
"""The speakers who read the same prompts."""
NUM_SEEDS = 3
"""Times that every prompt is spoken, each with other noise."""

_SEED_STEP = 1000
"""Between two seeds: the sentences of a text count theirs up from its own."""


@dataclass(frozen=True)
class System:
    """Source of the utterances under test: a voice, a peer or the recordings."""

    name: str
    speak: Speak
    prompts: tuple[Prompt, ...]
    num_seeds: int = 1
    origin: Origin = "text"


@dataclass(frozen=True)
class SpeechEvaluation:
    """Request for an evaluation of speech from text."""

    voices: Mapping[str, Voice]
    """By name; later ones are compared with the first."""
    corpora: Path
    """Folder with `splits.csv`: test prompts, their recordings, and the speakers' own voices."""
    speakers: tuple[str, ...] = SPEAKERS
    parts: Collection[str] = PARTS
    num_seeds: int = NUM_SEEDS
    limit: int | None = None
    """Prompts of each speaker, at most."""
    sentences: tuple[GroupedText, ...] = ()
    """Spoken in place of the prompts; there are no recordings of them."""

    def prompts(self) -> tuple[Prompt, ...]:
        """Return what every speaker says.

        Raises:
            CorpusError: for corpora without such prompts.
        """
        if self.sentences:
            return unrecorded_prompts(self.sentences, self.speakers)
        return recorded_prompts(read_prompts(self.corpora, "test", self.speakers, self.limit))

    def systems(self) -> tuple[System, ...]:
        """Return the voices, then the recordings.

        Raises:
            CorpusError: for corpora without such prompts.
        """
        prompts = self.prompts()
        spoken = {name: speak_with(voice, "spectra" in self.parts) for name, voice in self.voices.items()}
        return systems_of(spoken, prompts, self.num_seeds)


def evaluate_speech(asked: SpeechEvaluation, instruments: Instruments | None = None) -> Reports:
    """Measure voices on the test prompts of `corpora`/splits.csv, or on sentences without recordings.

    Raises:
        CorpusError: for corpora without the prompts.
        InputError: for a speaker a voice lacks, an unknown part or a missing evaluation extra.
        AudioError: for an utterance that is silent.
    """
    return measure_speech(asked.systems(), instruments or Instruments.of(asked.parts, asked.corpora))


def measure_speech(systems: Sequence[System], instruments: Instruments) -> Reports:
    """Measure every prompt of all `systems`; later ones are compared with the first. Raises as `evaluate_speech`."""
    return speech_reports({system.name: measure_system(system, instruments) for system in systems})


def systems_of(voices: Mapping[str, Speak], prompts: Sequence[Prompt], num_seeds: int = NUM_SEEDS) -> tuple[System, ...]:
    """Return a system for each of `voices`, by name, and the recordings of `prompts` where there are any."""
    systems = [System(name, speak, tuple(prompts), num_seeds) for name, speak in voices.items()]
    recorded = tuple(prompt for prompt in prompts if prompt.recording)
    return (*systems, *([System(RECORDINGS, play, recorded, origin="recording")] if recorded else []))


def measure_system(system: System, instruments: Instruments) -> list[Measured]:
    """Measure every prompt of `system`. Raises as `evaluate_speech`."""
    return [_measure(system, prompt, instruments) for prompt in tracked(system.prompts, system.name)]


def _measure(system: System, prompt: Prompt, instruments: Instruments) -> Measured:
    first = Spoken(*system.speak(prompt, 0))
    words = instruments.word_errors(prompt, first)
    utterances = [first, *_other_seeds(system, prompt)]
    return Measured(prompt, tuple(_figures(system, prompt, one, instruments) for one in utterances), words, first.faults)


def _other_seeds(system: System, prompt: Prompt) -> Iterator[Spoken]:
    for seed in range(1, system.num_seeds):
        yield Spoken(*system.speak(prompt, seed * _SEED_STEP))


def _figures(system: System, prompt: Prompt, spoken: Spoken, instruments: Instruments) -> Figures:
    figures = instruments.figures(prompt, spoken, system.origin)
    return {**figures, "cpu": spoken.cpu_s / spoken.audio_s} if np.isfinite(spoken.cpu_s) else figures


def play(prompt: Prompt, _seed: int) -> tuple[Floats, int]:
    """Return the recording of `prompt`, which has one, at its own rate."""
    assert prompt.recording
    return read_native(prompt.recording.audio)


def speak_with(voice: Voice, with_harmonic: bool = False) -> Speak:
    """Return a function that speaks prompts with `voice`, and the harmonic part of its vocoder beside, if asked for."""
    harmonic = harmonic_voice(voice) if with_harmonic else None

    def speak(prompt: Prompt, seed: int) -> Spoken:
        spoken = say(voice, prompt.text, prompt.speaker, seed)
        return spoken._replace(harmonic=say(harmonic, prompt.text, prompt.speaker, seed).samples) if harmonic else spoken

    return speak


def say(voice: Voice, text: Said, speaker: str | None = None, seed: int = 0) -> Spoken:
    """`text` spoken to its end, whatever faults there are. Raises what `Voice.stream` raises, RefusedError excepted."""
    start, cpu_start = time.perf_counter(), time.process_time()
    chunks, arrivals = [], []
    for chunk in voice.stream(text, speaker=speaker, seed=seed, best_effort=True):
        arrivals.append(time.perf_counter() - start)
        chunks.append(chunk)
    cpu_s = time.process_time() - cpu_start
    sounding = [(chunk.samples, arrival) for chunk, arrival in zip(chunks, arrivals, strict=True) if len(chunk.samples)]
    samples, arrivals = map(list, zip(*sounding, strict=True))
    faults = tuple(fault for chunk in chunks for fault in chunk.faults)
    return Spoken(np.concatenate(samples), chunks[0].sample_rate, faults, cpu_s, first_audio(samples, arrivals))
