"""Reading of recordings for analysis; recordings without enough speech information are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tts_cli.audio.files import read_native, resample
from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError

SHORTEST_S, LONGEST_S = 0.3, 60.0
"""Shortest and longest recording, in seconds."""
LOWEST_RATE = 8000
"""Lowest sample rate in Hz; lower rates lack the frequencies that distinguish phones."""

_UPPER_HZ = (2200.0, 3400.0)
"""Frequency band in Hz that telephone speech has, and audio upsampled from 4000 Hz lacks."""
_LEAST_UPPER = 10**-5.5
"""Smallest share of a recording's power in `_UPPER_HZ` (-55 dB); speech has -35 dB and more."""
_SILENT_PEAK = 1e-4
"""Peak of a silent recording: -80 dB of full scale, about the quantisation noise of 16-bit samples."""
_LOWEST_LEVEL = 0.025
"""Lowest level (root mean square) of loud frames, -32 dB of full scale. Hardly any training recording is quieter."""
_LOUD_PERCENTILE = 95


def read_recording(path: Path, sample_rate: int) -> Floats:
    """Return the recording at `path` as mono samples at `sample_rate` Hz, shape (samples,).

    The mean is subtracted, and a very quiet recording is amplified.

    Raises:
        AudioError: The file is missing, damaged, silent, shorter than 0.3 s, longer than 60 s, below 8000 Hz, or has no power
            above 2 kHz.
    """
    samples, rate = read_native(path, LONGEST_S)
    seconds = len(samples) / rate
    hint = f"record it at {LOWEST_RATE} Hz or more, better at 16000 Hz"
    if rate < LOWEST_RATE:
        raise AudioError(f"{path}: has {rate} samples a second, too few to distinguish phones", hint)
    if seconds < SHORTEST_S:
        raise AudioError(f"{path}: lasts {seconds:.2f} s, too short to align", hint=f"record {SHORTEST_S} s or more")
    samples = samples - samples.mean()
    if np.abs(samples).max() < _SILENT_PEAK:
        raise AudioError(f"{path}: is silent", hint="check the microphone and record it again")
    if _upper_share(samples, rate) < _LEAST_UPPER:
        raise AudioError(f"{path}: holds nothing above 2 kHz, too little to distinguish phones", hint)
    return _audible(resample(samples, rate, sample_rate), sample_rate // 100)


def _upper_share(samples: Floats, rate: int) -> float:
    """Return the share of the power of `samples` in the band `_UPPER_HZ`, which distinguishes consonants."""
    power = np.square(np.abs(np.fft.rfft(samples)))
    first, end = (round(hertz * len(samples) / rate) for hertz in _UPPER_HZ)
    return float(power[first:end].sum() / power.sum())


def _audible(audio: Floats, frame_samples: int) -> Floats:
    """Return `audio` (samples,), amplified if its loud frames are below `_LOWEST_LEVEL`. The peak stays at or below 1."""
    frames = audio[: len(audio) // frame_samples * frame_samples].reshape(-1, frame_samples)
    level = max(float(np.percentile(np.sqrt(np.square(frames).mean(1)), _LOUD_PERCENTILE)), _SILENT_PEAK / 10)
    gain = min(_LOWEST_LEVEL / level, 1.0 / float(np.abs(audio).max()))
    return audio * np.float32(max(1.0, gain))
