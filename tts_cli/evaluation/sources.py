"""Systems named in a YAML file: voices, folders of audio files, commands and recordings."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tts_cli.addon.config import read_addon_config
from tts_cli.addon.library import find_addon
from tts_cli.audio.files import read_native
from tts_cli.config import StrictModel, parse, read_mapping
from tts_cli.corpora.journal import fingerprint
from tts_cli.corpora.layouts import AUDIO_SUFFIXES
from tts_cli.errors import AudioError, ConfigError, TtsError
from tts_cli.evaluation.measures.comparison import LARGEST_DELAY_S
from tts_cli.evaluation.measures.harmonics import harmonic_voice
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.speech.peers import peer_system
from tts_cli.evaluation.systems import Speak, System, SystemOutput, VoiceFiles, say
from tts_cli.selection.choosing import choosing
from tts_cli.voice.synthesis import Voice, load

ORIGINS = ("addon", "folder", "command", "recordings")
LONGEST_NAME = 80
"""Most characters of a system's name."""
_NAMED = 5
"""Most prompts that a message names."""


class SystemSource(StrictModel):
    """Origin of the utterances of one system: exactly one of `addon`, `folder`, `command` and `recordings`."""

    addon: str | None = None
    """Name or path of a voice."""
    vocoder: str | None = None
    """Name or path of its vocoder; by default that of the voice."""
    selector: dict[str, Any] = Field(default_factory=dict)
    """Options of the voice's prosody selector, such as `strategy: centroid`."""
    folder: Path | None = None
    """Folder with the audio of each prompt: ID.wav, or SPEAKER/ID.wav."""
    copies: bool = False
    """The files of the folder have the timing of the recordings, as copies by a vocoder: they are compared frame by frame."""
    command: str | None = None
    """Command of another synthesiser; see `evaluation.speech.peers`."""
    recordings: bool = False
    """The recordings of the prompts."""

    @model_validator(mode="after")
    def _check(self) -> SystemSource:
        given = [name for name in ORIGINS if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            raise ValueError(f"a system has exactly one of {', '.join(ORIGINS)}; found {', '.join(given) or 'none'}")
        for name, owner in (("vocoder", "addon"), ("selector", "addon"), ("copies", "folder")):
            if getattr(self, name) and given != [owner]:
                raise ValueError(f"{name} belongs to a system with the key {owner}, and this one has {given[0]}")
        return self

    def speakers(self) -> tuple[str, ...]:
        """Return the speakers of the voice; none for another origin. Raises AddonError if the addon is not found."""
        config = read_addon_config(find_addon(self.addon)) if self.addon else None
        return tuple(speaker.name for speaker in config.speakers) if config else ()

    def describe(self) -> str:
        """Return the origin in words, for a report: `addon prosody-16k, strategy=centroid`."""
        if self.recordings:
            return "recordings"
        value = next(f"{name} {getattr(self, name)}" for name in ORIGINS if getattr(self, name))
        options = [f"vocoder {self.vocoder}"] if self.vocoder else []
        return ", ".join([value, *options, *(f"{name}={option}" for name, option in self.selector.items())])


def read_systems(path: Path) -> dict[str, SystemSource]:
    """Read the systems of a YAML file `NAME: {addon: ...}`, by name, in the order of the file.

    Raises:
        ConfigError: The file is missing or no YAML, a system is given twice or has a wrong key; the message names file and key.
    """
    return parse_systems(read_mapping(path), str(path))


def read_sources(path: Path | None, folders: Sequence[Path] = ()) -> dict[str, SystemSource]:
    """Read the systems of a YAML file, if there is one, and add a system for each folder, called as the folder.

    Raises:
        ConfigError: See `read_systems`; or a system is given twice.
    """
    sources = read_systems(path) if path else {}
    for folder in folders:
        name = folder.resolve().name
        if name in sources:
            raise ConfigError(f"--folder {folder}: there is a system '{name}' already", hint="name it in a file for --systems")
        sources[name] = SystemSource(folder=folder)
    return sources


def parse_systems(mapping: Mapping[str, Any], source: str) -> dict[str, SystemSource]:
    """Return the systems of a mapping from names to options, as `read_systems` does.

    Args:
        mapping: options of each system, by its name.
        source: origin of the mapping for messages: a file, or a place in a file.

    Raises:
        ConfigError: There is no system, or one has a wrong name, key or value.
    """
    if not mapping:
        raise ConfigError(f"{source}: names no system", hint="write one a line, such as 'mine: {addon: arctic-16k}'")
    for name in mapping:
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            hint = f"use 1 to {LONGEST_NAME} printable characters"
            raise ConfigError(f"{source}: '{name[:LONGEST_NAME]}' is no name of a system", hint=hint)
    return {name: parse(SystemSource, options, f"{source}: system '{name}'") for name, options in mapping.items()}


def open_systems(
    sources: Mapping[str, SystemSource],
    prompts: Sequence[Prompt],
    where: str,
    num_seeds: int = 1,
    with_harmonic: bool = False,
) -> tuple[System, ...]:
    """Open several systems for the same prompts; see `open_system`.

    Args:
        where: origin of the systems for messages, such as the path of the YAML file.
    """
    return tuple(
        open_system(name, source, prompts, f"{where}: system '{name}'", num_seeds, with_harmonic)
        for name, source in sources.items()
    )


def open_system(
    name: str,
    source: SystemSource,
    prompts: Sequence[Prompt],
    where: str = "",
    num_seeds: int = 1,
    with_harmonic: bool = False,
) -> System:
    """Open a system for `prompts`.

    `System.speak` of the result takes each prompt of `System.prompts`. These are `prompts` for a voice and a folder, those with a
    recording for the recordings, and one for each text for a command, whose speaker is `peers.SPEAKER`; a command's `speak`
    takes a prompt of any speaker with such a text too. The command runs during this call, unless its audio is in the cache.

    Args:
        name: name of the system.
        source: origin of its utterances.
        prompts: prompts to speak.
        where: place of the system for messages, such as `systems.yaml: system 'mine'`; empty: none.
        num_seeds: number of noise seeds of each prompt; systems other than voices have one.
        with_harmonic: also make the audio of the vocoder's harmonic source, for `SystemOutput.harmonic`.

    Raises:
        AddonError: The voice cannot be opened.
        InputError: The voice has no prosody selector, or lacks a speaker; the command fails.
        AudioError: The folder lacks a prompt; the message names the prompts.
        CorpusError: There is no prompt with a recording.
    """
    with placed(where):
        if source.addon:
            return voice_system(name, open_voice(source), prompts, num_seeds, with_harmonic)
        if source.folder:
            return folder_system(name, source.folder, prompts, source.copies)
        if source.command:
            return peer_system(source.command, prompts, name)
        return recordings_system(prompts, name)


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Put `where` before the message of an error that the block raises; empty: leave it as it is."""
    try:
        yield
    except TtsError as error:
        if not where:
            raise
        raise type(error)(f"{where}: {error.message}", error.hint) from error


def open_voice(source: SystemSource, threads: int | None = 1) -> VoiceFiles:
    """Open the voice of `source` once, which checks it, and return its addon folders with the options of its selector.

    Raises:
        AddonError: The voice cannot be opened.
        InputError: The voice has no prosody selector.
        StackError: The selector has no such option.
    """
    assert source.addon
    edit = choosing(source.addon, **source.selector)
    files = VoiceFiles.of(load(source.addon, source.vocoder, threads=threads, edit_stack=edit))
    return replace(files, selector=tuple((key, _fixed(value)) for key, value in source.selector.items()), threads=threads)


def _fixed(value: Any) -> Any:
    return tuple(map(_fixed, value)) if isinstance(value, list) else value


def voice_system(
    name: str, files: VoiceFiles, prompts: Sequence[Prompt], num_seeds: int = 1, with_harmonic: bool = False
) -> System:
    """Return the system of a voice. Raises InputError if the voice lacks the speaker of a prompt."""
    acoustic = files.open().acoustic
    for speaker in dict.fromkeys(prompt.speaker for prompt in prompts):
        acoustic.speaker_id(speaker)
    speaker_of_voice = VoiceSpeech(files, with_harmonic)
    return System(name, speaker_of_voice, tuple(prompts), num_seeds, identity=speaker_of_voice.identity)


@dataclass(frozen=True)
class VoiceSpeech:
    """Function that speaks prompts with a voice. It can be pickled: a worker process opens the addons."""

    files: VoiceFiles
    with_harmonic: bool = False

    def __call__(self, prompt: Prompt, seed: int) -> SystemOutput:
        return SystemOutput(*_speaker(self)(prompt, seed))

    def identity(self, _: Prompt) -> tuple[object, ...]:
        """Return hashes of the addons and the options of the selector."""
        return self.files.hashes, self.files.selector, self.with_harmonic


@lru_cache(maxsize=2)
def _speaker(speech: VoiceSpeech) -> Speak:
    return speak_with(speech.files.open(), speech.with_harmonic)


def speak_with(voice: Voice, with_harmonic: bool = False) -> Speak:
    """Return a function that speaks prompts with `voice`.

    Args:
        with_harmonic: speak each prompt a second time with the vocoder's noise source silent, for `SystemOutput.harmonic`.
    """
    harmonic = harmonic_voice(voice) if with_harmonic else None

    def speak(prompt: Prompt, seed: int) -> SystemOutput:
        spoken = say(voice, prompt.text, prompt.speaker, seed)
        return spoken._replace(harmonic=say(harmonic, prompt.text, prompt.speaker, seed).samples) if harmonic else spoken

    return speak


def recordings_system(prompts: Sequence[Prompt], name: str = "recordings") -> System:
    """Return the system that plays the recordings of those `prompts` that have one."""
    recorded = tuple(prompt for prompt in prompts if prompt.recording)
    return System(name, play, recorded, origin="recording", identity=_identity_of_recording)


def play(prompt: Prompt, _seed: int) -> SystemOutput:
    """Return the recording of `prompt`, which must have one."""
    assert prompt.recording
    return SystemOutput(*read_native(prompt.recording.audio))


def _identity_of_recording(prompt: Prompt) -> str:
    assert prompt.recording
    return print_of(prompt.recording.audio)


def print_of(path: Path) -> str:
    """Return the SHA-256 of a file, which is read again only if it changed; "" if it cannot be read."""
    try:
        return _print(path, path.stat().st_mtime_ns)
    except OSError:
        return ""


@cache
def _print(path: Path, _changed: int) -> str:
    return fingerprint(path)


def folder_system(name: str, folder: Path, prompts: Sequence[Prompt], copies: bool = False) -> System:
    """Return the system that plays the audio files of `folder`: ID.wav or SPEAKER/ID.wav, in any format of `AUDIO_SUFFIXES`.

    The id of a prompt is that of its recording; a sentence without one has a number of four digits, as `tts synth --output-dir`
    counts them.

    Args:
        copies: the files have the timing of the recordings.

    Raises:
        AudioError: The folder is missing, lacks a prompt, has one file ID.wav for several speakers, or a copy has a duration
            other than that of its recording.
    """
    if not folder.is_dir():
        message = f"{folder}: no such folder" if not folder.exists() else f"{folder}: is a file, not a folder"
        raise AudioError(message, hint="name a folder with ID.wav or SPEAKER/ID.wav for each prompt")
    _audio_below.cache_clear()
    played = FolderSpeech(folder)
    lacking = [_label(prompt) for prompt in prompts if not played.find(prompt)]
    if lacking:
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        message = f"{folder}: no audio of {len(lacking)} of {len(prompts)} prompts: {', '.join(lacking[:_NAMED])}{more}"
        raise AudioError(message, hint=f"add ID.wav or SPEAKER/ID.wav of each ({', '.join(AUDIO_SUFFIXES)})")
    _refuse_shared(played, prompts)
    if copies:
        _refuse_unequal(played, prompts)
    return System(name, played, tuple(prompts), origin="copy" if copies else "text", identity=played.identity)


def _label(prompt: Prompt) -> str:
    return f"{prompt.speaker}/{prompt.id}" if prompt.id else f"'{prompt.text[:40]}'"


def _refuse_shared(played: FolderSpeech, prompts: Iterable[Prompt]) -> None:
    owners: dict[Path | None, Prompt] = {}
    for prompt in prompts:
        owner = owners.setdefault(played.find(prompt), prompt)
        if owner.speaker != prompt.speaker:
            message = f"{played.find(prompt)}: is the audio of two prompts, {_label(owner)} and {_label(prompt)}"
            raise AudioError(message, hint="put the files into a folder for each speaker, or choose one with --speaker")


def _refuse_unequal(played: FolderSpeech, prompts: Iterable[Prompt]) -> None:
    for prompt in prompts:
        if prompt.recording:
            lengths = [one(prompt, 0).audio_s for one in (played, play)]
            if abs(lengths[0] - lengths[1]) > LARGEST_DELAY_S:
                message = f"{played.find(prompt)}: lasts {lengths[0]:.2f} s, but its recording {lengths[1]:.2f} s: it is no copy"
                raise AudioError(message, hint="leave out copies: true for speech with a timing of its own")


@dataclass(frozen=True)
class FolderSpeech:
    """Function that plays the audio files of a folder. It can be pickled."""

    folder: Path

    def find(self, prompt: Prompt) -> Path | None:
        """Return the file of `prompt`, that in the speaker's folder first; None if there is none."""
        found = _audio_below(self.folder)
        return found.get(f"{prompt.speaker}/{prompt.id}") or found.get(prompt.id)

    def __call__(self, prompt: Prompt, _seed: int) -> SystemOutput:
        return SystemOutput(*read_native(self._file(prompt)))

    def identity(self, prompt: Prompt) -> str:
        """Return the hash of the file of `prompt`."""
        return print_of(self._file(prompt))

    def _file(self, prompt: Prompt) -> Path:
        found = self.find(prompt)
        if found is None:
            raise AudioError(f"{self.folder}: no audio of {_label(prompt)}", hint="add ID.wav or SPEAKER/ID.wav")
        return found


@lru_cache(maxsize=32)
def _audio_below(folder: Path) -> dict[str, Path]:
    """Return the audio files of `folder` by their path in it without suffix. Of several formats, the first of the list counts."""
    files = [path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES]
    files.sort(key=lambda path: AUDIO_SUFFIXES.index(path.suffix.lower()), reverse=True)
    return {unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix()): path for path in files}
