"""Tests of a flow of prosody that reads the embedding: what it reads, where it comes from, and what else stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from utterances import FACTS, SMALL_SIZES, Batch, random_batch

from tts_cli.blocks.prosody_noise import ProsodyNoise
from tts_cli.config import parse
from tts_cli.corpora.prosody_batching import MelProsodyBatches
from tts_cli.errors import ConfigError
from tts_cli.models import acoustic, vae
from tts_cli.models.prosody_flow import NUM_VALUES, EmbeddedProsodyFlow, FlowConfig, ProsodyFlow

TINY = {"channels": 16, "heads": 2, "context_layers": 2, "flow_layers": 2, "steps": 8, "dropout": 0.1}
SIZES = {**SMALL_SIZES, "embedding_channels": 6, "reference_channels": 12, "reference_layers": 2, "dropout": 0.3}
STAGE = {"trained": ["decoder.blocks."], "windows": [4], "channels": 2, "first_step": 0}
SPEAKER = torch.tensor([0, 1])[:, None, None]


def make_model(**changes: Any) -> vae.Model:
    torch.manual_seed(0)
    return vae.Model(parse(vae.Config, {**SIZES, "flow": TINY, **changes}, "recipe"), FACTS)


def lending_batch(*rows: int) -> Batch:
    """Return a random batch in which the utterances `rows` are lent."""
    batch = random_batch()
    lent = torch.zeros(len(batch["phones"]), dtype=torch.bool)
    lent[list(rows)] = True
    return {**batch, "lent": lent}


class Expected(nn.Module):
    """Regression of prosody: F0 of every token is the first number of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor, embedding: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002
        zeros = torch.zeros_like(token_mask)
        return zeros, zeros + self.gain * embedding[:, :, :1], zeros, zeros


def make_flow(**changes: Any) -> EmbeddedProsodyFlow:
    torch.manual_seed(0)
    flow = EmbeddedProsodyFlow(FlowConfig(**{**TINY, "dropout": 0.0, **changes}), FACTS, 3, Expected())
    torch.nn.init.normal_(flow.head.weight, std=0.3)
    return flow.eval()


def toy(count: int, generator: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return inputs of a flow and standardized prosody (count, 3, 4): the embedding says whether F0 lies high or low, the last
    mark whether it rises."""
    rises = torch.rand(count, generator=generator) < 0.5
    phones = torch.tensor([4, 5, 2]).repeat(count, 1)
    phones[rises, 2] = 3
    embedding = torch.randn(count, 1, 3, generator=generator)
    values = 0.1 * torch.randn(count, 3, NUM_VALUES, generator=generator)
    values[:, :, 1] += embedding[:, :, 0].sign()
    values[:, 2, 1] += 1.5 * rises
    return (phones[..., None], torch.ones(count, 3, 1), torch.zeros(count, 1, 1, dtype=torch.long), embedding), values


def test_it_learns_what_the_embedding_says_and_what_the_mark_says() -> None:
    flow, generator = make_flow().train(), torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(flow.parameters(), 1e-2)
    for _ in range(120):
        tokens, values = toy(64, generator)
        optimiser.zero_grad()
        flow.loss(tokens, values, generator).backward()
        optimiser.step()
    tokens, values = toy(128, generator)
    with torch.no_grad():
        drawn = flow.eval()(*tokens, torch.randn(128, 3, NUM_VALUES, generator=generator))
        log_f0 = flow.standardized(*drawn, tokens[2])[:, :, 1]
    high, rises = tokens[3][:, 0, 0] > 0, tokens[0][:, 2, 0] == 3
    assert ((log_f0[:, 0] > 0) == high).float().mean() > 0.9
    change = log_f0[:, 2] - log_f0[:, 0]
    assert ((change > 0.75) == rises).float().mean() > 0.9


def test_it_hears_the_regression_which_does_not_learn() -> None:
    flow, generator = make_flow().train(), torch.Generator().manual_seed(0)
    tokens, values = toy(8, generator)
    torch.nn.init.normal_(flow.expected.weight)
    flow.loss(tokens, values, generator).backward()
    assert flow.regression.gain.grad is None and flow.expected.weight.grad is not None
    before = flow.encode(*tokens)
    with torch.no_grad():
        flow.regression.gain.mul_(2)
    assert not torch.allclose(before, flow.encode(*tokens))


def test_the_regression_of_a_model_without_a_flow_becomes_that_of_the_flow() -> None:
    plain, model = make_model(flow=None), make_model()
    model.load_state_dict(model.adopted("vae", plain.state_dict()), strict=False)
    batch = random_batch()
    tokens = plain.eval().tokens(batch)
    for found, expected in zip(model.eval().prosody_encoder.regression(*tokens), plain.prosody_encoder(*tokens), strict=True):
        assert torch.equal(found, expected)
    state = model.state_dict()
    assert model.adopted("vae", state) is state


def test_it_begins_as_a_flow_without_an_embedding() -> None:
    flow, plain = make_flow(), ProsodyFlow(FlowConfig(**{**TINY, "dropout": 0.0}), FACTS).eval()
    plain.load_state_dict(flow.state_dict(), strict=False)
    tokens, noise = (torch.randint(1, 6, (2, 7, 1)), torch.ones(2, 7, 1), SPEAKER), torch.randn(2, 7, NUM_VALUES)
    for found, expected in zip(flow(*tokens, torch.randn(2, 1, 3), noise), plain(*tokens, noise), strict=True):
        assert torch.equal(found, expected)


def test_padding_and_neighbours_change_nothing_and_the_embedding_does() -> None:
    flow = make_flow()
    torch.nn.init.normal_(flow.embedding.weight)
    phones, noise, embedding = torch.randint(1, 6, (2, 7, 1)), torch.randn(2, 7, NUM_VALUES), torch.randn(2, 1, 3)
    mask = torch.ones(2, 7, 1)
    mask[1, 4:] = 0
    together = flow(phones, mask, SPEAKER, embedding, noise)
    alone = flow(phones[1:, :4], mask[1:, :4], SPEAKER[1:], embedding[1:], noise[1:, :4])
    other = flow(phones, mask, SPEAKER, embedding + 1, noise)
    for both, one, changed in zip(together, alone, other, strict=True):
        torch.testing.assert_close(both[1:, :4], one, atol=1e-5, rtol=1e-5)
        assert (both[1, :4] - changed[1, :4]).abs().max() > 1e-3


def test_only_the_flow_is_trained_and_nothing_else_moves() -> None:
    model, batch = make_model().train(), lending_batch(1)
    submodels = model.submodels()
    assert {id(p) for p in submodels["model"]} == {id(p) for p in model.prosody_encoder.parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(submodels["model"], 2e-2)
    before, losses = {name: value.clone() for name, value in model.state_dict().items()}, []
    for step in range(30):
        optimiser.zero_grad()
        losses.append(model.metrics(batch)["loss"])
        model.losses(batch, "model", step)["loss"].backward()
        optimiser.step()
    assert losses[-1] < 0.7 * losses[0]
    # Running statistics of the reference encoder are among the state.
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"prosody_encoder"}
    assert model.prosody_encoder.embedding.weight.abs().max() > 0
    assert model.preview(batch) == {}
    assert model.advice(model.eval().metrics(batch)) is None


def test_fixed_parts_have_no_dropout_while_the_flow_learns() -> None:
    model = make_model()
    for mode in (True, False):
        model.train(mode)
        assert model.training == model.prosody_encoder.training == mode
        assert not any(part.training for name, part in model.named_children() if name != "prosody_encoder")
        assert not model.prosody_encoder.regression.training
    assert make_model(flow=None).train().text_encoder.training


def test_its_embedding_is_the_mean_of_the_posterior_of_the_recording() -> None:
    model, batch = make_model().train(), lending_batch()
    posterior = model.reference_encoder.posterior(batch["mel"], batch["frame_mask"])
    torch.testing.assert_close(model.flow_tokens(batch)[3], posterior.mean)


def test_what_is_lent_has_the_embedding_of_the_speech_as_moved() -> None:
    model, batch = make_model().train(), lending_batch(1)

    def embeddings(**changes: Tensor) -> Tensor:
        return model.flow_tokens({**batch, **changes})[3]

    found, own = embeddings(), model.tokens(batch)[3]
    torch.testing.assert_close(found[:1], own[:1])
    # The moved speech: what the decoder makes of the moved F0, in the voice of the borrower.
    inputs, _ = model._decoder_inputs(batch, model.tokens(batch))
    log_f0, voicing, _ = model.true_contour(batch)
    mel = model.decoder.draw_mel(inputs, log_f0, voicing, batch["speaker"][:, None, None])
    torch.testing.assert_close(found[1:], model.reference_encoder(mel, batch["frame_mask"])[1:], atol=1e-5, rtol=1e-4)
    for changes in (
        {"log_f0": batch["log_f0"] + 0.3},
        {"token_log_f0": batch["token_log_f0"] + 1},
        {"speaker": 1 - batch["speaker"]},
    ):
        other = embeddings(**changes)
        torch.testing.assert_close(other[:1], found[:1])
        assert (other[1] - found[1]).abs().max() > 1e-4, changes.keys()


def test_measures_have_the_same_noise_every_time() -> None:
    model, batch = make_model().eval(), lending_batch()
    torch.manual_seed(1)
    first = model.metrics(batch)
    torch.manual_seed(2)
    assert model.metrics(batch) == first
    assert first.keys() == {"loss", "weight"}
    assert float(model.losses(batch, "model", 0)["loss"].detach()) != first["loss"]


def test_batches_are_those_of_the_acoustic_kind_with_mels(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(MelProsodyBatches, "__init__", lambda _, *arguments: given.append(arguments))
    config = parse(vae.BatchConfig, {"batch_frames": 70, "rare_times": 3, "lent": 0.5}, "recipe")
    for split in ("train", "validation"):
        assert isinstance(make_model().batches(None, split, config, 4), MelProsodyBatches)
    assert given == [(None, "train", 70, 4, 3, 0.5, False), (None, "validation", 70, 4, 1, 0.0, False)]
    with pytest.raises(ConfigError, match="settings of a flow of prosody"):
        make_model(flow=None).batches(None, "train", config, 4)


def test_noise_is_the_last_input_and_the_embedding_is_before_it() -> None:
    model = make_model()
    part = next(part for part in model.export_parts() if part.name == "prosody_encoder")
    assert [port.name for port in part.inputs] == ["phones", "token_mask", "speaker", "embedding", "prosody_noise"]
    assert part.inputs[-1].optional and part.inputs[-1].accepts(ProsodyNoise.outputs[0])
    assert not part.splittable
    assert [block["type"] for block in model.stack[0]["sequence_block"]["blocks"]] == ["ProsodyNoise", "Encoders"]


def test_in_a_fine_tuning_the_flow_learns_with_all_else() -> None:
    model, batch = make_model(adversarial={**STAGE, "regression_steps": 30}).train(), random_batch()
    optimiser, losses = torch.optim.AdamW(model.submodels()["model"], 3e-3), []
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(30):
        torch.manual_seed(step)
        optimiser.zero_grad()
        losses.append(model.losses(batch, "model", step))
        losses[-1]["loss"].backward()
        optimiser.step()
    for name in ("flow", "mel", "contour", "outline", "loss"):
        assert float(losses[-1][name].detach()) < float(losses[0][name].detach()), name
    assert not losses[0].keys() & {"missed", "transferred", "duration", "log_f0"}
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"prosody_encoder", "text_encoder", "decoder", "reference_encoder", "outline", "adversary"}
    said = model.eval().say({"phones": batch["phones"][0], "mel": batch["mel"][0]}, 1)
    assert said is not None
    assert len(said["mel"]) == said["durations"].sum() > 0


DRAWN = {**STAGE, "drawn_share": 0.5}


def make_either(kind: str, **changes: Any) -> acoustic.Model:
    if kind == "vae":
        return make_model(**changes)
    torch.manual_seed(0)
    return acoustic.Model(parse(acoustic.Config, {**SMALL_SIZES, "flow": TINY, **changes}, "recipe"), FACTS)


@pytest.mark.parametrize("kind", ["vae", "acoustic"])
def test_discriminators_judge_drawn_speech_and_the_flow_stays(kind: str) -> None:
    model, batch = make_either(kind, adversarial=DRAWN).train(), random_batch()
    assert {name for name, one in model.named_parameters() if any(one is other for other in model.submodels()["model"])} == {
        name for name, _ in model.named_parameters() if name.startswith("decoder.blocks.")
    }
    found = model.losses(batch, "model", 5)
    assert {"adversarial", "features", "drawn", "mel"} <= found.keys()
    assert "flow" not in found
    (gradient,) = torch.autograd.grad(found["drawn"], [model.decoder.blocks[0].depthwise.conv.weight], retain_graph=True)
    assert gradient.abs().max() > 0
    flow = [parameter for parameter in model.prosody_encoder.parameters() if parameter.requires_grad]
    assert all(one is None for one in torch.autograd.grad(found["drawn"], flow, allow_unused=True))
    assert model.prosody_encoder.training
    assert model.eval().metrics(batch)["mel"] > 0


def test_half_of_the_adversarial_loss_is_that_of_drawn_speech() -> None:
    batch, totals = random_batch(), {}
    for share in (0.0, 0.25, 1.0):
        model = make_model(adversarial={**DRAWN, "drawn_share": share, "regression_steps": 1}).train()
        torch.manual_seed(4)
        totals[share] = {name: float(value.detach()) for name, value in model.losses(batch, "model", 5).items()}
    assert totals[0.25]["drawn"] == totals[1.0]["drawn"]
    for share in (0.25, 1.0):
        change = totals[share]["drawn"] - totals[0.0]["adversarial"]
        assert totals[share]["loss"] - totals[0.0]["loss"] == pytest.approx(0.05 * share * change, abs=1e-4)


def test_drawn_speech_has_durations_of_its_own_and_no_sound_after_its_end() -> None:
    model, batch = make_model(adversarial=DRAWN).train(), random_batch((9, 3))
    mel, mask = model.drawn(batch)
    assert mel.shape[:2] == mask.shape[:2]
    lengths = mask.sum(1)[:, 0]
    assert lengths.max() == mel.shape[1]
    assert lengths[1] < lengths[0]
    torch.manual_seed(0)
    first = model.drawn(batch)
    torch.manual_seed(0)
    again = model.drawn(batch)
    assert torch.equal(first[0], again[0]), "the flow draws without dropout"
    assert first[0].shape != mel.shape or not torch.equal(first[0], mel)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"flow": None, "adversarial": DRAWN}, "there is no flow"), ({"adversarial": STAGE}, "or adversarial.drawn_share")],
)
def test_drawn_speech_needs_a_flow_and_a_fixed_flow_needs_drawn_speech(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_model(**changes)
