"""Comparison of utterances on sounds with known F0, voicing, loudness and timing, and on recordings changed by known amounts."""

from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.files import read_audio, resample
from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError
from tts_cli.evaluation.measures.comparison import (
    LARGEST_DELAY_S,
    analyse,
    compare,
    compare_utterances,
    describe,
    describe_utterance,
    prosodic_errors,
    signal_errors,
)
from tts_cli.evaluation.measures.spectra import MEL

for needed in ("librosa", "pesq", "pystoi", "swift_f0"):
    pytest.importorskip(needed)

RATE = 16000
TEXT = "Shall I carry you?"
DATA = Path(__file__).parents[3] / "data/cmu_us_slt_arctic/wav"
CLIP = read_audio(DATA / "arctic_a0098.flac", RATE)
NONE = np.zeros(0, np.float32)
ERRORS = (
    "mcd",
    "f0_rmse_semitones",
    "f0_rmse_hz",
    "gross_pitch_error",
    "voicing_error",
    "f0_frame_error",
)


def voice(semitones: float = 0, seconds: float = 2) -> Floats:
    """Harmonic sound of `seconds`, with F0 that moves around 150 Hz, and formants that move."""
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = 150 * 2 ** ((semitones + 2 * np.sin(2 * np.pi * 0.7 * time)) / 12)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    formant = 900 + 500 * np.sin(2 * np.pi * 0.9 * time)
    return sum(np.sin(k * phase) * np.exp(-np.abs(k * hertz - formant) / 500) for k in range(1, 20)).astype(np.float32) * 0.1


def noise(seconds: float) -> Floats:
    return np.random.default_rng(0).normal(scale=0.05, size=round(seconds * RATE)).astype(np.float32)


def against(reference: Floats, made: Floats) -> dict[str, float]:
    return compare_utterances(reference, made, "", RATE, RATE, is_copy=True)


@pytest.mark.parametrize("pairing", ["dtw", "in_step"])
def test_an_utterance_is_at_no_distance_from_itself(pairing: str) -> None:
    found = compare_utterances(CLIP, CLIP, TEXT, RATE, RATE, is_copy=True)
    assert all(found[f"{name}_{pairing}"] == 0 for name in ERRORS)
    assert found[f"f0_correlation_{pairing}"] == found[f"energy_correlation_{pairing}"] == pytest.approx(1)
    assert found["duration_correlation"] == pytest.approx(1) and found["duration_error_ms"] == 0
    assert found["pesq"] > 4.6 and found["stoi"] == pytest.approx(1)
    assert found["log_spectral_distance"] == found["mel_distance"] == 0


@pytest.mark.parametrize(("semitones", "gross"), [(-2, 0), (3, 0), (5, 1)])
def test_a_known_interval_is_found_in_the_sound(semitones: float, gross: float) -> None:
    found = against(voice(), voice(semitones))
    assert found["f0_rmse_semitones_in_step"] == pytest.approx(abs(semitones), abs=0.05)
    assert found["f0_rmse_hz_in_step"] == pytest.approx(150 * abs(2 ** (semitones / 12) - 1), rel=0.1)
    assert found["f0_correlation_in_step"] > 0.999
    # The warping of sounds without phones follows their harmonics.
    assert 0.7 * abs(semitones) < found["f0_rmse_semitones_dtw"] < abs(semitones) + 0.05
    for pairing in ("in_step", "dtw"):
        assert found[f"gross_pitch_error_{pairing}"] == pytest.approx(gross, abs=0.02)
        assert found[f"f0_frame_error_{pairing}"] == pytest.approx(gross, abs=0.03)


def test_gross_errors_are_relative_to_the_recording() -> None:
    level, higher = voice(), voice(12 * np.log2(1.225))
    assert against(level, higher)["gross_pitch_error_in_step"] > 0.95
    assert against(higher, level)["gross_pitch_error_in_step"] < 0.05


def test_swapped_voicing_is_found_in_the_sound() -> None:
    found = against(np.concatenate([voice(seconds=1), noise(1)]), np.concatenate([noise(1), voice(seconds=1)]))
    assert found["voicing_error_in_step"] == found["f0_frame_error_in_step"] > 0.93
    assert found.get("gross_pitch_error_in_step", 0) == 0


def test_a_quarter_without_voice_is_a_quarter_of_the_frames() -> None:
    found = against(voice(), np.concatenate([voice()[: RATE * 3 // 2], noise(0.5)]))
    assert found["voicing_error_in_step"] == pytest.approx(0.25, abs=0.03)
    assert found["f0_rmse_semitones_in_step"] < 0.2


def test_loudness_changes_the_level_alone() -> None:
    found = against(CLIP, CLIP / 4)
    assert found["energy_correlation_in_step"] > 0.999 and found["energy_correlation_dtw"] > 0.99
    assert found["mcd_in_step"] < 0.2 and found["f0_rmse_semitones_in_step"] < 0.1
    levels = [describe_utterance(audio, RATE, "")["level_dbfs"] for audio in (CLIP, CLIP / 4)]
    assert levels[0] - levels[1] == pytest.approx(12.04, abs=0.1)


def test_energy_is_compared_along_the_path_and_in_speech_alone() -> None:
    pause = np.zeros(round(0.3 * RATE), np.float32)
    late = compare_utterances(np.concatenate([CLIP, pause]), np.concatenate([pause, CLIP]), "", RATE, RATE, is_copy=True)
    assert late["energy_correlation_dtw"] > 0.98 and late["energy_correlation_in_step"] < 0.5
    gap = np.zeros(RATE, np.float32)
    hum = np.concatenate([CLIP, gap + noise(1)])
    assert against(np.concatenate([CLIP, gap]), hum)["energy_correlation_in_step"] > 0.98


def test_alignment_forgives_a_pause_that_comparison_in_step_does_not() -> None:
    first, second = voice()[:RATE], voice()[RATE:]
    paused = np.concatenate([first, np.zeros(RATE // 2, np.float32), second])
    early = np.concatenate([np.zeros(RATE // 2, np.float32), voice()])
    found = against(paused, early)
    assert found["mcd_dtw"] < 0.5 * found["mcd_in_step"]
    assert found["voicing_error_dtw"] < 0.5 * found["voicing_error_in_step"]


def test_slower_speech_has_longer_phones_a_lower_rate_and_lower_f0() -> None:
    factor, text = 1.3, "How much was it?"
    clip = read_audio(DATA / "arctic_a0207.flac", RATE)
    slow = resample(clip, RATE, round(RATE * factor))
    found = compare_utterances(clip, slow, text, RATE, RATE)
    own, slowed = (describe_utterance(audio, RATE, text) for audio in (clip, slow))
    phones = 10
    assert found["duration_error_ms"] == pytest.approx(1000 * own["speech_s"] * (factor - 1) / phones, rel=0.15)
    assert found["duration_correlation"] > 0.9
    assert own["speech_rate"] / slowed["speech_rate"] == pytest.approx(factor, abs=0.05)
    assert own["speech_rate"] * own["speech_s"] == pytest.approx(4)
    assert found["f0_rmse_semitones_dtw"] == pytest.approx(12 * np.log2(factor), abs=0.15)
    assert found["gross_pitch_error_dtw"] > 0.95


@pytest.mark.parametrize("text", [TEXT, ""])
def test_a_pause_between_words_is_found_with_and_without_the_text(text: str) -> None:
    phones = analyse(CLIP, RATE, TEXT).stretches
    border = phones[4, 0]
    paused = np.concatenate([CLIP[:border], np.zeros(round(0.6 * RATE), np.float32), CLIP[border:]])
    own, found = describe_utterance(CLIP, RATE, text), describe_utterance(paused, RATE, text)
    assert (own["num_pauses"], own["pause_share"]) == (0, 0) and "pause_length_s" not in own
    assert found["num_pauses"] == 1
    assert found["pause_length_s"] == pytest.approx(0.6, abs=0.06)
    assert found["speech_s"] - own["speech_s"] == pytest.approx(0.6, abs=0.06)


def test_noise_hides_no_pause_from_the_alignment() -> None:
    border = analyse(CLIP, RATE, TEXT).stretches[4, 0]
    paused = np.concatenate([CLIP[:border], np.zeros(round(0.6 * RATE), np.float32), CLIP[border:]])
    noisy = paused + noise(len(paused) / RATE) / 8
    assert describe_utterance(noisy, RATE, TEXT)["num_pauses"] == 1
    assert describe_utterance(noisy, RATE, "")["num_pauses"] == 0


def test_the_melody_of_one_utterance_is_described() -> None:
    found = describe_utterance(voice(seconds=3), RATE, "")
    assert found["f0_mean_hz"] == pytest.approx(150, rel=0.03)
    assert found["f0_deviation_semitones"] == pytest.approx(2 / np.sqrt(2), abs=0.15)
    assert found["f0_range_semitones"] == pytest.approx(4, abs=0.3)
    assert found["voiced_share"] > 0.95
    assert "speech_rate" not in found and "f0_mean_hz" not in describe_utterance(noise(1), RATE, "")


def test_rates_of_the_two_may_differ() -> None:
    found = compare_utterances(resample(CLIP, RATE, 22050), CLIP, TEXT, 22050, RATE, is_copy=True)
    assert found["mcd_in_step"] < 1 and found["pesq"] > 4 and found["stoi"] > 0.99


@pytest.mark.parametrize(("delay", "in_step"), [(LARGEST_DELAY_S - 0.01, True), (LARGEST_DELAY_S + 0.01, False)])
def test_copies_of_another_length_are_not_compared_in_step(delay: float, in_step: bool) -> None:
    found = against(CLIP, np.concatenate([CLIP, np.zeros(round(delay * RATE), np.float32)]))
    assert ("mcd_in_step" in found) == ("pesq" in found) == ("stoi" in found) == in_step
    assert found["mcd_dtw"] < 1


def test_speech_from_text_is_compared_by_warping_alone() -> None:
    found = compare_utterances(CLIP, CLIP, TEXT, RATE, RATE)
    assert "mcd_dtw" in found and not {name for name in found if name.endswith("in_step")} | {"pesq", "stoi"} & set(found)


def test_nothing_is_compared_with_a_silent_recording() -> None:
    for silent in (NONE, np.zeros(RATE, np.float32)):
        assert compare_utterances(silent, CLIP, TEXT, RATE, RATE, is_copy=True) == {}
        assert compare_utterances(silent, silent, TEXT, RATE, RATE, is_copy=True) == {}
        assert describe_utterance(silent, RATE, TEXT) == {}


def test_a_silent_utterance_has_voicing_errors_and_no_melody() -> None:
    recording = analyse(CLIP, RATE, TEXT)
    found = compare(recording, analyse(np.zeros_like(CLIP), RATE, TEXT), is_copy=True)
    voiced = float((recording.spectra.f0_hz > 0).mean())
    assert found["voicing_error_in_step"] == found["f0_frame_error_in_step"] == pytest.approx(voiced)
    undefined = {f"{name}_{pairing}" for name in (*ERRORS[1:4], "f0_correlation") for pairing in ("in_step", "dtw")}
    assert not undefined & set(found)
    assert not {"energy_correlation_in_step", "duration_error_ms", "pesq"} & set(found)
    assert found["stoi"] == pytest.approx(0, abs=0.01)
    assert compare(recording, analyse(NONE, RATE, TEXT), is_copy=True) == {}


@pytest.mark.parametrize("samples", [1, 100, 300])
def test_a_frame_or_two_are_measured_without_a_failure(samples: int) -> None:
    short = CLIP[6000 : 6000 + samples]
    found = compare_utterances(CLIP, short, TEXT, RATE, RATE, is_copy=True)
    assert found["mcd_dtw"] > 0 and "f0_correlation_dtw" not in found and "duration_error_ms" not in found
    same = compare_utterances(short, short, TEXT, RATE, RATE, is_copy=True)
    assert same["mcd_in_step"] == 0 and not {"pesq", "stoi", "f0_rmse_hz_in_step"} & set(same)
    assert "speech_rate" not in describe_utterance(short, RATE, TEXT)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(value: float) -> None:
    broken = CLIP.copy()
    broken[100] = value
    for pair in ((broken, CLIP), (CLIP, broken)):
        with pytest.raises(AudioError, match="not finite"):
            compare_utterances(*pair, TEXT, RATE, RATE)
    with pytest.raises(AudioError, match="not finite"):
        describe_utterance(broken, RATE, TEXT)


def test_speech_of_another_text_has_no_durations() -> None:
    recording = analyse(CLIP, RATE, TEXT)
    others = ("It was a quarter past nine in the long evening of the old town.", "...", "")
    for text in others:
        assert not {"duration_error_ms", "duration_correlation"} & set(prosodic_errors(recording, analyse(CLIP, RATE, text)))
    assert analyse(CLIP, RATE, others[0]).aligned is None


def test_long_utterances_are_not_warped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_cli.evaluation.measures.comparison.LONGEST_WARPED_S", 1.0)
    found = prosodic_errors(analyse(CLIP, RATE), analyse(CLIP, RATE), is_copy=True)
    assert found["mcd_in_step"] == 0 and not [name for name in found if name.endswith("dtw")]


def test_parts_add_up_and_values_are_plain_numbers() -> None:
    recording, made = analyse(CLIP, RATE, TEXT), analyse(CLIP + noise(len(CLIP) / RATE) / 50, RATE, TEXT)
    found = compare(recording, made, is_copy=True)
    assert found == prosodic_errors(recording, made, is_copy=True) | signal_errors(recording, made)
    assert all(type(value) is float for value in (found | describe(made)).values())
    assert len(recording.energy) == MEL.num_frames(len(CLIP))
