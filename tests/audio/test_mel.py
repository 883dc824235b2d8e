"""Mel spectrogram, compared with librosa: Slaney's filters, magnitudes and frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats, MelConfig, energy, hann_window, log_mel, magnitude_spectrogram, mel_filters

librosa = pytest.importorskip("librosa")

CONFIGS = {
    "default": MelConfig(),
    "22 kHz": MelConfig(sample_rate=22050, hop_samples=256, fmax_hz=8000.0),
    "few bands in the middle": MelConfig(num_bands=40, fmin_hz=300.0, fmax_hz=7000.0),
    "short windows": MelConfig(fft_samples=512, hop_samples=160, num_bands=24, fmin_hz=60.0),
}
CLIP = Path(__file__).parents[2] / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"


@pytest.fixture(name="audio", scope="module")
def _audio() -> Floats:
    return read_audio(CLIP, 16000)


def padded(audio: Floats, config: MelConfig) -> Floats:
    """Return the audio padded with zeros, so that frames from its first sample on are those of `log_mel`."""
    left = (config.fft_samples - config.hop_samples) // 2
    num_samples = (config.num_frames(len(audio)) - 1) * config.hop_samples + config.fft_samples
    return np.pad(audio, (left, num_samples - left - len(audio)))


@pytest.mark.parametrize("name", CONFIGS)
def test_filters_are_librosas(name: str) -> None:
    config = CONFIGS[name]
    expected = librosa.filters.mel(
        sr=config.sample_rate, n_fft=config.fft_samples, n_mels=config.num_bands, fmin=config.fmin_hz, fmax=config.fmax_hz,
        htk=False, norm="slaney",
    )  # fmt: skip
    assert expected.max() > 0.005
    np.testing.assert_allclose(mel_filters(config), expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if config.sample_rate == 16000])
def test_a_log_mel_is_librosas(name: str, audio: Floats) -> None:
    config = CONFIGS[name]
    expected = librosa.feature.melspectrogram(
        y=padded(audio, config), sr=config.sample_rate, n_fft=config.fft_samples, hop_length=config.hop_samples, power=1.0,
        center=False, window="hann", n_mels=config.num_bands, fmin=config.fmin_hz, fmax=config.fmax_hz,
    )  # fmt: skip
    mel = log_mel(audio, config)
    assert mel.shape == (-(-len(audio) // config.hop_samples), config.num_bands)
    np.testing.assert_allclose(mel, np.log(np.maximum(expected.T, config.floor)), atol=2e-3)


def test_magnitudes_and_the_window_are_librosas(audio: Floats) -> None:
    config = MelConfig()
    expected = np.abs(librosa.stft(padded(audio, config), n_fft=1024, hop_length=200, center=False, window="hann"))
    np.testing.assert_allclose(magnitude_spectrogram(audio, config), expected.T, atol=1e-4)
    np.testing.assert_allclose(hann_window(1024), librosa.filters.get_window("hann", 1024), atol=1e-6)


def test_silence_is_the_floor_and_energy_the_mean_magnitude() -> None:
    config = MelConfig()
    np.testing.assert_allclose(log_mel(np.zeros(1000, np.float32), config), config.silence)
    assert config.silence == pytest.approx(np.log(1e-5))
    mel = np.log(np.array([[1.0, 3.0], [2.0, 2.0]], np.float32))
    np.testing.assert_allclose(energy(mel), np.log([[2.0], [2.0]]), rtol=1e-5)
