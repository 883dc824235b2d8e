"""Level, pauses and rate of sounds with known silences."""

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.measures.rhythm import SHORTEST_PAUSE_S, Rhythm, loud_stretches, rhythm

pytest.importorskip("librosa")
RATE = 16000


def sound(seconds: float, amplitude: float = 0.2) -> Floats:
    return (amplitude * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds: float) -> Floats:
    return np.zeros(round(seconds * RATE), np.float32)


def measured(*parts: Floats, num_syllables: int = 0, rate: int = RATE) -> Rhythm:
    audio = np.concatenate(parts)
    return rhythm(audio, rate, loud_stretches(audio, rate), num_syllables)


def test_pauses_are_counted_and_timed() -> None:
    found = measured(silence(0.4), sound(1), silence(0.5), sound(1.5), silence(0.3), sound(0.7), silence(1))
    assert found.num_pauses == 2
    assert found.pause_length_s == pytest.approx(0.4, abs=0.011)
    assert found.speech_s == pytest.approx(4, abs=0.021)
    assert found.pause_share == pytest.approx(0.8 / 4, abs=0.01)


def test_rates_are_syllables_of_time_with_and_without_pauses() -> None:
    found = measured(sound(2), silence(1), sound(2), num_syllables=16)
    assert found.speech_rate == pytest.approx(16 / 5, rel=0.01)
    assert found.articulation_rate == pytest.approx(16 / 4, rel=0.01)
    assert np.isnan([measured(sound(1)).speech_rate, measured(sound(1)).articulation_rate]).all()


@pytest.mark.parametrize(("seconds", "num_pauses"), [(SHORTEST_PAUSE_S - 0.03, 0), (SHORTEST_PAUSE_S + 0.03, 1)])
def test_short_silences_are_no_pauses(seconds: float, num_pauses: int) -> None:
    found = measured(sound(1), silence(seconds), sound(1))
    assert found.num_pauses == num_pauses
    assert np.isnan(found.pause_length_s) == (not num_pauses)
    assert (found.pause_share > 0) == bool(num_pauses)


def test_a_click_neither_ends_a_pause_nor_lengthens_speech() -> None:
    found = measured(sound(0.01), silence(0.5), sound(1), silence(0.4), sound(0.01), silence(0.4), sound(1))
    assert found.num_pauses == 1
    assert found.speech_s == pytest.approx(2.81, abs=0.021)


def test_quiet_sound_is_silence_and_loudness_of_the_clip_does_not_count() -> None:
    parts = sound(1), sound(0.5, 0.2 * 10 ** (-40 / 20)), sound(1)
    for gain in (1, 0.01):
        assert measured(*(part * np.float32(gain) for part in parts)).num_pauses == 1


def test_level_is_that_of_the_speech_alone() -> None:
    expected = 20 * np.log10(0.2 / np.sqrt(2))
    assert measured(sound(1)).level_dbfs == pytest.approx(expected, abs=0.05)
    assert measured(silence(2), sound(1), silence(1), sound(1)).level_dbfs == pytest.approx(expected, abs=0.1)
    assert measured(sound(1, 0.1)).level_dbfs == pytest.approx(expected - 6.02, abs=0.05)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_any_sample_rate_will_do(rate: int) -> None:
    parts = [np.ones(round(seconds * rate), np.float32) * loud for seconds, loud in ((0.5, 0.2), (0.6, 0), (0.5, 0.2))]
    assert measured(*parts, rate=rate).pause_length_s == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("audio", [silence(0), silence(1), sound(0.01)])
def test_nothing_is_measured_without_speech(audio: Floats) -> None:
    found = measured(audio)
    assert np.isnan(list(vars(found).values())).all()
