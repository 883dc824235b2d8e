"""Errors of F0 tracks with known answers."""

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.measures.pitch import compare_pitch, correlation

VOICED = np.linspace(100, 180, 100).astype(np.float32)


def moved(semitones: float) -> Floats:
    return VOICED * np.float32(2 ** (semitones / 12))


def test_a_track_is_at_no_distance_from_itself() -> None:
    scores = compare_pitch(VOICED, VOICED)
    assert (scores.rmse_semitones, scores.rmse_hz, scores.gross_pitch_error) == (0, 0, 0)
    assert (scores.voicing_error, scores.f0_frame_error, scores.correlation) == (0, 0, pytest.approx(1))


@pytest.mark.parametrize("semitones", [-7, -0.5, 1, 3])
def test_a_semitone_is_a_semitone(semitones: float) -> None:
    scores = compare_pitch(VOICED, moved(semitones))
    assert scores.rmse_semitones == pytest.approx(abs(semitones), abs=1e-4)
    assert scores.correlation == pytest.approx(1, abs=1e-6)


def test_hertz_are_hertz() -> None:
    other = VOICED + np.where(np.arange(100) % 2, 10, -10)
    assert compare_pitch(VOICED, other).rmse_hz == pytest.approx(10, abs=1e-4)


@pytest.mark.parametrize(("share", "is_gross"), [(1.19, False), (1.21, True), (0.81, False), (0.79, True)])
def test_an_error_above_a_fifth_of_the_reference_is_gross(share: float, is_gross: bool) -> None:
    other = VOICED.copy()
    other[:30] *= np.float32(share)
    scores = compare_pitch(VOICED, other)
    assert scores.gross_pitch_error == scores.f0_frame_error == (0.3 if is_gross else 0)
    assert scores.voicing_error == 0


def test_the_reference_decides_what_is_gross() -> None:
    higher = VOICED * np.float32(1.22)
    assert compare_pitch(VOICED, higher).gross_pitch_error == 1
    assert compare_pitch(higher, VOICED).gross_pitch_error == 0


def test_swapped_voicing_is_an_error_in_every_frame() -> None:
    first, second = VOICED.copy(), VOICED.copy()
    first[50:], second[:50] = 0, 0
    scores = compare_pitch(first, second)
    assert scores.voicing_error == scores.f0_frame_error == 1
    assert np.isnan([scores.rmse_semitones, scores.rmse_hz, scores.correlation, scores.gross_pitch_error]).all()


def test_gross_and_voicing_errors_add_up_to_frame_errors() -> None:
    reference, other = VOICED.copy(), VOICED.copy()
    reference[90:] = 0
    other[:20] = 0
    other[20:34] *= 2
    scores = compare_pitch(reference, other)
    assert scores.voicing_error == pytest.approx(0.3)
    assert scores.gross_pitch_error == pytest.approx(14 / 70)
    assert scores.f0_frame_error == pytest.approx(0.44)


def test_the_longer_track_is_cropped() -> None:
    assert compare_pitch(VOICED, VOICED[:40]) == compare_pitch(VOICED[:40], VOICED[:40])


def test_what_is_not_defined_is_not_a_number() -> None:
    nothing = compare_pitch(np.zeros(0, np.float32), VOICED)
    assert np.isnan([nothing.rmse_hz, nothing.gross_pitch_error, nothing.voicing_error, nothing.f0_frame_error]).all()
    one = compare_pitch(VOICED[:1], VOICED[:1])
    assert np.isnan(one.correlation) and one.rmse_hz == one.voicing_error == 0
    level = np.full(100, 150, np.float32)
    assert np.isnan(compare_pitch(level, VOICED).correlation)
    assert np.isnan(correlation(np.ones(1, np.float32), np.ones(1, np.float32)))


def test_values_that_are_not_finite_are_refused() -> None:
    broken = VOICED.copy()
    broken[3] = np.nan
    for pair in ((broken, VOICED), (VOICED, broken)):
        with pytest.raises(ValueError, match="not finite"):
            compare_pitch(*pair)
