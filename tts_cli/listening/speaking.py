"""Speaking of a test's items: the sounds of every system, of the references and of the attention checks."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tts_cli.addon.config import read_addon_config
from tts_cli.addon.library import find_addon
from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import CorpusError, TtsError
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.sources import open_system
from tts_cli.evaluation.systems import SystemOutput
from tts_cli.listening.config import ListenedSystem
from tts_cli.listening.items import ListeningItem
from tts_cli.transfer.listening import listen
from tts_cli.voice.request import Controls
from tts_cli.voice.synthesis import load


class SpokenSound(NamedTuple):
    """Sound at its own rate."""

    samples: Floats
    """(samples,)"""
    sample_rate: int
    """In Hz."""


def speak_items(
    name: str, system: ListenedSystem, items: Sequence[ListeningItem], where: str
) -> dict[ListeningItem, SpokenSound]:
    """Return the sound of a system for each item.

    Args:
        name: Name of the system.
        system: Origin of its sounds.
        items: Items to speak.
        where: Path of the configuration, for messages.

    Raises:
        TtsError: The system cannot be opened, or an item not be spoken; the message names file, system and item.
    """
    place = f"{where}: system '{name}'"
    with placed(place):
        speak = _speaker(name, system, items)
    spoken = {}
    for item in tracked(items, name, len(items)):
        with placed(f"{place}: item '{item.name}'"):
            spoken[item] = speak(item)
    return spoken


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Put `where` before the message of an error of the block."""
    try:
        yield
    except TtsError as error:
        raise type(error)(f"{where}: {error.message}", error.hint) from error


def _speaker(name: str, system: ListenedSystem, items: Sequence[ListeningItem]) -> Callable[[ListeningItem], SpokenSound]:
    if system.transfer:
        return _transfer(system)
    if system.plays == "source":
        return lambda item: play(item.source)
    if system.plays == "target":
        return lambda item: play(item.target)
    if system.recordings and (lacking := next((item for item in items if item.prompt.recording is None), None)):
        hint = "take recordings as items, or leave out the system"
        raise CorpusError(f"there is no recording of the item '{lacking.name}'", hint)
    opened = open_system(name, system, [item.prompt for item in items])
    return lambda item: _sound(SystemOutput(*opened.speak(item.prompt, noise_seed(item))))


def noise_seed(item: ListeningItem) -> int:
    """Return the seed of the noise of an item: equal in all systems, different for other items."""
    return zlib.crc32(item.name.encode()) & 0x7FFFFFFF


def _transfer(system: ListenedSystem) -> Callable[[ListeningItem], SpokenSound]:
    assert system.transfer
    voice = load(system.transfer, system.vocoder, threads=1)
    controls = Controls() if system.strength is None else Controls(strength=system.strength)

    @cache
    def heard(audio: Path, text: str) -> object:
        return listen(audio, text, voice.acoustic).source

    def speak(item: ListeningItem) -> SpokenSound:
        assert item.source
        source = heard(item.source.audio, item.source.text)
        chunks = voice.stream([source], item.prompt.speaker, controls, noise_seed(item), best_effort=True)  # type: ignore[list-item]
        return _joined([chunk.samples for chunk in chunks], voice.sample_rate)

    return speak


def play(clip: Clip | None) -> SpokenSound:
    """Return a recording. Raises AudioError if it cannot be read."""
    assert clip is not None
    return SpokenSound(*read_native(clip.audio))


def speak_sentences(sentences: Iterable[str], addon: str, speaker: str | None) -> list[SpokenSound]:
    """Return each sentence spoken by the voice `addon`, with its default speaker unless one is named."""
    voice = load(addon, threads=1)
    spoken = []
    for sentence in sentences:
        spoken.append(_joined([chunk.samples for chunk in voice.stream(sentence, speaker)], voice.sample_rate))
    return spoken


def default_speaker(systems: Mapping[str, ListenedSystem], where: str) -> str:
    """Return the default speaker of the first voice among `systems`; empty if none is a voice.

    Raises:
        AddonError: The voice is not found; the message names `where`, the file of the systems.
    """
    for key, system in systems.items():
        if name := system.addon or system.transfer:
            with placed(f"{where}: system '{key}'"):
                config = read_addon_config(find_addon(name))
            return config.default_speaker or (config.speakers[0].name if config.speakers else "")
    return ""


def _joined(chunks: Sequence[Floats], sample_rate: int) -> SpokenSound:
    return SpokenSound(np.concatenate(chunks), sample_rate)


def _sound(output: SystemOutput) -> SpokenSound:
    return SpokenSound(output.samples, output.sample_rate)
