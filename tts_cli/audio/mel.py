"""Mel spectrogram: the one definition for training, transfer and evaluation, in numpy.

Shapes: T frames.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tts_cli.config import StrictModel

Floats = NDArray[np.float32]


class MelConfig(StrictModel):
    """Parameters of the mel spectrogram. Two configurations are equal exactly if their hashes are."""

    sample_rate: int = 16000
    """Sample rate of the audio, in Hz."""
    num_bands: int = 80
    """Number of mel filters."""
    fft_samples: int = 1024
    """Length of the Hann window and of the Fourier transform."""
    hop_samples: int = 200
    """Distance between frames."""
    fmin_hz: float = 0.0
    """Lower edge of the lowest filter."""
    fmax_hz: float = 8000.0
    """Upper edge of the highest filter."""
    floor: float = 1e-5
    """Smallest magnitude before the natural logarithm."""

    @property
    def hash(self) -> str:
        """Return the first 16 hexadecimal digits of the SHA-256 of the configuration."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def frame_rate(self) -> float:
        """Return the number of frames per second."""
        return self.sample_rate / self.hop_samples

    @property
    def silence(self) -> float:
        """Return the log-mel value of digital silence: the natural logarithm of `floor`."""
        return float(np.log(self.floor))

    def num_frames(self, num_samples: int) -> int:
        """Return the number of frames of a signal, rounded up. Frame t is centred on samples [t * hop, (t + 1) * hop)."""
        return -(-num_samples // self.hop_samples)


def magnitude_spectrogram(audio: Floats, config: MelConfig) -> Floats:
    """Return the linear magnitudes of `audio` (samples,), shape (T, fft_samples / 2 + 1), T = ceil(samples / hop).

    The audio is padded with zeros so that the window of frame t is centred on the middle of its hop.
    """
    hop, size = config.hop_samples, config.fft_samples
    num_frames = config.num_frames(len(audio))
    left = (size - hop) // 2
    padded = np.zeros(left + num_frames * hop + size, np.float32)
    padded[left : left + len(audio)] = audio
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: num_frames * hop : hop]
    return np.abs(np.fft.rfft(frames * hann_window(size))).astype(np.float32)


def log_mel(audio: Floats, config: MelConfig) -> Floats:
    """Return the natural-log mel spectrogram of `audio` (samples,), shape (T, num_bands)."""
    mel = magnitude_spectrogram(audio, config) @ mel_filters(config).T
    return np.asarray(np.log(np.maximum(mel, config.floor)), np.float32)


def energy(mel: Floats) -> Floats:
    """Return the energy of log-mel frames (T, num_bands), shape (T, 1): the natural log of the mean mel magnitude."""
    return np.asarray(np.log(np.exp(mel).mean(axis=-1, keepdims=True)), np.float32)


@lru_cache
def hann_window(size: int) -> Floats:
    """Return the periodic Hann window, shape (size,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


@lru_cache
def mel_filters(config: MelConfig) -> Floats:
    """Return Slaney's triangular filters of constant area (Auditory Toolbox, 1998), shape (num_bands, fft_samples / 2 + 1)."""
    edges = _mel_to_hertz(np.linspace(_hertz_to_mel(config.fmin_hz), _hertz_to_mel(config.fmax_hz), config.num_bands + 2))
    bins = np.linspace(0, config.sample_rate / 2, config.fft_samples // 2 + 1)
    ramps = edges[:, None] - bins[None, :]
    widths = np.diff(edges)
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


_LINEAR_HERTZ_PER_MEL = 200 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _LINEAR_HERTZ_PER_MEL
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel * _LINEAR_HERTZ_PER_MEL
    return np.where(mel < _BREAK_MEL, linear, _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))
