"""Stimuli: loudness, peaks, ends and lengths."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("pyloudnorm")
pytest.importorskip("librosa")

from tts_cli.audio.loudness import integrated_loudness, true_peak_dbtp
from tts_cli.errors import AudioError
from tts_cli.listening.stimuli import EDGE_S, HIGHEST_DBTP, framed_again, loudness, matched, of_equal_length, shaped

RATE = 16000


def tone(seconds: float, level: float = 0.3, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 997 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def test_silence_at_the_ends_is_replaced_by_an_equal_one() -> None:
    sound = np.concatenate([np.zeros(5000), tone(1.0), np.zeros(20000)]).astype(np.float32)
    made = shaped(sound, RATE, RATE, "a")
    edge = round(EDGE_S * RATE)
    assert not made[:edge].any() and not made[-edge:].any()
    assert len(made) / RATE == pytest.approx(1.0 + 2 * 0.05 + 2 * EDGE_S, abs=0.03)


def test_ends_are_soft() -> None:
    made = shaped(tone(1.0, 0.9), RATE, RATE, "a")
    edge = round(EDGE_S * RATE)
    assert np.abs(made[edge : edge + 20]).max() < 0.05 and np.abs(made[-edge - 20 : -edge]).max() < 0.05
    assert np.abs(np.diff(made)).max() < 1.2 * np.abs(np.diff(tone(1.0, 0.9))).max()


def test_a_filtered_sound_keeps_its_silence_and_its_length() -> None:
    made = shaped(tone(1.0, 0.9), RATE, RATE, "a")
    ringing = made + 1e-3
    framed = framed_again(ringing, RATE)
    edge = round(EDGE_S * RATE)
    assert len(framed) == len(made) and not framed[:edge].any() and not framed[-edge:].any()
    inner = slice(edge + 200, -edge - 200)
    assert np.array_equal(framed[inner], ringing[inner])


def test_another_rate_is_resampled() -> None:
    made = shaped(tone(1.0, rate=22050), 22050, RATE, "a")
    spectrum = np.abs(np.fft.rfft(made))
    assert np.fft.rfftfreq(len(made), 1 / RATE)[np.argmax(spectrum)] == pytest.approx(997, abs=2)
    assert len(made) == pytest.approx((1.0 + 2 * EDGE_S) * RATE, abs=0.03 * RATE)


@pytest.mark.parametrize("bad", [np.zeros(8000), np.zeros(0), np.array([0.1, math.nan] * 4000)])
def test_a_silent_or_damaged_sound_is_refused_by_name(bad: np.ndarray) -> None:
    with pytest.raises(AudioError, match="mine, item 'x': the sound is silent or damaged"):
        shaped(bad.astype(np.float32), RATE, RATE, "mine, item 'x'")


def test_a_clip_below_400_ms_is_as_loud_as_a_long_one_of_the_same_level() -> None:
    long = loudness(tone(3.0), RATE)
    assert long == integrated_loudness(tone(3.0), RATE)
    assert loudness(tone(0.2), RATE) == pytest.approx(long, abs=0.3)
    assert loudness(tone(0.05), RATE) == pytest.approx(long, abs=0.5)
    assert loudness(np.zeros(1000, np.float32), RATE) == -math.inf


def speech_like(seconds: float, level: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    envelope = np.clip(np.sin(np.arange(round(seconds * RATE)) / 900), 0.05, None)
    return shaped((level * envelope * rng.normal(0, 0.2, round(seconds * RATE))).astype(np.float32), RATE, RATE, "a")


def test_sounds_of_all_levels_and_lengths_become_equally_loud() -> None:
    sounds = {"quiet": speech_like(2, 0.01, 1), "loud": speech_like(3, 0.9, 2), "short": speech_like(0.3, 0.2, 3)}
    made = matched(sounds, RATE, -23.0)
    edge = round(EDGE_S * RATE)
    assert made.loudness_lufs == -23.0 and made.limiting is None
    for sound in made.sounds.values():
        assert loudness(sound[edge:-edge], RATE) == pytest.approx(-23.0, abs=0.05)
        assert true_peak_dbtp(sound, RATE) <= HIGHEST_DBTP


def test_one_common_gain_keeps_a_peak_from_clipping() -> None:
    peaky = np.zeros(2 * RATE, np.float32)
    peaky[::2000] = 0.5
    sounds = {"peaky": np.pad(peaky, 1600), "speech": speech_like(2, 0.1, 1)}
    made = matched(sounds, RATE, -23.0)
    assert made.limiting == "peaky" and made.loudness_lufs < -24
    assert true_peak_dbtp(made.sounds["peaky"], RATE) == pytest.approx(HIGHEST_DBTP, abs=0.01)
    levels = [loudness(sound[1600:-1600], RATE) for sound in made.sounds.values()]
    assert levels == pytest.approx([made.loudness_lufs] * 2, abs=0.05)


def test_a_sound_below_the_gate_is_refused_by_name() -> None:
    with pytest.raises(AudioError, match="faint: the sound is too faint"):
        matched({"faint": np.pad(tone(1.0, 1e-6), 1600)}, RATE, -23.0)


def test_equal_lengths_by_silence_at_the_end() -> None:
    first, second = of_equal_length([np.ones(3, np.float32), np.ones(5, np.float32)])
    assert first.tolist() == [1, 1, 1, 0, 0] and len(second) == 5
    assert of_equal_length([]) == []
