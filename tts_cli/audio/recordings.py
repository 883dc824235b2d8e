"""Recordings of speech that are to be analysed: their reading, and the refusal of those that hold too little."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tts_cli.audio.files import read_native, resample
from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError

SHORTEST_S, LONGEST_S = 0.3, 60.0
LOWEST_RATE = 8000
"""Hertz. Lower ones lack what tells phones apart."""

_UPPER_HZ = (2200.0, 3400.0)
"""What a telephone lets through, and a rate of 4000 Hz does not have."""
_LEAST_UPPER = 10**-5.5
"""Share of a recording's power there: speech has -35 dB and more."""
_SILENT_PEAK = 1e-4
"""-80 dB of full scale: the noise of 16-bit samples."""
_LOWEST_LEVEL = 0.025
"""Root mean square of loud frames, -32 dB of full scale: hardly any recording that voices learn from is below it."""
_LOUD_PERCENTILE = 95


def read_recording(path: Path, sample_rate: int) -> Floats:
    """The recording at `path`: (samples,) at `sample_rate` Hertz, mono, without offset, brought up where it is very quiet.

    Raises AudioError for one that is missing, damaged, silent, too short, too long or of too low a rate.
    """
    samples, rate = read_native(path, LONGEST_S)
    seconds = len(samples) / rate
    hint = f"record it at {LOWEST_RATE} Hz at least; 16000 Hz or more are better"
    if rate < LOWEST_RATE:
        raise AudioError(f"{path}: has {rate} samples a second, too few to tell phones apart", hint)
    if seconds < SHORTEST_S:
        raise AudioError(f"{path}: lasts {seconds:.2f} s", hint=f"{SHORTEST_S} s are the least that can be aligned")
    samples = samples - samples.mean()
    if np.abs(samples).max() < _SILENT_PEAK:
        raise AudioError(f"{path}: is silent", hint="was the microphone on?")
    if _upper_share(samples, rate) < _LEAST_UPPER:
        raise AudioError(f"{path}: holds nothing above 2 kHz, too little to tell phones apart", hint)
    return _audible(resample(samples, rate, sample_rate), sample_rate // 100)


def _upper_share(samples: Floats, rate: int) -> float:
    """The share of the power of `samples` (samples,) that tells apart phones other than vowels."""
    power = np.square(np.abs(np.fft.rfft(samples)))
    first, end = (round(hertz * len(samples) / rate) for hertz in _UPPER_HZ)
    return float(power[first:end].sum() / power.sum())


def _audible(audio: Floats, frame_samples: int) -> Floats:
    """`audio` (samples,), amplified where its loud frames are below the lowest level."""
    frames = audio[: len(audio) // frame_samples * frame_samples].reshape(-1, frame_samples)
    level = max(float(np.percentile(np.sqrt(np.square(frames).mean(1)), _LOUD_PERCENTILE)), _SILENT_PEAK / 10)
    gain = min(_LOWEST_LEVEL / level, 1.0 / float(np.abs(audio).max()))
    return audio * np.float32(max(1.0, gain))
