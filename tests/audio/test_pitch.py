"""F0 at the frames of the mel, compared with tones of known F0."""

from __future__ import annotations

import numpy as np
import pytest

from tts_cli.audio.mel import MelConfig
from tts_cli.audio.pitch import estimate_f0, interpolate_log_f0, track_f0

MEL = MelConfig()
pytest.importorskip("swift_f0")


def voice(hertz: np.ndarray, rate: int) -> np.ndarray:
    """Return a tone of 20 harmonics with the F0 of `hertz`, one value in Hz for each sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    harmonics = [np.sin(k * phase) / k for k in range(1, 21)]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 22050])
def test_a_gliding_voice_is_followed_frame_by_frame(rate: int) -> None:
    config = MelConfig(sample_rate=rate, hop_samples=rate // 80)
    hertz = np.linspace(110, 220, 2 * rate)
    f0, voicing = estimate_f0(voice(hertz, rate), config)
    assert f0.shape == voicing.shape == (config.num_frames(len(hertz)),)
    centres = np.minimum(((np.arange(len(f0)) + 0.5) * config.hop_samples).astype(int), len(hertz) - 1)
    inner = slice(8, -8)
    assert voicing[inner].all()
    assert np.abs(np.log(f0[inner] / hertz[centres][inner])).max() < 0.02


def test_silence_and_noise_are_unvoiced() -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    for audio in (np.zeros(16000, np.float32), noise):
        f0, voicing = estimate_f0(audio, MEL)
        assert voicing.mean() < 0.05
        assert (f0[voicing == 0] == 0).all()


def test_voicing_starts_where_the_voice_does() -> None:
    audio = np.concatenate([np.zeros(8000, np.float32), voice(np.full(8000, 150.0), 16000)])
    _, voicing = estimate_f0(audio, MEL)
    assert abs(int(voicing.argmax()) - 40) <= 2


def test_the_range_keeps_octave_errors_out() -> None:
    audio = voice(np.full(16000, 150.0), 16000)
    f0, voicing = estimate_f0(audio, MEL, range_hz=(60.0, 120.0))
    assert (f0[voicing > 0] <= 125).all()


def test_what_is_far_from_the_median_is_not_of_the_voice() -> None:
    whistle = np.sin(2 * np.pi * 1800 * np.arange(3200) / 16000).astype(np.float32)
    audio = np.concatenate([voice(np.full(16000, 150.0), 16000), np.zeros(1600, np.float32), 0.3 * whistle])
    assert estimate_f0(audio, MEL)[0].max() > 1700
    tracked = track_f0(audio, MEL)
    assert 140 < tracked.max() <= 2.5 * 151 and len(tracked) == MEL.num_frames(len(audio))
    assert not track_f0(np.zeros(16000, np.float32), MEL).any()


def test_unvoiced_frames_are_interpolated() -> None:
    log_f0 = interpolate_log_f0(np.array([0, 100, 0, 0, 400, 0], np.float32), 150.0)
    expected = np.log(100) + np.array([0, 0, 1, 2, 3, 3]) / 3 * np.log(4)
    assert np.abs(log_f0 - expected).max() < 1e-5
    assert np.allclose(interpolate_log_f0(np.zeros(3, np.float32), 150.0), np.log(150.0))
