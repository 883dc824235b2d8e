"""Deviation and detail of mel spectrograms with known results."""

import numpy as np
import pytest

from tts_cli.audio.mel import Floats, log_mel
from tts_cli.evaluation.measures.spectra import MEL, TEXTURES, Spectra, is_speech, texture, textures


@pytest.fixture
def spectra() -> Spectra:
    """Sixty frames of speech with random mel values, the middle third unvoiced."""
    mel = np.random.default_rng(0).normal(-3, 1, (60, 80)).astype(np.float32)
    f0_hz = np.where((np.arange(60) < 20) | (np.arange(60) >= 40), 120, 0).astype(np.float32)
    return Spectra(mel, f0_hz, np.ones(60, np.bool_))


def test_a_ramp_has_the_detail_of_its_slopes() -> None:
    bands, frames = np.meshgrid(0.25 * np.arange(80), 0.5 * np.arange(11))
    found = texture((bands + frames).astype(np.float32), np.ones(11, np.bool_))
    assert found.detail_bands == pytest.approx(0.25, abs=1e-6)
    assert found.detail_frames == pytest.approx(0.5, abs=1e-6)
    assert found.deviation == pytest.approx(0.5 * np.sqrt(10), abs=1e-6)


def test_smoothing_over_frames_and_bands_lowers_detail(spectra: Spectra) -> None:
    def smoothed(axis: int) -> dict[str, float]:
        mel = sum(np.roll(spectra.mel, shift, axis) for shift in (-1, 0, 1)) / 3
        return textures(Spectra(np.asarray(mel, np.float32), spectra.f0_hz, spectra.is_speech))

    sharp = textures(spectra)
    assert set(sharp) == set(TEXTURES)
    for kind in ("voiced", "unvoiced"):
        assert smoothed(0)[f"detail_frames_{kind}"] < 0.6 * sharp[f"detail_frames_{kind}"]
        assert smoothed(1)[f"detail_bands_{kind}"] < 0.6 * sharp[f"detail_bands_{kind}"]
        assert smoothed(0)[f"deviation_{kind}"] < 0.7 * sharp[f"deviation_{kind}"]


def test_noise_in_unvoiced_frames_changes_the_unvoiced_figures_alone(spectra: Spectra) -> None:
    noise = np.random.default_rng(1).normal(0, 2, spectra.mel.shape) * spectra.unvoiced[:, None]
    noisy = Spectra((spectra.mel + noise).astype(np.float32), spectra.f0_hz, spectra.is_speech)
    before, after = textures(spectra), textures(noisy)
    for name in TEXTURES:
        assert (after[name] > 1.2 * before[name]) if name.endswith("unvoiced") else (after[name] == before[name])


def test_pairs_of_frames_lie_within_one_class() -> None:
    mel = np.zeros((6, 80), np.float32)
    mel[3:] = 5
    f0_hz = np.array([100, 100, 100, 0, 0, 0], np.float32)
    found = textures(Spectra(mel, f0_hz, np.ones(6, np.bool_)))
    assert found["detail_frames_voiced"] == found["detail_frames_unvoiced"] == found["deviation_voiced"] == 0
    single = textures(Spectra(mel, np.array([100, 0, 100, 0, 100, 0], np.float32), np.ones(6, np.bool_)))
    assert all(np.isnan(value) for value in single.values())


def test_unvoiced_frames_beside_voiced_ones_are_not_inner() -> None:
    f0_hz = np.array([0, 0, 100, 0, 0, 0], np.float32)
    spectra = Spectra(np.zeros((6, 80), np.float32), f0_hz, np.array([1, 1, 1, 1, 1, 0], np.bool_))
    assert spectra.inner_unvoiced.tolist() == [True, False, False, False, True, False]


def test_speech_is_what_lies_near_the_loudness_of_the_clip() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    noise[8000:] *= 10 ** (-40 / 20)
    speech = is_speech(log_mel(noise, MEL))
    assert speech[:37].all() and not speech[43:].any()
    louder = is_speech(log_mel(3 * noise, MEL))
    np.testing.assert_array_equal(louder, speech)
    assert not is_speech(log_mel(np.zeros(4000, np.float32), MEL)).any()


def buzz(seconds: float) -> Floats:
    """Harmonic tone of constant 120 Hz."""
    time = np.arange(round(seconds * 16000)) / 16000
    return (0.1 * sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 30))).astype(np.float32)


def test_audio_is_analysed_at_16_khz_with_its_own_voicing() -> None:
    pytest.importorskip("swift_f0")
    hiss = np.random.default_rng(0).normal(0, 0.05, 16000).astype(np.float32)
    spectra = Spectra.of(np.concatenate([buzz(1), hiss]), 16000)
    assert spectra.voiced[10:70].all() and spectra.unvoiced[90:150].all()
    doubled = Spectra.of(np.repeat(buzz(1), 2), 32000)
    assert len(doubled.mel) == 80
