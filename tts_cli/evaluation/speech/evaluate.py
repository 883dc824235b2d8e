"""Evaluation of speech from text: word errors, naturalness, speaker identity and spectra, with recordings as reference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tts_cli.audio.files import read_audio, read_native
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import InputError
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
from tts_cli.evaluation.sources import play, speak_with
from tts_cli.evaluation.speech.peers import peer_system
from tts_cli.evaluation.speech.pictures import Panels, draw_worst, require_naturalness, worst_seed
from tts_cli.evaluation.speech.tables import speech_reports
from tts_cli.evaluation.systems import RECORDINGS, Speak, System, SystemOutput, copy_with
from tts_cli.voice.synthesis import Voice

NUM_SEEDS = 3
"""Number of times each prompt is spoken, each with another noise seed."""


@dataclass(frozen=True)
class SpeechEvaluation:
    """Request for an evaluation of speech from text."""

    voices: Mapping[str, Voice]
    """Voices by name; each later one is compared with the first."""
    corpora: Path | None
    """Folder with `splits.csv` and the corpora, for test prompts and speakers' recordings. It may be None if there are
    `sentences` and identity is not measured."""
    speakers: tuple[str, ...] = ()
    """Speakers to measure. Empty: those who read the same test prompts; if there are none, all of the split or of the first
    voice."""
    parts: Collection[str] = PARTS
    """Measures to take, of `instruments.PARTS`."""
    num_seeds: int = NUM_SEEDS
    """Number of noise seeds of each prompt."""
    limit: int | None = None
    """Largest number of prompts of each speaker; None: all."""
    sentences: tuple[GroupedText, ...] = ()
    """Sentences to speak instead of the test prompts; they have no recordings."""
    peers: tuple[str, ...] = ()
    """Commands of other synthesisers; see `evaluation.speech.peers`."""
    pictures: Path | None = None
    """Folder for spectrograms of the worst utterances of each voice and peer."""

    def __post_init__(self) -> None:
        if self.corpora is None and not (self.sentences and "identity" not in self.parts):
            hint = "name a folder of corpora with --corpora DIR, or use --sentences FILE with --part wer or naturalness"
            raise InputError(
                "the test prompts and the measure of identity need recordings, and no folder of corpora is given", hint=hint
            )

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the prompts of all speakers: test prompts with recordings, or `sentences` without.

        Raises:
            CorpusError: if the corpora have no such prompts.
        """
        speakers = self.speakers or (parallel_speakers(self.corpora, "test") if self.corpora else ())
        if self.sentences or self.corpora is None:
            return unrecorded_prompts(self.sentences, speakers or next(iter(self.voices.values())).speakers)
        return recorded_prompts(read_prompts(self.corpora, "test", speakers, self.limit))

    def systems(self) -> tuple[System, ...]:
        """Return the systems to measure: voices, peers and recordings. Peers speak during this call.

        Raises:
            CorpusError: if the corpora have no such prompts.
            InputError: if a peer fails.
        """
        prompts = self.prompts()
        spoken = {name: speak_with(voice, "spectra" in self.parts) for name, voice in self.voices.items()}
        *voices, recordings = systems_of(spoken, prompts, self.num_seeds)
        with_copies = [replace(one, copy=_copier(self.voices[one.name])) for one in voices]
        peers = [peer_system(command, prompts) for command in self.peers]
        return (*with_copies, *peers, recordings)


def evaluate_speech(asked: SpeechEvaluation, instruments: Instruments | None = None) -> Reports:
    """Measure voices and peers on the test prompts, or on sentences without recordings.

    Args:
        asked: request: voices, prompts and parts.
        instruments: measures to take; None: those of the request's parts.

    Raises:
        CorpusError: if the corpora have no such prompts.
        InputError: if a voice lacks a speaker, a part is unknown, a peer fails, or the extra `eval` is not installed.
        AudioError: if an utterance is silent.
        OutputError: if a picture cannot be written.
    """
    return measure_speech(asked.systems(), instruments or Instruments.of(asked.parts, asked.corpora), asked.pictures)


def measure_speech(systems: Sequence[System], instruments: Instruments, pictures: Path | None = None) -> Reports:
    """Measure every prompt of all `systems`, and compare each later system with the first.

    Args:
        systems: systems to measure, the recordings among them.
        instruments: measures to take.
        pictures: folder for spectrograms of the utterances with the lowest naturalness; None draws none.

    Raises:
        InputError: if a voice lacks a speaker, the extra `eval` is not installed, or pictures are wanted without naturalness.
        AudioError: if an utterance is silent.
        OutputError: if a picture cannot be written.
    """
    if pictures:
        require_naturalness(instruments)
    measured = [measure_system(system, instruments) for system in systems]
    for system, found in zip(systems, measured, strict=True):
        if pictures and system.origin != "recording":
            draw_worst(pictures, system.name, found, instruments, partial(_panels, system))
    return speech_reports({system.name: found for system, found in zip(systems, measured, strict=True)})


def systems_of(voices: Mapping[str, Speak], prompts: Sequence[Prompt], num_seeds: int = NUM_SEEDS) -> tuple[System, ...]:
    """Return a system for each voice, and a last one that plays the recordings of `prompts`.

    Args:
        voices: function that speaks, by name of the voice.
        prompts: prompts of all systems; the last system has only those with a recording.
        num_seeds: number of noise seeds of each prompt.
    """
    recorded = tuple(prompt for prompt in prompts if prompt.recording)
    voiced = (System(name, speak, tuple(prompts), num_seeds) for name, speak in voices.items())
    return (*voiced, System(RECORDINGS, play, recorded, origin="recording"))


def _copier(voice: Voice) -> Callable[[Clip], SystemOutput] | None:
    """Return copy-synthesis by the vocoder of `voice`; None without a vocoder."""
    vocoder = getattr(voice, "vocoder", None)
    if vocoder is None:
        return None
    render = copy_with(vocoder.build_stack())
    return lambda clip: SystemOutput(*render(Reference(clip, read_audio(clip.audio, vocoder.mel.sample_rate), vocoder.mel)))


def _panels(system: System, one: PromptFigures) -> Panels:
    """Return the spectrograms of a picture: recording and copy if there are any, and the noise seed of lowest naturalness."""
    clip = one.prompt.recording
    panels = {"recording": SystemOutput(*read_native(clip.audio))} if clip else {}
    copies = {"copy of the recording": system.copy(clip)} if clip and system.copy else {}
    return {**panels, **copies, system.name: list(seeds_of(system, one.prompt))[worst_seed(one)]}
