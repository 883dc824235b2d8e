"""Tests of CopyCat: it takes prosody alone from a recording, ignores padding and other items of a batch, and learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from utterances import FACTS, SMALL_SIZES, Batch, alone, random_batch

from tts_cli.models import acoustic, speaker
from tts_cli.models.copycat import Config, Model
from tts_cli.models.layers import Posterior, reversed_gradient

SMALL = Config(
    **SMALL_SIZES,
    latent_channels=3,
    reference_channels=12,
    reference_layers=3,
    kl_warmup_steps=1,
    speaker_encoder=speaker.Config(channels=8, layers=1, dimensions=4),
)


def make_model(**changes: Any) -> Model:
    torch.manual_seed(0)
    return Model(SMALL.model_copy(update=changes), FACTS)


@pytest.fixture(name="model")
def _model() -> Model:
    return make_model().eval()


def latents(model: Model, batch: Batch) -> Tensor:
    return model._posterior(batch, batch["mel"]).mean


def losses(model: Model, batch: Batch) -> dict[str, Tensor]:
    torch.manual_seed(2)
    return model.losses(batch, "model", 5)


def values(losses: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in losses.items()}


@pytest.mark.parametrize("tau", [1, 4, 8, 7])
@pytest.mark.parametrize("num_frames", [1, 7, 8, 9, 40])
def test_every_tau_frames_have_a_latent_and_so_have_the_last_few(tau: int, num_frames: int) -> None:
    model = make_model(tau=tau).eval()
    source = torch.randn(1, num_frames, 80), torch.ones(1, num_frames, 1), torch.ones(1, num_frames, 1).long()
    given = model.reference_encoder(*source, torch.zeros(1, 1, 4))
    assert given.shape == (1, -(-num_frames // tau), 3)
    assert given.isfinite().all()


@pytest.mark.parametrize("row", [0, 1])
def test_neighbours_in_the_batch_and_what_lies_beyond_the_mask_change_nothing(model: Model, row: int) -> None:
    batch = random_batch((14, 6))
    one = alone(batch, row)
    together, by_itself = latents(model, batch)[row], latents(model, one)[0]
    torch.testing.assert_close(together[: len(by_itself)], by_itself, atol=1e-4, rtol=1e-4)
    assert not together[len(by_itself) :].any()
    assert len(by_itself) == -(-one["mel"].shape[1] // SMALL.tau)


def test_latents_have_no_level_and_no_spread_of_their_own(model: Model) -> None:
    batch = alone(random_batch((40,)), 0)
    for mel in (batch["mel"], 3 * batch["mel"] + 2):
        given = latents(model, {**batch, "mel": mel})[0]
        torch.testing.assert_close(given.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
        torch.testing.assert_close(given.std(0, correction=0), torch.ones(3), atol=1e-2, rtol=0)


def test_a_recordings_level_and_tilt_are_not_seen(model: Model) -> None:
    batch = alone(random_batch((14,)), 0)
    mask, phones = batch["frame_mask"], torch.ones(batch["frame_mask"].shape).long()
    louder = batch["mel"] + 2.0 + torch.linspace(-1, 1, 80)
    first, second = (model.reference_encoder(mel, mask, phones, torch.zeros(1, 1, 4)) for mel in (batch["mel"], louder))
    torch.testing.assert_close(first, second, atol=1e-3, rtol=1e-3)


def test_the_recording_reaches_the_decoder_by_its_latents_alone(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = alone(random_batch((14,)), 0)
    taken = ("mel", "log_f0", "voicing", "energy", "token_log_f0", "token_voicing", "token_energy")
    other = {**batch, **{name: torch.rand_like(batch[name]) for name in taken}}
    assert (model.preview(batch)["mel/made"] != model.preview(other)["mel/made"]).any()
    fixed = model._posterior(batch, batch["mel"])
    monkeypatch.setattr(model, "_posterior", lambda *_: fixed)
    assert (model.preview(batch)["mel/made"] == model.preview(other)["mel/made"]).all()
    (decoder,) = [part for part in model.export_parts() if part.name == "decoder"]
    assert {port.name for port in decoder.inputs} == {"text", "latents", "phone_position", "speaker"}


def test_the_melody_knows_of_the_target_only_mean_and_spread(model: Model) -> None:
    inputs = torch.randn(1, 20, 16 + 3 + 2)
    contours = [model.decoder.draw_contour(inputs, torch.tensor([[[target]]])) for target in (0, 1)]
    melodies = [(contour[0] - s.mean_log_f0) / s.std_log_f0 for contour, s in zip(contours, FACTS.speakers, strict=True)]
    torch.testing.assert_close(melodies[0], melodies[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(contours[0][1], contours[1][1])
    assert melodies[0].std() > 0


def test_the_true_melody_is_taught_in_the_speakers_own_range(model: Model) -> None:
    contour = torch.tensor([4.0, 9.0, 4.5, 5.0]).reshape(1, 4, 1)
    voicing = torch.tensor([1.0, 0.0, 1.0, 1.0]).reshape(1, 4, 1)
    taught = model._melody(contour, voicing, torch.tensor([[[1]]]))[voicing > 0]
    assert float(taught.mean()) == pytest.approx(5.4, abs=1e-4)
    assert float(taught.std(correction=0)) == pytest.approx(0.25, abs=1e-3)


def test_divergence_is_that_of_two_normal_distributions_for_each_channel(model: Model) -> None:
    posterior = Posterior(torch.randn(2, 5, 3), torch.randn(2, 5, 3))
    normal = torch.distributions.Normal(posterior.mean, torch.exp(0.5 * posterior.log_variance))
    prior = torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(posterior.divergence(), torch.distributions.kl_divergence(normal, prior))
    parts = values(losses(model, random_batch()))
    assert sum(parts[f"kl/{place:02d}"] for place in range(3)) == pytest.approx(parts["kl"], rel=1e-4)


def test_reversed_gradients_have_the_other_sign_and_the_weight() -> None:
    x = torch.randn(4, requires_grad=True)
    value = reversed_gradient(x, 0.3)
    assert torch.equal(value, x)
    (value * torch.arange(4.0)).sum().backward()
    torch.testing.assert_close(x.grad, -0.3 * torch.arange(4.0))


def test_the_adversary_learns_what_the_encoder_unlearns() -> None:
    """A gradient step on the adversary's loss lowers it by the adversary's parameters and raises it by the reference
    encoder's."""
    model, batch = make_model(prior_share=0.0).train(), random_batch((14, 9, 12))
    before = losses(model, batch)["adversary"]
    for part, sign in ((model.adversary, -1.0), (model.reference_encoder, 1.0)):
        parameters = list(part.parameters())
        gradients = torch.autograd.grad(losses(model, batch)["adversary"], parameters, allow_unused=True)
        steps = [1e-2 * gradient if gradient is not None else 0.0 for gradient in gradients]
        with torch.no_grad():
            for parameter, step in zip(parameters, steps, strict=True):
                parameter -= step
            assert sign * (losses(model, batch)["adversary"] - before) > 0
            for parameter, step in zip(parameters, steps, strict=True):
                parameter += step


def test_the_adversary_counts_by_its_weight_and_only_while_learning(model: Model) -> None:
    batch = random_batch()
    assert "adversary" not in losses(model, batch)
    with_it, without = (values(losses(make_model(adversary_weight=weight).train(), batch)) for weight in (0.5, 0.0))
    assert with_it["loss"] - without["loss"] == pytest.approx(0.5 * with_it["adversary"], rel=1e-3)


@pytest.mark.parametrize(("share", "is_heard"), [(0.0, True), (1.0, False)])
def test_utterances_made_from_the_prior_mean_hear_nothing_of_the_recording(share: float, is_heard: bool) -> None:
    model = make_model(prior_share=share).train()
    parts = losses(model, random_batch())
    (gradient,) = torch.autograd.grad(parts["mel"] + parts["contour"] + parts["voicing"], [model.reference_encoder.head.weight])
    assert bool(gradient.any()) == is_heard


def test_without_a_recording_the_latents_are_the_prior_mean(model: Model) -> None:
    (part,) = [part for part in model.export_parts() if part.name == "reference_encoder"]
    assert (part.when, [port.default for port in part.outputs]) == ("source_mel", [0.0])


def test_no_loss_looks_from_one_utterance_at_another(model: Model) -> None:
    """The loss of a batch is the mean of the losses of its utterances: no loss compares utterances."""
    batch = random_batch((14, 6))
    together, *each = (values(losses(model, one)) for one in (batch, alone(batch, 0), alone(batch, 1)))
    lengths = batch["frame_mask"].sum((1, 2)), batch["token_mask"].sum((1, 2)), -(-batch["frame_mask"].sum((1, 2)) // SMALL.tau)
    for name, weights in zip(("mel", "duration", "kl"), lengths, strict=True):
        mean = sum(float(w) * parts[name] for w, parts in zip(weights, each, strict=True)) / float(weights.sum())
        assert together[name] == pytest.approx(mean, rel=1e-3), name


def heard_by_the_encoder(model: Model, batch: Batch) -> Tensor:
    """Return the mels (B, T, bands) that the reference encoder reads."""
    heard: list[Tensor] = []
    posterior = model.reference_encoder.posterior

    def listening(mel: Tensor, *rest: Tensor) -> Posterior:
        heard.append(mel)
        return posterior(mel, *rest)

    model.reference_encoder.posterior = listening  # type: ignore[method-assign]
    losses(model, batch)
    (mel,) = heard
    return mel


@pytest.mark.parametrize("changes", [{"warped_share": 1.0, "noisy_share": 0.0}, {"warped_share": 0.0, "noisy_share": 1.0}])
def test_the_encoder_hears_other_voices_and_rooms_while_it_learns_and_the_recording_afterwards(changes: dict[str, float]) -> None:
    batch = random_batch((9, 6, 7, 8))
    changed = (heard_by_the_encoder(make_model(**changes).train(), batch) - batch["mel"]).abs().amax((1, 2))
    assert (changed > 0.1).sum() >= 3
    assert torch.equal(heard_by_the_encoder(make_model(**changes).eval(), batch), batch["mel"])
    plain = heard_by_the_encoder(make_model(warped_share=0.0, noisy_share=0.0).train(), batch)
    torch.testing.assert_close(plain, batch["mel"], atol=1e-4, rtol=1e-4)


def test_a_model_as_it_is_configured_by_default_hears_most_recordings_changed() -> None:
    batch = random_batch((6,) * 40)
    changed = (heard_by_the_encoder(make_model().train(), batch) - batch["mel"]).abs().amax((1, 2)) > 1e-3
    assert 0.7 < changed.float().mean() < 1


def test_some_utterances_are_made_without_latents_while_it_learns() -> None:
    batch = random_batch((20,) * 40)
    model, made = make_model(prior_share=0.25).train(), []
    concatenated = model.decoder.concatenated

    def noting(text: Tensor, latents: Tensor, position: Tensor) -> Tensor:
        made.append(latents)
        return concatenated(text, latents, position)

    model.decoder.concatenated = noting  # type: ignore[method-assign]
    losses(model, batch)
    losses(model.eval(), batch)
    without = [(latents == 0).all(2).all(1).float().mean() for latents in made]
    assert 0.1 < without[0] < 0.4
    assert without[1] == 0


def test_the_same_seed_gives_the_same_losses() -> None:
    model, batch = make_model().train(), random_batch()
    assert values(losses(model, batch)) == values(losses(model, batch))


def test_the_speaker_encoder_is_read_and_not_taught() -> None:
    model = make_model().train()
    losses(model, random_batch())["loss"].backward()
    assert all(parameter.grad is None for parameter in model.speaker_encoder.parameters())
    taught = {id(parameter) for parameters in model.submodels().values() for parameter in parameters}
    assert not taught & {id(parameter) for parameter in model.speaker_encoder.parameters()}


def test_a_voice_of_explicit_duration_gives_what_it_knows(model: Model) -> None:
    torch.manual_seed(3)
    voice = acoustic.Model(acoustic.Config(**SMALL_SIZES), FACTS).eval()
    state = model.adopted("explicit-duration", voice.state_dict())
    own = model.state_dict()
    taken = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    strange = ("reference_encoder", "speaker_encoder", "adversary", "decoder.mean_log_f0", "decoder.std_log_f0")
    assert all(name.startswith(strange) for name in own.keys() - taken.keys())
    model.load_state_dict(taken, strict=False)
    phones, mask, target = torch.tensor([[[1], [4], [5], [3]]]), torch.ones(1, 4, 1), torch.ones(1, 1, 1).long()
    torch.testing.assert_close(model.duration_encoder(phones, mask, target), voice.prosody_encoder(phones, mask, target)[0])
    voice.text_encoder.speakers.weight.data[:] = voice.text_encoder.speakers.weight.data.mean(0)
    torch.testing.assert_close(model.text_encoder(phones, mask), voice.text_encoder(phones, mask, target), atol=1e-5, rtol=1e-5)
    inputs = torch.randn(1, 2 * SMALL.margin + 5, 16 + 5)
    inputs[:, :, 16:19] = 0
    contour = torch.full((1, inputs.shape[1] - 2 * SMALL.contour_margin, 1), 5.0)
    here = torch.cat([inputs[:, :, :16], torch.randn(1, inputs.shape[1], 3), inputs[:, :, 19:]], -1)
    drawn = model.decoder.draw_mel(here, contour, torch.ones_like(contour), target)
    torch.testing.assert_close(drawn, voice.decoder.draw_mel(inputs, contour, torch.ones_like(contour), target))


def test_it_learns_a_batch_and_its_melodies() -> None:
    batch = random_batch((20, 20))
    time = torch.arange(batch["mel"].shape[1])[None, :, None]
    melody = torch.sin(time / torch.tensor([5.0, 8.0])[:, None, None])
    sung = {"mel": -5 + melody * torch.linspace(-2, 2, 80), "log_f0": 5 + 0.2 * melody, "voicing": batch["frame_mask"]}
    batch, model = {**batch, **sung}, make_model()
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    before = model.eval().metrics(batch)
    for step in range(25):
        optimiser.zero_grad()
        model.train().losses(batch, "model", step)["loss"].backward()
        optimiser.step()
    after = model.eval().metrics(batch)
    assert after["loss"] < 0.3 * before["loss"]
    assert after["f0_correlation"] > 0.8
