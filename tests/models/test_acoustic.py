"""Tests of the acoustic model: it agrees with the blocks that run it, and it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from utterances import FACTS, SMALL_SIZES, random_batch

from tts_cli.blocks.upsampler import UpsamplerStream
from tts_cli.models.acoustic import Config, Model
from tts_cli.models.tokens import repeat

SMALL = Config(**SMALL_SIZES)


@pytest.fixture(name="model")
def _model() -> Model:
    torch.manual_seed(0)
    return Model(SMALL, FACTS).eval()


def test_repetition_is_the_upsamplers() -> None:
    durations = np.array([2, 0, 3, 1])
    tokens = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    frames, position = repeat(torch.from_numpy(tokens), torch.from_numpy(durations)[None], 8)
    stream = UpsamplerStream({"tokens": tokens, "durations": durations.reshape(1, -1, 1)}, None, ("tokens",), {})
    chunk = stream.read(100)
    assert chunk is not None
    np.testing.assert_array_equal(frames[:, :6].numpy(), chunk["tokens"])
    np.testing.assert_allclose(position[:, :6].numpy(), chunk["phone_position"], atol=1e-6)
    assert not frames[:, 6:].any()
    assert not position[:, 6:].any()


def test_decoder_loses_exactly_its_margins(model: Model) -> None:
    num_frames = 2 * SMALL.margin + 5
    inputs = [torch.randn(1, num_frames, channels) for channels in (SMALL.channels, 1, 1, 1, 2)]
    outputs = model.decoder(*inputs, torch.zeros(1, 1, 1, dtype=torch.long))
    assert [tuple(output.shape) for output in outputs] == [(1, 5, 80), (1, 5, 1), (1, 5, 1)]


def test_what_lies_beyond_the_mask_changes_nothing(model: Model) -> None:
    phones = torch.tensor([[1, 4, 5, 2, 4, 3]])[..., None]
    speaker = torch.zeros(1, 1, 1, dtype=torch.long)
    garbage = torch.tensor([[5, 4, 1]])[..., None]
    alone = model.text_encoder(phones, torch.ones(1, 6, 1), speaker)
    mask = torch.cat([torch.ones(1, 6, 1), torch.zeros(1, 3, 1)], 1)
    padded = model.text_encoder(torch.cat([phones, garbage], 1), mask, speaker)
    torch.testing.assert_close(padded[:, :6], alone)


def test_a_shorter_neighbour_in_the_batch_changes_nothing(model: Model) -> None:
    both = random_batch()
    one = {name: tensor[:1] for name, tensor in both.items()}
    long = int(both["frame_mask"][0].sum())
    np.testing.assert_allclose(model.preview(both)["mel/made"][:long], model.preview(one)["mel/made"][:long], atol=1e-5)


def test_untrained_f0_starts_at_the_speakers_mean(model: Model) -> None:
    phones = torch.tensor([[1, 4, 5, 3]])[..., None]
    means = [
        float(model.prosody_encoder(phones, torch.ones(1, 4, 1), torch.full((1, 1, 1), who))[1].mean().detach()) for who in (0, 1)
    ]
    assert means[0] == pytest.approx(4.7, abs=0.3)
    assert means[1] == pytest.approx(5.4, abs=0.3)


def test_it_learns_a_batch(model: Model) -> None:
    batch, model = random_batch(), model.train()
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for step in range(80):
        optimiser.zero_grad()
        loss = model.losses(batch, "model", step)["loss"]
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < 0.6 * losses[0]
