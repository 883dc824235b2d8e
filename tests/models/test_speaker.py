"""Tests of the speaker encoder: it recognizes speakers and ignores padding; warping scales frequencies as it declares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from utterances import FACTS

from tts_cli.audio.mel import mel_filters
from tts_cli.models.layers import FrequencyWarp
from tts_cli.models.speaker import WARPS, Config, Model

SMALL = Config(channels=16, layers=3, dimensions=6)


@pytest.fixture(name="model")
def _model() -> Model:
    torch.manual_seed(0)
    return Model(SMALL, FACTS).eval()


def heard(model: Model, mel: Tensor) -> Tensor:
    return model.speaker_encoder(mel, torch.ones_like(mel[:, :, :1]))


@pytest.mark.parametrize("num_frames", [1, 13, 200])
def test_any_recording_gives_a_vector_of_unit_length(model: Model, num_frames: int) -> None:
    vector = heard(model, torch.randn(1, num_frames, 80) - 5)
    assert vector.shape == (1, 1, 6)
    assert float(vector.detach().square().sum()) == pytest.approx(1.0, abs=1e-5)


def test_neighbours_in_the_batch_and_what_lies_beyond_the_mask_change_nothing(model: Model) -> None:
    mel = torch.randn(2, 50, 80) - 5
    mask = (torch.arange(50) < torch.tensor([50, 31])[:, None]).float()[..., None]
    together = model.speaker_encoder(mel, mask)
    torch.testing.assert_close(together[:1], heard(model, mel[:1]))
    torch.testing.assert_close(together[1:], heard(model, mel[1:, :31]))


def test_loudness_is_not_heard(model: Model) -> None:
    mel = torch.randn(1, 40, 80) - 5
    torch.testing.assert_close(heard(model, mel + 2.0), heard(model, mel), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(heard(model, mel + torch.linspace(-2, 2, 80)), heard(model, mel), atol=1e-3)


def test_it_learns_to_tell_the_speakers(model: Model) -> None:
    generator = torch.Generator().manual_seed(1)
    tilt = torch.linspace(-2, 2, 80)
    who = torch.arange(8) % 2
    batch = {"mel": torch.randn(8, 30, 80, generator=generator) - 5 + (2.0 * who - 1)[:, None, None] * tilt, "speaker": who}
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    torch.manual_seed(2)
    reached = []
    for step in range(60):
        optimiser.zero_grad()
        loss = model.train().losses(batch, "model", step)["loss"]
        loss.backward()
        optimiser.step()
        reached.append(float(loss.detach()))
    assert sum(reached[-10:]) < 0.7 * sum(reached[:10])
    vectors = heard(model.eval(), batch["mel"])[:, 0]
    likeness = vectors @ vectors.T
    assert likeness[0, 2] > likeness[0, 1]


def test_every_speaker_stands_for_as_many_voices_as_there_are_warps(model: Model) -> None:
    assert model.directions.shape == (2, len(WARPS) * 6)
    assert model.speaker_tables() == ("directions",)


def test_the_warp_in_the_middle_is_none() -> None:
    mel = torch.randn(2, 7, 80)
    warped = FrequencyWarp(FACTS.mel)(mel, torch.tensor([FrequencyWarp.IDENTITY] * 2))
    torch.testing.assert_close(warped, mel, atol=1e-4, rtol=1e-4)
    assert FrequencyWarp.FACTORS[FrequencyWarp.IDENTITY] == pytest.approx(1.0)


@pytest.mark.parametrize("place", [0, 4, 12, 16])
@pytest.mark.parametrize("band", [30, 45, 60])
def test_a_peak_moves_by_the_factor(place: int, band: int) -> None:
    filters = mel_filters(FACTS.mel)
    hertz = (filters * np.linspace(0, FACTS.mel.sample_rate / 2, filters.shape[1])).sum(1) / filters.sum(1)
    mel = torch.from_numpy(-np.abs(np.arange(80) - band).astype(np.float32))[None, None]
    warped = FrequencyWarp(FACTS.mel)(mel, torch.tensor([place]))[0, 0]
    found = float(hertz[int(warped.argmax())])
    step = float(np.diff(hertz)[band - 10 : band + 10].max())
    assert found == pytest.approx(float(hertz[band]) * FrequencyWarp.FACTORS[place], abs=step)
