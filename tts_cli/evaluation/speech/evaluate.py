"""Evaluation of speech from text: word errors, naturalness, speaker identity and spectra, with recordings as reference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tts_cli.audio.files import read_audio, read_native
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import InputError
from tts_cli.evaluation.engine import check_parts
from tts_cli.evaluation.measures.instruments import OPTIONAL_PARTS, PARTS, Instruments, PromptFigures
from tts_cli.evaluation.measuring import (
    AUDIO_FOLDER,
    Keeping,
    Kit,
    StandardKit,
    audio_files,
    distinct_file_names,
    measure_system,
    spoken_seeds,
)
from tts_cli.evaluation.prepared import HeldOut, folder_prompts, read_held_out
from tts_cli.evaluation.prompts import (
    GroupedText,
    Prompt,
    Reference,
    parallel_speakers,
    read_prompts,
    recorded_prompts,
    unrecorded_prompts,
)
from tts_cli.evaluation.sources import (
    SystemSource,
    VoiceSpeech,
    open_systems,
    open_voice,
    placed,
    recordings_system,
    speak_with,
    voice_system,
)
from tts_cli.evaluation.speech.peers import peer_system
from tts_cli.evaluation.speech.pictures import Panels, draw_worst, require_naturalness, worst_seed
from tts_cli.evaluation.speech.records import SpeechReports
from tts_cli.evaluation.speech.tables import speech_reports
from tts_cli.evaluation.systems import RECORDINGS, Speak, System, SystemOutput, copy_with
from tts_cli.voice.synthesis import Voice

NUM_SEEDS = 3
"""Number of times each prompt is spoken, each with another noise seed."""
TEXTLESS_PARTS = ("naturalness", "prosody", "spectra")
"""Parts that audio without text, speaker and recording can be measured by."""


@dataclass(frozen=True)
class SpeechEvaluation:
    """Request for an evaluation of speech from text."""

    voices: Mapping[str, Voice]
    """Voices by name; each later system is compared with the first."""
    corpora: Path | None
    """Folder with `splits.csv` and the corpora, for test prompts and speakers' recordings. It may be None if there are
    `sentences` and identity is not measured, if there is `data`, or if a folder of audio files gives the prompts."""
    speakers: tuple[str, ...] = ()
    """Speakers to measure. Empty: those who read the same test prompts; if there are none, all of the split or of the first
    voice."""
    parts: Collection[str] = PARTS
    """Measures to take, of `instruments.PARTS` and `instruments.OPTIONAL_PARTS`."""
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
    data: Path | None = None
    """Prepared corpus, for prompts and speakers' recordings in place of `corpora`."""
    split: str = "test"
    """Split of the prompts."""
    sources: Mapping[str, SystemSource] = field(default_factory=dict)
    """Further systems by name, after the voices; see `evaluation.sources`."""
    where: str = "--systems"
    """Origin of `sources` for messages, such as the path of a YAML file."""
    addons: tuple[str, ...] = ()
    """Names or paths of voices, between `voices` and `sources`. Unlike those of `voices`, their results are kept."""
    vocoder: str | None = None
    """Vocoder of all `addons`; None: that of each."""
    threads: int | None = 1
    """CPU threads of each network of `addons`; None leaves them to the context."""
    jobs: int = 1
    """Number of worker processes."""
    report: Path | None = None
    """Folder for the audio of the utterances; see `SpeechReports`. None keeps no audio."""

    def __post_init__(self) -> None:
        check_parts(self.parts, PARTS + OPTIONAL_PARTS, "speech")
        given = self.corpora or self.data or self._bare_folder
        if given is None and not (self.sentences and "identity" not in self.parts):
            message = "the test prompts and the measure of identity need recordings, and no folder of corpora is given"
            hint = (
                "name a folder of corpora with --corpora DIR or a prepared one with --data DIR, or use --sentences FILE with "
                "--part wer or naturalness"
            )
            raise InputError(message, hint)
        names = [*self.voices, *self.addons, *self.sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(
                f"the system '{twice}' is given twice", hint="give it once, or under another name in a file for --systems"
            )

    @property
    def _bare_folder(self) -> Path | None:
        """Folder that gives the prompts itself: the first one, if nothing else gives prompts."""
        if self.corpora or self.data or self.sentences:
            return None
        return next((source.folder for source in self.sources.values() if source.folder), None)

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the prompts of all speakers: test prompts with recordings, or `sentences` without.

        Raises:
            CorpusError: if the corpora have no such prompts.
            AudioError: if a folder that gives the prompts holds no audio.
        """
        if self.sentences:
            return unrecorded_prompts(self.sentences, self._readers())
        if self.data:
            return recorded_prompts(self._held_out().clips)
        if self.corpora:
            speakers = self.speakers or parallel_speakers(self.corpora, self.split)
            return recorded_prompts(read_prompts(self.corpora, self.split, speakers, self.limit))
        assert self._bare_folder
        return folder_prompts(self._bare_folder, self.limit)

    def _readers(self) -> Sequence[str]:
        """Return the speakers of `sentences`."""
        if self.speakers:
            return self.speakers
        if self.data:
            return tuple(dict.fromkeys(clip.speaker for clip in self._held_out().clips))
        found = (parallel_speakers(self.corpora, self.split) if self.corpora else ()) or self._known_speakers()
        if found is not None and not found:
            raise InputError("the voices have no speaker in common", hint="measure them one by one, each with its --speaker")
        return found or ("",)

    def _held_out(self) -> HeldOut:
        assert self.data
        return read_held_out(self.data, self.split, self.speakers, self._known_speakers(), self.limit)

    def _known_speakers(self) -> tuple[str, ...] | None:
        """Return the speakers that all voices have; None without a voice."""
        named = [voice.speakers for voice in self.voices.values()]
        named += [source.speakers() for source in self.addon_sources().values()]
        for name, source in self.sources.items():
            with placed(f"{self.where}: system '{name}'"):
                named += [source.speakers()] if source.addon else []
        return tuple(name for name in named[0] if all(name in others for others in named)) if named else None

    def addon_sources(self) -> dict[str, SystemSource]:
        """Return the sources of `addons`, by name."""
        return {name: SystemSource(addon=name, vocoder=self.vocoder) for name in self.addons}

    @property
    def named_addons(self) -> tuple[str, ...]:
        """Names or paths of all addons, vocoders included, for their hashes in a report."""
        named = [self.vocoder if self.addons else None, *self.addons]
        named += [name for source in self.sources.values() for name in (source.addon, source.vocoder)]
        return tuple(dict.fromkeys(name for name in named if name))

    def measured_parts(self, prompts: Sequence[Prompt]) -> tuple[str, ...]:
        """Return the parts that can be measured: the default ones without those that bare audio files lack the text for.

        Raises:
            InputError: if a part that is no default is asked for and cannot be measured.
        """
        parts = tuple(self.parts)
        if self._bare_folder is None:
            return parts
        able = (*TEXTLESS_PARTS, *(["wer"] if all(prompt.text for prompt in prompts) else []))
        lacking = [name for name in parts if name not in able]
        if lacking and set(parts) != set(PARTS):
            hint = "name recordings with --data or --corpora; put the text of ID.wav into ID.txt beside it for the part wer"
            raise InputError(f"{self._bare_folder}: files alone do not allow the part '{lacking[0]}'", hint=hint)
        return tuple(name for name in parts if name in able)

    def notes(self, parts: Sequence[str]) -> tuple[str, ...]:
        """Return sentences for the report: departures from the request."""
        found = []
        if self.data and not self.sentences and (taken := self._held_out().split) != self.split:
            found.append(f"{self.data} has no clip of the split '{self.split}': the clips are those of '{taken}'.")
        left_out = [name for name in self.parts if name not in parts]
        if left_out:
            found.append(f"Left out, since files of audio alone do not allow it: {', '.join(left_out)}.")
        return tuple(found)

    def systems(self, prompts: Sequence[Prompt] | None = None) -> tuple[System, ...]:
        """Return the systems to measure: voices, sources, peers and recordings. Peers speak during this call.

        Args:
            prompts: prompts of all systems; None: `self.prompts()`.

        Raises:
            CorpusError: if the corpora have no such prompts.
            InputError: if a peer fails, or two systems have one name.
        """
        prompts = self.prompts() if prompts is None else prompts
        harmonic = "spectra" in self.parts
        voices = [
            System(name, speak_with(voice, harmonic), tuple(prompts), self.num_seeds, copy=_copier(voice))
            for name, voice in self.voices.items()
        ]
        addons = [
            voice_system(name, open_voice(source, self.threads), prompts, self.num_seeds, harmonic)
            for name, source in self.addon_sources().items()
        ]
        sources = open_systems(self.sources, prompts, self.where, self.num_seeds, harmonic)
        peers = [peer_system(command, prompts) for command in self.peers]
        found = [*voices, *addons, *sources, *peers]
        if not any(source.recordings for source in self.sources.values()):
            found.append(recordings_system(prompts))
        names = [system.name for system in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"two systems are called '{twice}'", hint="give them different names in --systems")
        return tuple(found)


def evaluate_speech(asked: SpeechEvaluation, instruments: Instruments | None = None) -> SpeechReports:
    """Measure voices and other systems on the test prompts, or on sentences without recordings.

    Results are kept in `engine.cache_folder()`: after an interruption, the same call continues.

    Args:
        asked: request: voices, prompts and parts.
        instruments: measures to take; None: those of the request's parts.

    Raises:
        CorpusError: if the corpora have no such prompts.
        InputError: if a voice lacks a speaker, a part is unknown, a peer fails, or the extra `eval` is not installed.
        AudioError: if an utterance is silent, or a folder lacks a prompt.
        OutputError: if a picture, audio or a kept result cannot be written.
    """
    prompts = asked.prompts()
    parts = asked.measured_parts(prompts)
    kit = instruments or StandardKit(parts, (asked.data or asked.corpora) if "identity" in parts else None)
    reports = measure_speech(asked.systems(prompts), kit, asked.pictures, asked.jobs, asked.report)
    described = {name: source.describe() for name, source in asked.sources.items()}
    described |= {name: source.describe() for name, source in asked.addon_sources().items()}
    return replace(reports, notes=(*reports.notes, *asked.notes(parts)), origins=described)


def measure_speech(
    systems: Sequence[System],
    kit: Kit | Instruments,
    pictures: Path | None = None,
    jobs: int = 1,
    folder: Path | None = None,
) -> SpeechReports:
    """Measure every prompt of all `systems`, and compare each later system with the first.

    Args:
        systems: systems to measure, the recordings among them.
        kit: measures to take.
        pictures: folder for spectrograms of the utterances with the lowest naturalness; None draws none.
        jobs: number of worker processes.
        folder: folder of a report, which gets the audio of the utterances; None writes none.

    Raises:
        InputError: if a voice lacks a speaker, the extra `eval` is not installed, or pictures are wanted without naturalness.
        AudioError: if an utterance is silent.
        OutputError: if a picture or audio cannot be written.
    """
    instruments = kit if isinstance(kit, Instruments) else kit.open()
    if pictures:
        require_naturalness(instruments)
    names = distinct_file_names(system.name for system in systems)
    folders = [folder / AUDIO_FOLDER / name if folder else None for name in names]
    measured = [measure_system(system, kit, Keeping(jobs, below)) for system, below in zip(systems, folders, strict=True)]
    for system, found in zip(systems, measured, strict=True):
        if pictures and system.origin != "recording":
            draw_worst(pictures, system.name, found, instruments, partial(_panels, system))
    by_name = {system.name: found for system, found in zip(systems, measured, strict=True)}
    recordings = next((system.name for system in systems if system.origin == "recording"), RECORDINGS)
    files = {system.name: audio_files(system, below) for system, below in zip(systems, folders, strict=True) if below}
    tables = speech_reports(by_name, recordings)
    return SpeechReports(tables.title, tables.reports, tables.tests, tables.notes, by_name, recordings, files)


def systems_of(voices: Mapping[str, Speak], prompts: Sequence[Prompt], num_seeds: int = NUM_SEEDS) -> tuple[System, ...]:
    """Return a system for each voice, and a last one that plays the recordings of `prompts`.

    Args:
        voices: function that speaks, by name of the voice.
        prompts: prompts of all systems; the last system has only those with a recording.
        num_seeds: number of noise seeds of each prompt.
    """
    voiced = (System(name, speak, tuple(prompts), num_seeds) for name, speak in voices.items())
    return (*voiced, recordings_system(prompts))


def _copier(voice: object) -> Callable[[Clip], SystemOutput] | None:
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
    copy = system.copy or (_copier(system.speak.files.open()) if isinstance(system.speak, VoiceSpeech) else None)
    copies = {"copy of the recording": copy(clip)} if clip and copy else {}
    return {**panels, **copies, system.name: list(spoken_seeds(system, one.prompt))[worst_seed(one)]}
