import numpy as np
import pytest

from tts_cli.audio.mel import MelConfig
from tts_cli.evaluation.measures.prosody import Contour
from tts_cli.evaluation.measures.utterances import DurationScores, UtteranceProsody, compare, compare_durations

RATE = 80.0


def heard(
    f0_hz: np.ndarray, durations: list[int], phones: list[bool] | None = None, energy: np.ndarray | None = None
) -> UtteranceProsody:
    energy = np.sin(np.arange(len(f0_hz)) / 5.0) if energy is None else energy
    is_phone = np.array(phones or [place % 2 == 1 for place in range(len(durations))])
    contour = Contour(f0_hz.astype(np.float32), energy.astype(np.float32))
    return UtteranceProsody(contour, np.array(durations, np.int64), is_phone, RATE)


def test_rate_and_pauses_count_from_the_first_phone_to_the_last() -> None:
    measures = heard(np.full(120, 100.0), [20, 20, 10, 30, 40]).measures()
    assert measures.rate == pytest.approx(2 / (50 / RATE))
    assert measures.pause_share == pytest.approx(10 / 60)


def test_sound_around_the_phones_and_between_them_is_not_measured() -> None:
    f0_hz, energy = np.full(120, 100.0), np.zeros(120)
    aside = np.r_[0:20, 40:50, 80:120]
    f0_hz[aside], energy[aside] = 400.0, 9.0
    measures = heard(f0_hz, [20, 20, 10, 30, 40], energy=energy).measures()
    assert measures.mean_f0 == pytest.approx(np.log(100), abs=1e-6)
    assert (measures.f0_range, measures.energy_range) == (0.0, 0.0)


def test_ranges_lie_between_the_outer_percentiles() -> None:
    octave = 100 * 2 ** np.linspace(0, 1, 101)
    measures = heard(octave, [0, 101], energy=np.linspace(0, 10, 101)).measures()
    assert measures.f0_range == pytest.approx(0.9 * 12, rel=1e-4)
    assert measures.energy_range == pytest.approx(9.0, rel=1e-4)


@pytest.mark.parametrize("semitones_per_second", [-20.0, 0.0, 12.0])
def test_the_final_slope_is_that_of_the_last_half_second_of_speech(semitones_per_second: float) -> None:
    seconds = np.arange(100) / RATE
    f0_hz = np.concatenate([np.full(60, 300.0), 150 * 2 ** (semitones_per_second * seconds[:40] / 12), np.full(30, 90.0)])
    assert heard(f0_hz, [0, 100, 30]).measures().final_slope == pytest.approx(semitones_per_second, abs=1e-3)


def test_unvoiced_sounds_are_not_in_the_range_of_energy() -> None:
    f0_hz, energy = np.full(100, 100.0), np.zeros(100)
    f0_hz[30:60], energy[30:60] = 0.0, -7.0
    assert heard(f0_hz, [0, 100], energy=energy).measures().energy_range == 0.0


def test_what_is_not_voiced_has_no_melody() -> None:
    measures = heard(np.zeros(50), [0, 50]).measures()
    assert all(np.isnan([measures.mean_f0, measures.f0_range, measures.final_slope]))
    assert measures.rate > 0


def test_the_same_contour_spoken_at_another_pace_is_the_same() -> None:
    first = 100 + 10 * np.arange(10.0)
    second = 200 - 5 * np.arange(20.0)
    recording = heard(np.concatenate([first, second]), [0, 10, 0, 20])
    fast_and_slow = heard(np.concatenate([np.repeat(first, 3), second[1::2]]), [0, 30, 0, 10])
    near = compare(recording, fast_and_slow, 0.2)
    assert near.f0_correlation > 0.99
    # Linear stretching of the whole utterance would not align the two.
    evenly = np.interp(np.linspace(0, 1, 30), np.linspace(0, 1, 40), fast_and_slow.contour.f0_hz)
    assert np.corrcoef(evenly, recording.contour.f0_hz)[0, 1] < 0.9


def test_errors_are_in_deviations_of_the_speaker_and_in_milliseconds() -> None:
    melody = 100 * 2 ** (np.sin(np.arange(40) / 4) / 6)
    recording = heard(melody, [0, 10, 0, 30])
    higher = heard(melody * np.exp(0.3), [0, 10, 0, 30])
    assert compare(recording, higher, 0.15).f0_rmse == pytest.approx(2.0, rel=1e-3)
    assert compare(recording, higher, 0.15).f0_correlation == pytest.approx(1.0)
    assert compare(recording, higher, 0.15).duration_error_ms == 0.0
    slower = heard(np.full(48, 100.0), [0, 14, 0, 34])
    assert compare(recording, slower, 0.15).duration_error_ms == pytest.approx(50.0)
    assert np.isnan(compare(recording, slower, 0.15).f0_correlation)


def test_pauses_are_not_compared() -> None:
    melody = 100 * 2 ** (np.sin(np.arange(30) / 4) / 6)
    recording = heard(melody, [0, 10, 0, 20])
    paused = heard(np.concatenate([melody[:10], np.full(25, 300.0), melody[10:]]), [0, 10, 25, 20])
    assert compare(recording, paused, 0.2).f0_rmse == pytest.approx(0.0, abs=1e-6)
    assert compare(recording, paused, 0.2).duration_error_ms == 0.0


def test_other_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="different tokens"):
        compare(heard(np.full(20, 100.0), [0, 20]), heard(np.full(20, 100.0), [0, 10, 0, 10]), 0.2)


def test_a_glide_is_heard_in_audio() -> None:
    pytest.importorskip("swift_f0")
    config = MelConfig()
    seconds = np.arange(16000) / 16000
    hertz = 120 * 2 ** (6 * seconds / 12)
    phase = 2 * np.pi * np.cumsum(hertz) / 16000
    audio = sum(0.1 / k * np.sin(k * phase) for k in range(1, 9)).astype(np.float32)
    measures = UtteranceProsody.of(audio, config, ("^", "AA1", "."), (0, 80, 0)).measures()
    assert measures.mean_f0 == pytest.approx(np.log(120 * 2 ** (3 / 12)), abs=0.02)
    assert measures.final_slope == pytest.approx(6.0, abs=1.0)
    assert measures.f0_range == pytest.approx(0.9 * 6, abs=0.5)


def test_durations_are_compared_phone_by_phone() -> None:
    melody = np.full(500, 100.0)
    own, slower = heard(melody, [20, 8, 10, 16, 5, 24]), heard(melody, [50, 16, 0, 32, 9, 48])
    assert compare_durations(own, own) == DurationScores(pytest.approx(1), 0)
    assert compare_durations(own, slower) == DurationScores(pytest.approx(1), pytest.approx(1000 / RATE * (8 + 16 + 24) / 3))
    reversed_order = heard(melody, [0, 24, 0, 16, 0, 8])
    assert compare_durations(own, reversed_order).correlation == pytest.approx(-1)
    level = heard(melody, [0, 10, 0, 10, 0, 10])
    assert np.isnan(compare_durations(own, level).correlation)
    assert np.isnan(compare_durations(heard(melody, [0, 5]), heard(melody, [0, 6])).correlation)
    with pytest.raises(ValueError, match="different tokens"):
        compare_durations(own, heard(melody, [0, 24, 0, 16]))
