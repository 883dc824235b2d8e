"""Tests of the VAE: one embedding for an utterance, its effect on prosody, and the warning when it collapses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from utterances import FACTS, SMALL_SIZES, Batch, alone, random_batch

from tts_cli.models.acoustic import PROSODY
from tts_cli.models.vae import Config, Model

SMALL = Config(**SMALL_SIZES, embedding_channels=12, reference_channels=12, reference_layers=3, kl_warmup_steps=4)


def make_model(**changes: Any) -> Model:
    torch.manual_seed(0)
    return Model(SMALL.model_copy(update=changes), FACTS)


@pytest.fixture(name="model")
def _model() -> Model:
    return make_model().eval()


def losses(model: Model, batch: Batch, step: int = 5) -> dict[str, float]:
    torch.manual_seed(2)
    return {name: float(value.detach()) for name, value in model.losses(batch, "model", step).items()}


def test_padding_and_neighbours_change_no_embedding(model: Model) -> None:
    batch = random_batch()
    both = model.tokens(batch)[3]
    for row in range(len(both)):
        torch.testing.assert_close(both[row : row + 1], model.tokens(alone(batch, row))[3], atol=1e-5, rtol=1e-4)


def test_how_loud_a_recording_is_changes_no_embedding(model: Model) -> None:
    batch = random_batch()
    louder = {**batch, "mel": batch["mel"] + 1.5}
    torch.testing.assert_close(model.tokens(louder)[3], model.tokens(batch)[3], atol=1e-4, rtol=1e-4)


def test_the_order_of_frames_changes_it(model: Model) -> None:
    mel = random_batch()["mel"][:1]
    mask = torch.ones_like(mel[:, :, :1])
    forward, backward = model.reference_encoder(mel, mask), model.reference_encoder(mel.flip(1), mask)
    assert (forward - backward).abs().max() > 1e-3


def test_durations_f0_energy_and_text_depend_on_it(model: Model) -> None:
    tokens = model.tokens(random_batch())
    other = (*tokens[:3], tokens[3] + 1)
    for encoder in (model.prosody_encoder, model.text_encoder):
        first, second = encoder(*tokens), encoder(*other)
        pairs = zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]
        assert all((one - two).abs().max() > 1e-4 for one, two in pairs)


def test_only_divergence_beyond_the_capacity_costs() -> None:
    batch = random_batch()
    free, bound = (losses(make_model(capacity=capacity, adversary_weight=0.0).train(), batch) for capacity in (1e6, 0.0))
    assert bound["loss"] - free["loss"] == pytest.approx(SMALL.kl_weight * bound["kl"], rel=1e-4)


def test_its_weight_grows_from_nothing() -> None:
    early, late = (losses(make_model(capacity=0.0, adversary_weight=0.0).train(), random_batch(), step) for step in (0, 3))
    assert late["loss"] - early["loss"] == pytest.approx(0.75 * SMALL.kl_weight * late["kl"], rel=1e-4)


def test_divergence_is_told_for_every_dimension_and_sums_up(model: Model) -> None:
    found = losses(model, random_batch())
    each = [value for name, value in found.items() if name.startswith("kl/")]
    assert len(each) == SMALL.embedding_channels
    assert sum(each) == pytest.approx(found["kl"], rel=1e-5)


def test_the_adversary_pushes_the_encoder_the_other_way() -> None:
    batch, gradients = random_batch(), []
    for weight in (0.0, 10.0):
        model = make_model(adversary_weight=weight).train()
        torch.manual_seed(2)
        model.losses(batch, "model", 5)["loss"].backward()
        gradients.append(model.reference_encoder.head.weight.grad.clone())
    model = make_model().train()
    torch.manual_seed(2)
    embedding = model.reference_encoder.posterior(batch["mel"], batch["frame_mask"]).sample()
    torch.nn.functional.cross_entropy(model.adversary(embedding), batch["speaker"]).backward()
    torch.testing.assert_close(gradients[1] - gradients[0], -10 * model.reference_encoder.head.weight.grad, atol=1e-5, rtol=1e-3)


def test_an_embedding_that_is_the_same_for_everyone_counts_as_collapsed(model: Model) -> None:
    batch = random_batch()
    with torch.no_grad():
        model.reference_encoder.head.weight.zero_()
    measured = model.metrics(batch)
    assert measured["kl"] > 1
    assert measured["active_dimensions"] == 0
    advice = model.advice(measured)
    assert advice is not None
    assert "0 of 12 dimensions" in advice


def test_an_embedding_that_tells_is_not_remarked_upon(model: Model) -> None:
    with torch.no_grad():
        model.reference_encoder.head.weight *= 10
    assert model.advice(model.metrics(random_batch((9, 6, 7, 8)))) is None


def test_it_learns_a_batch() -> None:
    batch, model = random_batch(), make_model(dropout=0.0).train()
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    found = []
    for step in range(80):
        torch.manual_seed(step)
        optimiser.zero_grad()
        loss = model.losses(batch, "model", step)["loss"]
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    assert np.mean(found[-5:]) < 0.7 * found[0]


def test_a_flat_melody_misses_the_outline(model: Model) -> None:
    batch = random_batch()
    as_recorded = {
        "log_f0": batch["token_log_f0"],
        "energy": batch["token_energy"],
        "log_duration": torch.log1p(batch["durations"].float())[..., None],
    }

    def missed(**changes: torch.Tensor) -> float:
        return float(model.outline.distance({**as_recorded, **changes}, batch, model.outline.recorded(batch)).mean())

    assert missed() == pytest.approx(0, abs=1e-6)
    assert missed(log_f0=torch.full_like(batch["token_log_f0"], 0.5)) > 0.005
    assert missed(energy=batch["token_energy"] + 1) == pytest.approx(0, abs=1e-3)
    assert missed(log_duration=torch.log1p(2 * batch["durations"].float())[..., None]) > 0.1


def test_the_outline_of_one_is_wanted_of_the_words_of_another() -> None:
    model, batch = make_model(adversary_weight=0.0).eval(), random_batch()
    found = losses(model, batch)["transferred"]
    tokens, recorded = model.tokens(batch), model.outline.recorded(batch)
    prosody = dict(zip(PROSODY, model.prosody_encoder(*tokens[:3], tokens[3].flip(0)), strict=True))
    expected = model.outline.distance(prosody, batch, recorded.flip(0))[..., model.outline.OF_ANY_TEXT].mean()
    assert found == pytest.approx(float(expected.detach()), rel=1e-5)
