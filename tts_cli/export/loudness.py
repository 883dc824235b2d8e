"""How loud each speaker of an acoustic addon is: measured once, kept in addon.json, corrected by the block `Gain`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from tts_cli.addon.config import AddonConfig, read_addon_config
from tts_cli.audio.mel import Floats
from tts_cli.errors import AddonError, InputError, TextError
from tts_cli.export.folder import write_addon_config
from tts_cli.voice.synthesis import Voice, load

_METER_RATE = 48000
"""The rate in Hertz for which ITU-R BS.1770 gives the filters."""
_SHORTEST_S = 0.4
"""A block of the gate."""
_OVERSAMPLING = 4

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
"""What every speaker says, half a minute in all."""


@dataclass(frozen=True)
class SpeakerLevel:
    """How loud one speaker is."""

    speaker: str
    loudness_lufs: float
    """Integrated (EBU R128); minus infinity for silence."""
    true_peak_dbtp: float
    """Of the loudest moment."""


def measure_levels(voice: Voice) -> Iterator[SpeakerLevel]:
    """Yield the level of every speaker over SENTENCES, as the voice's stack is without correction by `Gain`.

    Raises TextError for a voice of other symbols, which cannot speak these sentences.
    """
    said = {token for sentence in voice.sentences(SENTENCES) for token in sentence.tokens}
    if unknown := sorted(said - set(voice.acoustic.config.symbols)):
        raise TextError(f"addon '{voice.acoustic.name}' has no symbol '{unknown[0]}', which measuring its loudness needs")
    voice = voice.variant(speakers=_with_loudness(voice.acoustic.config, {}).speakers)
    for speaker in voice.speakers:
        chunks = voice.stream(SENTENCES, speaker, sentence_silence_s=0.0, best_effort=True)
        audio = np.concatenate([chunk.samples for chunk in chunks])
        level = integrated_loudness(audio, voice.sample_rate)
        yield SpeakerLevel(speaker, level, true_peak_dbtp(audio, voice.sample_rate))


def add_loudness(folder: Path) -> tuple[SpeakerLevel, ...]:
    """Measures the speakers of the acoustic addon in `folder`, spoken with its default vocoder, and writes it into addon.json.

    Raises AddonError for another kind of addon and for a vocoder that is not found, TextError for a voice that cannot speak the
    sentences, InputError where the package that measures is not installed, OutputError when addon.json cannot be written.
    """
    config = read_addon_config(folder)
    if config.kind != "acoustic":
        raise AddonError(f"addon '{config.name}' is of kind '{config.kind}': only acoustic ones have speakers")
    levels = tuple(measure_levels(load(folder)))
    loudness = {level.speaker: round(level.loudness_lufs, 2) for level in levels if math.isfinite(level.loudness_lufs)}
    write_addon_config(folder, _with_loudness(config, loudness))
    return levels


def _with_loudness(config: AddonConfig, loudness_lufs: dict[str, float]) -> AddonConfig:
    """The configuration with these speakers measured, and no others."""
    speakers = [speaker.model_copy(update={"loudness_lufs": loudness_lufs.get(speaker.name)}) for speaker in config.speakers]
    return config.model_copy(update={"speakers": tuple(speakers)})


def integrated_loudness(audio: Floats, sample_rate: int) -> float:
    """Integrated loudness (EBU R128, ITU-R BS.1770) of `audio` (samples,) in LUFS; minus infinity for silence.

    Raises InputError for audio shorter than 0.4 s, and where the package that measures is not installed.
    """
    try:
        from pyloudnorm import Meter
    except ImportError as error:
        raise InputError("measuring loudness needs the package 'pyloudnorm'", hint="pip install pyloudnorm") from error
    if len(audio) < _SHORTEST_S * sample_rate:
        raise InputError(f"loudness is measured over {_SHORTEST_S} s or more, not {len(audio) / sample_rate:.2f} s")
    if not np.any(audio):
        return -math.inf
    at_meter_rate = soxr.resample(np.asarray(audio, np.float64), sample_rate, _METER_RATE)
    # Of the filters on offer, these are the standard's.
    return float(Meter(_METER_RATE, filter_class="DeMan").integrated_loudness(at_meter_rate))


def true_peak_dbtp(audio: Floats, sample_rate: int) -> float:
    """Largest absolute value of `audio` (samples,) oversampled four times, in decibels relative to full scale."""
    oversampled = soxr.resample(np.asarray(audio, np.float64), sample_rate, _OVERSAMPLING * sample_rate, quality="VHQ")
    peak = max(float(np.abs(oversampled).max(initial=0.0)), float(np.abs(audio).max(initial=0.0)))
    return 20 * math.log10(peak) if peak > 0 else -math.inf
