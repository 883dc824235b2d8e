"""Signal measures between a recording and its copy (PESQ, STOI, spectral distances), and the Griffin-Lim baseline."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, hann_window, log_mel, magnitude_spectrogram, mel_filters
from tts_cli.errors import AudioError
from tts_cli.evaluation.extra import require

_SHORTEST_STOI_S = 0.4
"""Length in seconds of the segments that STOI correlates; pystoi fails or returns 1e-5 for shorter signals."""


@dataclass(frozen=True)
class SignalScores:
    """Distances of a signal from its reference."""

    pesq: float
    """Wideband PESQ (ITU-T P.862.2), MOS-LQO from about 1.0 to 4.64; higher is better; NaN if it is not defined."""
    stoi: float
    """Short-time objective intelligibility (Taal et al. 2011), 0 to 1; higher is better; NaN if it is not defined."""
    log_spectral_distance: float
    """Log-spectral distance in dB (Gray and Markel 1976); lower is better."""
    mel_distance: float
    """Mean absolute difference of the natural-log mel spectrograms, in nepers; lower is better."""


def score(reference: Floats, audio: Floats, config: MelConfig) -> SignalScores:
    """Compare `audio` (samples,) with `reference` (samples,); the longer is cropped.

    Args:
        reference: the recording, at the sample rate of `config`.
        audio: its copy, at the same rate and without delay.
        config: definition of the mel spectrogram, at 16 kHz.

    Raises:
        AudioError: if the signals are not at 16 kHz.
        InputError: if the extra `eval` is not installed.
    """
    reference, audio = _cropped(reference, audio)
    return SignalScores(
        pesq=wideband_pesq(reference, audio, config.sample_rate),
        stoi=intelligibility(reference, audio, config.sample_rate),
        log_spectral_distance=log_spectral_distance(reference, audio, config),
        mel_distance=float(np.abs(log_mel(reference, config) - log_mel(audio, config)).mean()),
    )


def wideband_pesq(reference: Floats, audio: Floats, sample_rate: int) -> float:
    """Return the wideband PESQ (ITU-T P.862.2) of `audio` (samples,) against `reference` (samples,), about 1.0 to 4.64.

    The result is NaN if either is silent or shorter than 0.25 s, or if PESQ finds no speech in it.

    Raises:
        AudioError: if the signals are not at 16 kHz.
        InputError: if the extra `eval` is not installed.
    """
    pesq = require("pesq")
    if sample_rate != 16000:
        message = f"the audio has {sample_rate} Hz, but wideband PESQ is defined at 16000 Hz"
        raise AudioError(message, hint="resample the audio to 16000 Hz")
    if min(len(reference), len(audio)) < sample_rate // 4 or not (reference.any() and audio.any()):
        return float("nan")
    try:
        return float(pesq.pesq(sample_rate, reference, audio, "wb"))
    except pesq.PesqError:
        return float("nan")


def intelligibility(reference: Floats, audio: Floats, sample_rate: int) -> float:
    """Return the STOI (Taal et al. 2011), 0 to 1, of `audio` (samples,) against `reference` (samples,).

    Both have the same length, and no delay is corrected. The result is NaN if the reference is silent or has less than 0.4 s of
    speech (30 frames of 12.8 ms), below which STOI is not defined.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    pystoi = require("pystoi")
    if len(reference) < _SHORTEST_STOI_S * sample_rate or not reference.any():
        return float("nan")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = float(pystoi.stoi(reference, audio, sample_rate))
    return float("nan") if any("Not enough STFT frames" in str(one.message) for one in caught) else found


def overall_quality(audio: Floats, sample_rate: int) -> float:
    """Predict the overall quality of `audio` (samples,), 1 to 5, with DNSMOS (Reddy et al. 2022).

    DNSMOS was made for noise suppression. It shows damaged audio, not naturalness.

    Args:
        audio: samples (samples,).
        sample_rate: sample rate in Hertz; the model gets 16 kHz.

    Raises:
        AudioError: if the audio is silent.
        InputError: if the extra `eval` is not installed.
    """
    if not np.any(audio):
        raise AudioError("the audio is silent: its quality cannot be predicted")
    heard = np.clip(resample(audio, sample_rate, 16000), -1, 1)
    return float(require("speechmos.dnsmos").run(heard, 16000)["ovrl_mos"])


def log_spectral_distance(reference: Floats, audio: Floats, config: MelConfig) -> float:
    """Return the log-spectral distance in dB (Gray and Markel 1976): root mean square over frequency bins, mean over frames.

    Both signals have shape (samples,) and the same length.
    """
    levels = [20 * np.log10(np.maximum(magnitude_spectrogram(x, config), config.floor)) for x in (reference, audio)]
    return float(np.sqrt(np.square(levels[0] - levels[1]).mean(axis=1)).mean())


def mel_to_magnitude(mel: Floats, config: MelConfig) -> Floats:
    """Estimate linear magnitudes (T, fft_samples / 2 + 1) from log-mel (T, bands) by the pseudo-inverse of the mel filters."""
    return np.maximum(np.exp(mel) @ _inverse_filters(config).T, 0).astype(np.float32)


def griffin_lim(magnitude: Floats, config: MelConfig, iterations: int = 60, momentum: float = 0.99, seed: int = 0) -> Floats:
    """Reconstruct audio from a magnitude spectrogram (Griffin and Lim 1984), from random initial phase.

    Args:
        magnitude: linear magnitudes in the framing of `log_mel`, shape (T, fft_samples / 2 + 1).
        config: definition of the frames.
        iterations: number of iterations.
        momentum: acceleration of Perraudin, Balazs and Sondergaard 2013; 0 is the original algorithm.
        seed: seed of the initial phase.

    Returns:
        The audio, shape (T * hop,).
    """
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, magnitude.shape)
    estimate = magnitude * np.exp(1j * angles).astype(np.complex64)
    previous = np.zeros_like(estimate)
    for _ in range(iterations):
        consistent = _analyse(_synthesise(estimate, config), config)
        accelerated = consistent - momentum / (1 + momentum) * previous
        previous = consistent
        estimate = magnitude * accelerated / np.maximum(np.abs(accelerated), 1e-16)
    left = (config.fft_samples - config.hop_samples) // 2
    return _synthesise(estimate, config)[left : left + len(magnitude) * config.hop_samples].astype(np.float32)


def griffin_lim_from_mel(mel: Floats, config: MelConfig) -> Floats:
    """Baseline vocoder: Griffin-Lim, 60 iterations, on the pseudo-inverse of log-mel (T, bands). Returns audio (T * hop,)."""
    return griffin_lim(mel_to_magnitude(mel, config), config)


@lru_cache
def _inverse_filters(config: MelConfig) -> Floats:
    return np.linalg.pinv(mel_filters(config)).astype(np.float32)


def _analyse(padded: Floats, config: MelConfig) -> NDArray[np.complex64]:
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.fft_samples)[:: config.hop_samples]
    return np.fft.rfft(frames * hann_window(config.fft_samples)).astype(np.complex64)


def _synthesise(spectrum: NDArray[np.complex64], config: MelConfig) -> Floats:
    """Return the least-squares overlap-add of `spectrum` (T, bins), shape (fft_samples + (T - 1) * hop,), with its margins."""
    window, hop = hann_window(config.fft_samples), config.hop_samples
    frames = (np.fft.irfft(spectrum, config.fft_samples) * window).astype(np.float32)
    signal = np.zeros(config.fft_samples + (len(frames) - 1) * hop, np.float32)
    weight = np.zeros_like(signal)
    for index, frame in enumerate(frames):
        signal[index * hop : index * hop + config.fft_samples] += frame
        weight[index * hop : index * hop + config.fft_samples] += window**2
    return (signal / np.maximum(weight, 1e-3)).astype(np.float32)


def _cropped(reference: Floats, audio: Floats) -> tuple[Floats, Floats]:
    samples = min(len(reference), len(audio))
    return reference[:samples], audio[:samples]
