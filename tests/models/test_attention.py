"""Tests of the attention-based model: steps equal teacher forcing, properties of the attention, and learning."""

from __future__ import annotations

import pytest
import torch
from utterances import FACTS, random_batch

from tts_cli.models.attention import Config, DynamicConvolutionAttention, Model, StepState, scaled, started

SMALL = Config(
    channels=16,
    encoder_layers=2,
    step_frames=2,
    prenet_channels=8,
    attention_units=16,
    decoder_units=12,
    attention_filters=4,
    attention_kernel=9,
    attention_channels=8,
    prior_length=5,
)


@pytest.fixture(name="model")
def _model() -> Model:
    torch.manual_seed(0)
    return Model(SMALL, FACTS).eval()


def test_steps_one_by_one_make_what_teaching_makes() -> None:
    """With true previous frames and without dropout, exported steps compute the same as the training loss."""
    torch.manual_seed(0)
    model = Model(SMALL.model_copy(update={"prenet_dropout": 0.0}), FACTS).eval()
    batch = {name: tensor[:1] for name, tensor in random_batch((9, 9)).items()}
    steps, _ = model._in_steps(batch)
    frames, stop, attention = model._teacher_forced(batch, scaled(steps))
    text = model.text_encoder(batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None])
    state = model._first_state(text)
    noise = torch.rand(1, 1, 2 * SMALL.prenet_channels)
    for index in range(steps.shape[1]):
        mel, end, *after = model.step(text, batch["token_mask"], noise, *state)
        state = StepState(*after)
        torch.testing.assert_close(scaled(mel), frames[:, 2 * index : 2 * index + 2])
        torch.testing.assert_close(end[:, :, 0], torch.sigmoid(stop[:, index : index + 1]))
        torch.testing.assert_close(state.attention[:, :, 0], attention[:, index])
        torch.testing.assert_close(state.last_frame, scaled(mel)[:, -1:])
        state = state._replace(last_frame=scaled(steps[:, index, -1:]))


def test_attention_starts_at_the_first_token_and_never_jumps() -> None:
    attend = DynamicConvolutionAttention(SMALL)
    assert attend.prior.sum() == pytest.approx(1, abs=1e-5)
    weights = started(torch.zeros(1, 30))
    assert weights[0].tolist() == [1.0] + [0.0] * 29
    mask = torch.ones(1, 30)
    after = attend(torch.randn(1, SMALL.attention_units), weights, mask).detach()
    assert after.sum() == pytest.approx(1, abs=1e-5)
    assert after[0, SMALL.prior_length :].sum() < 0.01


def test_what_lies_beyond_the_mask_changes_nothing(model: Model) -> None:
    text = torch.randn(1, 6, SMALL.channels)
    noise = torch.rand(1, 1, 2 * SMALL.prenet_channels)
    state = model._first_state(text)
    expected = model.step(text, torch.ones(1, 6, 1), noise, *state)
    longer = torch.cat([text, 1e6 * torch.randn(1, 3, SMALL.channels)], 1)
    mask = torch.tensor([1.0] * 6 + [0.0] * 3)[None, :, None]
    padded = state._replace(attention=torch.cat([state.attention, torch.rand(1, 3, 1)], 1))
    given = model.step(longer, mask, noise, *padded)
    for name, one, other in zip(("mel", "stop", "attention", "memory", "last_frame"), expected, given, strict=True):
        torch.testing.assert_close(other[:, :6] if name == "attention" else other, one, msg=name)


def test_true_attention_shares_each_step_among_its_tokens(model: Model) -> None:
    batch = random_batch((9, 6))
    wanted = model._true_attention(batch, -(-batch["mel"].shape[1] // SMALL.step_frames))
    inside = batch["frame_mask"][:, :: SMALL.step_frames, 0]
    torch.testing.assert_close(wanted.sum(-1) * inside, inside)
    frames_of_first = int(batch["durations"][0, 0])
    assert wanted[0, 0, 0] == min(1.0, frames_of_first / SMALL.step_frames)


def test_it_learns(model: Model) -> None:
    model.train()
    batch = random_batch((9, 6))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for step in range(60):
        loss = model.losses(batch, "model", step)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_it_speaks_until_it_stops(model: Model) -> None:
    phones, speaker = torch.tensor([[1, 4, 5, 3]])[..., None], torch.zeros(1, 1, 1, dtype=torch.long)
    mel, attention = model.generate(phones, speaker, num_steps=5)
    assert mel.shape[1] == 2 * len(attention) <= 10
    assert torch.isfinite(mel).all()
    with torch.no_grad():
        model.step.stop.bias.fill_(100.0)
    assert len(model.generate(phones, speaker, num_steps=5)[1]) == 1
