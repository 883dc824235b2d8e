"""Measure the loudness of each speaker of an acoustic addon for addon.json; the block `Gain` corrects it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_cli.addon.config import AddonConfig, read_addon_config
from tts_cli.audio.loudness import integrated_loudness, true_peak_dbtp
from tts_cli.errors import AddonError, TextError
from tts_cli.export.folder import write_addon_config
from tts_cli.voice.synthesis import Voice, load

SENTENCES = (
    "The committee will publish its report on the first of next month.",
    "Please leave the blue folder on my desk before you go home.",
    "Why would anybody walk twelve miles through heavy snow?",
    "Fresh bread, a little cheese and some apples were all they carried.",
    "She laughed, closed the window, and went back to her book.",
    "Engineers checked every joint of the bridge during the quiet hours of the night.",
    "Has the post arrived yet, or is it late again?",
    "Nobody noticed that the old clock above the station had stopped.",
)
"""Sentences that every speaker speaks for the measurement, about half a minute."""


@dataclass(frozen=True)
class SpeakerLevel:
    """Measured loudness of a speaker."""

    speaker: str
    """Name of the speaker."""
    loudness_lufs: float
    """Integrated loudness (EBU R128) in LUFS; minus infinity for silence."""
    true_peak_dbtp: float
    """True peak in dBTP."""


def measure_levels(voice: Voice) -> Iterator[SpeakerLevel]:
    """Speak `SENTENCES` with every speaker of `voice`, without the gain for a known loudness, and yield their levels.

    Raises:
        TextError: The voice lacks a symbol of the sentences.
    """
    tokens = {token for sentence in voice.sentences(SENTENCES) for token in sentence.tokens}
    if unknown := sorted(tokens - set(voice.acoustic.config.symbols)):
        raise TextError(
            f"addon '{voice.acoustic.name}' has no symbol '{unknown[0]}' of the sentences of the loudness measurement",
            hint="leave it unmeasured: only voices with the English phones can speak these sentences",
        )
    voice = voice.variant(speakers=_with_loudness(voice.acoustic.config, {}).speakers)
    for speaker in voice.speakers:
        chunks = voice.stream(SENTENCES, speaker, sentence_silence_s=0.0, best_effort=True)
        audio = np.concatenate([chunk.samples for chunk in chunks])
        level = integrated_loudness(audio, voice.sample_rate)
        yield SpeakerLevel(speaker, level, true_peak_dbtp(audio, voice.sample_rate))


def add_loudness(folder: Path) -> tuple[SpeakerLevel, ...]:
    """Measure the speakers of the acoustic addon in `folder` with its default vocoder, write their loudness to addon.json, and
    return it.

    Raises:
        AddonError: The addon is of another kind, or its vocoder is not found.
        TextError: The voice cannot speak the sentences.
        InputError: The package for loudness is not installed.
        OutputError: addon.json cannot be written.
    """
    config = read_addon_config(folder)
    if config.kind != "acoustic":
        message = f"{folder}: addon '{config.name}' is of kind '{config.kind}', which has no speakers to measure"
        raise AddonError(message, hint="name an acoustic addon")
    levels = tuple(measure_levels(load(folder)))
    loudness = {level.speaker: round(level.loudness_lufs, 2) for level in levels if math.isfinite(level.loudness_lufs)}
    write_addon_config(folder, _with_loudness(config, loudness))
    return levels


def add_loudness_if_spoken(folder: Path) -> None:
    """Add the loudness like `add_loudness`. A voice that cannot speak the sentences, of another language perhaps, has none."""
    with suppress(TextError):
        add_loudness(folder)


def _with_loudness(config: AddonConfig, loudness_lufs: dict[str, float]) -> AddonConfig:
    """Return `config` with the loudness of these speakers in LUFS, and of no others."""
    speakers = [speaker.model_copy(update={"loudness_lufs": loudness_lufs.get(speaker.name)}) for speaker in config.speakers]
    return config.model_copy(update={"speakers": tuple(speakers)})
