"""Pauses and speaking rate of an utterance, measured on its loudness alone: no transcript is aligned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.spectra import SPEECH_DB

SHORTEST_PAUSE_S = 0.2
"""Duration in seconds of the shortest pause. Closures of plosives are shorter (Campione and Veronis 2002)."""
SHORTEST_SOUND_S = 0.03
"""Duration in seconds of the shortest sound between silences that counts as speech; shorter ones are clicks."""
_FRAME_S = 0.01
"""Length of the frames of which the level is measured, and distance between them, in seconds."""


@dataclass(frozen=True)
class Rhythm:
    """Pauses and rate of an utterance. All but the number of pauses are NaN for an utterance without speech."""

    speech_s: float
    """Seconds from the first to the last speech, pauses between included."""
    num_pauses: float
    """Number of pauses: silences of at least `SHORTEST_PAUSE_S` between speech; NaN without speech."""
    pause_length_s: float
    """Mean duration of the pauses in seconds; NaN without pauses."""
    pause_share: float
    """Share (0 to 1) of the time from the first to the last speech that is pause."""
    speech_rate: float
    """Syllables per second of the time from the first to the last speech (de Jong and Wempe 2009); NaN without syllables."""
    articulation_rate: float
    """Syllables per second of this time without its pauses (de Jong and Wempe 2009); NaN without syllables."""


def rhythm(audio: Floats, sample_rate: int, num_syllables: int) -> Rhythm:
    """Measure pauses and rate of an utterance.

    Args:
        audio: samples (samples,).
        sample_rate: sample rate in Hertz.
        num_syllables: number of syllables of the text; 0 if it is unknown.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    stretches = speech_stretches(audio, sample_rate)
    if not len(stretches):
        return Rhythm(*[float("nan")] * 6)
    gaps = stretches[1:, 0] - stretches[:-1, 1]
    pauses = gaps[gaps >= SHORTEST_PAUSE_S - 1e-9]
    speech_s, paused_s = float(stretches[-1, 1] - stretches[0, 0]), float(pauses.sum())
    return Rhythm(
        speech_s=speech_s,
        num_pauses=len(pauses),
        pause_length_s=float(pauses.mean()) if len(pauses) else float("nan"),
        pause_share=paused_s / speech_s,
        speech_rate=num_syllables / speech_s if num_syllables else float("nan"),
        articulation_rate=num_syllables / (speech_s - paused_s) if num_syllables else float("nan"),
    )


def speech_stretches(audio: Floats, sample_rate: int) -> NDArray[np.float64]:
    """Return start and end in seconds of each stretch of speech, shape (N, 2), found with librosa's `effects.split`.

    A frame of 10 ms is silent if its level is more than `SPEECH_DB` below the root mean square of the whole audio. Sounds shorter
    than `SHORTEST_SOUND_S` are left out.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    if not np.any(audio):
        return np.zeros((0, 2))
    frame = max(1, round(_FRAME_S * sample_rate))
    loudness = float(np.sqrt(np.square(audio.astype(np.float64)).mean()))
    split = require("librosa").effects.split
    found = split(audio, top_db=SPEECH_DB, ref=loudness, frame_length=frame, hop_length=frame) / sample_rate
    return np.asarray(found[found[:, 1] - found[:, 0] >= SHORTEST_SOUND_S - 1e-9])
