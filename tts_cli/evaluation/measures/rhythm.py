"""Level, pauses and speaking rate of an utterance, from its stretches of speech.

Stretches are found by forced alignment where the text is known, else by loudness, from which noise hides pauses: on 36 recordings
of LJSpeech and two other readers the two found 31 and 36 pauses, on 24 of LibriSpeech 59 and 23.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.spectra import SPEECH_DB

SHORTEST_PAUSE_S = 0.25
"""Duration in seconds of the shortest pause (Goldman-Eisler 1968); closures of plosives are shorter."""
SHORTEST_SOUND_S = 0.03
"""Duration in seconds of the shortest sound between silences that counts as speech; shorter ones are clicks."""
_FRAME_S = 0.01
"""Length of the frames of which the level is measured, and distance between them, in seconds."""


@dataclass(frozen=True)
class Rhythm:
    """Level, pauses and rate of an utterance; all NaN without speech."""

    level_dbfs: float
    """Root mean square level of the speech without its silences, in dB relative to full scale."""
    speech_s: float
    """Seconds from the first to the last speech, pauses between included."""
    num_pauses: float
    """Number of pauses: silences of at least `SHORTEST_PAUSE_S` between speech."""
    pause_length_s: float
    """Mean duration of the pauses in seconds; NaN without pauses."""
    pause_share: float
    """Share (0 to 1) of the time from the first to the last speech that is pause."""
    speech_rate: float
    """Syllables per second of the time from the first to the last speech (de Jong and Wempe 2009); NaN without syllables."""
    articulation_rate: float
    """Syllables per second of this time without its pauses (de Jong and Wempe 2009); NaN without syllables."""


def rhythm(audio: Floats, sample_rate: int, stretches: NDArray[np.int64], num_syllables: int) -> Rhythm:
    """Measure level, pauses and rate of an utterance.

    Args:
        audio: samples (samples,).
        sample_rate: sample rate in Hertz.
        stretches: first sample and end (exclusive) of each stretch of speech, in order, shape (N, 2).
        num_syllables: number of syllables of the text; 0 if it is unknown.
    """
    if not len(stretches):
        return Rhythm(*[float("nan")] * 7)
    gaps = stretches[1:, 0] - stretches[:-1, 1]
    pauses = gaps[gaps >= SHORTEST_PAUSE_S * sample_rate] / sample_rate
    speech_s, paused_s = float(stretches[-1, 1] - stretches[0, 0]) / sample_rate, float(pauses.sum())
    spoken = np.concatenate([audio[start:end] for start, end in stretches]).astype(np.float64)
    return Rhythm(
        level_dbfs=float(10 * np.log10(np.square(spoken).mean())),
        speech_s=speech_s,
        num_pauses=len(pauses),
        pause_length_s=float(pauses.mean()) if len(pauses) else float("nan"),
        pause_share=paused_s / speech_s,
        speech_rate=num_syllables / speech_s if num_syllables else float("nan"),
        articulation_rate=num_syllables / (speech_s - paused_s) if num_syllables else float("nan"),
    )


def loud_stretches(audio: Floats, sample_rate: int) -> NDArray[np.int64]:
    """Return first sample and end (exclusive) of each loud stretch, shape (N, 2), found with librosa's `effects.split`.

    A frame of 10 ms is silent if its level is more than `SPEECH_DB` below the root mean square of the whole audio. Sounds shorter
    than `SHORTEST_SOUND_S` are left out.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    if not np.any(audio):
        return np.zeros((0, 2), np.int64)
    frame = max(1, round(_FRAME_S * sample_rate))
    loudness = float(np.sqrt(np.square(audio.astype(np.float64)).mean()))
    split = require("librosa").effects.split
    found = split(audio, top_db=SPEECH_DB, ref=loudness, frame_length=frame, hop_length=frame)
    return np.asarray(found[found[:, 1] - found[:, 0] >= SHORTEST_SOUND_S * sample_rate])
