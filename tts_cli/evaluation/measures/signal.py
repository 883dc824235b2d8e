"""Measures between two signals of the same sentence, and Griffin-Lim, the vocoder that every vocoder must beat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, hann_window, log_mel, magnitude_spectrogram, mel_filters
from tts_cli.errors import AudioError
from tts_cli.evaluation.extra import require


@dataclass(frozen=True)
class SignalScores:
    """How near a signal comes to its reference."""

    pesq: float
    """Wideband PESQ (ITU-T P.862.2), MOS-LQO from about 1.0 to 4.64."""
    stoi: float
    """Short-time objective intelligibility (Taal et al. 2011), 0 to 1."""
    log_spectral_distance: float
    """Root mean square difference of the linear magnitudes, in dB."""
    mel_distance: float
    """Mean absolute difference of the natural-log mels."""


def score(reference: Floats, audio: Floats, config: MelConfig) -> SignalScores:
    """Compare `audio` (samples,) with `reference` (samples,); the longer is cropped to the shorter.

    Raises AudioError for signals in which PESQ finds no speech, or that are shorter than its quarter of a second.
    """
    reference, audio = _cropped(reference, audio)
    return SignalScores(
        pesq=wideband_pesq(reference, audio, config.sample_rate),
        stoi=intelligibility(reference, audio, config.sample_rate),
        log_spectral_distance=log_spectral_distance(reference, audio, config),
        mel_distance=float(np.abs(log_mel(reference, config) - log_mel(audio, config)).mean()),
    )


def wideband_pesq(reference: Floats, audio: Floats, sample_rate: int) -> float:
    """Wideband PESQ of `audio` (samples,) at 16 kHz. Raises AudioError as `score` does."""
    pesq = require("pesq")
    if sample_rate != 16000:
        raise AudioError(f"wideband PESQ is defined at 16000 Hz, the audio has {sample_rate} Hz")
    if min(len(reference), len(audio)) < sample_rate // 4:
        raise AudioError("PESQ needs at least a quarter of a second of audio")
    try:
        return float(pesq.pesq(sample_rate, reference, audio, "wb"))
    except pesq.PesqError as error:
        raise AudioError(f"PESQ cannot compare these signals: {error}") from error


def intelligibility(reference: Floats, audio: Floats, sample_rate: int) -> float:
    """STOI of `audio` (samples,) against `reference` (samples,) of the same length, not realigned."""
    return float(require("pystoi").stoi(reference, audio, sample_rate))


def overall_quality(audio: Floats, sample_rate: int) -> float:
    """What DNSMOS (Reddy et al. 2022) takes for the overall quality of `audio` (samples,), 1 to 5: a guard against damage.

    It was made for noise suppression and says nothing of naturalness. Raises AudioError for silence.
    """
    if not np.any(audio):
        raise AudioError("there is no speech in silence")
    heard = np.clip(resample(audio, sample_rate, 16000), -1, 1)
    return float(require("speechmos.dnsmos").run(heard, 16000)["ovrl_mos"])


def log_spectral_distance(reference: Floats, audio: Floats, config: MelConfig) -> float:
    """Log-spectral distance in dB (Gray and Markel 1976): RMS over the bins of a frame, mean over frames."""
    levels = [20 * np.log10(np.maximum(magnitude_spectrogram(x, config), config.floor)) for x in (reference, audio)]
    return float(np.sqrt(np.square(levels[0] - levels[1]).mean(axis=1)).mean())


@dataclass(frozen=True)
class PitchScores:
    """How near an F0 track comes to its reference."""

    rmse_semitones: float
    """Root mean square error where both are voiced; NaN where they never are."""
    correlation: float
    """Pearson correlation of log-F0 where both are voiced; NaN below two frames."""
    voicing_error: float
    """Fraction of frames whose voicing decision differs."""


def compare_pitch(reference_hz: Floats, other_hz: Floats) -> PitchScores:
    """Compare two F0 tracks (T,) in Hertz, 0 where unvoiced, as `audio.pitch` gives them; the longer is cropped."""
    reference_hz, other_hz = _cropped(reference_hz, other_hz)
    both = (reference_hz > 0) & (other_hz > 0)
    log_f0 = np.log(reference_hz[both]), np.log(other_hz[both])
    semitones = (log_f0[0] - log_f0[1]) * 12 / np.log(2)
    return PitchScores(
        rmse_semitones=float(np.sqrt(np.square(semitones).mean())) if both.any() else float("nan"),
        correlation=float(np.corrcoef(*log_f0)[0, 1]) if both.sum() > 1 else float("nan"),
        voicing_error=float(((reference_hz > 0) != (other_hz > 0)).mean()),
    )


def mel_to_magnitude(mel: Floats, config: MelConfig) -> Floats:
    """Linear magnitudes (T, fft_samples / 2 + 1) from mel (T, num_bands) by the filters' pseudo-inverse, never negative."""
    return np.maximum(np.exp(mel) @ _inverse_filters(config).T, 0).astype(np.float32)


def griffin_lim(magnitude: Floats, config: MelConfig, iterations: int = 60, momentum: float = 0.99, seed: int = 0) -> Floats:
    """Audio (T * hop,) whose magnitudes come near `magnitude` (T, fft_samples / 2 + 1), in the framing of `log_mel`.

    Griffin and Lim 1984 from random phase, made faster by `momentum` (Perraudin, Balazs and Sondergaard 2013; 0 is the original).
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
    """The baseline of every vocoder: 60 iterations from the pseudo-inverse of mel (T, num_bands); audio (T * hop,)."""
    return griffin_lim(mel_to_magnitude(mel, config), config)


@lru_cache
def _inverse_filters(config: MelConfig) -> Floats:
    return np.linalg.pinv(mel_filters(config)).astype(np.float32)


def _analyse(padded: Floats, config: MelConfig) -> NDArray[np.complex64]:
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.fft_samples)[:: config.hop_samples]
    return np.fft.rfft(frames * hann_window(config.fft_samples)).astype(np.complex64)


def _synthesise(spectrum: NDArray[np.complex64], config: MelConfig) -> Floats:
    """Least-squares overlap-add of spectrum (T, bins): (fft_samples + (T - 1) * hop,), the margins of the framing included."""
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
