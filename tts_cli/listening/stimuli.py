"""Stimuli: sounds of one rate and loudness (BS.1770), with soft ends and equal silence around them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from tts_cli.audio.files import resample
from tts_cli.audio.loudness import integrated_loudness, true_peak_dbtp
from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError

EDGE_S = 0.1
"""Silence before and after the speech of a stimulus, in seconds."""
FADE_S = 0.01
"""Length of the fade at either end, in seconds."""
KEPT_S = 0.05
"""Faint sound that is kept before and after the speech, in seconds, so that no soft consonant is cut."""
SPEECH_DB = 45.0
"""Range of levels below the loudest frame, in dB, that counts as speech."""
HIGHEST_DBTP = -1.0
"""Highest true peak of a stimulus, in dBTP."""
LONGEST_S = 12.0
"""Longest stimulus that BS.1534-3 recommends, in seconds."""
_SHORTEST_S = 0.4
"""Length of a gating block of BS.1770, in seconds."""

Key = TypeVar("Key")


def shaped(samples: Floats, from_rate: int, sample_rate: int, where: str) -> Floats:
    """Return a sound at another rate, without silence at its ends, then faded and set between equal silences.

    Args:
        samples: (samples,) at `from_rate` Hz.
        from_rate: In Hz.
        sample_rate: Rate of the result, in Hz.
        where: Name of the sound for messages.

    Raises:
        AudioError: The sound is silent or holds values that are not finite.
    """
    if not len(samples) or not np.isfinite(samples).all() or not np.any(samples):
        raise AudioError(f"{where}: the sound is silent or damaged", hint="listen to it, and leave out the item or the system")
    speech = _without_silence(resample(np.asarray(samples, np.float32), from_rate, sample_rate), sample_rate)
    return _framed(speech, sample_rate)


def framed_again(sound: Floats, sample_rate: int) -> Floats:
    """Return a sound that was made of a `shaped` one, such as by a filter that rings, between the same silences."""
    edge = round(EDGE_S * sample_rate)
    return _framed(sound[edge : len(sound) - edge], sample_rate)


def _framed(speech: Floats, sample_rate: int) -> Floats:
    return np.pad(_faded(speech, sample_rate), round(EDGE_S * sample_rate))


def _without_silence(audio: Floats, sample_rate: int) -> Floats:
    from librosa.effects import trim

    hop = max(1, sample_rate // 200)
    _, (start, end) = trim(audio, top_db=SPEECH_DB, frame_length=4 * hop, hop_length=hop)
    kept = round(KEPT_S * sample_rate)
    return audio[max(0, start - kept) : end + kept]


def _faded(audio: Floats, sample_rate: int) -> Floats:
    """Return a copy of `audio` (samples,) that rises and falls as half a period of a cosine."""
    faded = audio.copy()
    length = min(round(FADE_S * sample_rate), len(audio) // 2)
    rise = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))).astype(np.float32)
    faded[:length] *= rise
    faded[len(faded) - length :] *= rise[::-1]
    return faded


def loudness(audio: Floats, sample_rate: int) -> float:
    """Return the loudness of `audio` (samples,) in LUFS; minus infinity for silence.

    A sound shorter than a gating block of BS.1770 (0.4 s) is measured as one block of its own length, without gates.
    """
    missing = math.ceil(_SHORTEST_S * sample_rate) - len(audio)
    if missing <= 0:
        return integrated_loudness(audio, sample_rate)
    level = integrated_loudness(np.pad(audio, (0, missing)), sample_rate)
    return level + 10 * math.log10((len(audio) + missing) / len(audio))


@dataclass(frozen=True)
class MatchedSounds(Generic[Key]):
    """Sounds of equal loudness."""

    sounds: Mapping[Key, Floats]
    """Sounds (samples,) by key."""
    loudness_lufs: float
    """Loudness of all of them."""
    limiting: Key | None = None
    """Key of the sound with the highest peak, if it kept the loudness below the wanted one."""


def matched(sounds: Mapping[Key, Floats], sample_rate: int, wanted_lufs: float) -> MatchedSounds[Key]:
    """Return the sounds (samples,) scaled to equal loudness: `wanted_lufs`, or less if a true peak would exceed -1 dBTP.

    Loudness is measured without the silence at the ends that `shaped` adds.

    Raises:
        AudioError: A sound is too faint to be measured; the message names its key.
    """
    edge = round(EDGE_S * sample_rate)
    gains_db = {key: wanted_lufs - loudness(sound[edge : len(sound) - edge], sample_rate) for key, sound in sounds.items()}
    if faint := next((key for key, gain in gains_db.items() if not math.isfinite(gain)), None):
        raise AudioError(f"{faint}: the sound is too faint to measure its loudness", hint="leave out the item or the system")
    peaks = {key: true_peak_dbtp(sound, sample_rate) + gains_db[key] for key, sound in sounds.items()}
    highest = max(peaks, key=lambda key: peaks[key])
    # One common gain keeps the loudness equal, which a limiter or a gain of single sounds would not.
    common_db = min(0.0, HIGHEST_DBTP - peaks[highest])
    scaled = {key: np.asarray(sound * 10 ** ((gains_db[key] + common_db) / 20), np.float32) for key, sound in sounds.items()}
    return MatchedSounds(scaled, wanted_lufs + common_db, highest if common_db < 0 else None)


def of_equal_length(sounds: Iterable[Floats]) -> list[Floats]:
    """Return the sounds (samples,) with silence after them, all as long as the longest."""
    sounds = list(sounds)
    longest = max(map(len, sounds), default=0)
    return [np.pad(sound, (0, longest - len(sound))) for sound in sounds]
