"""Tests of the flow of prosody: it learns a distribution and not its mean, and padding has no influence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from utterances import FACTS, SMALL_SIZES, random_batch

from tts_cli.blocks.prosody_noise import ProsodyNoise
from tts_cli.config import parse
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import ConfigError
from tts_cli.models import acoustic, copycat
from tts_cli.models.prosody_flow import NUM_VALUES, SCALES, FlowConfig, MixedBlocks, ProsodyFlow, dequantized
from tts_cli.models.saying import token_inputs, with_noise
from tts_cli.training.recipe import parse_recipe

TINY = {"channels": 16, "heads": 2, "context_layers": 2, "flow_layers": 2, "steps": 8, "dropout": 0.0}
SPEAKER = torch.tensor([0, 1])[:, None, None]
EITHER, ALWAYS = 3, 2
"""Final mark after which F0 lies high or low, and final mark after which it is always in between."""


def make_flow(facts: CorpusFacts = FACTS, **changes: Any) -> ProsodyFlow:
    torch.manual_seed(0)
    flow = ProsodyFlow(FlowConfig(**{**TINY, **changes}), facts)
    torch.nn.init.normal_(flow.head.weight, std=0.3)
    return flow.eval()


def make_model() -> acoustic.Model:
    torch.manual_seed(0)
    return acoustic.Model(acoustic.Config(**SMALL_SIZES, flow=FlowConfig(**TINY)), FACTS)


def toy(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return phones (count, 3, 1) and their standardized prosody (count, 3, 4): F0 is equal on all tokens of an utterance."""
    either = torch.rand(count, generator=generator) < 0.5
    phones = torch.tensor([4, 5, ALWAYS]).repeat(count, 1)
    phones[either, 2] = EITHER
    sign = torch.where(torch.rand(count, generator=generator) < 0.5, 1.0, -1.0) * either
    values = 0.1 * torch.randn(count, 3, NUM_VALUES, generator=generator)
    values[:, :, 1] += 1.5 * sign[:, None]
    return phones[..., None], values


def test_it_learns_both_ways_to_say_a_sentence() -> None:
    flow, generator = make_flow().train(), torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(flow.parameters(), 6e-3)
    mask, speaker = torch.ones(128, 3, 1), torch.zeros(128, 1, 1, dtype=torch.long)
    for _ in range(250):
        phones, values = toy(128, generator)
        optimiser.zero_grad()
        flow.loss((phones, mask, speaker), values, generator).backward()
        optimiser.step()
    phones, _ = toy(128, generator)
    with torch.no_grad():
        drawn = flow.eval()(phones, mask, speaker, torch.randn(128, 3, NUM_VALUES, generator=generator))
        log_f0 = flow.standardized(*drawn, speaker)[:, :, 1]
    either = phones[:, 2, 0] == EITHER
    two, one = log_f0[either], log_f0[~either]
    assert 0.3 < (two.mean(1) > 0).float().mean() < 0.7
    # The mean of the two ways, 0, is neither.
    assert two.mean(1).abs().median() == pytest.approx(1.5, abs=0.3)
    assert (two.mean(1).abs() > 0.7).float().mean() > 0.85
    assert ((two > 0).all(1) | (two < 0).all(1)).float().mean() > 0.85
    assert one.abs().mean() < 0.5


def test_padding_and_neighbours_change_nothing() -> None:
    flow = make_flow()
    phones, noise = torch.randint(1, 6, (2, 7, 1)), torch.randn(2, 7, NUM_VALUES)
    mask = torch.ones(2, 7, 1)
    mask[1, 4:] = 0
    together = flow(phones, mask, SPEAKER, noise)
    alone = flow(phones[1:, :4], mask[1:, :4], SPEAKER[1:], noise[1:, :4])
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[1:, :4], one, atol=1e-5, rtol=1e-5)


def test_padding_has_no_part_in_the_loss() -> None:
    model, batch = make_model().eval(), random_batch()
    before = model.metrics(batch)["loss"]
    padding = batch["token_mask"] == 0
    others = {name: torch.where(padding, 9.0, batch[name]) for name in ("token_log_f0", "token_voicing", "token_energy")}
    assert model.metrics({**batch, **others})["loss"] == before


def test_one_noise_gives_one_reading_and_another_noise_another() -> None:
    flow = make_flow()
    phones, mask = torch.randint(1, 6, (2, 7, 1)), torch.ones(2, 7, 1)
    noise = torch.randn(2, 7, NUM_VALUES)
    first, again, other = (flow(phones, mask, SPEAKER, given) for given in (noise, noise, noise.flip(1)))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.allclose(a, b) for a, b in zip(first, other, strict=True))


def test_the_speaker_the_last_mark_and_the_first_word_matter() -> None:
    flow = make_flow(context_layers=1, flow_layers=1)
    phones, mask, noise = torch.full((1, 40, 1), 4), torch.ones(1, 40, 1), torch.randn(1, 40, NUM_VALUES)
    found = flow(phones, mask, SPEAKER[:1], noise)[3]
    assert not torch.allclose(flow(phones, mask, SPEAKER[1:], noise)[3], found)
    for changed, seen in ((0, -1), (-1, 0)):
        other = phones.clone()
        other[0, changed] = 5
        assert not torch.equal(flow(other, mask, SPEAKER[:1], noise)[3][0, seen], found[0, seen])


def test_units_and_back() -> None:
    flow = make_flow()
    frames = torch.tensor([[0, 3, 20], [1, 7, 9]])
    log_duration = torch.log1p(frames.float())[..., None]
    given = (log_duration, 5 + torch.rand(2, 3, 1), torch.rand(2, 3, 1), torch.randn(2, 3, 1) - 4)
    standardized = flow.standardized(*given, SPEAKER)
    assert standardized.shape == (2, 3, NUM_VALUES)
    for back, value in zip(flow.in_units(standardized, SPEAKER), given, strict=True):
        torch.testing.assert_close(back, value, atol=1e-5, rtol=1e-5)
    means = flow.standardized(*(torch.tensor([4.7, 5.4])[:, None, None].expand(2, 3, 1),) * 4, SPEAKER)[:, :, 1]
    torch.testing.assert_close(means, torch.zeros(2, 3), atol=1e-5, rtol=0)


def test_units_keep_to_their_ranges() -> None:
    flow = make_flow()
    log_duration, _, voicing, _ = flow.in_units(10 * torch.randn(2, 50, NUM_VALUES), SPEAKER)
    assert log_duration.min() == 0
    assert (voicing.min(), voicing.max()) == (0, 1)


def test_durations_are_spread_within_their_frame() -> None:
    frames = torch.arange(40).repeat(2, 100)
    spread = dequantized(frames, torch.Generator().manual_seed(0)).expm1()[..., 0]
    assert torch.equal(spread.round(), frames.float())
    assert (spread[frames == 0] == 0).all()
    assert (spread - frames)[frames == 5].std() == pytest.approx(0.9 / 12**0.5, abs=0.05)


def test_only_the_flow_is_trained() -> None:
    model, batch = make_model().train(), random_batch()
    submodels = model.submodels()
    assert submodels.keys() == {"model"}
    assert {id(p) for p in submodels["model"]} == {id(p) for p in model.prosody_encoder.parameters()}
    optimiser = torch.optim.AdamW(submodels["model"], 1e-2)
    before, losses = {name: value.clone() for name, value in model.state_dict().items()}, []
    for step in range(60):
        optimiser.zero_grad()
        losses.append(model.metrics(batch)["loss"])
        model.losses(batch, "model", step)["loss"].backward()
        optimiser.step()
    assert losses[-1] < 0.7 * losses[0]
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"prosody_encoder"}
    assert model.preview(batch) == {}


def test_measures_have_the_same_noise_every_time() -> None:
    model, batch = make_model().eval(), random_batch()
    torch.manual_seed(1)
    first = model.metrics(batch)
    torch.manual_seed(2)
    assert model.metrics(batch) == first
    torch.manual_seed(3)
    assert float(model.losses(batch, "model", 0)["loss"].detach()) != first["loss"]


def test_it_makes_the_same_mels_as_the_model_before_the_flow() -> None:
    plain, batch = acoustic.Model(acoustic.Config(**SMALL_SIZES), FACTS).eval(), random_batch()
    flowing = make_model().eval()
    shared = {name: value for name, value in plain.state_dict().items() if not name.startswith("prosody_encoder.encoder")}
    flowing.load_state_dict(shared, strict=False)
    with torch.no_grad():
        torch.testing.assert_close(flowing.regression(batch, 0)[1], plain.regression(batch, 0)[1])


def test_block_and_network_agree_on_the_noise() -> None:
    part = next(part for part in make_model().export_parts() if part.name == "prosody_encoder")
    noise = part.inputs[-1]
    assert noise.optional and noise.accepts(ProsodyNoise.outputs[0]) and noise.name == ProsodyNoise.outputs[0].name


def test_attention_is_in_the_middle_and_at_the_end() -> None:
    assert [MixedBlocks(8, layers, 2, 0.0).attended for layers in (1, 2, 5)] == [[0], [0, 1], [2, 4]]


def test_another_kind_refuses_a_flow_in_one_line() -> None:
    mapping = {"model": "copycat", "name": "flowing", "network": {"flow": {}}, "batches": {}, "steps": 1}
    with pytest.raises(ConfigError, match=r"'network.flow': only recipes of the kinds 'explicit-duration' and 'vae'") as caught:
        parse_recipe(mapping, "recipe")
    assert "\n" not in caught.value.message


def test_flow_and_discriminators_are_two_stages() -> None:
    with pytest.raises(ConfigError, match="two stages"):
        parse(acoustic.Config, {"flow": {}, "adversarial": {"trained": ["decoder."]}}, "recipe")


def test_in_a_fine_tuning_the_flow_learns_with_all_else() -> None:
    stage = {"regression_steps": 30, "trained": ["decoder."], "windows": [4], "channels": 2}
    model, batch = (
        acoustic.Model(parse(acoustic.Config, {**SMALL_SIZES, "flow": TINY, "adversarial": stage}, "recipe"), FACTS),
        random_batch(),
    )
    optimiser, losses = torch.optim.AdamW(model.submodels()["model"], 3e-3), []
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(30):
        optimiser.zero_grad()
        losses.append(model.losses(batch, "model", step))
        losses[-1]["loss"].backward()
        optimiser.step()
    for name in ("flow", "mel", "contour", "loss"):
        assert float(losses[-1][name].detach()) < float(losses[0][name].detach()), name
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"prosody_encoder", "text_encoder", "decoder"}
    assert not model.learns_at("prosody_encoder.head.weight", 30)
    assert "flow" not in model.losses(batch, "model", 30), "what does not learn is not computed"
    measured = model.eval().metrics(batch)
    assert measured["flow"] == model.metrics(batch)["flow"], "the same noise every time"
    assert model.eval().preview(batch).keys() == {"mel/true", "mel/made"}
    said = model.say({"phones": batch["phones"][0]}, 1)
    assert said is not None
    assert len(said["mel"]) == said["durations"].sum() > 0


def test_a_sentence_has_one_noise_and_each_sentence_its_own() -> None:
    model = make_model().eval()
    sentences = [np.array([1, *np.random.default_rng(number).integers(2, 6, 8), 3]) for number in range(400)]
    noise = np.concatenate([with_noise(model, token_inputs(model, {"phones": phones}, 0))[3] for phones in sentences])
    assert np.abs(noise.std(0) - 1).max() < 0.15, "standard normal at each place, over the sentences"
    assert np.abs(noise.mean(0)).max() < 0.25
    tokens = token_inputs(model, {"phones": sentences[0]}, 1)
    for temperature in (1.0, 0.4, 0.0):
        np.testing.assert_allclose(with_noise(model, tokens, temperature)[3], temperature * noise[:1], rtol=1e-6)
    said = [model.say({"phones": sentences[0]}, 1, temperature=temperature)["durations"] for temperature in (1.0, 1.0, 0.2)]
    np.testing.assert_array_equal(said[0], said[1])
    assert np.std(said[2][1:]) < np.std(said[0][1:])
    plain = acoustic.Model(acoustic.Config(**SMALL_SIZES), FACTS)
    assert with_noise(plain, tokens) == tokens


def test_speech_to_learn_from_has_the_whole_distribution_in_spite_of_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    deviation = 0.7

    def exact(_: ProsodyFlow, values: Tensor, time: Tensor, *__: Tensor) -> Tensor:
        variance = (time * deviation) ** 2 + (1 - time) ** 2
        return values * (time * deviation**2 - (1 - time)) / variance

    monkeypatch.setattr(ProsodyFlow, "velocity", exact)
    torch.manual_seed(0)
    model = acoustic.Model(acoustic.Config(**SMALL_SIZES, flow=FlowConfig(**{**TINY, "steps": 2})), FACTS).eval()
    phones = np.random.default_rng(0).integers(4, 6, 4000)
    found = [np.log1p(model.say({"phones": phones}, 0, temperature=each)["durations"]).std() / SCALES[0] for each in (None, 1.0)]
    assert found[0] == pytest.approx(deviation, abs=0.08)
    assert found[1] == pytest.approx(deviation**2 / (1 + deviation**2), abs=0.08)


def test_heads_divide_channels() -> None:
    with pytest.raises(ConfigError, match="multiple of heads"):
        parse(FlowConfig, {"channels": 10, "heads": 4}, "recipe")


@pytest.mark.parametrize("changes", [{"rare_times": 2}, {"lent": 0.5}])
def test_batches_of_a_flow_without_one_are_refused(changes: dict[str, Any]) -> None:
    model = acoustic.Model(acoustic.Config(**SMALL_SIZES), FACTS)
    with pytest.raises(ConfigError, match="settings of a flow of prosody"):
        model.batches(None, "train", acoustic.BatchConfig(**changes), 0)
    with pytest.raises(ConfigError, match="unknown key"):
        parse(copycat.BatchConfig, changes, "recipe")
