"""Tests of `TrainableModel.say`: speech of a model in training is that of its exported networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_adversarial import MODELS, make_model
from utterances import FACTS

from tts_cli.models import speaker
from tts_cli.models.saying import frames_of

PHONES = np.array([1, 4, 5, 2, 5, 3])
DURATIONS = np.array([2, 5, 4, 3, 6, 2])


def recording() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    mel = random.standard_normal((int(DURATIONS.sum()), 80)).astype(np.float32) - 5
    return {"phones": PHONES, "durations": DURATIONS, "speaker": np.array(1), "mel": mel}


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_speech_is_that_of_the_exported_networks(kind: str) -> None:
    model = make_model(kind, stage=None).eval()
    said = model.say(recording(), 1, DURATIONS)
    assert said is not None
    with torch.no_grad():
        mel, log_f0, _ = model.decoder(*model.export_samples(recording())["decoder"])
    np.testing.assert_allclose(said["mel"], mel[0], atol=1e-5)
    np.testing.assert_allclose(said["log_f0"], log_f0[0, :, 0], atol=1e-5)
    np.testing.assert_array_equal(said["durations"], DURATIONS)
    other = model.say(recording(), 0, DURATIONS)
    assert other is not None
    assert not np.allclose(other["mel"], said["mel"])


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_phones_alone_are_spoken_with_the_durations_of_the_model(kind: str) -> None:
    model = make_model(kind, stage=None).eval()
    said = model.say({"phones": PHONES}, 0)
    assert said is not None
    total = int(said["durations"].sum())
    assert said["mel"].shape == (total, 80)
    assert said["log_f0"].shape == said["voicing"].shape == (total,)
    assert said["durations"][[1, 2, 4]].min() >= 1, "each phone lasts a frame at least"


def test_durations_are_rounded_as_in_the_runtime() -> None:
    frames = torch.tensor([0.0, 0.3, 0.5, 1.49, 1.5, 0.2])
    rounded = frames_of(frames.log1p()[None, :, None], torch.tensor([0, 4, 2, 4, 5, 3])[None, :, None], FACTS.symbols)
    assert rounded.tolist() == [[0, 1, 1, 1, 2, 0]]


def test_a_model_that_does_not_speak_says_nothing() -> None:
    model = speaker.Model(speaker.Config(channels=8, layers=1, dimensions=4), FACTS)
    assert model.say({"phones": PHONES}, 0) is None
