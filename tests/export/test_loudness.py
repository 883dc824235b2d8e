"""Tests of loudness: measured, written to an addon, corrected by the stack; and the sample rate after effects."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.addon.config import read_addon_config
from tts_cli.errors import AddonError, InputError, TextError
from tts_cli.export.loudness import integrated_loudness, true_peak_dbtp
from tts_cli.voice.synthesis import Voice, load

TINY = Path(__file__).parents[1] / "addons"
TEXT = "Hello there, how are you today?"


def tone(frequency_hz: float, rate: int, seconds: float = 3.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_a_full_scale_tone_has_the_loudness_that_the_standard_gives_it(rate: int) -> None:
    """ITU-R BS.1770: a sine of 997 Hz at full scale in one channel reads -3.01."""
    pytest.importorskip("pyloudnorm")
    assert integrated_loudness(tone(997, rate), rate) == pytest.approx(-3.01, abs=0.05)
    assert integrated_loudness(0.1 * tone(997, rate), rate) == pytest.approx(-23.01, abs=0.05)


def test_pauses_do_not_count() -> None:
    pytest.importorskip("pyloudnorm")
    speech = 0.1 * tone(997, 16000)
    paused = np.concatenate([speech, np.zeros(48000, np.float32), speech])
    assert integrated_loudness(paused, 16000) == pytest.approx(integrated_loudness(speech, 16000), abs=0.3)


def test_what_has_no_loudness() -> None:
    pytest.importorskip("pyloudnorm")
    assert integrated_loudness(np.zeros(16000, np.float32), 16000) == -math.inf
    with pytest.raises(InputError, match=r"0\.4 s"):
        integrated_loudness(tone(997, 16000, 0.2), 16000)


def test_a_true_peak_lies_between_samples() -> None:
    """A sine at a quarter of the rate, sampled 45 degrees off its crests."""
    samples = np.sin(np.pi / 2 * np.arange(16000) + np.pi / 4).astype(np.float32)[4000:-4000] * np.hanning(8000)
    assert 20 * math.log10(np.abs(samples).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbtp(samples.astype(np.float32), 16000) == pytest.approx(0.0, abs=0.05)
    assert true_peak_dbtp(np.zeros(10, np.float32), 16000) == -math.inf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the tiny addons that a test may change."""
    shutil.copytree(TINY, tmp_path / "addons", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return tmp_path / "addons"


def change(addon: Path, **fields: Any) -> None:
    path = addon / "addon.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def spoken(voice: Voice, speaker: str) -> np.ndarray:
    chunks = list(voice.stream([TEXT] * 3, speaker, sentence_silence_s=0.0))
    assert {chunk.sample_rate for chunk in chunks} == {voice.sample_rate}
    return np.concatenate([chunk.samples for chunk in chunks])


def test_measured_speakers_come_out_equally_loud(folder: Path) -> None:
    pytest.importorskip("torch")
    from tts_cli.export.loudness import add_loudness

    change(folder / "tiny-vocoder", stack=[{"type": "Vocoder"}, {"type": "Gain", "target_lufs": -30}, {"type": "Limiter"}])
    unmeasured = load(folder / "tiny-acoustic")
    before = {speaker: spoken(unmeasured, speaker) for speaker in unmeasured.speakers}
    levels = {level.speaker: level for level in add_loudness(folder / "tiny-acoustic")}
    written = {speaker.name: speaker.loudness_lufs for speaker in read_addon_config(folder / "tiny-acoustic").speakers}
    voice = load(folder / "tiny-acoustic")
    for speaker, audio in before.items():
        assert written[speaker] == pytest.approx(levels[speaker].loudness_lufs, abs=0.01)
        factor = 10 ** ((-30 - written[speaker]) / 20)
        np.testing.assert_allclose(spoken(voice, speaker), audio * factor, atol=1e-5)
    assert add_loudness(folder / "tiny-acoustic") == tuple(levels.values()), "an earlier measurement does not matter"


def test_what_cannot_be_measured(folder: Path) -> None:
    pytest.importorskip("torch")
    from tts_cli.export.loudness import add_loudness

    with pytest.raises(AddonError, match="has no speakers to measure"):
        add_loudness(folder / "tiny-vocoder")
    change(folder / "tiny-acoustic", default_vocoder="absent")
    with pytest.raises(AddonError, match="absent"):
        add_loudness(folder / "tiny-acoustic")


def test_a_voice_of_other_symbols_cannot_speak_the_sentences(folder: Path) -> None:
    pytest.importorskip("torch")
    from tts_cli.export.loudness import add_loudness

    symbols = read_addon_config(folder / "tiny-acoustic").symbols
    change(folder / "tiny-acoustic", symbols=["ch_a" if symbol == "SH" else symbol for symbol in symbols])
    with pytest.raises(TextError, match="has no symbol 'SH' of the sentences of the loudness measurement"):
        add_loudness(folder / "tiny-acoustic")


@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_voice_tells_the_rate_that_its_effects_leave(folder: Path, rate: int) -> None:
    plain = load(folder / "tiny-acoustic")
    change(
        folder / "tiny-vocoder", stack=[{"type": "Vocoder"}, {"type": "Resampler", "sample_rate_hz": rate}, {"type": "Limiter"}]
    )
    voice = load(folder / "tiny-acoustic")
    assert (plain.sample_rate, voice.sample_rate) == (16000, rate)
    assert len(spoken(voice, "low")) / rate == pytest.approx(len(spoken(plain, "low")) / 16000, abs=0.001)
    sizes = [len(chunk.samples) / voice.sample_rate for chunk in voice.stream(TEXT)]
    assert sizes[:1] == [len(chunk.samples) / 16000 for chunk in plain.stream(TEXT)][:1]
