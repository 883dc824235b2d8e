"""Anchors: attenuation, delay, length, and the choice of cut-off frequencies."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy.signal import freqz, welch

from tts_cli.listening.anchors import choose_anchors, low_pass, low_passed, reaches_high


def noise(rate: int, seconds: float = 4.0) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, round(rate * seconds)).astype(np.float32)


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("cutoff", "rate"), [(2000, 16000), (3500, 16000), (3500, 22050), (3500, 48000), (7000, 48000)])
def test_the_filter_has_a_flat_pass_band_and_a_deep_stop_band(cutoff: float, rate: int) -> None:
    taps = low_pass(cutoff, rate)
    assert len(taps) % 2 == 1 and np.array_equal(taps, taps[::-1])
    frequencies, response = freqz(taps, worN=1 << 16, fs=rate)
    level = 20 * np.log10(np.abs(response) + 1e-12)
    assert np.abs(level[frequencies <= cutoff]).max() < 0.01
    assert level[frequencies >= cutoff * 8 / 7].max() < -69


def test_the_measured_spectrum_of_an_anchor_ends_at_its_cut_off() -> None:
    sound = noise(16000)
    anchor = low_passed(sound, 3500, 16000)
    frequencies, before = welch(sound, 16000, nperseg=2048)
    _, after = welch(anchor, 16000, nperseg=2048)
    change = 10 * np.log10(after / before)
    assert np.abs(change[(frequencies > 50) & (frequencies < 3450)]).max() < 0.1
    assert change[frequencies > 4100].max() < -55
    assert len(anchor) == len(sound) and anchor.dtype == np.float32


@pytest.mark.parametrize("cutoff", [2000.0, 3500.0])
def test_an_anchor_is_not_delayed(cutoff: float) -> None:
    sound = tone(440, 16000)
    anchor = low_passed(sound, cutoff, 16000)
    assert np.abs(anchor[2000:-2000] - sound[2000:-2000]).max() < 1e-3
    click = np.zeros(2001, np.float32)
    click[1000] = 1
    assert int(np.argmax(low_passed(click, cutoff, 16000))) == 1000


def test_speech_of_16_khz_gets_the_lower_anchors_and_a_note() -> None:
    anchors, notes = choose_anchors("auto", [noise(16000)], 16000)
    assert [(one.role, one.cutoff_hz, one.name) for one in anchors] == [
        ("low-anchor", 2000.0, "anchor 2 kHz"),
        ("mid-anchor", 3500.0, "anchor 3.5 kHz"),
    ]
    assert notes[0].startswith("Departure from BS.1534-3") and "2 kHz (low anchor) and 3.5 kHz (mid anchor)" in notes[0]
    assert any("do not reach above 10 kHz" in note for note in notes)


def test_wide_sounds_get_the_standard_anchors_and_no_note() -> None:
    anchors, notes = choose_anchors("auto", [noise(48000)], 48000)
    assert [(one.role, one.cutoff_hz) for one in anchors] == [("low-anchor", 3500.0), ("mid-anchor", 7000.0)]
    assert notes == ()


def test_a_high_rate_alone_does_not_make_a_sound_wide() -> None:
    narrow = low_passed(noise(48000), 8000, 48000)
    assert reaches_high([noise(48000)], 48000) and not reaches_high([narrow], 48000)
    assert not reaches_high([noise(20000)], 20000)
    assert choose_anchors("auto", [narrow], 48000)[0][0].cutoff_hz == 2000


def test_chosen_anchors_and_none() -> None:
    anchors, notes = choose_anchors((1000.0, 3500.0), [noise(16000)], 16000)
    assert [one.cutoff_hz for one in anchors] == [1000.0, 3500.0] and "1 kHz (low anchor)" in notes[0]
    assert choose_anchors("none", [noise(16000)], 16000)[0] == ()
    anchors, notes = choose_anchors((3500.0, 7000.0), [noise(16000)], 16000)
    assert [one.cutoff_hz for one in anchors] == [3500.0]
    assert "The anchor of 7 kHz was left out" in notes[-1]
