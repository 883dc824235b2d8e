import numpy as np
import pytest

from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.evaluation.measures.pitch import correlation
from tts_cli.evaluation.measures.prosody import (
    Contour,
    TimedWord,
    compare_prosody,
    compare_timing,
    contour_of,
    map_f0,
    warping,
)

pytest.importorskip("scipy")
FRAMES = np.arange(200)


def _contour(f0_hz: Floats) -> Contour:
    return Contour(f0_hz.astype(np.float32), np.sin(FRAMES / 9).astype(np.float32))


@pytest.fixture
def melody() -> Floats:
    """F0 contour around 150 Hz, a quarter of its frames unvoiced."""
    f0_hz = 150 * np.exp(0.2 * np.sin(FRAMES / 15))
    f0_hz[50:100] = 0
    return f0_hz.astype(np.float32)


def test_a_contour_agrees_with_itself_in_another_range(melody: Floats) -> None:
    higher = np.where(melody > 0, 300 * (melody / 150) ** 1.7, 0)
    scores = compare_prosody(_contour(melody), _contour(higher))
    assert scores.f0_correlation == pytest.approx(1.0, abs=1e-5)
    assert scores.energy_correlation == pytest.approx(1.0)
    assert scores.f0_rmse_semitones == pytest.approx(0.0, abs=1e-3)
    assert (scores.gross_pitch_error, scores.voicing_error, scores.f0_frame_error) == (0, 0, 0)


def test_an_inverted_contour_correlates_negatively(melody: Floats) -> None:
    inverted = np.where(melody > 0, 150**2 / np.maximum(melody, 1), 0)
    assert compare_prosody(_contour(melody), _contour(inverted)).f0_correlation == pytest.approx(-1.0, abs=1e-5)


def test_voicing_and_gross_errors_add_up_to_frame_errors(melody: Floats) -> None:
    other = melody.copy()
    other[:10] = 0
    other[60:65] = 150
    scores = compare_prosody(_contour(melody), _contour(other))
    assert scores.voicing_error == pytest.approx(15 / 200)
    assert scores.gross_pitch_error == 0
    assert scores.f0_frame_error == pytest.approx(15 / 200)


def test_octave_errors_are_gross() -> None:
    level = np.full(200, 150.0) + np.where(FRAMES % 2, 3.0, -3.0)
    jumping = level.copy()
    jumping[190:] *= 2
    scores = compare_prosody(_contour(jumping), _contour(jumping[::-1]))
    assert scores.gross_pitch_error == pytest.approx(20 / 200)
    assert scores.f0_frame_error == pytest.approx(20 / 200)
    assert scores.f0_rmse_semitones == pytest.approx(12 * np.sqrt(20 / 200), rel=0.05)


def test_the_longer_is_cropped_and_energy_is_its_own_measure(melody: Floats) -> None:
    loud = Contour(melody, np.cos(FRAMES / 3).astype(np.float32))
    quiet = Contour(melody[:150], -np.cos(FRAMES / 3).astype(np.float32)[:150])
    scores = compare_prosody(loud, quiet)
    assert (scores.f0_correlation, scores.energy_correlation) == (pytest.approx(1, abs=1e-5), pytest.approx(-1))


def test_mapping_gives_mean_and_deviation_and_keeps_the_unvoiced(melody: Floats) -> None:
    onto = np.where(FRAMES < 120, 90 + FRAMES / 10, 0).astype(np.float32)
    mapped = map_f0(melody, onto)
    both = (melody > 0) & (onto > 0)
    assert np.log(mapped[both]).mean() == pytest.approx(np.log(onto[both]).mean(), abs=1e-5)
    assert np.log(mapped[both]).std() == pytest.approx(np.log(onto[both]).std(), rel=1e-4)
    assert np.array_equal(mapped == 0, melody == 0)
    monotonous = np.full(200, 100, np.float32)
    assert map_f0(monotonous, np.full(200, 220, np.float32)) == pytest.approx(np.full(200, 220), rel=1e-4)


def test_what_is_not_defined_is_not_a_number(melody: Floats) -> None:
    scores = compare_prosody(_contour(melody), _contour(np.zeros(200)))
    assert np.isnan([scores.f0_correlation, scores.f0_rmse_semitones, scores.gross_pitch_error]).all()
    assert scores.voicing_error == scores.f0_frame_error == pytest.approx(150 / 200)
    assert np.isnan(correlation(np.ones(5, np.float32), np.arange(5, dtype=np.float32)))
    assert np.isnan(correlation(np.ones(1, np.float32), np.ones(1, np.float32)))


def test_the_melody_of_a_tone_is_found() -> None:
    pytest.importorskip("swift_f0")
    config, seconds = MelConfig(), np.arange(16000) / 16000
    hertz = 180 + 30 * np.sin(2 * np.pi * seconds)
    phase = 2 * np.pi * np.cumsum(hertz) / 16000
    tone = sum(np.sin(k * phase) / k for k in range(1, 8)) * np.linspace(0.05, 0.2, 16000)
    contour = contour_of(tone.astype(np.float32), config)
    assert contour.f0_hz[10:70] == pytest.approx(hertz[100::200][10:70], rel=0.03)
    assert np.all(np.diff(contour.energy[5:75:10]) > 0)


def test_warping_finds_what_was_slowed_down() -> None:
    pytest.importorskip("librosa")
    generator = np.random.default_rng(0)
    mel = np.repeat(generator.normal(-4, 1.5, (12, 80)), 8, axis=0).astype(np.float32)
    frames = np.concatenate([np.arange(48), np.repeat(np.arange(48, 96), 2)])
    found = warping(mel, mel[frames] + 0.7)
    assert len(found) == 144 and np.all(np.diff(found) >= 0)
    assert np.array_equal(found // 8, frames // 8)


def test_warping_brings_two_sentences_of_tones_together() -> None:
    pytest.importorskip("librosa")
    config, seconds = MelConfig(), np.arange(8000) / 16000
    tones = [np.sin(2 * np.pi * hertz * seconds).astype(np.float32) * 0.3 for hertz in (300, 1500, 700)]
    first = log_mel(np.concatenate(tones), config)
    second = log_mel(np.concatenate([tones[0][:4000], tones[1], tones[2], tones[2]]), config)
    found = warping(first, second)
    assert found[10] < 40 and 40 <= found[35] < 80 and found[100] >= 80


def test_timing_is_compared_over_the_words_that_both_have() -> None:
    source = [TimedWord(" The", 0.0, 0.2), TimedWord(" old", 0.2, 0.6), TimedWord(" cat", 0.6, 0.9), TimedWord(" sat.", 0.9, 1.5)]
    output = [TimedWord("the", 0.1, 0.3), TimedWord("bold", 0.3, 0.7), TimedWord("cat", 0.7, 1.1), TimedWord("sat", 1.1, 1.8)]
    scores = compare_timing(source, output)
    assert scores.num_words == 3
    assert scores.start_difference_ms == pytest.approx((100 + 100 + 200) / 3)
    assert scores.duration_difference_ms == pytest.approx((0 + 100 + 100) / 3)
    assert scores.duration_correlation == pytest.approx(np.corrcoef([0.2, 0.3, 0.6], [0.2, 0.4, 0.7])[0, 1])
    same = compare_timing(source, source)
    assert (same.num_words, same.start_difference_ms, same.duration_correlation) == (4, 0, pytest.approx(1))
    assert compare_timing(source, []).num_words == 0
    assert np.isnan(compare_timing(source, [TimedWord("-", 0, 1)]).start_difference_ms)
