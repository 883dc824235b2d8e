"""F0 (fundamental frequency) and voicing at the frames of the mel spectrogram.

Shapes: T frames.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.errors import AudioError

_TRACKER_RATE = 16000
_VOICED_CONFIDENCE = 0.5
RANGE_OF_MEDIAN = (0.5, 2.5)
"""Search range of F0 in a second pass, as factors on the median F0. Lively readers go more than an octave above their median."""


def estimate_f0(audio: Floats, config: MelConfig, range_hz: tuple[float, float] | None = None) -> tuple[Floats, Floats]:
    """Return F0 in Hz (0 if unvoiced) and voicing (0 or 1) at the centres of the frames, two arrays of shape (T,).

    SwiftF0 (Nieradzik 2025) tracks F0 every 16 ms; the track is interpolated.

    Args:
        audio: Recording, shape (samples,), at the rate of `config`.
        config: Mel configuration, which defines the frames.
        range_hz: Lowest and highest F0 of the speaker, in Hz, which avoids octave errors. None: the range of the tracker.

    Raises:
        AudioError: The package `swift-f0` is not installed.
    """
    low, high = range_hz or (None, None)
    track = _tracker().detect(resample(audio, config.sample_rate, _TRACKER_RATE), _TRACKER_RATE, fmin=low, fmax=high)
    centres = (np.arange(config.num_frames(len(audio))) + 0.5) * config.hop_samples / config.sample_rate
    voiced = track.confidence >= _VOICED_CONFIDENCE
    if not voiced.any():
        return np.zeros(len(centres), np.float32), np.zeros(len(centres), np.float32)
    log_f0 = np.interp(centres, track.timestamps[voiced], np.log(track.pitch_hz[voiced]))
    voicing = np.interp(centres, track.timestamps, track.confidence) >= _VOICED_CONFIDENCE
    return (np.exp(log_f0) * voicing).astype(np.float32), voicing.astype(np.float32)


def track_f0(audio: Floats, config: MelConfig) -> Floats:
    """Return F0 of `audio` (samples,) in Hz, 0 if unvoiced, shape (T,).

    The second of two passes searches only around the median of the first (`RANGE_OF_MEDIAN`), which removes octave errors.

    Raises:
        AudioError: The package `swift-f0` is not installed.
    """
    f0_hz, _ = estimate_f0(audio, config)
    if not f0_hz.any():
        return f0_hz
    median = float(np.median(f0_hz[f0_hz > 0]))
    return estimate_f0(audio, config, (RANGE_OF_MEDIAN[0] * median, RANGE_OF_MEDIAN[1] * median))[0]


def interpolate_log_f0(f0_hz: Floats, fallback_hz: float) -> Floats:
    """Return the natural log of `f0_hz` (T,), interpolated linearly through unvoiced frames.

    Args:
        f0_hz: F0 in Hz; 0 in unvoiced frames.
        fallback_hz: Value of all frames if none is voiced, in Hz.
    """
    voiced = np.flatnonzero(f0_hz > 0)
    if len(voiced) == 0:
        return np.full(len(f0_hz), np.log(fallback_hz), np.float32)
    return np.interp(np.arange(len(f0_hz)), voiced, np.log(f0_hz[voiced])).astype(np.float32)


@lru_cache(maxsize=1)
def _tracker() -> Any:
    try:
        from swift_f0 import SwiftF0
    except ImportError as error:
        raise AudioError("estimating F0 needs the package 'swift-f0'", hint="pip install swift-f0") from error
    return SwiftF0(threads=1, spin=False)
