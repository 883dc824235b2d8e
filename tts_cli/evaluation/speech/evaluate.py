"""Speech made from text: words, naturalness, identity and spectra, beside the recordings of the same prompts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tts_cli.audio.files import read_audio, read_native
from tts_cli.audio.mel import Floats
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.harmonics import harmonic_voice
from tts_cli.evaluation.measures.instruments import PARTS, Instruments, PromptFigures, measure_system, seeds_of
from tts_cli.evaluation.prompts import (
    GroupedText,
    Prompt,
    Reference,
    parallel_speakers,
    read_prompts,
    recorded_prompts,
    unrecorded_prompts,
)
from tts_cli.evaluation.report import Reports
from tts_cli.evaluation.speech.peers import peer_system
from tts_cli.evaluation.speech.pictures import Panels, draw_worst, require_naturalness, worst_seed
from tts_cli.evaluation.speech.tables import speech_reports
from tts_cli.evaluation.systems import RECORDINGS, Speak, System, SystemOutput, copy_with, say
from tts_cli.voice.synthesis import Voice

NUM_SEEDS = 3
"""Times that every prompt is spoken, each with other noise."""


@dataclass(frozen=True)
class SpeechEvaluation:
    """Request for an evaluation of speech from text."""

    voices: Mapping[str, Voice]
    """By name; later ones are compared with the first."""
    corpora: Path | None
    """Folder with `splits.csv`: test prompts, their recordings, and the speakers' own voices; needed unless there are
    `sentences` and identity is not measured."""
    speakers: tuple[str, ...] = ()
    """By default those who read the same test prompts; where nobody does, all of the split or of the first voice."""
    parts: Collection[str] = PARTS
    num_seeds: int = NUM_SEEDS
    limit: int | None = None
    """Prompts of each speaker, at most."""
    sentences: tuple[GroupedText, ...] = ()
    """Spoken in place of the prompts; there are no recordings of them."""
    peers: tuple[str, ...] = ()
    """Commands of other synthesisers, see `evaluation.peers`."""
    pictures: Path | None = None
    """Folder for spectrograms of the worst utterances of each voice and peer."""

    def __post_init__(self) -> None:
        if self.corpora is None and not (self.sentences and "identity" not in self.parts):
            hint = "--corpora DIR names a folder of corpora; --sentences FILE with --part wer or naturalness needs none"
            raise InputError("the prompts, and whose voice it is, are measured on recordings", hint=hint)

    def prompts(self) -> tuple[Prompt, ...]:
        """Return what every speaker says.

        Raises:
            CorpusError: for corpora without such prompts.
        """
        speakers = self.speakers or (parallel_speakers(self.corpora, "test") if self.corpora else ())
        if self.sentences or self.corpora is None:
            return unrecorded_prompts(self.sentences, speakers or next(iter(self.voices.values())).speakers)
        return recorded_prompts(read_prompts(self.corpora, "test", speakers, self.limit))

    def systems(self) -> tuple[System, ...]:
        """Return the voices, the peers, which have spoken already, and the recordings.

        Raises:
            CorpusError: for corpora without the prompts.
            InputError: for a peer that fails.
        """
        prompts = self.prompts()
        spoken = {name: speak_with(voice, "spectra" in self.parts) for name, voice in self.voices.items()}
        *voices, recordings = systems_of(spoken, prompts, self.num_seeds)
        with_copies = [replace(one, copy=_copier(self.voices[one.name])) for one in voices]
        peers = [peer_system(command, prompts) for command in self.peers]
        return (*with_copies, *peers, recordings)


def evaluate_speech(asked: SpeechEvaluation, instruments: Instruments | None = None) -> Reports:
    """Measure voices and peers on the test prompts of `corpora`/splits.csv, or on sentences without recordings.

    Raises:
        CorpusError: for corpora without the prompts.
        InputError: for a speaker a voice lacks, an unknown part, a peer that fails or a missing evaluation extra.
        AudioError: for an utterance that is silent.
        OutputError: where a picture cannot be written.
    """
    return measure_speech(asked.systems(), instruments or Instruments.of(asked.parts, asked.corpora), asked.pictures)


def measure_speech(systems: Sequence[System], instruments: Instruments, pictures: Path | None = None) -> Reports:
    """Measure every prompt of all `systems`; later ones are compared with the first. Raises as `evaluate_speech`."""
    if pictures:
        require_naturalness(instruments)
    measured = [measure_system(system, instruments) for system in systems]
    for system, found in zip(systems, measured, strict=True):
        if pictures and system.origin != "recording":
            draw_worst(pictures, system.name, found, instruments, partial(_panels, system))
    return speech_reports({system.name: found for system, found in zip(systems, measured, strict=True)})


def systems_of(voices: Mapping[str, Speak], prompts: Sequence[Prompt], num_seeds: int = NUM_SEEDS) -> tuple[System, ...]:
    """Return a system for each of `voices`, by name, and one that plays the recordings of `prompts`."""
    recorded = tuple(prompt for prompt in prompts if prompt.recording)
    voiced = (System(name, speak, tuple(prompts), num_seeds) for name, speak in voices.items())
    return (*voiced, System(RECORDINGS, play, recorded, origin="recording"))


def _copier(voice: Voice) -> Callable[[Clip], SystemOutput] | None:
    """Copy-synthesis by the vocoder of `voice`, if it has one."""
    vocoder = getattr(voice, "vocoder", None)
    if vocoder is None:
        return None
    render = copy_with(vocoder.build_stack())
    return lambda clip: SystemOutput(*render(Reference(clip, read_audio(clip.audio, vocoder.mel.sample_rate), vocoder.mel)))


def _panels(system: System, one: PromptFigures) -> Panels:
    """Recording and copy, where there are any, and the worst of the noise seeds."""
    clip = one.prompt.recording
    panels = {"recording": SystemOutput(*read_native(clip.audio))} if clip else {}
    copies = {"copy of the recording": system.copy(clip)} if clip and system.copy else {}
    return {**panels, **copies, system.name: list(seeds_of(system, one.prompt))[worst_seed(one)]}


def play(prompt: Prompt, _seed: int) -> tuple[Floats, int]:
    """Return the recording of `prompt`, which has one, at its own rate."""
    assert prompt.recording
    return read_native(prompt.recording.audio)


def speak_with(voice: Voice, with_harmonic: bool = False) -> Speak:
    """Return a function that speaks prompts with `voice`, and the harmonic part of its vocoder beside, if asked for."""
    harmonic = harmonic_voice(voice) if with_harmonic else None

    def speak(prompt: Prompt, seed: int) -> SystemOutput:
        spoken = say(voice, prompt.text, prompt.speaker, seed)
        return spoken._replace(harmonic=say(harmonic, prompt.text, prompt.speaker, seed).samples) if harmonic else spoken

    return speak
