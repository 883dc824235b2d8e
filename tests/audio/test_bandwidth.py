"""Bandwidth of speech as it is, after a narrower sample rate, through codecs, and with faults that could hide or feign one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tts_cli.audio.bandwidth import bandwidth_hz

RATE = 16000
CLIPS = [
    path
    for folder in ("kathleen/wavs", "cmu_us_slt_arctic/wav", "cmu_us_bdl_arctic/wav")
    for path in sorted((Path(__file__).parents[2] / "data" / folder).iterdir())[:4]
]


def speech(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def stored(audio: np.ndarray) -> np.ndarray:
    return (np.round(audio * 32768).clip(-32768, 32767) / 32768).astype(np.float32)


def through(audio: np.ndarray, rate: int) -> np.ndarray:
    return stored(soxr.resample(soxr.resample(audio, RATE, rate), rate, RATE))


def coded(audio: np.ndarray, form: str, codec: str) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, audio, RATE, format=form, subtype=codec)
    file.seek(0)
    decoded, rate = soundfile.read(file, dtype="float32")
    return soxr.resample(decoded, rate, RATE)


def clicked(audio: np.ndarray) -> np.ndarray:
    audio = audio.copy()
    audio[5000] = 0.9
    return audio


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.stem)
def test_speech_is_told_from_speech_of_a_lower_rate(path: Path) -> None:
    audio = speech(path)
    assert bandwidth_hz(audio, RATE) > 7000
    assert 5000 < bandwidth_hz(through(audio, 11025), RATE) < 5550
    assert 3600 < bandwidth_hz(through(audio, 8000), RATE) < 4050


FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "a click": clicked,
    "a constant offset": lambda audio: stored(audio + 0.1),
    "digital silence around": lambda audio: np.pad(audio, 16000),
    "hum": lambda audio: stored(audio + 0.1 * np.sin(2 * np.pi * 50 / RATE * np.arange(len(audio)))),
    "Opus": lambda audio: coded(audio, "OGG", "OPUS"),
    "Vorbis": lambda audio: coded(audio, "OGG", "VORBIS"),
    "MP3": lambda audio: coded(audio, "MP3", "MPEG_LAYER_III"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_faults_and_codecs_neither_hide_nor_feign_a_low_bandwidth(fault: str) -> None:
    for path in CLIPS[::3]:
        audio = speech(path)
        assert bandwidth_hz(FAULTS[fault](audio), RATE) > 6800
        assert bandwidth_hz(FAULTS[fault](through(audio, 11025)), RATE) < 6000


def test_the_frequency_is_that_of_the_highest_tone_within_60_db() -> None:
    time = np.arange(RATE) / RATE
    tones = np.sin(2 * np.pi * 1000 * time) + 10 ** (-45 / 20) * np.sin(2 * np.pi * 3000 * time)
    tones += 10 ** (-80 / 20) * np.sin(2 * np.pi * 6000 * time)
    assert bandwidth_hz(0.4 * tones, RATE) == pytest.approx(3000, abs=130)
    assert bandwidth_hz(0.4 * tones, 2 * RATE) == pytest.approx(6000, abs=260)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 700])
def test_silence_has_none_and_short_clips_are_measured(length: int) -> None:
    assert bandwidth_hz(np.zeros(length, np.float32), RATE) == 0
    if length > 500:
        assert bandwidth_hz(np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32), RATE) == RATE / 2
