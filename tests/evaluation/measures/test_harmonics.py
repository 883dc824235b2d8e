"""Harmonic source alone: signals with known levels, and a small vocoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tts_cli import load
from tts_cli.addon.opened import open_addon
from tts_cli.blocks.vocoder import SUBFRAMES, SourceFilter
from tts_cli.evaluation.measures.harmonics import harmonic_level, harmonic_vocoder, harmonic_voice
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.sources import speak_with

TINY = Path(__file__).parents[2] / "addons"


def test_level_is_that_of_the_chosen_frames() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    frames = np.arange(40) < 20
    harmonic = 0.1 * noise
    harmonic[4000:] = noise[4000:]
    assert harmonic_level(harmonic, noise, 16000, frames) == pytest.approx(-20, abs=1e-3)
    assert harmonic_level(harmonic, noise, 16000, ~frames) == pytest.approx(0, abs=1e-6)
    assert harmonic_level(harmonic, noise[:3990], 16000, frames) == pytest.approx(-20, abs=1e-3), "the longer is cropped"
    assert harmonic_level(0 * noise, noise, 16000, frames) == pytest.approx(-60)
    assert np.isnan(harmonic_level(harmonic, noise, 16000, np.zeros(40, np.bool_)))
    assert np.isnan(harmonic_level(noise, np.zeros(8000, np.float32), 16000, frames))


def test_one_frame_that_is_voiced_after_all_does_not_decide() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 4000).astype(np.float32)
    pulses = 0.01 * noise
    noise[:200] = pulses[:200] = 1.0
    assert harmonic_level(pulses, noise, 16000, np.ones(20, np.bool_)) == pytest.approx(-38, abs=1e-2)


def test_flat_filters_give_the_level_of_their_powers() -> None:
    """Check the level against the ratio of powers: pulses and noise both have unit power before filtering."""
    bins, frames = 201, 200
    pulses, noise = 0.2, 0.1

    def synthesised(noise_gain: float) -> np.ndarray:
        filters = np.zeros((1, frames, SUBFRAMES, 2, bins), np.float32)
        filters[..., 0, :] = pulses
        ports = {
            "log_f0": np.full((1, frames, 1), np.log(120), np.float32),
            "harmonic_filter": filters.reshape(1, frames, -1),
            "noise_filter": np.full((1, frames, SUBFRAMES * bins), noise_gain, np.float32),
        }
        source = SourceFilter(200, 16000)
        return np.concatenate([source.feed(ports), source.finish()])

    level = harmonic_level(synthesised(0), synthesised(noise), 16000, np.ones(frames, np.bool_))
    assert level == pytest.approx(10 * np.log10(pulses**2 / (pulses**2 + noise**2)), abs=0.3)


def test_a_voice_without_noise_differs_from_itself_by_the_noise_alone() -> None:
    voice = load(TINY / "tiny-acoustic", TINY / "tiny-vocoder")
    speak = speak_with(voice, with_harmonic=True)
    first, second = (speak(Prompt("Hello there.", voice.speakers[0]), seed) for seed in (0, 1000))
    assert first.harmonic is not None and len(first.harmonic) == len(first.samples)
    assert np.abs(first.samples - second.samples).max() > 1e-4, "the seed is that of the noise"
    np.testing.assert_allclose(first.harmonic, second.harmonic, atol=1e-6)
    assert np.abs(first.harmonic - first.samples).max() > 1e-4
    assert speak_with(voice)(Prompt("Hello there.", voice.speakers[0]), 0).harmonic is None


def test_another_vocoder_has_no_harmonic_source() -> None:
    addon = open_addon(TINY / "tiny-vocoder")
    assert harmonic_vocoder(addon) is not None
    (name, network), *_ = addon.config.networks.items()
    outputs = tuple(port for port in network.outputs if port.name != "noise_filter")
    networks = {name: network.model_copy(update={"outputs": outputs})}
    other = replace(addon, config=addon.config.model_copy(update={"networks": networks}))
    assert harmonic_vocoder(other) is None


def test_a_voice_whose_stack_gives_audio_otherwise_has_none() -> None:
    voice = load(TINY / "tiny-acoustic", TINY / "tiny-vocoder")
    voice.vocoder = None
    assert harmonic_voice(voice) is None
