"""Errors against a recording, on mel spectrograms with known results."""

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.measures.cepstra import compare_with_recording, mel_cepstra, paired_frames
from tts_cli.evaluation.measures.spectra import Spectra

pytest.importorskip("scipy")


def spectra(mel: Floats, f0_hz: Floats | None = None) -> Spectra:
    """Analysis of an utterance with speech in all frames; its F0 rises unless given."""
    melody = np.linspace(100, 200, len(mel)) if f0_hz is None else f0_hz
    return Spectra(np.asarray(mel, np.float32), np.asarray(melody, np.float32), np.ones(len(mel), np.bool_))


@pytest.fixture
def mel() -> Floats:
    """Mel spectrogram of 80 frames with smooth envelopes that change slowly."""
    bands, frames = np.arange(80), np.arange(80)[:, None]
    return (-4 + np.sin(bands / 9 + frames / 12) + 0.5 * np.cos(bands / 17 - frames / 8)).astype(np.float32)


@pytest.mark.parametrize("align", [True, False])
def test_a_recording_is_at_no_distance_from_itself(mel: Floats, align: bool) -> None:
    if align:
        pytest.importorskip("librosa")
    errors = compare_with_recording(spectra(mel), spectra(mel), align)
    assert errors.mel_cepstral_distortion == errors.f0_rmse_semitones == errors.voicing_error == 0


def test_distortion_is_that_of_the_envelopes_in_decibels(mel: Floats) -> None:
    ripple = 0.3 * np.cos(np.pi * 5 * (np.arange(80) + 0.5) / 80)
    errors = compare_with_recording(spectra(mel), spectra(mel + ripple), align=False)
    assert errors.mel_cepstral_distortion == pytest.approx(20 / np.log(10) * np.sqrt(np.mean(ripple**2)), rel=1e-4)


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("coefficient", [1, 7, 24])
def test_distortion_of_a_known_cepstral_offset(mel: Floats, coefficient: int, align: bool) -> None:
    if align:
        pytest.importorskip("librosa")
    offset = 0.01
    # A coefficient c of a minimum-phase filter adds c * cos to the log magnitude.
    wave = offset * np.cos(np.pi * coefficient * (np.arange(80) + 0.5) / 80)
    steady = np.repeat(mel[:1], 30, axis=0)
    errors = compare_with_recording(spectra(steady), spectra(steady + wave), align)
    assert errors.mel_cepstral_distortion == pytest.approx(10 / np.log(10) * np.sqrt(2) * offset, rel=1e-3)


def test_higher_coefficients_than_24_do_not_count(mel: Floats) -> None:
    wave = np.cos(np.pi * 25 * (np.arange(80) + 0.5) / 80)
    assert compare_with_recording(spectra(mel), spectra(mel + wave), align=False).mel_cepstral_distortion < 1e-4


def test_frames_are_paired_in_step_or_by_warping(mel: Floats) -> None:
    pytest.importorskip("librosa")
    slow = spectra(np.repeat(mel, 2, axis=0))
    theirs, ours = paired_frames(spectra(mel), slow, align=False)
    assert np.array_equal(theirs, ours) and len(theirs) == 80
    theirs, ours = paired_frames(spectra(mel), slow, align=True)
    assert np.array_equal(theirs, ours // 2) and (theirs[-1], ours[-1]) == (79, 159)
    nothing = paired_frames(spectra(mel[:0]), slow, align=True)
    assert [len(frames) for frames in nothing] == [0, 0]


def test_empty_audio_has_no_frames() -> None:
    empty = Spectra.of(np.zeros(0, np.float32), 22050)
    assert len(empty.mel) == len(empty.f0_hz) == len(empty.is_speech) == 0


def test_loudness_and_pauses_do_not_count(mel: Floats) -> None:
    assert compare_with_recording(spectra(mel), spectra(mel + 2), align=False).mel_cepstral_distortion < 1e-4
    noisy = mel.copy()
    noisy[:20] = np.random.default_rng(0).normal(-4, 2, (20, 80))
    recording = spectra(mel)
    paused = Spectra(recording.mel, recording.f0_hz, np.arange(80) >= 20)
    assert compare_with_recording(paused, spectra(noisy), align=False).mel_cepstral_distortion == 0
    silent = Spectra(recording.mel, recording.f0_hz, np.zeros(80, np.bool_))
    assert np.isnan(compare_with_recording(silent, spectra(noisy), align=False).mel_cepstral_distortion)


def test_alignment_forgives_another_rhythm_and_cropping_another_length(mel: Floats) -> None:
    pytest.importorskip("librosa")
    recording = spectra(mel)
    slower = np.repeat(np.arange(80), 2)
    made = Spectra(mel[slower], recording.f0_hz[slower], np.ones(160, np.bool_))
    aligned = compare_with_recording(recording, made, align=True)
    assert aligned.mel_cepstral_distortion < 1e-6 and aligned.f0_rmse_semitones == 0
    assert compare_with_recording(recording, made, align=False).mel_cepstral_distortion > 1


def test_voicing_and_semitones(mel: Floats) -> None:
    f0_hz = np.linspace(100, 120, 80)
    other = f0_hz * 2 ** (2 / 12)
    other[:20] = 0
    errors = compare_with_recording(spectra(mel, f0_hz), spectra(mel, other), align=False)
    assert errors.voicing_error == 0.25
    assert errors.f0_rmse_semitones == pytest.approx(2, abs=1e-4)


def test_cepstra_leave_loudness_out() -> None:
    assert np.abs(mel_cepstra(np.full((3, 80), -5, np.float32), 24)).max() < 1e-6
