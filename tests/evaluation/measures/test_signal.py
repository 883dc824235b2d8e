from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats, MelConfig, log_mel, magnitude_spectrogram
from tts_cli.errors import AudioError
from tts_cli.evaluation.measures.signal import (
    griffin_lim,
    griffin_lim_from_mel,
    intelligibility,
    mel_to_magnitude,
    overall_quality,
    score,
    wideband_pesq,
)

CONFIG = MelConfig()
CLIP = Path(__file__).parents[3] / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"


@pytest.fixture(scope="module")
def syllables() -> Floats:
    """Audio of 1.5 s: a gliding harmonic tone in bursts, enough like speech for PESQ and STOI."""
    time = np.arange(24000) / CONFIG.sample_rate
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 0.8 * time)) / CONFIG.sample_rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.2 * buzz * np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)).astype(np.float32)


def test_a_signal_is_at_no_distance_from_itself(syllables: Floats) -> None:
    pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    scores = score(syllables, syllables, CONFIG)
    assert scores.pesq > 4.6
    assert scores.stoi > 0.999
    assert scores.log_spectral_distance == scores.mel_distance == 0


def test_noise_lowers_every_measure_and_lengths_may_differ(syllables: Floats) -> None:
    pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    noise = 0.05 * np.random.default_rng(0).standard_normal(len(syllables) + 77).astype(np.float32)
    noise[: len(syllables)] += syllables
    scores = score(syllables, noise, CONFIG)
    assert scores.pesq < 4
    assert scores.stoi < 0.999
    assert scores.mel_distance > 0.1


def test_pesq_is_undefined_where_it_has_no_speech_to_compare(syllables: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    pesq = pytest.importorskip("pesq")
    silence, short = np.zeros_like(syllables), syllables[:3999]
    for pair in ((short, short), (silence, silence), (silence, syllables), (syllables, silence)):
        assert np.isnan(wideband_pesq(*pair, 16000))
        assert np.isnan(score(*pair, CONFIG).pesq)
    with pytest.raises(AudioError, match="16000 Hz"):
        wideband_pesq(syllables, syllables, 24000)

    def finds_none(*_: object) -> float:
        raise pesq.NoUtterancesError

    monkeypatch.setattr("pesq.pesq", finds_none)
    assert np.isnan(wideband_pesq(syllables, syllables, 16000))


@pytest.mark.parametrize("samples", [0, 100, 4000, 6500])
def test_stoi_of_too_little_speech_is_undefined(syllables: Floats, samples: int) -> None:
    pytest.importorskip("pystoi")
    assert np.isnan(intelligibility(syllables[1000:][:samples], syllables[1000:][:samples], 16000))
    assert np.isnan(intelligibility(np.zeros_like(syllables), syllables, 16000))
    padded = np.concatenate([syllables[1000:][:samples], np.zeros(16000, np.float32)])
    assert np.isnan(intelligibility(padded, padded, 16000))
    assert intelligibility(syllables, np.zeros_like(syllables), 16000) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("cut", [0, 1, 199])
def test_griffin_lim_keeps_time_and_spectrum(syllables: Floats, cut: int) -> None:
    audio = syllables[: len(syllables) - cut]
    magnitude = magnitude_spectrogram(audio, CONFIG)
    made = griffin_lim(magnitude, CONFIG)
    assert len(made) == len(magnitude) * CONFIG.hop_samples
    remade = magnitude_spectrogram(made, CONFIG)
    assert np.linalg.norm(remade - magnitude) < 0.1 * np.linalg.norm(magnitude)
    loudness = [np.sqrt(np.convolve(x[: len(audio)] ** 2, np.ones(400) / 400, "same")) for x in (audio, made)]
    assert np.corrcoef(*loudness)[0, 1] > 0.98


@pytest.mark.parametrize(("iterations", "worse"), [(4, 1.15), (40, 1.4)])
@pytest.mark.parametrize("momentum", [0.99, 0.0])
def test_griffin_lim_converges_as_librosas(momentum: float, iterations: int, worse: float) -> None:
    """Mean over three random initial phases, from the same magnitudes."""
    librosa = pytest.importorskip("librosa")
    magnitude = magnitude_spectrogram(read_audio(CLIP, CONFIG.sample_rate), CONFIG)
    framing = {"hop_length": CONFIG.hop_samples, "n_fft": CONFIG.fft_samples, "center": False}
    left = (CONFIG.fft_samples - CONFIG.hop_samples) // 2

    def distance(audio: Floats) -> float:
        remade = np.abs(librosa.stft(audio, **framing)).T[: len(magnitude)]
        return float(np.linalg.norm(remade - magnitude) / np.linalg.norm(magnitude))

    made = [np.pad(griffin_lim(magnitude, CONFIG, iterations, momentum, seed), (left, CONFIG.fft_samples)) for seed in range(3)]
    theirs = [
        librosa.griffinlim(magnitude.T, n_iter=iterations, momentum=momentum, random_state=seed, **framing) for seed in range(3)
    ]
    assert np.mean([*map(distance, made)]) < worse * np.mean([*map(distance, theirs)])


def test_griffin_lim_gives_back_the_mel_it_was_given(syllables: Floats) -> None:
    mel = log_mel(syllables, CONFIG)
    loud = mel > -5
    assert np.abs(log_mel(griffin_lim_from_mel(mel, CONFIG), CONFIG) - mel)[loud].mean() < 0.25


def test_pseudo_inverse_is_never_negative(syllables: Floats) -> None:
    magnitude = mel_to_magnitude(log_mel(syllables, CONFIG), CONFIG)
    assert magnitude.shape == (120, 513)
    assert magnitude.min() >= 0


def test_noise_is_heard_as_damage() -> None:
    pytest.importorskip("speechmos")
    seconds = np.arange(32000) / 16000
    generator = np.random.default_rng(0)
    buzz = sum(np.sin(2 * np.pi * 140 * k * seconds) / k for k in range(1, 20)) * (1 + np.sin(2 * np.pi * 4 * seconds))
    clean = (0.1 * buzz).astype(np.float32)
    noisy = clean + generator.normal(scale=0.1, size=len(clean)).astype(np.float32)
    assert 1 <= overall_quality(noisy, 16000) < overall_quality(clean, 16000) <= 5
    with pytest.raises(AudioError, match="silent"):
        overall_quality(np.zeros(16000, np.float32), 16000)
